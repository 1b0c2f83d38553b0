"""Reliability diagram: share of cancer against mean score, and how many scores each bin has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mammo_synth.bench.bands import ReliableBin
from mammo_synth.bench.estimate import Estimate
from mammo_synth.bench.figures.style import (
    COLOURS,
    INK,
    QUIET,
    Heading,
    bare,
    new_figure,
    number,
    settings,
    with_interval,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability(
    bins: Sequence[ReliableBin],
    heading: Heading,
    *,
    replicates: int,
    prevalence: float,
    calibration_error: Estimate,
    brier: Estimate,
) -> Figure:
    """Draw the bins of `mammo_synth.bench.bands.reliable_bins`.

    Above, the share of cancer in each bin with its 95 % interval, against the mean score there; on
    the diagonal a score is a probability. A dotted line marks the prevalence, the whole knowledge
    of a classifier that does not look. Below, the number of scores per bin (films × replicates).
    """
    with settings():
        figure, body = new_figure(4.4, 4.9, heading)
        above, below = body.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
        _diagram(above, bins, prevalence)
        above.set_title(
            f"calibration error {with_interval(calibration_error)}, Brier score "
            f"{with_interval(brier)}",
            loc="left",
            fontsize=7.2,
        )
        _counts(below, bins)
        below.set_xlabel("score: predicted probability of cancer")
        said = f"scores\n(films × {replicates})" if replicates > 1 else "films"
        below.set_ylabel(said)
        body.align_ylabels()
    return figure


def describe(bins: Sequence[ReliableBin], calibration_error: Estimate, brier: Estimate) -> str:
    """The diagram in words."""
    said = [
        f"mean score {number(one.bin.mean_score, 2)}: share of cancer "
        f"{with_interval(one.share)} of {one.bin.n:,}"
        for one in bins
        if one.bin.n
    ]
    return (
        f"Calibration error {with_interval(calibration_error)}, Brier score "
        f"{with_interval(brier)} (lower is better). By bin, {'; '.join(said)}."
    )


def _diagram(axis: Axes, bins: Sequence[ReliableBin], prevalence: float) -> None:
    axis.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), label="calibrated")
    axis.axhline(prevalence, color=QUIET, linewidth=0.9, linestyle=":", label="prevalence")
    x, y = [], []
    for one in bins:
        if one.bin.mean_score is None or one.bin.cancer_share is None:
            x.append(float("nan"))  # an empty bin breaks the line
            y.append(float("nan"))
            continue
        x.append(one.bin.mean_score)
        y.append(one.bin.cancer_share)
        if one.share.low is not None and one.share.high is not None:
            axis.plot([x[-1]] * 2, [one.share.low, one.share.high], color=COLOURS[0], linewidth=1.2)
    axis.plot(
        x, y, color=COLOURS[0], marker="o", linewidth=1, label="share of cancer, 95 % interval"
    )
    axis.set_xlim(-0.01, 1.01)
    axis.set_ylim(-0.02, 1.02)
    axis.set_ylabel("share of cancer")
    axis.legend(loc="upper left")
    bare(axis, "both")


def _counts(axis: Axes, bins: Sequence[ReliableBin]) -> None:
    middles = [(one.bin.low + one.bin.high) / 2 for one in bins]
    counts = [one.bin.n for one in bins]
    width = bins[0].bin.high - bins[0].bin.low if bins else 0.1
    axis.bar(
        middles,
        counts,
        width * 0.9,
        facecolor="#c9d6e0",
        edgecolor=COLOURS[0],
        linewidth=0.6,
        hatch="////",
    )
    for x, n in zip(middles, counts, strict=True):
        axis.annotate(
            f"{n:,}", (x, n), (0, 1.5), textcoords="offset points", ha="center", fontsize=6.5
        )
    axis.set_ylim(0, max([*counts, 1]) * 1.22)
    axis.set_yticks([])
    bare(axis)
    axis.spines["left"].set_visible(False)
