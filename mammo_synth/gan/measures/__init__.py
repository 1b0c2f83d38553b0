"""Measures by name: how images compare with films, each in two pure functions.

``MEASURES`` holds those that need nothing but this package; `mammo_synth.gan.measures.choice` makes
the others, such as ``frechet:radiomics``, from the room of quality. The training loop, its curve
and its stopping rule take any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mammo_synth.errors import BadInput

from . import texture
from .variety import thumbnails, variety

__all__ = ["MEASURES", "Better", "Measure", "floor", "thumbnails", "variety"]

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Measure:
    """A number that compares images with films.

    Attributes:
        name: How settings, rows and figures call it.
        text: What it is, in a few words: the label of an axis.
        features: uint8 ``[N, R, R]`` to float64 ``[N, F]``; each row depends on its image alone.
        distance: Features of films and of other images, two rows at least, to the number; it may
            be infinite.
        better: Which direction of it is better.
        digest: Hex sha256 of what ``features`` depends on beside images and this package: weights,
            versions. ``""``: nothing.
        facts: What settings and headers say of it beside its name; none for those of `MEASURES`.
        film_features: As ``features``, for the films, which a run looks at once; it may keep them.
        batch: Images that ``features`` is given at a time; 0: as many as are drawn at a time.
        least: Films that it needs.
    """

    name: str
    text: str
    features: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    distance: Callable[[NDArray[np.float64], NDArray[np.float64]], float]
    better: Better = "lower"
    digest: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    film_features: Callable[[NDArray[np.uint8]], NDArray[np.float64]] | None = None
    batch: int = 0
    least: int = 2

    def improves(self, value: float | None, best: float | None) -> bool:
        """Whether ``value`` is better than the ``best`` so far; ``None`` is no value."""
        if value is None or best is None:
            return value is not None
        return value < best if self.better == "lower" else value > best

    def compare(self, real: NDArray[np.float64], fake: NDArray[np.float64]) -> float | None:
        """``distance``; ``None`` where it is not finite."""
        value = self.distance(real, fake)
        return value if math.isfinite(value) else None


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("texture", "texture distance to films", texture.features, texture.distance),
    )
}


def floor(measure: Measure, real: NDArray[np.float64]) -> float | None:
    """The measure between two random halves of the films (their features ``[N, F]``): no
    generator needs to come nearer. ``None`` below four films, or where the measure needs more."""
    if len(real) < 4:
        return None
    # Not every other row: films come view by view, and the halves would be CC and MLO.
    order = np.random.default_rng(0).permutation(len(real))
    try:
        return measure.compare(real[order[0::2]], real[order[1::2]])
    except BadInput:
        return None
