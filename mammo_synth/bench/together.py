"""The bootstrap of many classifiers at once: one draw of the patients, shared by all of them.

`mammo_synth.bench.metrics.resample` draws the patients again for each classifier and takes the
order of its films apart by sparse matrices. Here every block of resamples is drawn once for all
classifiers whose test sets have equally many patients (the draw depends on that number and the
seed alone), the confusion counts of all are one matrix product, and each ranking is swept once
from its highest score down, a row of resamples at a time. The values are those of `resample` but
for the rounding of the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.metrics import (
    COUNT_METRICS,
    RESAMPLES,
    check_scores,
    percentile_interval,
)
from mammo_synth.bench.resampling import Floats, Integers, count_metrics, draw_counts
from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress

SWEPT = ("auroc", "average_precision")
TOGETHER = (*COUNT_METRICS, *SWEPT)
"""Metrics that are resampled here."""
_MEAN_OF_SHARES = ("accuracy", "recall", "specificity", "balanced_accuracy")
"""Metrics whose denominators are the same for every replicate: counts may be averaged first."""
_CELLS_AT_ONCE = 5_000_000
"""Patients × resamples at a time, and no more than `RESAMPLES` of these: NumPy's calls are few, and
the rows of a sweep stay near the processor."""
_DOZEN = 12
_NOTHING = 1e-30
"""Stands for no film called yet: 0 / _NOTHING is 0, and beside a whole number it rounds away."""


@dataclass(frozen=True)
class Case:
    """One classifier on one test set.

    Attributes:
        label: int [n], normal 0, cancer 1.
        p: float64 [replicates, n], scores in [0, 1] for cancer.
        thresholds: [replicates] operating points.
        patients: int [n], codes 0..P-1 as from `mammo_synth.bench.metrics.patient_codes`.
    """

    label: Integers
    p: Floats
    thresholds: tuple[float, ...]
    patients: Integers

    @property
    def units(self) -> int:
        """How many patients are drawn."""
        return int(self.patients.max()) + 1


@dataclass(frozen=True)
class Resampled:
    """What the resamples of one case give.

    Attributes:
        intervals: Of every metric, as from `mammo_synth.bench.metrics.percentile_interval`.
        values: float64 [resamples] of those that were asked for, as from
            `mammo_synth.bench.metrics.resample`: NaN where a replicate has no value.
    """

    intervals: dict[str, tuple[float, float] | None]
    values: dict[str, Floats]


def resample_together(
    cases: Sequence[Case],
    metrics: Sequence[str],
    *,
    values_of: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = SILENT,
    helper: Executor | None = None,
) -> list[Resampled]:
    """Each metric over bootstrap resamples of the patients, replicates averaged.

    Args:
        cases: Classifiers with their test sets.
        metrics: Names out of `TOGETHER`.
        values_of: Those of them whose values are returned: between two processes the values of
            all would take longer than their intervals.
        resamples: Number of resamples.
        seed: Of the draw; all cases with the same number of patients have the same resamples.
        progress: Advanced by one for every case.
        helper: A pool of one process that does half of it; no value depends on that.

    Raises:
        BadInput: As `mammo_synth.bench.metrics.resample`, or a metric that is not resampled here.
    """
    unknown = [name for name in metrics if name not in TOGETHER]
    if unknown or resamples < 1:
        raise BadInput(
            f"{resamples} resamples of {', '.join(unknown) or 'these metrics'} cannot be drawn "
            f"together.",
            hint=f"One resample or more of {', '.join(TOGETHER)}.",
        )
    for case in cases:
        _check(case)
    here, there = cases[::2], cases[1::2]
    if helper is None or not there:
        return _each(cases, metrics, values_of, resamples, seed, progress)
    by_helper = helper.submit(_each, there, metrics, values_of, resamples, seed)
    first = _each(here, metrics, values_of, resamples, seed, progress)
    second = by_helper.result()
    progress.advance(len(there), "")
    return [(second if i % 2 else first)[i // 2] for i in range(len(cases))]


def _each(
    cases: Sequence[Case],
    metrics: Sequence[str],
    values_of: Sequence[str],
    resamples: int,
    seed: int,
    progress: Progress = SILENT,
) -> list[Resampled]:
    found: dict[int, Resampled] = {}
    by_units: dict[int, list[int]] = {}
    for i, case in enumerate(cases):
        by_units.setdefault(case.units, []).append(i)
    for units, members in by_units.items():
        drawn = _draw([cases[i] for i in members], units, metrics, resamples, seed)
        for i, values in zip(members, drawn, strict=True):
            intervals = {name: percentile_interval(values[name]) for name in metrics}
            found[i] = Resampled(intervals, {name: values[name] for name in values_of})
        progress.advance(len(members), "")
    return [found[i] for i in range(len(cases))]


def _check(case: Case) -> None:
    for one in case.p:
        check_scores(case.label, one)
    if len(case.thresholds) != len(case.p) or case.patients.shape != case.label.shape:
        raise BadInput(
            f"{len(case.p)} replicates, {len(case.thresholds)} thresholds, {len(case.label)} "
            f"films, {len(case.patients)} patient codes do not fit together.",
            hint="One threshold per replicate, one patient code per film.",
        )


def _draw(
    cases: Sequence[Case], units: int, metrics: Sequence[str], resamples: int, seed: int
) -> list[dict[str, Floats]]:
    counted = tuple(name for name in metrics if name in COUNT_METRICS)
    swept = [name for name in metrics if name in SWEPT]
    # Where all metrics allow it, replicates are summed before the product, not averaged after it.
    early = all(name in _MEAN_OF_SHARES for name in counted)
    columns = [_columns(case, units, early) for case in cases]
    ends = np.cumsum([part.shape[1] for part in columns])
    kind = np.float32 if single_is_exact(cases, units) else np.float64
    stacked = np.ascontiguousarray(np.concatenate(columns, axis=1).T.astype(kind))
    found = [{name: np.empty(resamples) for name in metrics} for _ in cases]
    at_once = max(1, min(RESAMPLES, _CELLS_AT_ONCE // units))
    begin = 0
    for drawn in draw_counts(units, resamples, seed, at_once):
        counts = drawn.astype(kind)
        here = slice(begin, begin + counts.shape[1])
        begin = here.stop
        sums = stacked @ counts if counted else None
        for k, (case, values) in enumerate(zip(cases, found, strict=True)):
            if sums is not None:
                part = sums[ends[k] - columns[k].shape[1] : ends[k]].astype(np.float64)
                cancer, normal, tp, fp = part[0], part[1], part[2::2], part[3::2]
                if early:
                    tp, fp = tp / len(case.p), fp / len(case.p)
                for name, each in _shares(counted, tp, fp, cancer, normal).items():
                    values[name][here] = each.mean(axis=0)
            if not swept:
                continue
            # Made anew for each block, which is quickly done: kept for all, they are hundreds of
            # thousands of lists, which Python's garbage collector looks through again and again.
            ranks = [Sweep(case.label, one, case.patients).values(counts) for one in case.p]
            for name in swept:
                values[name][here] = np.mean([one[name] for one in ranks], axis=0)
    return found


def _columns(case: Case, units: int, early: bool) -> Floats:
    """Per patient: cancers, normals, then tp and fp of each replicate, or summed over them."""
    cancer = case.label == 1
    called = case.p >= np.asarray(case.thresholds)[:, None]
    films = [cancer, ~cancer]
    pairs = [called & cancer, called & ~cancer]
    if early:
        films += [pair.sum(axis=0) for pair in pairs]
    else:
        films += [pair[r] for r in range(len(called)) for pair in pairs]
    return np.stack([np.bincount(case.patients, one, units) for one in films], axis=1)


def _shares(
    names: Sequence[str], tp: Floats, fp: Floats, cancer: Floats, normal: Floats
) -> dict[str, Floats]:
    """Count metrics [replicates, resamples] by name, as `count_metrics` has them."""
    if "mcc" in names:
        every = count_metrics(tp, fp, cancer - tp, normal - fp)
        return {name: every[name] for name in names}
    with np.errstate(invalid="ignore", divide="ignore"):
        found, kept = tp / cancer, (normal - fp) / normal
        called = tp + fp
        ways = {
            "accuracy": lambda: (tp + normal - fp) / (cancer + normal),
            "precision": lambda: tp / called,
            "recall": lambda: found,
            "f1": lambda: 2 * tp / (called + cancer),
            "specificity": lambda: kept,
            "balanced_accuracy": lambda: (found + kept) / 2,
        }
        return {name: ways[name]() for name in names}


class Sweep:
    """The films of one replicate from the highest score down."""

    def __init__(self, label: Integers, p: Floats, patients: Integers) -> None:
        """label int [n], p float64 [n], patients int [n]."""
        order = np.lexsort((label, -p))  # normals first where scores are equal
        steps: list[tuple[list[int], list[int]]] = []
        level = np.nan
        for score, cancer, patient in zip(
            p[order].tolist(), label[order].tolist(), patients[order].tolist(), strict=True
        ):
            if score != level or not steps:
                level = score
                steps.append(([], []))
            steps[-1][cancer].append(patient)
        self._levels = steps

    def values(self, counts: npt.NDArray[Any]) -> dict[str, Floats]:
        """AUROC and average precision as `mammo_synth.bench.resampling.Ranking.values` defines
        them, [resamples] each, from whole counts [units, resamples], float32 or float64.

        Counts and their products stay whole, so float32 is exact for AUROC while they are below
        2 ** 24 (`single_is_exact`). For average precision it rounds each term by 6e-8 at most,
        and terms are summed in float64 by the dozen.
        """
        width, kind = counts.shape[1], counts.dtype
        found, called = np.zeros(width, kind), np.full(width, _NOTHING, kind)
        above, precision = np.zeros(width, kind), np.zeros(width)
        step, scratch, terms = (np.zeros(width, kind) for _ in range(3))
        add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
        kept = 0
        for normals, cancers in self._levels:
            if not cancers:
                for patient in normals:
                    add(called, counts[patient], called)
                continue
            weight = counts[cancers[0]]
            for patient in cancers[1:]:
                weight = add(weight, counts[patient], step)
            for patient in normals:  # of equal score
                add(called, counts[patient], called)
            multiply(called, weight, scratch)
            add(above, scratch, above)
            for patient in normals:  # half of them stand above
                multiply(counts[patient], weight, scratch)
                multiply(scratch, 0.5, scratch)
                subtract(above, scratch, above)
            add(found, weight, found)
            add(found, called, scratch)
            divide(found, scratch, scratch)
            multiply(scratch, weight, scratch)
            add(terms, scratch, terms)
            kept += 1
            if kept == _DOZEN:
                precision += terms
                terms[:] = kept = 0
        precision += terms
        cancer, normal = found.astype(np.float64), called.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                # Where no normal was called there is none: 0 / 0, not 0 / _NOTHING.
                "auroc": np.where(normal < 1, np.nan, 1 - above / (cancer * normal)),
                "average_precision": np.minimum(precision / cancer, 1),
            }


def single_is_exact(cases: Sequence[Case], units: int) -> bool:
    """Whether float32 counts the films of every resample, and their pairs, one by one."""
    films = max(int(np.bincount(case.patients).max()) for case in cases) * units
    # Cancers × normals is largest where both are half; twice that, for the halves of ties.
    return films * films / 2 < 2**24
