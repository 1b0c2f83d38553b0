"""A comparison in one figure: both with their own intervals, and the paired difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mammo_synth.bench.figures.style import (
    CHANCE_COLOUR,
    COLOURS,
    MARKERS,
    QUIET,
    Heading,
    bare,
    new_figure,
    plain,
    settings,
    to_bytes,
)
from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.compare import COMPARED, Comparison
from mammo_synth.leaderboard.compare_words import headline
from mammo_synth.leaderboard.model import CHANCE, METRIC_NAMES, SOURCE_NAMES, Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAME = 60
_READ = (
    "Left: each with its own 95 % interval. Right: first minus second on the same resamples of "
    "the patients; an interval over zero does not tell the two apart."
)


def draw(comparison: Comparison, form: str) -> bytes:
    """The figure as ``png``, ``svg`` or ``pdf``; the same comparison gives the same bytes.

    Raises:
        BadInput: Another format.
    """
    heading = _heading(comparison)
    with settings():
        figure, body = new_figure(7.6, 2.7, heading)
        left, right = body.subplots(1, 2, width_ratios=(1.2, 1))
        _values(left, comparison)
        _differences(right, comparison)
    return to_bytes(figure, form, heading.words)


def _heading(comparison: Comparison) -> Heading:
    t, release = comparison.test_set, comparison.release
    kind = "simulated" if release["simulated"] else "real"
    source = SOURCE_NAMES.get(release["source"], release["source"])
    return Heading(
        title=headline(comparison),
        films=f"The same {t.n:,} {kind} films of {source} in real_test ({t.cancer:,} cancer, "
        f"{t.normal:,} normal, {t.patients:,} patients)",
        protocol=release["protocol"],
        origin=f"{release['name']} {release['version']}, test set {t.digest[:8]}",
        simulated=release["simulated"],
        notes=(_READ,),
    )


def _values(axis: Axes, comparison: Comparison) -> None:
    for i, side in enumerate((comparison.first, comparison.second)):
        label = f"{('first', 'second')[i]}: {plain(side.name, _NAME)}"
        for y, metric in enumerate(COMPARED):
            _interval(axis, comparison.values[metric][i], y + (-0.14, 0.14)[i], i, label)
            label = ""
    axis.axvline(CHANCE, color=CHANCE_COLOUR, linewidth=1, linestyle="--", label="chance")
    _rows(axis)
    axis.set_yticks(range(len(COMPARED)), [METRIC_NAMES[metric] for metric in COMPARED])
    axis.set_xlabel("on real_test, 95 % interval")
    axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.2))


def _differences(axis: Axes, comparison: Comparison) -> None:
    for y, metric in enumerate(COMPARED):
        pair = comparison.pairs[metric]
        found = Estimate(pair.difference, pair.low, pair.high)
        _interval(axis, found, y, 5, "")
        span = words.signed_interval(found, 3)
        text = words.signed(pair.difference) + (f" ({span})" if span else "")
        if pair.difference is None:
            text = "no value"
        axis.annotate(
            text,
            (1, y),
            xycoords=("axes fraction", "data"),
            xytext=(0, 8),
            textcoords="offset points",
            ha="right",
            fontsize=7,
            color=QUIET,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
    axis.axvline(0, color=QUIET, linewidth=1)
    _rows(axis)
    reach = max(
        [abs(end) for p in comparison.pairs.values() for end in (p.low, p.high) if end is not None],
        default=0.0,
    )
    reach = max(1.35 * reach, 0.02)
    axis.set_xlim(-reach, reach)
    axis.locator_params(axis="x", nbins=5)  # more would touch
    axis.set_yticks(range(len(COMPARED)), [""] * len(COMPARED))
    axis.set_xlabel("difference, first minus second")


def _interval(axis: Axes, found: Estimate, y: float, style: int, label: str) -> None:
    colour = COLOURS[style]
    if found.low is not None and found.high is not None:
        axis.plot([found.low, found.high], [y, y], color=colour, linewidth=1.6)
    if found.value is not None:
        marker = MARKERS[style]
        axis.plot([found.value], [y], marker, color=colour, markersize=5, label=label or None)


def _rows(axis: Axes) -> None:
    axis.set_ylim(len(COMPARED) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    bare(axis, "x")
