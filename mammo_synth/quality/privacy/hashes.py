"""Exact copies by digests of pixels, and near ones by a perceptual hash of 64 bits.

A hash of the whole picture says little of mammograms: all breasts have one outline. So the hash is
made of the pattern of the tissue: the signs of 64 of its cosine coefficients (`patterns`). An image
is compared as it stands, mirrored, upside down and turned by 180 degrees; turning over changes the
signs of the odd coefficients, which is one more XOR.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_synth.progress import SILENT, Progress, counted

from .patterns import BLOCK, FLIPS, FREQUENCIES, Floats, ImageSet, Thumbs, blocks, order, small

BITS = 64
_CELLS = 1 << 21  # distances at a time: 16 MB


@dataclass(frozen=True)
class Reading:
    """What one pass over N images keeps of them.

    Attributes:
        thumbs: uint8 ``[N, 64, 64]``.
        digests: Of the pixels of each, the same for its mirror images.
    """

    thumbs: Thumbs
    digests: tuple[bytes, ...]


def read_images(images: ImageSet, progress: Progress = SILENT, what: str = "images") -> Reading:
    """Read every image once, a block at a time: 4 KB of each are kept.

    Args:
        images: uint8 ``[N, S, S]``.

    Raises:
        BadInput: Not 8-bit grey images.
    """
    thumbs = np.empty((len(images), 64, 64), np.uint8)
    digests: list[bytes] = []
    progress.start(f"reading {what}", -(-len(images) // BLOCK))
    for part in counted(blocks(images), progress):
        thumbs[len(digests) : len(digests) + len(part)] = small(part)
        digests += [pixel_digest(image) for image in part]
    progress.finish()
    return Reading(thumbs, tuple(digests))


def pixel_digest(image: npt.NDArray[np.uint8]) -> bytes:
    """A digest of an image ``[H, W]`` that its mirror images share: the least of their sha256."""
    size = f"{image.shape}".encode()
    return min(
        hashlib.sha256(size + image[:: -1 if down else 1, :: -1 if right else 1].tobytes()).digest()
        for down, right in FLIPS
    )


def exact_copies(images: Sequence[bytes], films: Sequence[bytes]) -> list[tuple[int, int]]:
    """Places of images and of the first film with the same digest."""
    places: dict[bytes, int] = {}
    for place, digest in enumerate(films):
        places.setdefault(digest, place)
    return [(i, places[digest]) for i, digest in enumerate(images) if digest in places]


def perceptual_hashes(coefficients: Floats) -> npt.NDArray[np.uint64]:
    """Hashes ``[N]`` of coefficients ``[N, 150]``."""
    bits = np.packbits(coefficients[:, :BITS] > 0, axis=1)
    return np.ascontiguousarray(bits).view(np.uint64)[:, 0]


def hamming_nearest(
    images: npt.NDArray[np.uint64], films: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]:
    """The film whose hash is nearest to that of each image, flipped or not.

    Returns:
        Bits in which they differ, uint8 ``[N]``, and the film's place.
    """
    bits = np.full(len(images), BITS + 1, np.uint8)
    place = np.zeros(len(images), np.intp)
    rows = max(1, _CELLS // max(1, len(films)))
    for start in range(0, len(images), rows):
        part = slice(start, start + rows)
        for flip in flip_masks():
            apart = np.bitwise_count((images[part] ^ flip)[:, None] ^ films)
            at = apart.argmin(axis=1)
            least = apart[np.arange(len(at)), at]
            better = least < bits[part]
            place[part] = np.where(better, at, place[part])
            bits[part] = np.where(better, least, bits[part])
    return bits, place


def flip_masks() -> list[np.uint64]:
    """The bits that each of `FLIPS` changes: those of odd frequencies in its direction."""
    down, right = np.divmod(order()[:BITS], FREQUENCIES)
    masks = []
    for flip_rows, flip_columns in FLIPS:
        odd = (down * flip_rows + right * flip_columns) % 2 == 1
        masks.append(np.packbits(odd).view(np.uint64)[0])
    return masks
