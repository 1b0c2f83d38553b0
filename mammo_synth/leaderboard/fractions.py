"""The study's question as a chart: a metric against the synthetic fraction, per class ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from mammo_synth.bench.fractions import CLASS_RATIOS as CLASS_RATIOS
from mammo_synth.bench.fractions import FRACTION_PLACES
from mammo_synth.bench.fractions import POSITIONS as POSITIONS
from mammo_synth.bench.fractions import SYNTHETIC as SYNTHETIC
from mammo_synth.bench.fractions import Line as Line
from mammo_synth.bench.fractions import Panel as Panel
from mammo_synth.bench.fractions import Point as Point
from mammo_synth.bench.fractions import panels as panels_of
from mammo_synth.leaderboard import words as english
from mammo_synth.leaderboard.model import RANKED_ON, Table
from mammo_synth.leaderboard.words import interval, number
from mammo_synth.leaderboard.words_page import Labels
from mammo_synth.leaderboard.words_page_en import ENGLISH
from mammo_synth.svg import DASHES, MARKERS, STYLES, Frame, mark, ticks

DRAWN = STYLES
"""So many series fit into one chart with a look of their own each."""


@dataclass(frozen=True)
class Key:
    """One entry of the legend."""

    name: str
    svg: str


def panels(table: Table, metric: str) -> list[Panel]:
    """The chart's content: ranked rows, TRTR and its twin of ``table``; controls, and rows that
    lack replicates, stay out."""
    return panels_of(
        {
            name: {
                row.configuration: row.metrics[metric]
                for row in table.rows
                if row.series == series and row.kind != "incomplete"
            }
            for series, name in table.series_names().items()
            if series.role != "control"
        }
    )


def value_range(every: Sequence[Panel], chance: float | None) -> tuple[list[float], int]:
    """Ticks that cover all intervals and the chance line, the same in all panels."""
    values = [] if chance is None else [chance - 0.05, chance + 0.05]
    for panel in every:
        for line in panel.lines:
            for point in line.places:
                ends = (point.estimate.low, point.estimate.value, point.estimate.high)
                values += [v for v in ends if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return ticks(max(low, 0.0), min(high, 1.0), 5)


def best(every: Sequence[Panel], table: Table) -> tuple[list[Panel], int, int]:
    """The panels with the `DRAWN` best series, by their best ranked AUROC, where there are more.

    Returns:
        Panels, how many series are drawn, how many there are.
    """
    names = table.series_names()
    top: dict[str, float] = {}
    for row in table.of_kind("ranked"):
        name, value = names[row.series], row.metrics[RANKED_ON].value
        top[name] = max(top.get(name, 0.0), value or 0.0)
    shown = [line.name for line in every[0].lines] if every else []
    kept = sorted(shown, key=lambda name: -top.get(name, 0.0))[:DRAWN]
    places = {name: i for i, name in enumerate(name for name in shown if name in kept)}
    chosen = [
        replace(
            panel,
            lines=tuple(
                replace(line, style=places[line.name])
                for line in panel.lines
                if line.name in places
            ),
        )
        for panel in every
    ]
    return chosen, len(places), len(shown)


def draw(
    every: Sequence[Panel],
    metric: str,
    chance: float | None,
    words: ModuleType = english,
    say: Labels = ENGLISH,
) -> list[str]:
    """One SVG for each panel, all with the same vertical axis, in the language of ``words``."""
    marks, digits = value_range(every, chance)
    return [_draw(panel, marks, digits, metric, chance, words, say) for panel in every]


def _draw(
    panel: Panel,
    marks: list[float],
    digits: int,
    metric: str,
    chance: float | None,
    words: ModuleType,
    say: Labels,
) -> str:
    last = len(POSITIONS) - 1
    frame = Frame(380, 256, (-0.45, last + 0.45), (marks[0], marks[-1]), 36, 44, 26, 42)
    frame.text(frame.left, 14, say.ratio_head.format(ratio=panel.class_ratio), "head", "start")
    frame.grid(marks, digits)
    for i, label in enumerate(words.POSITIONS):
        for k, text in enumerate(label.split("\n")):
            frame.text(frame.px(i), frame.height - 26 + 12 * k, text, "tick")
    middle = (FRACTION_PLACES[0] + last) / 2
    frame.text(frame.px(middle), frame.height - 10, say.synthetic_fraction.lower(), "tick")
    if chance is not None:
        y = frame.py(chance)
        frame.line(frame.left, y, frame.width - frame.right, y, "chance")
        frame.text(frame.width - frame.right + 4, y + 3.5, say.chance, "note", "start")
    said = []
    for i, line in enumerate(panel.lines):
        shift = (i - (len(panel.lines) - 1) / 2) * min(0.14, 0.6 / max(len(panel.lines), 1))
        _draw_line(frame, line, shift)
        said.append(_say(line, words, say))
    title = say.fractions_title.format(metric=words.METRIC_NAMES[metric], ratio=panel.class_ratio)
    return frame.svg(f"{title}. {' '.join(said)}", "fractions")


def _draw_line(frame: Frame, line: Line, shift: float) -> None:
    css = f"s{line.style % STYLES}"
    dash, shape = DASHES[line.style % STYLES], MARKERS[line.style % STYLES]
    if line.baseline is not None and line.baseline.value is not None:
        y = frame.py(line.baseline.value)
        frame.line(frame.left, y, frame.width - frame.right, y, f"{css} trtr")
    by_position = {point.position: point.estimate.value for point in line.points}
    path: list[tuple[float, float] | None] = []
    for position in FRACTION_PLACES:
        value = by_position.get(position)
        path.append(None if value is None else (position + shift, value))
    # A line joins neighbours only: across a missing cell it would claim what nobody measured.
    frame.polyline(path, css, dash)
    for point in line.places:
        frame.whisker(point.position + shift, point.estimate.low, point.estimate.high, css)
        if point.estimate.value is not None:
            frame.marker(point.position + shift, point.estimate.value, shape, css)


def _say(line: Line, words: ModuleType, say: Labels) -> str:
    said = []
    for point in line.places:
        place = words.SPOKEN[point.position]
        said.append(f"{place} {number(point.estimate.value)} ({interval(point.estimate)})")
    return f"{line.name}: {', '.join(said) or say.not_measured}."


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
