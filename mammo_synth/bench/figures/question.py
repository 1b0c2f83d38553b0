"""The study's question at a glance: a metric against the synthetic fraction, per class ratio."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mammo_synth.bench.estimate import Estimate
from mammo_synth.bench.figures.style import (
    CHANCE_COLOUR,
    COLOURS,
    DASHES,
    INK,
    MARKERS,
    Heading,
    bare,
    name,
    new_figure,
    plain,
    settings,
    with_interval,
)
from mammo_synth.bench.fractions import FRACTION_PLACES, POSITIONS, Line, Panel, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 0.4
"""The fractions stand a little apart from the two references on the left."""


def question(
    measured: Mapping[str, Mapping[str, Estimate]],
    metric: str,
    chance: float | None,
    heading: Heading,
) -> Figure:
    """Draw ``measured``, estimates by name of a classifier and by configuration.

    Three panels, one for each class ratio, of the same height: points with their 95 % intervals at
    each synthetic fraction, joined where neighbours were measured; on the left the classifier
    trained on real films alone, whose value runs across as a thin dotted line, and on as few
    synthetic images of the same count; the chance line dashed. What was not measured, or has no
    value, is named as missing.

    Args:
        measured: What to draw; a configuration that is absent has no point.
        metric: Its name on the vertical axis.
        chance: What guessing gives; None where it depends on how often cancer is guessed.
        heading: Title, films, protocol.
    """
    every = panels(measured)
    with settings():
        figure, body = new_figure(7.6, 3.3, heading)
        axes = body.subplots(1, len(every), sharey=True)
        for axis, panel in zip(axes, every, strict=True):
            _panel(axis, panel, chance)
        axes[0].set_ylabel(metric)
        low, high = _limits(every, chance)
        axes[0].set_ylim(low, high)
        handles, labels = axes[0].get_legend_handles_labels()
        if handles:
            body.legend(handles, labels, loc="outside lower center", ncols=min(3, len(handles)))
    return figure


def describe(measured: Mapping[str, Mapping[str, Estimate]], metric: str) -> str:
    """The drawing in words: every value with its interval."""
    said = []
    for classifier, found in measured.items():
        values = "; ".join(f"{name} {with_interval(found[name])}" for name in found)
        said.append(f"{classifier}: {values or 'not measured'}.")
    return f"{metric} by configuration. {' '.join(said)}"


def _panel(axis: Axes, panel: Panel, chance: float | None) -> None:
    if chance is not None:
        axis.axhline(chance, color=CHANCE_COLOUR, linewidth=1, linestyle="--", label="chance")
        axis.text(-0.55, chance, "chance", color=CHANCE_COLOUR, fontsize=6, va="bottom")
    axis.axvline(FRACTION_PLACES[0] - 0.5 + _APART / 2, color=INK, linewidth=0.4)
    for i, line in enumerate(panel.lines):
        _line(axis, line, (i - (len(panel.lines) - 1) / 2) * min(0.15, 0.6 / len(panel.lines)))
    places = [_x(place) for place in range(len(POSITIONS))]
    axis.set_xticks(places, POSITIONS)
    axis.tick_params(axis="x", length=0, labelsize=6)
    axis.set_xlim(-0.6, places[-1] + 0.5)
    axis.set_title(f"{panel.class_ratio} cancer-normal", loc="left")
    axis.set_xlabel("synthetic fraction", loc="right")
    bare(axis)


def _x(place: int) -> float:
    return place + _APART if place in FRACTION_PLACES else float(place)


def _line(axis: Axes, line: Line, shift: float) -> None:
    style = line.style % len(COLOURS)
    colour = COLOURS[style]
    face = "white" if line.style % 2 else colour

    def place(position: int) -> float:
        return _x(position) + shift

    estimates(axis, line, place, face)
    for position in set(range(len(POSITIONS))) - {
        point.position for point in line.places if point.estimate.value is not None
    }:
        axis.text(
            place(position),
            0.03,
            f"{plain(line.name, 20)}: missing",
            transform=axis.get_xaxis_transform(),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=5.5,
            color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.6},
        )
    joined(axis, line, place, zorder=1.8)
    key = {"color": colour, "linestyle": DASHES[style], "marker": MARKERS[style], "mfc": face}
    axis.plot([], [], label=name(line.name), **key)


def estimates(axis: Axes, line: Line, place: Callable[[int], float], face: str) -> None:
    """The points of ``line`` with their intervals, and TRTR across the panel, dotted.

    Args:
        axis: To draw on.
        line: What was measured.
        place: Where a position of `mammo_synth.bench.fractions` stands on the axis.
        face: Colour inside the markers.
    """
    style = line.style % len(COLOURS)
    colour, marker = COLOURS[style], MARKERS[style]
    if line.baseline is not None and line.baseline.value is not None:
        axis.axhline(line.baseline.value, color=colour, linewidth=0.8, linestyle=":")
    # One artist for all bars and one for all markers: many would take seconds on a large board.
    ends: list[tuple[float, float]] = []
    values: list[tuple[float, float]] = []
    for point in line.places:
        one, x = point.estimate, place(point.position)
        if one.low is not None and one.high is not None:
            ends += [(x, one.low), (x, one.high), (x, float("nan"))]
        if one.value is not None:
            values.append((x, one.value))
    axis.plot([x for x, _ in ends], [y for _, y in ends], color=colour, linewidth=1.2)
    axis.plot(
        [x for x, _ in values], [y for _, y in values], marker, color=colour, mfc=face, markersize=4
    )


def joined(axis: Axes, line: Line, place: Callable[[int], float], zorder: float) -> None:
    """The line through the fractions; arguments as for `estimates`. It joins neighbours only:
    across a missing cell it would claim what nobody measured."""
    style = line.style % len(COLOURS)
    values = {point.position: point.estimate.value for point in line.points}
    path = [values.get(position) for position in FRACTION_PLACES]
    axis.plot(
        [place(position) for position in FRACTION_PLACES],
        [float("nan") if value is None else value for value in path],
        color=COLOURS[style],
        linestyle=DASHES[style],
        linewidth=1.2,
        zorder=zorder,
    )


def _limits(every: Sequence[Panel], chance: float | None) -> tuple[float, float]:
    """The same range for all panels: all intervals and the chance line, with a margin."""
    values = [] if chance is None else [chance - 0.03, chance + 0.03]
    for panel in every:
        for line in panel.lines:
            for point in line.places:
                one = point.estimate
                values += [v for v in (one.low, one.value, one.high) if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.04 * max(high - low, 0.05)
    return low - room, min(high + room, 1.02) if high <= 1 else high + room
