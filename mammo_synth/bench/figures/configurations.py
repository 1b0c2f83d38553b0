"""All configurations of one classifier side by side in the metrics of the study, and beyond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mammo_synth.bench.estimate import Estimate
from mammo_synth.bench.figures.page import PAGE
from mammo_synth.bench.figures.style import (
    CHANCE_COLOUR,
    COLOURS,
    GRID,
    INK,
    QUIET,
    Heading,
    bare,
    configuration_title,
    new_figure,
    number,
    settings,
    with_interval,
)
from mammo_synth.bench.metrics import chance
from mammo_synth.configurations import REFERENCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = {
    "auroc": "AUROC",
    "balanced_accuracy": "balanced\naccuracy",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall\n(sensitivity)",
    "specificity": "specificity",
    "f1": "F1",
}
"""Metrics in the order of the columns; accuracy, precision, recall and F1 are the study's."""


_BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
"""A number covers the chance line behind it."""


def configurations(
    measured: Mapping[str, Mapping[str, Estimate]], prevalence: float, heading: Heading
) -> Figure:
    """A row for each configuration, a column for each of `SHOWN`: point, interval, number.

    Dashed is chance, where a metric has it. In accuracy a dotted line is what "always normal"
    gives, the trap of an unbalanced test set. References (filled grey) stand last.

    Args:
        measured: By configuration its estimates by metric. An absent configuration is missing.
        prevalence: Share of cancer in the test set.
        heading: Title, films, protocol.
    """
    with settings():
        figure, body = new_figure(7.6, 0.7 + 0.27 * len(PAGE), heading)
        axes = body.subplots(1, len(SHOWN), sharey=True)
        lines = chance(prevalence)
        for axis, metric in zip(axes, SHOWN, strict=True):
            _column(axis, measured, metric, lines.get(metric))
            if metric == "accuracy":
                axis.axvline(1 - prevalence, color=CHANCE_COLOUR, linewidth=1, linestyle=":")
        axes[0].set_yticks(range(len(PAGE)), [configuration_title(name) for name in PAGE])
        axes[0].set_ylim(len(PAGE) - 0.4, -0.6)
        body.supxlabel(
            "dashed: chance; dotted in accuracy: always answering normal; hollow: references",
            fontsize=7,
            color=QUIET,
        )
    return figure


def describe(measured: Mapping[str, Mapping[str, Estimate]]) -> str:
    """The table in words."""
    return " ".join(
        f"{configuration_title(name)}: "
        + (
            ", ".join(
                f"{label.replace(chr(10), ' ')} {with_interval(measured[name][metric])}"
                for metric, label in SHOWN.items()
            )
            if name in measured
            else "not measured"
        )
        + "."
        for name in PAGE
    )


def _column(
    axis: Axes,
    measured: Mapping[str, Mapping[str, Estimate]],
    metric: str,
    level: float | None,
) -> None:
    if level is not None:
        axis.axvline(level, color=CHANCE_COLOUR, linewidth=1, linestyle="--")
    for y, name in enumerate(PAGE):
        if name in REFERENCES or y % 3 == 0:
            axis.axhline(y - 0.5, color=GRID, linewidth=0.6)
        if name not in measured:
            said: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 5.5, "color": QUIET}
            axis.text(0.5, y, "not measured", bbox=_BEHIND, **said)
            continue
        one = measured[name][metric]
        colour = QUIET if name in REFERENCES else COLOURS[0]
        if one.low is not None and one.high is not None:
            axis.plot([one.low, one.high], [y + 0.17] * 2, color=colour, linewidth=1.3)
        if one.value is not None:
            face = "white" if name in REFERENCES else colour
            axis.plot([one.value], [y + 0.17], "o", color=colour, mfc=face, markersize=3.6)
        axis.text(
            0.5,
            y - 0.22,
            number(one.value),
            ha="center",
            va="center",
            fontsize=6.3,
            color=INK,
            bbox=_BEHIND,
        )
    axis.set_title(SHOWN[metric], fontsize=7.5)
    axis.set_xlim(-0.03, 1.03)
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", labelsize=6.5)
    bare(axis, "x")
    axis.spines["left"].set_visible(False)
