"""Fréchet distance between two sets of features, for sets that may be small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]


def shrinkage(count: int, features: int) -> float:
    """Share of the correlations that is given up when ``count`` rows estimate a covariance of
    ``features``: half where there are as many rows as features, little where there are many."""
    return features / (features + count)


def covariance(rows: Features, shrink: float) -> Features:
    """Covariance ``[F, F]`` of ``rows [N, F]``; correlations are scaled by ``1 - shrink``,
    variances are kept (Schäfer and Strimmer 2005, target D)."""
    matrix = np.atleast_2d(np.cov(rows, rowvar=False))
    diagonal = np.diag(np.diag(matrix))
    return np.asarray((1.0 - shrink) * matrix + shrink * diagonal, np.float64)


def frechet(first: Features, second: Features) -> float:
    """Squared Fréchet (2-Wasserstein) distance between the normal distributions fitted to ``first
    [N, F]`` and ``second [M, F]`` (Dowson and Landau 1982):

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2)``

    Both covariances are shrunk alike, by what the smaller set needs. 0 for equal sets, never
    negative. Both sets need two rows.
    """
    shrink = shrinkage(min(len(first), len(second)), first.shape[1])
    c1, c2 = covariance(first, shrink), covariance(second, shrink)
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ c2 @ root)
    means = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    spread = np.trace(c1) + np.trace(c2) - 2 * np.sqrt(np.clip(cross, 0, None)).sum()
    return float(max(means + max(spread, 0.0), 0.0))
