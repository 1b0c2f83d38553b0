"""Training curves: loss, accuracy, precision and recall per epoch, train and validation together.

Every replicate has its own lines. A mean would be one of fewer and fewer replicates, since early
stopping ends each at its own epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo_synth.bench.figures.page import new_page
from mammo_synth.bench.figures.style import (
    COLOURS,
    INK,
    Heading,
    bare,
    missing,
    new_figure,
    number,
    settings,
)
from mammo_synth.bench.training_curves import MEASURES, curve_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NO_EPOCHS = "no epochs"
_TRAIN: dict[str, Any] = {"color": COLOURS[0], "linestyle": "-", "linewidth": 1.2}
_VALIDATION: dict[str, Any] = {"color": COLOURS[1], "linestyle": (0, (4, 1.6)), "linewidth": 1.2}
_MARKS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class TrainingRun:
    """The curves of one replicate.

    Attributes:
        replicate: Its number.
        curves: One entry per epoch as in a record; empty for a classifier without epochs.
        best_epoch: Whose weights were kept, or None.
    """

    replicate: int
    curves: Sequence[Mapping[str, Any]]
    best_epoch: int | None


def training(runs: Sequence[TrainingRun], heading: Heading) -> Figure:
    """One cell: four panels, train solid, validation dashed, the kept epoch marked.

    A value that is undefined (precision before anything was called cancer) breaks its line.
    """
    with settings():
        figure, body = new_figure(7.6, 5.0, heading)
        axes = body.subplots(2, 2, sharex=True)
        for measure, axis in zip(MEASURES, axes.flat, strict=True):
            _panel(axis, runs, measure)
            axis.set_title(measure if measure != "recall" else "recall (sensitivity)", loc="left")
        for axis in axes[1]:
            axis.set_xlabel("epoch")
        handles, labels = _keys(runs)
        body.legend(handles, labels, loc="outside lower center", ncols=min(5, len(handles)))
    return figure


def training_page(
    cells: Mapping[str, Sequence[TrainingRun]], measure: str, heading: Heading
) -> Figure:
    """All configurations of one classifier side by side in one of `MEASURES`, on the same axes."""
    with settings():
        page = new_page(heading, 1.75)
        shown = []
        for configuration, axis in page.panels:
            runs = cells.get(configuration, ())
            if any(run.curves for run in runs):
                _panel(axis, runs, measure)
                shown.append(axis)
            else:
                missing(axis, NO_EPOCHS if runs else "not measured")
        _same_axes(shown)
        handles, labels = _keys([run for runs in cells.values() for run in runs])
        page.rest.legend(handles, labels, loc="center left")
    return page.figure


def describe(runs: Sequence[TrainingRun], measures: Sequence[str] = MEASURES) -> str:
    """The curves in words: where each replicate ended."""
    said = []
    for run in runs:
        if not run.curves:
            said.append(f"Replicate {run.replicate} has {NO_EPOCHS}.")
            continue
        kept = "" if run.best_epoch is None else f", weights of epoch {run.best_epoch} kept"
        ends = ", ".join(
            f"{name} {_last(run, name)} in training and {_last(run, f'val_{name}')} in validation"
            for name in measures
        )
        epochs = f"{len(run.curves)} epochs{kept}"
        said.append(f"Replicate {run.replicate}: {epochs}; at the end {ends}.")
    return " ".join(said)


def _last(run: TrainingRun, key: str) -> str:
    defined = [point for point in curve_points(run.curves, key) if point is not None]
    return number(defined[-1][1] if defined else None)


def _panel(axis: Axes, runs: Sequence[TrainingRun], measure: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for run in runs:
        mark = _MARKS[run.replicate % len(_MARKS)]
        for key, style in ((measure, _TRAIN), (f"val_{measure}", _VALIDATION)):
            points = curve_points(run.curves, key)
            x = [float(entry["epoch"]) for entry in run.curves]
            y = [float("nan") if point is None else point[1] for point in points]
            axis.plot(x, y, **style)
            alone = [
                i
                for i, point in enumerate(points)
                if point is not None
                and (i == 0 or points[i - 1] is None)
                and (i + 1 == len(points) or points[i + 1] is None)
            ]
            axis.plot([x[i] for i in alone], [y[i] for i in alone], ".", color=style["color"])
            kept = [point for point in points if point is not None and point[0] == run.best_epoch]
            for epoch, value in kept:
                axis.plot([epoch], [value], mark, color=style["color"], mfc="white", markersize=4.5)
    if measure == "loss":
        axis.set_ylim(bottom=0)
    else:
        axis.set_ylim(-0.02, 1.02)
        axis.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    bare(axis)


def _same_axes(axes: Sequence[Axes]) -> None:
    """The same epochs and values in every panel: side by side means comparable."""
    if not axes:
        return
    last = max(axis.get_xlim()[1] for axis in axes)
    first = min(axis.get_xlim()[0] for axis in axes)
    top = max(axis.get_ylim()[1] for axis in axes)
    bottom = min(axis.get_ylim()[0] for axis in axes)
    for axis in axes:
        axis.set_xlim(first, last)
        axis.set_ylim(bottom, top)
        axis.set_xlabel("epoch", labelpad=1)


def _keys(runs: Sequence[TrainingRun]) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_TRAIN), Line2D([], [], **_VALIDATION)]
    labels = ["train", "validation"]
    for k in sorted({run.replicate for run in runs if run.best_epoch is not None}):
        mark = _MARKS[k % len(_MARKS)]
        handles.append(Line2D([], [], color=INK, linestyle="none", marker=mark, mfc="white"))
        labels.append(f"weights kept, replicate {k}")
    return handles, labels
