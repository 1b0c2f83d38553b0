"""Small inline SVG charts: no script, no external font, colours from the page's style sheet.

Every chart is readable in grey: series differ by dash and marker as well as by colour. Text that
comes from records is escaped here, since the page takes a chart as finished markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "12 4")
MARKERS = ("circle", "square", "triangle", "diamond", "cross", "ring")
STYLES = 6
"""Colours in the style sheet (classes s0 to s5); further series begin again."""


@dataclass
class Frame:
    """A plot area with linear axes.

    Attributes:
        width, height: Of the whole drawing, in user units.
        x, y: Data ranges (low, high).
        left, right, top, bottom: Margins.
    """

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    left: float = 38
    right: float = 8
    top: float = 10
    bottom: float = 26
    parts: list[str] = field(default_factory=list)

    def px(self, x: float) -> float:
        """Horizontal position of ``x``."""
        low, high = self.x
        inner = self.width - self.left - self.right
        return self.left + (x - low) / ((high - low) or 1) * inner

    def py(self, y: float) -> float:
        """Vertical position of ``y``."""
        low, high = self.y
        inner = self.height - self.top - self.bottom
        return self.height - self.bottom - (y - low) / ((high - low) or 1) * inner

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str, extra: str = "") -> None:
        """A straight line in user units."""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"{extra}/>'
        )

    def text(self, x: float, y: float, text: str, css: str, anchor: str = "middle") -> None:
        """A text, escaped."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def grid(self, ticks: Sequence[float], digits: int) -> None:
        """Horizontal lines with their values on the left."""
        for tick in ticks:
            y = self.py(tick)
            self.line(self.left, y, self.width - self.right, y, "grid")
            self.text(self.left - 5, y + 3.5, f"{tick:.{digits}f}".replace("-", "−"), "tick", "end")

    def polyline(self, points: Sequence[tuple[float, float] | None], css: str, dash: str) -> None:
        """A line through data points; None breaks it (an undefined value is not drawn over)."""
        run: list[str] = []
        extra = f' stroke-dasharray="{dash}"' if dash else ""
        for point in [*points, None]:
            if point is not None:
                run.append(f"{self.px(point[0]):.1f},{self.py(point[1]):.1f}")
                continue
            if len(run) == 1:
                x, y = run[0].split(",")
                self.parts.append(f'<circle cx="{x}" cy="{y}" r="1.6" class="{css} dot"/>')
            elif run:
                self.parts.append(f'<polyline points="{" ".join(run)}" class="{css}"{extra}/>')
            run = []

    def marker(self, x: float, y: float, shape: str, css: str, size: float = 4) -> None:
        """A marker at a data point."""
        self.parts.append(mark(self.px(x), self.py(y), shape, css, size))

    def whisker(self, x: float, low: float | None, high: float | None, css: str) -> None:
        """A vertical interval at ``x`` with short ends; nothing where it is undefined."""
        if low is None or high is None:
            return
        centre = self.px(x)
        ends = self.py(low), self.py(high)
        self.line(centre, ends[0], centre, ends[1], css)
        for y in ends:
            self.line(centre - 3, y, centre + 3, y, css)

    def svg(self, title: str, css: str, description: str = "") -> str:
        """The finished drawing; ``title`` is what a screen reader says, ``description`` what it
        says when asked for more."""
        more = f"<desc>{escape(description)}</desc>" if description else ""
        return (
            f'<svg class="{css}" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{escape(title)}"><title>{escape(title)}</title>{more}'
            f"{''.join(self.parts)}</svg>"
        )


def mark(x: float, y: float, shape: str, css: str, size: float = 4) -> str:
    """One marker, in user units."""
    if shape in ("circle", "ring"):
        kind = "hollow" if shape == "ring" else "solid"
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}" class="{css} {kind}"/>'
    corners = {
        "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        "triangle": ((0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    }.get(shape)
    if corners is None:
        s = size
        path = f"M{x - s:.1f} {y - s:.1f}L{x + s:.1f} {y + s:.1f}"
        path += f"M{x - s:.1f} {y + s:.1f}L{x + s:.1f} {y - s:.1f}"
        return f'<path d="{path}" class="{css} stroke"/>'
    points = " ".join(f"{x + dx * size:.1f},{y + dy * size:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" class="{css} solid"/>'


def ticks(low: float, high: float, about: int = 4) -> tuple[list[float], int]:
    """Round tick values that cover ``low`` to ``high``, and the digits they need."""
    span = max(high - low, 1e-9)
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, digits) != round(step, digits + 2):
        digits += 1
    return [round(i * step, 10) for i in range(first, last + 1)], digits


def interval_bar(
    value: float | None, ends: tuple[float | None, float | None], baseline: float, title: str
) -> str:
    """The dot and whisker of one table cell on a 0 to 1 scale, with the chance line."""
    frame = Frame(90, 16, (0, 1), (0, 1), 3, 3, 2, 2)
    frame.line(3, 8, 87, 8, "axis")
    frame.line(frame.px(baseline), 1, frame.px(baseline), 15, "chance")
    low, high = ends
    if low is not None and high is not None:
        frame.line(frame.px(low), 8, frame.px(high), 8, "bar")
    if value is not None:
        frame.marker(value, 0.5, "circle", "point", 3.4)
    return frame.svg(title, "interval")
