"""Confusion matrices: counts and shares of each true class, at the operating point that is named.

Rows are the truth, columns the call. Over several replicates a cell holds the mean count, with
the smallest and largest below it: the films are the same each time, so a sum would count them
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mammo_synth.bench.figures.page import new_page
from mammo_synth.bench.figures.style import (
    COLOURS,
    INK,
    QUIET,
    Heading,
    missing,
    new_figure,
    number,
    settings,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRUTHS = ("cancer", "normal")
_CELLS = (("tp", "fn"), ("fp", "tn"))
_NAMES = (("found", "missed"), ("false alarm", "correct"))


@dataclass(frozen=True)
class Confusions:
    """The counts of all replicates of one cell.

    Attributes:
        counts: By replicate ``tp``, ``fp``, ``fn``, ``tn``, cancer positive.
        thresholds: By replicate: cancer was called where ``p_cancer >= threshold``.
    """

    counts: tuple[Mapping[str, int], ...]
    thresholds: tuple[float, ...]

    def of(self, cell: str) -> list[int]:
        """The counts of ``tp``, ``fp``, ``fn`` or ``tn``, by replicate."""
        return [one[cell] for one in self.counts]

    @property
    def threshold(self) -> str:
        """``0.412``, or the range over replicates."""
        low, high = number(min(self.thresholds)), number(max(self.thresholds))
        return low if low == high else f"{low} to {high}"


def confusion(cell: Confusions, heading: Heading) -> Figure:
    """The matrix of one cell, large."""
    with settings():
        figure, body = new_figure(4.4, 3.0, heading)
        axis = body.subplots()
        _draw(axis, cell, large=True)
        axis.set_title(_said(cell), loc="left", fontsize=7.5, color=QUIET)
    return figure


def confusion_page(cells: Mapping[str, Confusions], heading: Heading) -> Figure:
    """All configurations of one classifier side by side."""
    with settings():
        page = new_page(heading, 1.95)
        for configuration, axis in page.panels:
            if configuration not in cells:
                missing(axis)
                continue
            cell = cells[configuration]
            _draw(axis, cell, large=False)
            axis.set_xlabel(f"cut at {cell.threshold}", color=QUIET, fontsize=7)
        _key(page.rest)
    return page.figure


def describe(cell: Confusions) -> str:
    """The matrix in words."""
    parts = []
    for truth, row, names in zip(TRUTHS, _CELLS, _NAMES, strict=True):
        for key, word in zip(row, names, strict=True):
            count, share = _values(cell, row, key)
            parts.append(f"{truth} {word}: {count} ({share})")
    return f"{'; '.join(parts)}. {_said(cell)}."


def _said(cell: Confusions) -> str:
    mean = f"mean of {len(cell.counts)} replicates, " if len(cell.counts) > 1 else ""
    return f"{mean}cancer is called where p_cancer ≥ {cell.threshold}"


def _values(cell: Confusions, row: Sequence[str], key: str) -> tuple[str, str]:
    """Mean count and its share of the true class, as text."""
    mean, total = _mean(cell, row, key)
    count = f"{mean:,.0f}" if float(mean).is_integer() else f"{mean:,.1f}"
    return count, f"{mean / total:.1%}".replace("%", " %") if total else "no film"


def _mean(cell: Confusions, row: Sequence[str], key: str) -> tuple[float, float]:
    means = {name: float(np.mean(cell.of(name))) for name in row}
    return means[key], sum(means.values())


def _draw(axis: Axes, cell: Confusions, *, large: bool) -> None:
    shares = np.zeros((2, 2))
    for i, row in enumerate(_CELLS):
        for j, key in enumerate(row):
            mean, total = _mean(cell, row, key)
            shares[i, j] = mean / total if total else 0.0
    axis.pcolormesh(
        np.arange(3),
        np.arange(3),
        shares,
        cmap="Blues",
        vmin=0,
        vmax=1.15,
        edgecolors="white",
        linewidth=1.5,
    )
    for i, row in enumerate(_CELLS):
        for j, key in enumerate(row):
            count, share = _values(cell, row, key)
            colour = "white" if shares[i, j] > 0.78 else INK
            counts = cell.of(key)
            lines = [share, _NAMES[i][j]] if large else [share]
            if len(counts) > 1 and large:
                lines.append(f"{min(counts):,} to {max(counts):,}")
            axis.text(
                j + 0.5,
                i + (0.33 if large else 0.38),
                count,
                ha="center",
                va="center",
                color=colour,
                fontsize=13 if large else 9.5,
                fontweight="bold",
            )
            axis.text(
                j + 0.5,
                i + (0.52 if large else 0.56),
                "\n".join(lines),
                ha="center",
                va="top",
                color=colour,
                fontsize=8 if large else 7.5,
                linespacing=1.3,
            )
    axis.set_ylim(2, 0)
    axis.set_yticks([0.5, 1.5], [f"is {name}" for name in TRUTHS])
    axis.set_xticks([0.5, 1.5], [f"called {name}" for name in TRUTHS])
    axis.tick_params(length=0)
    for label in axis.get_yticklabels():
        label.set_rotation(90)
        label.set_verticalalignment("center")
    for side in axis.spines.values():
        side.set_visible(False)


def _key(axis: Axes) -> None:
    """What the four places mean, in words."""
    text = "\n".join(
        f"is {truth}: {names[0]} | {names[1]}" for truth, names in zip(TRUTHS, _NAMES, strict=True)
    )
    axis.text(
        0.02,
        0.5,
        f"{text}\n\nPer cent are shares of the true\nclass; the darker, the larger.\n"
        f"Counts are means over replicates.",
        transform=axis.transAxes,
        va="center",
        fontsize=7.5,
        color=COLOURS[5],
        linespacing=1.4,
    )
