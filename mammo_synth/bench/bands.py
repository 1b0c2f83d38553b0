"""ROC and precision-recall curves and reliability bins with their bootstrap bands: the numbers.

Curves. A replicate's ROC curve joins the points of its distinct scores by straight lines, so films
of equal score give a slope and the area is the AUROC (ties half). Its precision-recall curve is a
step: at a recall stands the precision of the first score that reaches it, so the area is the
average precision, and nothing is interpolated between points (Davis and Goadrich 2006). Replicates
are averaged vertically: sensitivity at each false positive rate, precision at each recall. The
area under the mean curve is then the mean of the areas, the number that a leaderboard shows.

Bands. Patients are drawn with replacement, as in every interval of the benchmark (the same draws:
`mammo_synth.bench.resampling.draw_counts`); a resample weighs the films, and all replicates are
averaged within it. At each place of a grid the band runs from the 2.5th to the 97.5th percentile
over the resamples: 95 % at each place by itself (pointwise), not for the whole curve at once. Where
more than 5 % of the resamples have no value there is no band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_synth.bench.calibration import BINS, Bin, bins_of, reliability
from mammo_synth.bench.estimate import Estimate, estimate
from mammo_synth.bench.metrics import CONFIDENCE, MOST_UNDEFINED, check_scores
from mammo_synth.bench.resampling import Floats, Integers, draw_counts
from mammo_synth.errors import BadInput

GRID = np.arange(101) / 100
"""Places of a band: false positive rates, and recalls."""
BAND_RESAMPLES = 2_000
"""The first of the 10,000 resamples behind an interval: enough for the width of a drawn band."""
_CELLS_AT_ONCE = 500_000  # resamples × films at a time: 4 MB per float64 array
_EDGE = 1e-9  # counts are whole: absorbs the rounding of a share times a total


@dataclass(frozen=True)
class Curve:
    """A curve, mean over replicates, and its band.

    Attributes:
        x, y: float64 [points] in [0, 1], to be joined by straight lines (steps are spelt out).
        grid: float64 [places], where the band stands.
        low, high: float64 [places], NaN where there is no band.
    """

    x: Floats
    y: Floats
    grid: Floats
    low: Floats
    high: Floats

    @property
    def area(self) -> float:
        """Area below the drawn line."""
        return float(np.trapezoid(self.y, self.x))


@dataclass(frozen=True)
class Curves:
    """Both curves of one cell; ``prevalence`` is the chance line of the second."""

    roc: Curve
    precision_recall: Curve
    prevalence: float


@dataclass(frozen=True)
class ReliableBin:
    """A bin of a reliability diagram over all replicates together, with the interval of its share
    of cancer; ``bin.n`` counts scores (films × replicates)."""

    bin: Bin
    share: Estimate


class _Levels:
    """One replicate's films by falling score, films of equal score together."""

    def __init__(self, label: Integers, p: Floats) -> None:
        self._order = np.argsort(-p, kind="stable")
        ordered = p[self._order]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self._cancer = (label[self._order] == 1).astype(np.float64)[:, None]

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """Cancers and normal films called at each level, float64 [1 + levels, resamples] each,
        from the films' weights [n, resamples]; nothing is called at the first."""
        ordered = weights[self._order]
        cancer = np.cumsum(ordered * self._cancer, axis=0)[self._ends]
        normal = np.cumsum(ordered, axis=0)[self._ends] - cancer
        nothing = np.zeros((1, weights.shape[1]))
        return np.concatenate([nothing, cancer]), np.concatenate([nothing, normal])


def _first_above(rising: Floats, targets: Floats) -> Integers:
    """In each column of ``rising`` [levels, R] the number of entries that are at most ``targets``
    [places, R]: all columns in one search, each moved above the one before it."""
    levels, columns = rising.shape
    step = rising.max(initial=0) + 2
    moved = rising + step * np.arange(columns)
    sought = targets + step * np.arange(columns)
    places = np.searchsorted(moved.T.ravel(), sought.T.ravel(), side="right")
    return np.asarray(places.reshape(columns, -1) - levels * np.arange(columns)[:, None]).T


def _sensitivity_at(found: Floats, called: Floats, targets: Floats, *, below: bool) -> Floats:
    """Cancers found where ``targets`` [places, R] normal films are called, [places, R].

    Where the curve rises there, its top; its foot where ``below``.
    """
    if below:
        after = _first_above(called, targets - _EDGE)  # the first level not under the target
    else:
        after = np.minimum(_first_above(called, targets + _EDGE), len(called) - 1)
    before = np.maximum(after - 1, 0)
    x0, x1 = (np.take_along_axis(called, i, 0) for i in (before, after))
    y0, y1 = (np.take_along_axis(found, i, 0) for i in (before, after))
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(x1 > x0, np.clip((targets - x0) / (x1 - x0), 0, 1), 1.0)
    if not below:
        part = np.where((x1 <= targets) | (x1 > x0), part, 0.0)
    return y0 + part * (y1 - y0)


def _precision_at(found: Floats, called: Floats, targets: Floats) -> Floats:
    """Precision of the first level that finds ``targets`` [places, R] cancers or more, and at
    least one."""
    wanted = np.maximum(targets, 1.0)
    level = np.minimum(_first_above(found, wanted - _EDGE), len(found) - 1)
    tp, fp = (np.take_along_axis(values, level, 0) for values in (found, called))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(tp / (tp + fp))


