"""Ranks and ties: which rows of a table can be told apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammo_synth.bench.comparison import bootstrap_p_value, holm
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.series import series_order
from mammo_synth.leaderboard.model import RANKED_ON, Row

LEVEL = 0.05
"""A group's opener is set apart from a row by chance alone, among all rows below it, in at most
this share of tables."""


@dataclass(frozen=True)
class Drawn:
    """A row before ranking, with its AUROC in every resample of the patients."""

    row: Row
    auroc: Floats


def rank(rows: Sequence[Drawn]) -> list[Row]:
    """Give ranks on AUROC, best first, equal ranks to rows that cannot be told apart.

    The best row opens a group and is compared with every row below it: paired bootstrap, p values
    corrected by Holm's method over these comparisons (Holm 1979). Rows join its group down to the
    first whose corrected p value is `LEVEL` or less; that one opens the next group. A row without
    an AUROC stands last, without a rank.
    """
    order = sorted(rows, key=lambda one: by_auroc(one.row))
    left = [one for one in order if one.row.metrics[RANKED_ON].value is not None]
    ranked: list[Row] = []
    while left:
        size = 1 + _ties(left[0].auroc, [one.auroc for one in left[1:]])
        place = len(ranked) + 1
        ranked += [replace(one.row, rank=place, tied=size > 1) for one in left[:size]]
        left = left[size:]
    return [*ranked, *(one.row for one in order if one.row.metrics[RANKED_ON].value is None)]


def _ties(opener: Floats, below: Sequence[Floats]) -> int:
    """How many rows share the rank of the row that opens a group."""
    p_values = [p_value(opener - other) for other in below]
    corrected = iter(holm([p for p in p_values if p is not None]))
    for i, p in enumerate(p_values):
        if p is not None and next(corrected) <= LEVEL:
            return i
    return len(below)


def p_value(differences: Floats) -> float | None:
    """Two-sided p value of "no difference" from paired resamples, float64 [resamples].

    That of `mammo_synth.bench.comparison.bootstrap_p_value`. It cannot fall below
    2 / (resamples + 1), which after correction would tie every row of a long table; so where no
    resample lies on the other side of 0, the normal curve of their mean and standard deviation
    gives it, if that is smaller. None where more than 5 % have no value.
    """
    p = bootstrap_p_value(differences)
    if p is None or p > 2 / ((~np.isnan(differences)).sum() + 1):
        return p
    spread = float(np.nanstd(differences))
    if spread < 1e-12:  # the same difference in every resample
        return p
    return min(p, math.erfc(abs(float(np.nanmean(differences))) / spread / math.sqrt(2)))


def by_auroc(row: Row) -> tuple:
    """Best first; then a fixed order, so that equal values give one output."""
    value = row.metrics[RANKED_ON].value
    return (
        ("baseline", "twin").index(row.kind) if row.kind in ("baseline", "twin") else 2,
        value is None,
        -(value or 0.0),
        row.configuration,
        series_order(row.series),
    )
