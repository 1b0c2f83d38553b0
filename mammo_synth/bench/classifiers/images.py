"""Images as classifiers want them: smaller, still uint8."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mammo_synth.bench.classifiers.base import Images
from mammo_synth.errors import BadInput

FILTERS = ("box", "bilinear", "hamming", "bicubic", "lanczos")


def resize(images: Images, size: int, filter_name: str) -> Images:
    """Resize grey images with antialiasing (Pillow widens the filter when it reduces).

    Args:
        images: uint8 [N, S, S].
        size: New side in px.
        filter_name: One of `FILTERS`.

    Returns:
        uint8 [N, size, size]; the input itself if it has that size already.

    Raises:
        BadInput: Not uint8 [N, S, S].
    """
    if images.ndim != 3 or images.dtype != np.uint8 or images.shape[1] != images.shape[2]:
        raise BadInput(
            f"The images have the shape {images.shape} and type {images.dtype}; square grey "
            f"uint8 images [N, S, S] were expected.",
            hint="Read them with Release.rows.",
        )
    if images.shape[1] == size:
        return images
    method = Image.Resampling[filter_name.upper()]
    small = np.empty((len(images), size, size), np.uint8)
    for i, image in enumerate(images):
        small[i] = np.asarray(Image.fromarray(image).resize((size, size), method))
    return small
