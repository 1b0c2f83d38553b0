"""How much images differ from one another: where that is little, a generator has collapsed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

THUMBNAIL = 16  # px


def thumbnails(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """uint8 ``[N, R, R]`` to ``[N, T, T]`` in grey levels: means of fields, T at most 16."""
    count, size, _ = images.shape
    side = min(size, THUMBNAIL)
    field = size // side
    fields = images.reshape(count, side, field, side, field)
    return np.asarray(fields.mean(axis=(2, 4)), np.float64)


def variety(small: NDArray[np.float64]) -> float:
    """Standard deviation between thumbnails ``[N, T, T]`` at a place, in grey levels, as a root
    mean square over the places. 0 where all images are equal."""
    return float(np.sqrt(small.var(axis=0).mean()))