def curves(
    label: Integers,
    p: Floats,
    patients: Integers,
    *,
    resamples: int = BAND_RESAMPLES,
    seed: int = 0,
) -> Curves:
    """ROC and precision-recall curve of one cell, as the module says.

    Args:
        label: int [n], normal 0, cancer 1; both must be there.
        p: float64 [replicates, n] (or [n] for one), scores in [0, 1] for cancer.
        patients: int [n], codes as from `mammo_synth.bench.metrics.patient_codes`.
        resamples: Resamples of the patients behind the bands.
        seed: Of the draw.

    Raises:
        BadInput: As `mammo_synth.bench.metrics.check_scores`, shapes that do not fit, or one
            class alone.
    """
    label, scores, patients = _checked(label, p, patients)
    cancers = int(label.sum())
    normals = len(label) - cancers
    if not cancers or not normals:
        raise BadInput(
            f"The test set has {cancers} cancer and {normals} normal films; a curve needs both.",
            hint="Score films of both classes.",
        )
    levels = [_Levels(label, one) for one in scores]
    feet, tops, precisions = [], [], []
    every = np.arange(normals + 1, dtype=np.float64)[:, None]
    for one in levels:
        found, called = one.counts(np.ones((len(label), 1)))
        feet.append(_sensitivity_at(found, called, every, below=True)[:, 0] / cancers)
        tops.append(_sensitivity_at(found, called, every, below=False)[:, 0] / cancers)
        wanted = np.arange(1, cancers + 1, dtype=np.float64)[:, None]
        precisions.append(_precision_at(found, called, wanted)[:, 0])
    roc_low, roc_high, pr_low, pr_high = _bands(levels, label, patients, resamples, seed)
    rate = np.repeat(np.arange(normals + 1) / normals, 2)
    sensitivity = np.stack([np.mean(feet, axis=0), np.mean(tops, axis=0)], axis=1).ravel()
    recall = np.repeat(np.arange(cancers + 1) / cancers, 2)[1:-1]
    precision = np.repeat(np.mean(precisions, axis=0), 2)
    return Curves(
        Curve(rate, sensitivity, GRID, roc_low, roc_high),
        Curve(recall, precision, GRID, pr_low, pr_high),
        cancers / len(label),
    )


def _bands(
    levels: list[_Levels], label: Integers, patients: Integers, resamples: int, seed: int
) -> tuple[Floats, Floats, Floats, Floats]:
    units = int(patients.max()) + 1
    at_once = max(1, _CELLS_AT_ONCE // max(units, len(label)))
    roc, precision = [], []
    for counts in draw_counts(units, resamples, seed, at_once):
        weights = counts[patients]
        cancers = weights[label == 1].sum(axis=0)
        normals = weights.sum(axis=0) - cancers
        sensitivities, precisions = [], []
        for one in levels:
            found, called = one.counts(weights)
            at_rate = GRID[:, None] * normals
            with np.errstate(invalid="ignore", divide="ignore"):
                share = _sensitivity_at(found, called, at_rate, below=False) / cancers
            sensitivities.append(np.where(normals > 0, share, np.nan))
            precisions.append(
                np.where(cancers > 0, _precision_at(found, called, GRID[:, None] * cancers), np.nan)
            )
        roc.append(np.mean(sensitivities, axis=0))
        precision.append(np.mean(precisions, axis=0))
    lone = units == 1  # all resamples are the same
    return (
        *_percentiles(np.concatenate(roc, axis=1), lone),
        *_percentiles(np.concatenate(precision, axis=1), lone),
    )


def _percentiles(drawn: Floats, lone: bool) -> tuple[Floats, Floats]:
    """2.5th and 97.5th percentile of each row of [places, resamples]; NaN as the module says."""
    tail = 100 * (1 - CONFIDENCE) / 2
    undefined = np.isnan(drawn).mean(axis=1) > MOST_UNDEFINED
    filled = np.where((undefined | lone)[:, None], 0.0, drawn)
    low, high = np.nanpercentile(filled, (tail, 100 - tail), axis=1)
    nothing = undefined | lone
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


def reliable_bins(
    label: Integers,
    p: Floats,
    patients: Integers,
    *,
    resamples: int = BAND_RESAMPLES,
    seed: int = 0,
) -> list[ReliableBin]:
    """The reliability diagram of one cell: each film's score in each replicate is one score.

    Arguments and errors as for `curves`; one class alone is no error.
    """
    label, scores, patients = _checked(label, p, patients)
    found = reliability(np.tile(label, len(scores)), scores.ravel())
    units = int(patients.max()) + 1
    per_patient = np.zeros((units, 2 * BINS))
    for one in scores:
        place = bins_of(one)
        np.add.at(per_patient, (patients, place), 1.0)
        np.add.at(per_patient, (patients, BINS + place), label.astype(np.float64))
    shares = []
    for counts in draw_counts(units, resamples, seed, max(1, _CELLS_AT_ONCE // units)):
        sums = per_patient.T @ counts
        with np.errstate(invalid="ignore", divide="ignore"):
            shares.append(sums[BINS:] / sums[:BINS])
    drawn = np.concatenate(shares, axis=1)
    return [
        ReliableBin(
            one, Estimate(one.cancer_share) if units == 1 else estimate(one.cancer_share, row)
        )
        for one, row in zip(found, drawn, strict=True)
    ]


def _checked(label: Integers, p: Floats, patients: Integers) -> tuple[Integers, Floats, Integers]:
    scores = np.atleast_2d(np.asarray(p, dtype=np.float64))
    for one in scores:
        label, _ = check_scores(label, one)
    patients = np.asarray(patients)
    if not len(scores) or patients.shape != np.shape(label):
        raise BadInput(
            f"{len(scores)} replicates, {np.size(label)} films and {len(patients)} patient codes "
            f"do not fit together.",
            hint="Give one patient code per film and one replicate or more.",
        )
    return np.asarray(label, dtype=np.int64), scores, patients
