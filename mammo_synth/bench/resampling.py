"""Bootstrap resamples as counts per patient, and metrics of weighted films: the arithmetic.

A resample that draws patient i ``c[i]`` times equals weighting the films of patient i by ``c[i]``,
so thousands of resamples of a metric are a matrix product or a cumulative sum.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def draw_counts(patients: int, resamples: int, seed: int, at_once: int) -> Iterator[Floats]:
    """How often each patient is drawn: float64 [up to at_once, patients], in all `resamples` rows.

    The rows depend on ``patients`` and ``seed`` alone, so two classifiers on the same test set
    are compared on the same resamples. RandomState's stream is frozen (NEP 19): an interval
    recomputes to the digit under any NumPy.
    """
    stream = np.random.RandomState(seed)
    for begin in range(0, resamples, at_once):
        rows = min(at_once, resamples - begin)
        drawn = stream.randint(0, patients, size=(rows, patients), dtype=np.int64)
        drawn += np.arange(rows)[:, None] * patients
        counts = np.bincount(drawn.ravel(), minlength=rows * patients)
        yield counts.reshape(rows, patients).astype(np.float64)


def count_metrics(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> dict[str, Floats]:
    """Count metrics from arrays of (weighted) counts of any one shape; NaN where 0 / 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        return {
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "precision": tp / (tp + fp),
            "recall": recall,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "specificity": specificity,
            "balanced_accuracy": (recall + specificity) / 2,
        }


class Ranking:
    """Films of one replicate in descending order of score, equal scores as one group."""

    def __init__(self, label: Integers, p: Floats, patients: Integers) -> None:
        order = np.argsort(-p, kind="stable")
        self._cancer = (label[order] == 1).astype(np.float64)
        self._patients = patients[order]
        ranked = p[order]
        self._groups = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._tied = len(self._groups) < len(p)

    def values(self, counts: Floats) -> Floats:
        """AUROC and average precision under weights: [2, rows] from counts [rows, patients].

        AUROC is the chance that a cancer ranks above a normal film, ties half (Mann and Whitney
        1947); average precision is the sum of precision × step of recall over the distinct scores.
        """
        weight = counts[:, self._patients]
        cancer = weight * self._cancer
        normal = weight - cancer
        if self._tied:
            cancer = np.add.reduceat(cancer, self._groups, axis=1)
            normal = np.add.reduceat(normal, self._groups, axis=1)
        found, called = np.cumsum(cancer, axis=1), np.cumsum(normal, axis=1)
        cancers, normals = found[:, -1].copy(), called[:, -1].copy()
        called += found
        above = np.einsum("ij,ij->i", normal, found) - np.einsum("ij,ij->i", normal, cancer) / 2
        # Before the first film with weight nothing is called; such steps add nothing either.
        np.maximum(called, 1, out=called)
        found /= called
        steps = np.einsum("ij,ij->i", cancer, found)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([above / (cancers * normals), steps / cancers])
