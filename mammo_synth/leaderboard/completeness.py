"""Which cells a series has, and which it lacks: configurations, and replicates of them.

A cell is configuration × classifier × replicate. A row that has fewer replicates than its
classifier's others, or leaves a number out, has no rank: otherwise it would rise by leaving out
its worst run. What nobody posted at all, nobody can miss.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.leaderboard.model import BASELINE, TWIN, Missing, Run, Series

Cells = Mapping[tuple[Series, str], tuple[Run, ...]]
"""The replicates of each row, by series and configuration, sorted by their number."""


def replicates_due(cells: Cells) -> dict[tuple[Series, str], int]:
    """How many replicates each row should have.

    As many as half of the series' configurations have or more (the upper median), so that one
    further run of one configuration does not take the rank of all others; and none left out below
    the row's own highest number: replicates 0 and 2 are two of three. References (TRTR, its twin)
    and controls have no rank and set no number for others.
    """
    counts: dict[Series, list[int]] = {}
    for (series, name), runs in cells.items():
        if name not in (BASELINE, TWIN):
            counts.setdefault(series, []).append(len(runs))
    usual = {series: statistics.median_high(found) for series, found in counts.items()}
    return {
        key: max(usual.get(key[0], 0), runs[-1].record["replicate"] + 1)
        for key, runs in cells.items()
    }


def missing(cells: Cells) -> tuple[Missing, ...]:
    """What each series lacks of the nine, TRTR and its twin; controls owe nothing."""
    due = replicates_due(cells)
    found = []
    for series in dict.fromkeys(series for series, _ in cells):
        if series.role == "control":
            continue
        have = {name: len(runs) for (owner, name), runs in cells.items() if owner == series}
        gap = Missing(
            series,
            tuple(name for name in (*CONFIGURATIONS, BASELINE, TWIN) if name not in have),
            tuple(
                (name, n, due[series, name]) for name, n in have.items() if n < due[series, name]
            ),
        )
        if gap.configurations or gap.short:
            found.append(gap)
    return tuple(found)
