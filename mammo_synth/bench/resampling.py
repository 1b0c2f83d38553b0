"""Bootstrap resamples as counts per patient, and metrics of weighted films: the arithmetic.

A resample that draws patient i ``c[i]`` times equals weighting the films of patient i by ``c[i]``,
so thousands of resamples of a metric are a matrix product or a cumulative sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SPECIFICITIES = (0.8, 0.9)
"""Specificities at which a ranking's sensitivity is read."""


def draw_counts(patients: int, resamples: int, seed: int, at_once: int) -> Iterator[Floats]:
    """How often each patient is drawn: float64 [patients, up to at_once], `resamples` in all.

    A column is one resample. The columns depend on ``patients`` and ``seed`` alone, so two
    classifiers on the same test set are compared on the same resamples. RandomState's stream is
    frozen (NEP 19): an interval recomputes to the digit under any NumPy.
    """
    stream = np.random.RandomState(seed)
    for begin in range(0, resamples, at_once):
        rows = min(at_once, resamples - begin)
        drawn = stream.randint(0, patients, size=(rows, patients), dtype=np.int64)
        drawn += np.arange(rows)[:, None] * patients
        counts = np.bincount(drawn.ravel(), minlength=rows * patients)
        # One patient's counts lie side by side: every later step runs along them.
        yield counts.reshape(rows, patients).T.astype(np.float64, order="C")


def count_metrics(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> dict[str, Floats]:
    """Count metrics from arrays of (weighted) counts of any one shape; NaN where 0 / 0.

    MCC is the correlation of truth and call (Matthews 1975), in [-1, 1]; it has no value where
    either is constant.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        return {
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "precision": tp / (tp + fp),
            "recall": recall,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "specificity": specificity,
            "balanced_accuracy": (recall + specificity) / 2,
            "mcc": np.clip((tp * tn - fp * fn) / spread, -1, 1),  # the root rounds
        }


class Ranking:
    """Films of one replicate by score, for metrics of their order under any weights.

    Found cancers grow at the scores of cancers only, so the normal films in between are summed
    first, by a sparse matrix of films, and only one step per score of a cancer is left.
    """

    def __init__(self, label: Integers, p: Floats, patients: Integers, units: int) -> None:
        """label int [n], p float64 [n], patients int [n] with codes below ``units``."""
        cancer = label == 1
        levels = -np.unique(-p[cancer])  # descending
        # A normal film is called from the first level that is not above it.
        step = np.searchsorted(-levels, -p, side="left")
        normal = ~cancer
        self._steps = len(levels)
        self._cancer = _sums(step[cancer], patients[cancer], self._steps, units)
        self._normal = _sums(step[normal], patients[normal], self._steps + 1, units)
        tied = normal & (step < self._steps)
        tied[tied] = levels[step[tied]] == p[tied]
        self._tied = _sums(step[tied], patients[tied], self._steps, units) if tied.any() else None

    def values(self, counts: Floats) -> dict[str, Floats]:
        """Rank metrics under weights: [resamples] each, from counts [units, resamples].

        AUROC is the chance that a cancer ranks above a normal film, ties half (Mann and Whitney
        1947). Average precision is the sum of precision × step of recall over the distinct scores.
        Sensitivity at a specificity is the largest one among the thresholds that keep at least
        that specificity; films of equal score are called together, nothing is interpolated.
        NaN where a class has no weight.
        """
        cancer: Floats = self._cancer @ counts
        normal: Floats = self._normal @ counts
        found, called = np.cumsum(cancer, axis=0), np.cumsum(normal, axis=0)
        normals = called[-1].copy()
        called = called[:-1]
        nothing = np.zeros((1, counts.shape[1]))
        cancers = found[-1].copy() if self._steps else nothing[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            values = {}
            for specificity in SPECIFICITIES:
                # Counts are whole numbers: the margin only absorbs the rounding of the product.
                allowed = normals - np.ceil(specificity * normals - 1e-9)
                best = (called <= allowed).sum(axis=0)
                reached = np.take_along_axis(np.concatenate([nothing, found]), best[None], axis=0)
                share = np.where(normals > 0, reached[0] / cancers, np.nan)
                values[sensitivity_name(specificity)] = share
            below = cancers * normals - np.einsum("ij,ij->j", cancer, called)
            if self._tied is not None:
                below += np.einsum("ij,ij->j", cancer, self._tied @ counts) / 2
            called += found
            # Before the first film with weight nothing is called; such steps add nothing either.
            np.maximum(called, 1, out=called)
            found /= called
            # Steps of a perfect ranking may sum to 1 + 2e-16.
            precision = np.minimum(np.einsum("ij,ij->j", cancer, found) / cancers, 1)
            return {"auroc": below / (cancers * normals), "average_precision": precision, **values}


def sensitivity_name(specificity: float) -> str:
    """Name of the metric that reads the sensitivity at ``specificity``."""
    return f"sensitivity_at_{round(100 * specificity)}_specificity"


def _sums(rows: Integers, columns: Integers, n_rows: int, n_columns: int) -> Any:
    """Sparse matrix [n_rows, n_columns] of how many films stand at each place."""
    from scipy.sparse import csr_array

    ones = np.ones(len(rows))
    return csr_array((ones, (rows, columns)), shape=(n_rows, n_columns))
