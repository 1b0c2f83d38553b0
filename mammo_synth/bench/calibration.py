"""How far scores are probabilities: Brier score, expected calibration error, reliability bins.

The bins are ten of equal width: [0, 0.1), [0.1, 0.2), ... [0.9, 1]. In each, the mean score is
compared with the share of cancer. The expected calibration error is the mean of the absolute
difference over the bins, each weighted by its share of the films (Naeini et al. 2015). Both
measures are errors: lower is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_synth.bench.resampling import Floats, Integers

BINS = 10
EDGES = np.arange(1, BINS) / BINS
"""Inner edges of the bins; a score on an edge belongs to the bin above it."""


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability diagram.

    ``mean_score`` and ``cancer_share`` are None in a bin without films.
    """

    low: float
    high: float
    n: int
    mean_score: float | None
    cancer_share: float | None


def bins_of(p: Floats) -> Integers:
    """Bin of each score, int64 [n] in 0..`BINS` - 1."""
    return np.searchsorted(EDGES, p, side="right").astype(np.int64)


def reliability(label: Integers, p: Floats) -> list[Bin]:
    """The bins of a reliability diagram, lowest first.

    Args:
        label: int [n], normal 0, cancer 1.
        p: float64 [n], scores in [0, 1] for cancer.
    """
    place = bins_of(p)
    bins = []
    for k in range(BINS):
        inside = place == k
        n = int(inside.sum())
        bins.append(
            Bin(
                low=k / BINS,
                high=(k + 1) / BINS,
                n=n,
                mean_score=float(p[inside].mean()) if n else None,
                cancer_share=float(label[inside].mean()) if n else None,
            )
        )
    return bins


def calibration_columns(label: Integers, p: Floats) -> Floats:
    """What both errors are sums of, float64 [n, 1 + `BINS`]: the squared error, and the surplus
    of cancer over the score in the column of the film's bin."""
    columns = np.zeros((len(p), 1 + BINS))
    columns[:, 0] = (p - label) ** 2
    columns[np.arange(len(p)), 1 + bins_of(p)] = label - p
    return columns


def calibration_metrics(sums: Floats, films: Floats) -> dict[str, Floats]:
    """Brier score and expected calibration error from weighted sums of `calibration_columns`.

    Args:
        sums: float64 [1 + `BINS`, ...].
        films: float64 [...], the weight of all films.
    """
    return {
        "brier": sums[0] / films,
        "calibration_error": np.abs(sums[1:]).sum(axis=0) / films,
    }
