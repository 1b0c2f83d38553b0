"""Improved precision and recall: are synthetic images among the films, and films among them?

Kynkäänniemi et al. 2019 (arXiv 1904.06991): a set's manifold is the union of balls around its
images, each as large as the distance to the k-th nearest other image of the set.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.quality.features import Features

from .arrays import checked_pair
from .distances import blocks, inside, radii

K = 3
"""The paper's choice."""


@dataclass(frozen=True)
class PrecisionRecall:
    """Two shares from 0 to 1, and the k of their balls.

    Attributes:
        precision: Share of synthetic images inside the films' manifold: fidelity.
        recall: Share of films inside the synthetic images' manifold: variety. It rises with the
            number of synthetic images, so compare at equal counts.
        k: Which neighbour sets a ball's radius.
    """

    precision: float
    recall: float
    k: int

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def precision_recall(real: npt.ArrayLike, fake: npt.ArrayLike, *, k: int = K) -> PrecisionRecall:
    """Precision and recall of features real [N, D] and fake [M, D]. Borders belong to a ball.

    Raises:
        BadInput: k or fewer images in a set; features that do not fit.
    """
    return PrecisionRecall(precision(real, fake, k=k), recall(real, fake, k=k), k)


def precision(real: npt.ArrayLike, fake: npt.ArrayLike, *, k: int = K) -> float:
    """Share of ``fake`` [M, D] inside the manifold of ``real`` [N, D]."""
    films, images = checked_pair(real, fake)
    return _share_inside(films, images, k)


def recall(real: npt.ArrayLike, fake: npt.ArrayLike, *, k: int = K) -> float:
    """Share of ``real`` [N, D] inside the manifold of ``fake`` [M, D]."""
    films, images = checked_pair(real, fake)
    return _share_inside(images, films, k)


def _share_inside(manifold: Features, points: Features, k: int) -> float:
    centre = manifold.mean(axis=0)
    manifold, points = manifold - centre, points - centre
    limits = radii(manifold, k)
    covered = 0
    for _, squared in blocks(points, manifold):
        covered += int(np.any(inside(squared, limits, border=True), axis=1).sum())
    return covered / len(points)
