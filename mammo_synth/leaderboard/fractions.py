"""The study's question as a chart: a metric against the synthetic fraction, per class ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.leaderboard.model import (
    BASELINE,
    METRIC_NAMES,
    Estimate,
    Row,
    Series,
    Table,
)
from mammo_synth.leaderboard.svg import DASHES, MARKERS, STYLES, Frame, mark, ticks
from mammo_synth.leaderboard.words import interval, number

CLASS_RATIOS = tuple(dict.fromkeys(c.class_ratio for c in CONFIGURATIONS.values()))
SYNTHETIC = tuple(sorted({c.synthetic_percent for c in CONFIGURATIONS.values()}))
POSITIONS = ("real only", *(f"{percent} %" for percent in SYNTHETIC))
"""Places on the horizontal axis: the TRTR baseline first, then the fractions, evenly spaced."""


@dataclass(frozen=True)
class Point:
    """One measured point: where it stands on the axis and its estimate."""

    position: int
    estimate: Estimate


@dataclass(frozen=True)
class Line:
    """One series of one class ratio; ``style`` picks colour, dash and marker."""

    name: str
    style: int
    baseline: Estimate | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Panel:
    """All series of one class ratio."""

    class_ratio: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Key:
    """One entry of the legend."""

    name: str
    svg: str


def panels(table: Table, metric: str) -> list[Panel]:
    """The chart's content: ranked rows and baselines of ``table``; controls stay out."""
    names = {
        series: name for series, name in table.series_names().items() if series.role != "control"
    }
    return [
        Panel(
            ratio,
            tuple(
                _line(table.rows, series, name, style, ratio, metric)
                for style, (series, name) in enumerate(names.items())
            ),
        )
        for ratio in CLASS_RATIOS
    ]


def _line(
    rows: Sequence[Row], series: Series, name: str, style: int, ratio: str, metric: str
) -> Line:
    mine = {row.configuration: row for row in rows if row.series == series}
    points = []
    for configuration, facts in CONFIGURATIONS.items():
        row = mine.get(configuration)
        if facts.class_ratio == ratio and row is not None:
            position = 1 + SYNTHETIC.index(facts.synthetic_percent)
            points.append(Point(position, row.metrics[metric]))
    points.sort(key=lambda point: point.position)
    baseline = mine[BASELINE].metrics[metric] if BASELINE in mine else None
    return Line(name, style, baseline, tuple(points))


def value_range(every: Sequence[Panel], chance: float | None) -> tuple[list[float], int]:
    """Ticks that cover all intervals, baselines and the chance line, the same in all panels."""
    values = [] if chance is None else [chance - 0.05, chance + 0.05]
    for panel in every:
        for line in panel.lines:
            for estimate in (line.baseline, *(point.estimate for point in line.points)):
                if estimate is not None:
                    ends = (estimate.low, estimate.value, estimate.high)
                    values += [v for v in ends if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return ticks(max(low, 0.0), min(high, 1.0), 5)


def draw(every: Sequence[Panel], metric: str, chance: float | None) -> list[str]:
    """One SVG for each panel, all with the same vertical axis."""
    marks, digits = value_range(every, chance)
    return [_draw(panel, marks, digits, metric, chance) for panel in every]


def _draw(panel: Panel, marks: list[float], digits: int, metric: str, chance: float | None) -> str:
    last = len(POSITIONS) - 1
    frame = Frame(340, 250, (-0.45, last + 0.45), (marks[0], marks[-1]), 36, 44, 26, 36)
    frame.text(frame.left, 14, f"{panel.class_ratio} cancer-normal", "head", "start")
    frame.grid(marks, digits)
    for i, label in enumerate(POSITIONS):
        frame.text(frame.px(i), frame.height - 19, label, "tick")
    frame.text(frame.px((1 + last) / 2), frame.height - 4, "synthetic fraction", "tick")
    if chance is not None:
        y = frame.py(chance)
        frame.line(frame.left, y, frame.width - frame.right, y, "chance")
        frame.text(frame.width - frame.right + 4, y + 3.5, "chance", "note", "start")
    said = []
    for i, line in enumerate(panel.lines):
        shift = (i - (len(panel.lines) - 1) / 2) * min(0.14, 0.6 / max(len(panel.lines), 1))
        _draw_line(frame, line, shift)
        said.append(_say(line))
    title = f"{METRIC_NAMES[metric]} against synthetic fraction, class ratio {panel.class_ratio}"
    return frame.svg(f"{title}. {' '.join(said)}", "fractions")


def _draw_line(frame: Frame, line: Line, shift: float) -> None:
    css = f"s{line.style % STYLES}"
    dash, shape = DASHES[line.style % STYLES], MARKERS[line.style % STYLES]
    if line.baseline is not None and line.baseline.value is not None:
        y = frame.py(line.baseline.value)
        frame.line(frame.left, y, frame.width - frame.right, y, f"{css} trtr")
        frame.whisker(shift, line.baseline, css)
        frame.marker(shift, line.baseline.value, shape, css)
    by_position = {point.position: point.estimate.value for point in line.points}
    path: list[tuple[float, float] | None] = []
    for position in range(1, len(POSITIONS)):
        value = by_position.get(position)
        path.append(None if value is None else (position + shift, value))
    # A line joins neighbours only: across a missing cell it would claim what nobody measured.
    frame.polyline(path, css, dash)
    for point in line.points:
        frame.whisker(point.position + shift, point.estimate, css)
        if point.estimate.value is not None:
            frame.marker(point.position + shift, point.estimate.value, shape, css)


def _say(line: Line) -> str:
    said = [
        f"{POSITIONS[point.position]} {number(point.estimate.value)} ({interval(point.estimate)})"
        for point in line.points
    ]
    if line.baseline is not None:
        said.append(f"TRTR {number(line.baseline.value)} ({interval(line.baseline)})")
    return f"{line.name}: {', '.join(said) or 'not measured'}."


def legend(every: Sequence[Panel]) -> list[Key]:
    """Colour, dash and marker of each series."""
    keys = []
    for line in every[0].lines if every else ():
        css = f"s{line.style % STYLES}"
        frame = Frame(34, 14, (0, 1), (0, 1), 0, 0, 0, 0)
        dash = DASHES[line.style % STYLES]
        frame.line(1, 7, 33, 7, css, f' stroke-dasharray="{dash}"' if dash else "")
        frame.parts.append(mark(17, 7, MARKERS[line.style % STYLES], css))
        keys.append(Key(line.name, frame.svg(line.name, "key")))
    return keys
