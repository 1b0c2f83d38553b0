"""leaderboard.png: the ranking with its intervals, and AUROC against the synthetic fraction."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo_synth.bench.figures.question import estimates, joined
from mammo_synth.bench.figures.style import (
    CHANCE_COLOUR,
    COLOURS,
    DASHES,
    MARKERS,
    bare,
    name,
    plain,
)
from mammo_synth.leaderboard import fractions, words
from mammo_synth.leaderboard.lines import Line, lines
from mammo_synth.leaderboard.model import CHANCE, METRIC_NAMES, RANKED_ON, Board, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE_INCHES = 0.24
_DPI = 130


def png(board: Board) -> bytes:
    """The figure as PNG: for each table its ranking on the left, three class ratios on the right.

    The same board gives the same bytes under one version of matplotlib.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    heights = [max(3.2, 1.3 + _LINE_INCHES * len(_lines(table))) for table in board.tables]
    settings = {"font.family": "DejaVu Sans", "font.size": 8, "axes.linewidth": 0.6}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(13.2, sum(heights) + 0.5), dpi=_DPI, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        for part, table in zip(parts, board.tables, strict=True):
            _draw(part, table)
        figure.supxlabel(words.NOTICE, fontsize=7, color="#5a6068")
        # Not `savefig`, which goes through all texts once more before it draws.
        canvas.draw()
    stream = io.BytesIO()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    drawn.save(stream, "png", dpi=(_DPI, _DPI), compress_level=3)
    return stream.getvalue()


def _draw(part: Any, table: Table) -> None:
    kind = "SIMULATED FILMS, not evidence about real mammograms. " if table.simulated else ""
    title = f"{plain(table.title)}\n{kind}{plain(words.test_set(table))}"
    part.suptitle(title, fontsize=9, x=0.01, ha="left")
    axes = part.subplots(1, 4, width_ratios=(1.7, 1, 1, 1))
    _ranking(axes[0], table)
    every = fractions.panels(table, RANKED_ON)
    marks, _ = fractions.value_range(every, CHANCE)
    for i, (axis, panel) in enumerate(zip(axes[1:], every, strict=True)):
        _panel(axis, panel)
        axis.set_ylim(marks[0], marks[-1])
        if i:
            axis.tick_params(labelleft=False)
        else:
            axis.set_ylabel(METRIC_NAMES[RANKED_ON])
    handles, labels = axes[1].get_legend_handles_labels()
    if handles:
        part.legend(handles, labels, loc="outside lower right", ncols=4, frameon=False, fontsize=7)


def _ranking(axis: Axes, table: Table) -> None:
    shown = _lines(table)
    # One artist for all lines: hundreds of them would take seconds.
    bars, dots = [], []
    for y, line in enumerate(shown):
        one = line.metrics[RANKED_ON]
        if one.low is not None and one.high is not None:
            bars.append((y, one.low, one.high, _colour(line)))
        if one.value is not None and line.kind != "chance":
            dots.append((y, one.value, _colour(line), line.kind == "ranked"))
    axis.hlines(
        [y for y, _, _, _ in bars],
        [low for _, low, _, _ in bars],
        [high for _, _, high, _ in bars],
        colors=[colour for _, _, _, colour in bars],
        linewidth=1.4,
    )
    axis.scatter(
        [value for _, value, _, _ in dots],
        [y for y, _, _, _ in dots],
        s=16,
        c=[colour if filled else "white" for _, _, colour, filled in dots],
        edgecolors=[colour for _, _, colour, _ in dots],
        zorder=3,
    )
    axis.axvline(CHANCE, color=CHANCE_COLOUR, linewidth=1, linestyle="--")
    names = [
        f"{line.rank}   {plain(f'{line.configuration} × {line.classifier}')}" for line in shown
    ]
    axis.tick_params(axis="y", length=0)  # before there are ticks: each would be told
    axis.set_yticks(range(len(shown)), names)
    axis.set_ylim(len(shown) - 0.5, -0.5)
    axis.set_xlabel("AUROC on real_test, 95 % interval; dashed: chance")
    bare(axis, "x")


def _lines(table: Table) -> list[Line]:
    """What the ranking draws: rows that lack replicates have no place in a chart."""
    return [line for line in lines(table) if line.kind != "incomplete"]


def _colour(line: Line) -> str:
    return "#1b1d20" if line.kind == "ranked" else "#77706a"


def _panel(axis: Axes, panel: fractions.Panel) -> None:
    axis.axhline(CHANCE, color=CHANCE_COLOUR, linewidth=1, linestyle="--")
    axis.text(
        len(fractions.POSITIONS) - 0.53,
        CHANCE,
        "chance",
        color=CHANCE_COLOUR,
        fontsize=6,
        va="center",
    )
    count = len(panel.lines)
    for i, line in enumerate(panel.lines):
        style = line.style % len(COLOURS)
        colour = COLOURS[style]
        shift = (i - (count - 1) / 2) * min(0.14, 0.6 / max(count, 1))
        axis.plot(
            [],
            [],
            color=colour,
            marker=MARKERS[style],
            linestyle=DASHES[style],
            markersize=4,
            label=name(line.name),
        )

        def place(position: int, shift: float = shift) -> float:
            return position + shift

        estimates(axis, line, place, colour)
        joined(axis, line, place, zorder=2)
    axis.set_xticks(range(len(fractions.POSITIONS)), fractions.POSITIONS, fontsize=6)
    axis.set_xlim(-0.45, len(fractions.POSITIONS) - 0.55)
    axis.set_title(f"{panel.class_ratio} cancer-normal", fontsize=8)
    axis.set_xlabel("synthetic fraction")
    bare(axis)
