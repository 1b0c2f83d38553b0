"""Measures by name: how far generated images are from films, each in two pure functions.

A measure to add is one module with ``features`` and ``distance`` and one line in ``MEASURES``;
the training loop, its curve and its stopping rule take it by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import texture
from .variety import thumbnails, variety

__all__ = ["MEASURES", "Measure", "floor", "thumbnails", "variety"]


@dataclass(frozen=True)
class Measure:
    """A distance between images and films; 0 is equal, less is better.

    Attributes:
        name: How settings, rows and figures call it.
        text: What it is, in a few words: the label of an axis.
        features: uint8 ``[N, R, R]`` to float64 ``[N, F]``; each row depends on its image alone.
        distance: Features of films and of other images, two rows at least, to the distance.
    """

    name: str
    text: str
    features: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    distance: Callable[[NDArray[np.float64], NDArray[np.float64]], float]


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("texture", "texture distance to films", texture.features, texture.distance),
    )
}


def floor(measure: Measure, real: NDArray[np.float64]) -> float | None:
    """The distance between two random halves of the films (their features ``[N, F]``): no
    generator needs to come nearer. ``None`` below four films."""
    if len(real) < 4:
        return None
    # Not every other row: films come view by view, and the halves would be CC and MLO.
    order = np.random.default_rng(0).permutation(len(real))
    return measure.distance(real[order[0::2]], real[order[1::2]])
