"""The page's charts: a number against its floor, and lines told apart by their dashes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mammo_synth.svg import Frame, interval_bar, mark, ticks

from .model import Content, Key
from .numbers import between, number

FILMS, SYNTHETIC, HELD_OUT = "films", "synthetic", "held_out"
STYLES = {FILMS: ("s0", ""), SYNTHETIC: ("s1", "8 4"), HELD_OUT: ("s2", "1.5 3.5")}
"""Colour and dash of a line."""
NAMES = {FILMS: "training films", SYNTHETIC: "synthetic images", HELD_OUT: "held-out films"}
_DASH_WORDS = {FILMS: "solid", SYNTHETIC: "dashed", HELD_OUT: "dotted"}
_WIDTH, _HEIGHT = 360.0, 240.0
_SHORT = 9  # characters beside which "better" has room


@dataclass(frozen=True)
class Line:
    """One line: ``kind`` is `FILMS`, `SYNTHETIC` or `HELD_OUT`; a None breaks it."""

    kind: str
    x: Sequence[float | None]
    y: Sequence[float | None]


def against_floor(row: Content) -> Markup:
    """A measure on its own axis: the floor's range as a bar, the synthetic images at equal counts
    as a diamond, all images with their interval as a dot; nothing without two numbers."""
    floor, interval = row["floor"] or {}, row["interval"] or {}
    value, same = row["value"], floor.get("value_at_floor_counts")
    span = [
        x
        for x in (
            value, same, floor.get("low"), floor.get("high"), floor.get("median"),
            interval.get("low"), interval.get("high"),
        )
        if x is not None and math.isfinite(x)
    ]  # fmt: skip
    if len(span) < 2 or min(span) == max(span):
        return Markup("")
    low, high = min(span), max(span)
    frame = Frame(200, 50, (low, high), (0, 1), 8, 8, 2, 2)
    frame.line(8, 34, 192, 34, "axis")
    if floor.get("low") is not None and floor.get("high") is not None:
        ends = frame.px(floor["low"]), frame.px(floor["high"])
        frame.line(min(ends[0], ends[1] - 2), 24, ends[1], 24, "band")
    if floor.get("median") is not None:
        frame.line(frame.px(floor["median"]), 16, frame.px(floor["median"]), 32, "median")
    if interval.get("low") is not None and interval.get("high") is not None:
        ends = frame.px(interval["low"]), frame.px(interval["high"])
        frame.line(*(ends[0], 8, ends[1], 8), "bar")
        for x in ends:
            frame.line(x, 5, x, 11, "bar")
    if value is not None and math.isfinite(value):
        frame.parts.append(mark(frame.px(value), 8, "circle", "point", 3.6))
    if same is not None:
        frame.parts.append(mark(frame.px(same), 24, "diamond", "same", 4.2))
    ends_said = number(low), number(high)
    frame.text(8, 47, ends_said[0], "tick", "start")
    frame.text(192, 47, ends_said[1], "tick", "end")
    if max(map(len, ends_said)) <= _SHORT:
        frame.text(100, 47, "← better" if row["better"] == "lower" else "better →", "tick")
    said = [f"{row['text']}: all images {number(value)}"]
    if interval:
        said.append(f"interval {between(interval['low'], interval['high'])}")
    if floor:
        said.append(
            f"at equal counts {number(same)}, films against films {number(floor['median'])}, "
            f"range {between(floor['low'], floor['high'])}"
        )
    return Markup(frame.svg(", ".join(said), "against"))


def floor_legend() -> tuple[Key, ...]:
    """What the marks of `against_floor` mean."""
    keys = []
    for name, css in (
        ("films against films (floor): 95 % of splits, and their median", "band"),
        ("synthetic images at equal counts: compare this with the bar", "same"),
        ("all synthetic images, with their interval", "bar"),
    ):
        frame = Frame(34, 16, (0, 1), (0, 1), 0, 0, 0, 0)
        if css == "same":
            frame.parts.append(mark(17, 8, "diamond", css, 4.2))
        else:
            frame.line(2, 8, 32, 8, css)
        if css == "band":
            frame.line(17, 1, 17, 15, "median")
        if css == "bar":
            frame.parts.append(mark(17, 8, "circle", "point", 3.6))
        keys.append(Key(name, Markup(frame.svg(name, "key"))))
    return tuple(keys)


def auroc(value: float | None, low: float | None, high: float | None) -> Markup:
    """Dot and whisker between 0 and 1, with a line at chance."""
    if value is None:
        return Markup("")
    said = f"{number(value)}, interval {between(low, high) or 'none'}; chance is 0.5"
    return Markup(interval_bar(value, (low, high), 0.5, said))


def legend(kinds: Sequence[str]) -> tuple[Key, ...]:
    """Colour and dash of each kind of line."""
    keys = []
    for kind in kinds:
        css, dash = STYLES[kind]
        frame = Frame(34, 16, (0, 1), (0, 1), 0, 0, 0, 0)
        frame.line(1, 8, 33, 8, css, f' stroke-dasharray="{dash}"' if dash else "")
        name = f"{NAMES[kind]} ({_DASH_WORDS[kind]})"
        keys.append(Key(name, Markup(frame.svg(name, "key"))))
    return tuple(keys)


def lines(
    title: str, x_name: str, y_name: str, drawn: Sequence[Line], *, log_x: bool = False
) -> Markup:
    """A line chart; nothing where no line has two points.

    Args:
        title: What a screen reader says; the lines' ends follow as a description.
        x_name, y_name: Of the axes, with units.
        drawn: The lines.
        log_x: Equal steps for equal factors of x, which must be above 0.
    """
    points = {line.kind: _points(line, log_x) for line in drawn}
    known = [point for found in points.values() for point in found if point is not None]
    if len(known) < 2:
        return Markup("")
    xs, ys = [x for x, _ in known], [y for _, y in known]
    y_marks, y_digits = ticks(min(ys), max(ys), 5)
    x_marks, x_words = _log_marks(min(xs), max(xs)) if log_x else _marks(min(xs), max(xs))
    wide = max(len(f"{tick:.{y_digits}f}") for tick in y_marks)
    spans = (min(xs), max(xs)), (y_marks[0], y_marks[-1])
    frame = Frame(_WIDTH, _HEIGHT, *spans, 10 + 7.0 * wide, 16, 24, 40)
    frame.grid(y_marks, y_digits)
    bottom = _HEIGHT - frame.bottom
    for x, text in zip(x_marks, x_words, strict=True):
        frame.line(frame.px(x), bottom, frame.px(x), bottom + 4, "axis")
        inside = frame.px(x) + 3.5 * len(text) < _WIDTH
        at = frame.px(x) if inside else _WIDTH - 2
        frame.text(at, bottom + 16, text, "tick", "middle" if inside else "end")
    frame.text(4, 13, y_name, "tick", "start")
    frame.text((frame.left + _WIDTH - frame.right) / 2, _HEIGHT - 6, x_name, "tick")
    for line in drawn:
        frame.polyline(points[line.kind], *STYLES[line.kind])
    said = "; ".join(
        f"{NAMES[line.kind]} ({_DASH_WORDS[line.kind]}) from {_end(line, 0)} to {_end(line, -1)}"
        for line in drawn
    )
    return Markup(frame.svg(title, "lines", f"{y_name} over {x_name}: {said}."))


def _points(line: Line, log_x: bool) -> list[tuple[float, float] | None]:
    found: list[tuple[float, float] | None] = []
    for x, y in zip(line.x, line.y, strict=True):
        usable = x is not None and y is not None and (x > 0 or not log_x)
        if not usable or x is None or y is None:
            found.append(None)
        else:
            found.append((math.log10(x) if log_x else x, y))
    return found


def _end(line: Line, place: int) -> str:
    known = [y for y in line.y if y is not None]
    return number(known[place]) if known else "none"


def _marks(low: float, high: float) -> tuple[list[float], list[str]]:
    found, digits = ticks(low, high, 5)
    kept = [x for x in found if low <= x <= high]
    return kept, [f"{x:,.{digits}f}".replace("-", "−") for x in kept]


def _log_marks(low: float, high: float) -> tuple[list[float], list[str]]:
    """1, 2, 5, 10, 20 ... between powers of ten ``low`` and ``high``."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    values = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    kept = [value for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]
    return [math.log10(value) for value in kept], [f"{value:g}" for value in kept]
