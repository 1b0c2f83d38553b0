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


def factor(matrix: Features) -> Features:
    """A matrix ``[F, F]`` whose ``factor.T @ factor`` is the covariance ``matrix [F, F]``."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T, np.float64)


def overlap(left: Features, right: Features) -> float:
    """``tr (C1 C2)^1/2`` of two covariances ``[F, F]``, where ``left [K, F]`` is a factor of the
    first (``left.T @ left`` is C1) and ``right [F, F]`` is the second.

    From the eigenvalues of the symmetric ``left C2 left.T [K, K]``: no root of a matrix that
    rounding turns complex, and as small as the factor, such as centred rows of few images.
    """
    return root_trace(left @ right @ left.T)


def root_trace(matrix: Features) -> float:
    """``tr matrix^1/2`` of a symmetric matrix ``[K, K]`` without negative eigenvalues."""
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    return float(np.sqrt(np.clip(values, 0, None)).sum())


def normal_distance(means: float, spreads: float, shared: float) -> float:
    """``|m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr (C1 C2)^1/2`` from its parts; rounding makes no part
    negative (Dowson and Landau 1982)."""
    return float(max(means, 0.0) + max(spreads - 2 * shared, 0.0))


def frechet(first: Features, second: Features) -> float:
    """Squared Fréchet (2-Wasserstein) distance between the normal distributions fitted to ``first
    [N, F]`` and ``second [M, F]``.

    Both covariances are shrunk alike, by what the smaller set needs. 0 for equal sets, never
    negative. Both sets need two rows. Without shrinkage: `mammo_synth.quality.measures.frechet`.
    """
    shrink = shrinkage(min(len(first), len(second)), first.shape[1])
    c1, c2 = covariance(first, shrink), covariance(second, shrink)
    means = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    return normal_distance(float(means), np.trace(c1) + np.trace(c2), overlap(factor(c1), c2))
