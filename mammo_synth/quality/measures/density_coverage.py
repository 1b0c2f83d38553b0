"""Density and coverage: precision and recall that outliers cannot raise.

Naeem et al. 2020 (arXiv 2002.09797). Only films have balls, so one odd synthetic image widens
nothing, and the cost of balls around a large pool falls away.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import checked_pair
from .distances import blocks, inside, radii

K = 5
"""The paper's choice: coverage of equal distributions is then 0.97."""


@dataclass(frozen=True)
class DensityCoverage:
    """How densely synthetic images fill the films' balls, and how many balls they reach.

    Attributes:
        density: Mean number of films' balls that a synthetic image lies in, over k. 1 is expected
            of equal distributions; above 1 where images crowd at typical films.
        coverage: Share of films with a synthetic image in their ball, 0 to 1. It rises with the
            number of synthetic images, so compare at equal counts.
        k: Which neighbour sets a ball's radius.
    """

    density: float
    coverage: float
    k: int

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def density_coverage(real: npt.ArrayLike, fake: npt.ArrayLike, *, k: int = K) -> DensityCoverage:
    """Density and coverage of features real [N, D] and fake [M, D].

    A ball's border does not belong to it, so that density of a set to itself is exactly 1.

    Raises:
        BadInput: k or fewer films; features that do not fit.
    """
    films, images = checked_pair(real, fake)
    centre = films.mean(axis=0)
    films, images = films - centre, images - centre
    limits = radii(films, k)
    contained, reached = 0, np.zeros(len(films), bool)
    for _, squared in blocks(images, films):
        within = inside(squared, limits, border=False)
        contained += int(within.sum())
        reached |= within.any(axis=0)
    return DensityCoverage(contained / (k * len(images)), float(reached.mean()), k)


def density(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """Density alone, with the paper's k."""
    return density_coverage(real, fake).density


def coverage(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """Coverage alone, with the paper's k."""
    return density_coverage(real, fake).coverage
