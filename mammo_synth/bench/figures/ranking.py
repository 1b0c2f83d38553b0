"""ROC and precision-recall curves with their bands; see `mammo_synth.bench.bands`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo_synth.bench.bands import Curve, Curves
from mammo_synth.bench.estimate import Estimate
from mammo_synth.bench.figures.page import new_page
from mammo_synth.bench.figures.style import (
    CHANCE_COLOUR,
    COLOURS,
    DASHES,
    HATCHES,
    MARKERS,
    Heading,
    bare,
    missing,
    name,
    new_figure,
    settings,
    with_interval,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROC, PRECISION_RECALL = "roc", "precision-recall"
_MOST_HATCHED = 3
"""Bands of more classifiers than this are shaded alone: their hatches would run together."""
_AXES = {
    ROC: ("1 − specificity (false alarms)", "sensitivity (cancer found)"),
    PRECISION_RECALL: ("recall (sensitivity)", "precision"),
}


@dataclass(frozen=True)
class Ranked:
    """What is drawn of one classifier on one configuration.

    Attributes:
        name: In the legend.
        curves: Both curves with their bands.
        auroc, average_precision: Means over replicates with their intervals.
        points: By replicate the operating point: sensitivity, specificity, precision; a value is
            None where it is undefined.
    """

    name: str
    curves: Curves
    auroc: Estimate
    average_precision: Estimate
    points: tuple[tuple[float | None, float | None, float | None], ...] = ()


def roc_and_precision_recall(classifiers: Sequence[Ranked], heading: Heading) -> Figure:
    """Both curves side by side, one line for each classifier, bands shaded and hatched.

    The chance line is the diagonal in ROC, the prevalence in precision-recall. Marks stand at the
    operating points of the replicates.
    """
    with settings():
        figure, body = new_figure(7.6, 3.85 + 0.18 * (1 + len(classifiers)), heading)
        axes = body.subplots(1, 2)
        for axis, kind in zip(axes, (ROC, PRECISION_RECALL), strict=True):
            for style, one in enumerate(classifiers):
                _draw(axis, one, kind, style, hatched=len(classifiers) <= _MOST_HATCHED)
            if classifiers:
                _chance(axis, kind, classifiers[0].curves.prevalence)
            _frame(axis, kind)
            axis.set_xlabel(_AXES[kind][0])
            axis.set_ylabel(_AXES[kind][1])
            axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.14), handlelength=2.6)
    return figure


def ranking_page(cells: Mapping[str, Ranked], kind: str, heading: Heading) -> Figure:
    """One kind of curve, ``roc`` or ``precision-recall``, of all configurations side by side."""
    with settings():
        page = new_page(heading, 2.1)
        for configuration, axis in page.panels:
            if configuration not in cells:
                missing(axis)
                axis.set_box_aspect(1)
                continue
            one = cells[configuration]
            _draw(axis, one, kind, 0)
            _chance(axis, kind, one.curves.prevalence)
            _frame(axis, kind)
            axis.text(
                0.97,
                0.04,
                _area(one, kind).replace(" (", "\n("),
                ha="right",
                va="bottom",
                fontsize=7,
                transform=axis.transAxes,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
            )
        page.body.supxlabel(_AXES[kind][0], fontsize=8)
        page.body.supylabel(_AXES[kind][1], fontsize=8)
        _key(page.rest, kind)
    return page.figure


def describe(one: Ranked) -> str:
    """The curves in words."""
    places = [
        f"sensitivity {values[0]:.3f} at specificity {values[1]:.3f}"
        for values in one.points
        if values[0] is not None and values[1] is not None
    ]
    return (
        f"{one.name}: AUROC {with_interval(one.auroc)} where chance is 0.500; average precision "
        f"{with_interval(one.average_precision)} where chance is {one.curves.prevalence:.3f}. "
        f"Operating points: {', '.join(places) or 'none'}."
    )


def _area(one: Ranked, kind: str) -> str:
    if kind == ROC:
        return f"AUROC {with_interval(one.auroc)}"
    return f"AP {with_interval(one.average_precision)}"


def _curve(one: Ranked, kind: str) -> Curve:
    return one.curves.roc if kind == ROC else one.curves.precision_recall


def _draw(axis: Axes, one: Ranked, kind: str, style: int, *, hatched: bool = True) -> None:
    curve = _curve(one, kind)
    style %= len(COLOURS)
    colour = COLOURS[style]
    place = (curve.grid, curve.low, curve.high)
    axis.fill_between(*place, facecolor=colour, alpha=0.16 if hatched else 0.09, linewidth=0)
    if hatched:
        edge: dict[str, Any] = {"edgecolor": colour, "alpha": 0.35, "linewidth": 0.3}
        axis.fill_between(*place, facecolor="none", hatch=HATCHES[style], **edge)
    axis.plot(
        curve.x,
        curve.y,
        color=colour,
        linestyle=DASHES[style],
        label=f"{name(one.name)}: {_area(one, kind)}",
    )
    for sensitivity, specificity, precision in one.points:
        x, y = (
            (None if specificity is None else 1 - specificity, sensitivity)
            if kind == ROC
            else (sensitivity, precision)
        )
        if x is not None and y is not None:
            axis.plot(
                [x],
                [y],
                MARKERS[style],
                color=colour,
                mfc="white",
                markersize=5,
                zorder=4,
                clip_on=False,
            )


def _chance(axis: Axes, kind: str, prevalence: float) -> None:
    y = (0.0, 1.0) if kind == ROC else (prevalence, prevalence)
    said = "chance" if kind == ROC else f"chance (prevalence {prevalence:.2f})"
    axis.plot([0, 1], y, color=CHANCE_COLOUR, linewidth=1, linestyle=(0, (4, 3)), label=said)


def _frame(axis: Axes, kind: str) -> None:
    axis.set_xlim(-0.01, 1.01)
    axis.set_ylim(-0.01 if kind == ROC else 0, 1.02)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axis.set_box_aspect(1)
    bare(axis, "both")


def _key(axis: Axes, kind: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    chance = "chance" if kind == ROC else "chance (prevalence)"
    axis.legend(
        [
            Line2D([], [], color=COLOURS[0]),
            Patch(facecolor="#d8e1e9", edgecolor="#9db6c8", hatch=HATCHES[0]),
            Line2D([], [], color=COLOURS[0], linestyle="none", marker=MARKERS[0], mfc="white"),
            Line2D([], [], color=CHANCE_COLOUR, linestyle=(0, (4, 3)), linewidth=1),
        ],
        ["mean over replicates", "pointwise 95 % band", "operating points", chance],
        loc="center left",
    )
