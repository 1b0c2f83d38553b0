"""Point metrics of one classifier from a single sort: those of `mammo_synth.bench.metrics`, fast.

A leaderboard recomputes some thousands of these, for every record and subgroup, each time it is
rendered. The values are those of `mammo_synth.bench.metrics.point_metrics` but for the rounding
of the last digits.
"""

from __future__ import annotations

import numpy as np

from mammo_synth.bench.calibration import BINS, bins_of
from mammo_synth.bench.metrics import METRICS, Confusion, none_if_nan
from mammo_synth.bench.resampling import (
    SPECIFICITIES,
    Floats,
    Integers,
    count_metrics,
    sensitivity_name,
)


def confusion_of(label: Integers, p: Floats, threshold: float) -> Confusion:
    """`mammo_synth.bench.metrics.confusion` of scores that were checked before."""
    called = p >= threshold
    n, cancer, positive = len(label), int(label.sum()), int(called.sum())
    tp = int(label[called].sum())
    fp = positive - tp
    return Confusion(tp=tp, fp=fp, fn=cancer - tp, tn=n - cancer - fp)


def points(label: Integers, p: Floats, counts: Confusion) -> dict[str, float | None]:
    """All metrics of one classifier; None where one has no value.

    Args:
        label: int64 [n], normal 0, cancer 1.
        p: float64 [n] in [0, 1], checked before.
        counts: As from `confusion_of`.
    """
    four = (counts.tp, counts.fp, counts.fn, counts.tn)
    values = count_metrics(*(np.array(count, dtype=np.float64) for count in four))
    found = {name: float(value) for name, value in values.items()}
    found |= _ranks(label, p)
    difference = label - p
    surplus = np.bincount(bins_of(p), difference, BINS)
    found["brier"] = float((difference**2).sum()) / len(p)
    found["calibration_error"] = float(np.abs(surplus).sum()) / len(p)
    return {name: none_if_nan(found[name]) for name in METRICS}


def _ranks(label: Integers, p: Floats) -> dict[str, float]:
    """AUROC, average precision and sensitivities, NaN where undefined."""
    order = np.argsort(-p)
    descending = p[order]
    last = np.append(np.flatnonzero(descending[1:] != descending[:-1]), len(p) - 1)
    found = np.cumsum(label[order])[last]
    called = last + 1 - found
    cancers, normals = int(found[-1]), int(called[-1])
    step, tied = _steps(found), _steps(called)
    nan = float("nan")
    values = {}
    for specificity in SPECIFICITIES:
        allowed = normals - np.ceil(specificity * normals - 1e-9)
        levels = int(np.searchsorted(called, allowed, side="right"))
        defined = normals and cancers
        reached = int(found[levels - 1]) if levels else 0
        values[sensitivity_name(specificity)] = reached / cancers if defined else nan
    below = float((step * (normals - called + tied / 2)).sum())
    precision = float((step * (found / (last + 1))).sum())
    values["auroc"] = below / (cancers * normals) if cancers and normals else nan
    values["average_precision"] = min(precision / cancers, 1.0) if cancers else nan
    return values


def _steps(counts: Integers) -> Integers:
    """By how much a count grows at each place, from 0 on: `np.diff` with a 0 before takes five
    times as long for so few numbers."""
    steps = counts.copy()
    steps[1:] -= counts[:-1]
    return steps
