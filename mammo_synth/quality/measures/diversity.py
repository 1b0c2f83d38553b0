"""Variety inside a class: do synthetic images differ from each other as much as films do?

Two numbers, for each finds what the other misses. The mean pairwise distance falls where images
draw together, and hardly moves where half of the kinds of film are gone but the rest lie apart.
The Vendi score (Friedman and Dieng 2023, arXiv 2210.02410), the effective number of different
images, falls with every kind that is lost, and with copies. Both are given relative to the films:
1 is as varied as films. Much above 1 is no praise: noise is varied too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .arrays import checked, checked_pair, some, standardised
from .distances import blocks

PAIRWISE_MOST = 4000
"""Images of a set in mean pairwise distances at most, drawn once: 8 million pairs."""
VENDI_MOST = 1000
"""Images of each set in a Vendi score at most; equal counts, for the score grows with them."""


def mean_distance(rows: npt.ArrayLike, *, most: int = PAIRWISE_MOST, seed: int = 0) -> float:
    """Mean Euclidean distance of two different images of features [N, D], of ``most`` of them."""
    found = checked(rows)
    found = found[some(len(found), most, seed)]
    found = found - found.mean(axis=0)
    total = sum(float(np.sqrt(np.maximum(squared, 0)).sum()) for _, squared in blocks(found, found))
    return total / (len(found) * (len(found) - 1))


def pairwise_diversity(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """Mean pairwise distance of synthetic images [M, D] over that of films [N, D].

    0 where all synthetic images are equal. Films that are all equal: infinite, or 1 for equal
    images too.
    """
    films, images = checked_pair(real, fake)
    return _ratio(mean_distance(images), mean_distance(films))


def vendi(rows: npt.ArrayLike) -> float:
    """Vendi score of features [N, D], 1 to N: the exponential of the entropy of the eigenvalues of
    K / N, with the cosines between rows as K. A row of zeros is like no other row.

    The eigenvalue problem is of the smaller of N and D.
    """
    found = checked(rows, least=1)
    lengths = np.linalg.norm(found, axis=1)
    lost = int((lengths == 0).sum())
    unit = found[lengths > 0] / lengths[lengths > 0, None]
    matrix = unit @ unit.T if len(unit) < unit.shape[1] else unit.T @ unit
    values = np.linalg.eigvalsh(matrix) if len(unit) else np.zeros(0)
    shares = np.concatenate([values, np.ones(lost)]) / len(found)
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def vendi_diversity(real: npt.ArrayLike, fake: npt.ArrayLike, *, seed: int = 0) -> float:
    """Vendi score of synthetic images [M, D] over that of films [N, D], at equal counts.

    Features are in standard deviations of the films from their mean, so that cosines tell images
    apart: raw features of a network are all positive, and all cosines near 1.
    """
    films, images = standardised(real, fake)
    count = min(len(films), len(images), VENDI_MOST)
    films, images = (rows[some(len(rows), count, seed)] for rows in (films, images))
    return _ratio(vendi(images), vendi(films))


def _ratio(fake: float, real: float) -> float:
    if real == 0:
        return 1.0 if fake == 0 else float("inf")
    return fake / real
