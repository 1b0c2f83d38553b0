"""DeLong's variance and test of AUROC (DeLong, DeLong and Clarke-Pearson 1988).

A cross-check of the bootstrap, not the judge: it takes films for independent, and two films of
one patient are not. The placements come from midranks (Sun and Xu 2014), so the cost is that of
sorting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mammo_synth.bench.resampling import Floats, Integers


@dataclass(frozen=True)
class DeLong:
    """Two correlated AUROCs on the same films.

    Attributes:
        first, second: AUROC of each, replicates averaged.
        variance_first, variance_second, covariance: Of these estimates.
        z: Difference over its standard error; None where that is 0.
        p_value: Two-sided; 1 where both classifiers give equal placements, None where the
            difference is certain and not 0.
    """

    first: float
    second: float
    variance_first: float
    variance_second: float
    covariance: float
    z: float | None
    p_value: float | None


def placements(label: Integers, p: Floats) -> tuple[Floats, Floats]:
    """Structural components of AUROC, replicates averaged.

    Args:
        label: int [n], both classes present.
        p: float64 [replicates, n] or [n].

    Returns:
        float64 [cancers]: the share of normal films that rank below each cancer, ties half; and
        float64 [normals]: the share of cancers that rank above each normal film. The mean of
        either is AUROC.
    """
    from scipy.stats import rankdata

    cancer = label == 1
    m, n = int(cancer.sum()), int((~cancer).sum())
    scores = np.atleast_2d(p)
    ranks = rankdata(scores, axis=1)
    above = (ranks[:, cancer] - rankdata(scores[:, cancer], axis=1)) / n
    below = 1 - (ranks[:, ~cancer] - rankdata(scores[:, ~cancer], axis=1)) / m
    return above.mean(axis=0), below.mean(axis=0)


def delong(label: Integers, first: Floats, second: Floats) -> DeLong | None:
    """DeLong's test that two classifiers have the same AUROC.

    Args:
        label: int [n], normal 0, cancer 1.
        first, second: float64 [replicates, n] or [n], scores on the same films.

    Returns:
        The test; None where a class has fewer than two films.
    """
    cancers = int((label == 1).sum())
    if min(cancers, len(label) - cancers) < 2:
        return None
    (a1, b1), (a2, b2) = placements(label, first), placements(label, second)
    (v1, c), (_, v2) = np.cov(a1, a2) / len(a1) + np.cov(b1, b2) / len(b1)
    # The variance of the difference is taken from the differences: equal classifiers give 0 exactly
    spread = np.var(a1 - a2, ddof=1) / len(a1) + np.var(b1 - b2, ddof=1) / len(b1)
    difference = float(a1.mean() - a2.mean())
    if spread > 0:
        z = difference / math.sqrt(spread)
        p_value: float | None = math.erfc(abs(z) / math.sqrt(2))
    else:
        z, p_value = None, 1.0 if difference == 0 else None
    return DeLong(
        first=float(a1.mean()),
        second=float(a2.mean()),
        variance_first=float(v1),
        variance_second=float(v2),
        covariance=float(c),
        z=z,
        p_value=p_value,
    )
