"""Grids of images."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo_synth.files import write_bytes
from mammo_synth.png import encode_png


def grid(images: NDArray[np.uint8], columns: int | None = None, gap: int = 2) -> NDArray[np.uint8]:
    """Images ``[N, H, W]`` on one sheet, row by row, ``gap`` px of mid grey between them."""
    count, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), 128, np.uint8)
    for index, image in enumerate(images):
        y, x = divmod(index, columns)
        top, left = y * (height + gap), x * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def save_grid(path: Path, images: NDArray[np.uint8], columns: int | None = None) -> None:
    """Write a grid of ``images`` as PNG, atomically."""
    write_bytes(path, encode_png(grid(images, columns)))
