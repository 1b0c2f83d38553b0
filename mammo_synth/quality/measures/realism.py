"""Realism of single images, to sort a montage: Kynkäänniemi et al. 2019, section 5."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_synth.quality.features import Features

from .arrays import checked_pair
from .distances import blocks, radii
from .precision_recall import K


def realism(real: npt.ArrayLike, images: npt.ArrayLike, *, k: int = K) -> Features:
    """Realism of each image: float64 [M] for features real [N, D] and images [M, D].

    The largest ratio of a film's radius (distance to its k-th nearest other film) to its distance
    from the image: 1 or more inside the films' manifold. Films with a radius above the median are
    left out, as in the paper: lonely films would call everything real. Infinite for an exact copy.

    Raises:
        BadInput: k or fewer films; features that do not fit.
    """
    films, points = checked_pair(real, images, least=1)
    centre = films.mean(axis=0)
    films, points = films - centre, points - centre
    limits = radii(films, k)
    typical = limits <= np.median(limits)
    films, limits = films[typical], limits[typical]
    found = np.empty(len(points))
    for part, squared in blocks(points, films):
        ratio = np.full(squared.shape, np.inf)
        np.divide(limits, squared, out=ratio, where=squared > 0)
        found[part] = np.sqrt(ratio.max(axis=1))
    return found
