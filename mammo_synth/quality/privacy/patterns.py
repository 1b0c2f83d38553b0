"""What is compared of an image: the pattern of its tissue at 64 px, and its cosine coefficients.

All breasts are alike in outline and in the fall of brightness toward the skin. What tells them
apart is the pattern of the tissue, as the audit of films takes it (`films.audit.search.pattern`): a
band of spatial frequencies inside the breast, divided by its local contrast. Brightness, contrast
and gamma leave it nearly as it is.

The coefficients are those of the lower frequencies of a cosine transform without the very lowest,
which hold the outline. They are taken of an image as it stands and of `VARIANTS` of it: flipped,
shifted, scaled. All of these are products with small matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft

from mammo_synth.errors import BadInput
from mammo_synth.films.audit.search import SIDE, pattern

FREQUENCIES, SKIPPED, COEFFICIENTS = 16, 20, 150
"""Of the lowest ``FREQUENCIES`` a side, in order of frequency, without the first ``SKIPPED``: waves
of 9 to 27 px. A shift by 1.5 px of 64 then still leaves an image like itself."""

SCALES = (0.92, 1.0, 1.08)
SHIFTS = (-3.0, 0.0, 3.0)
"""What is tried, px of 64: with what a coefficient tolerates they reach from 0.88 to 1.12, and to
7 % of the side in each direction."""

BLOCK = 256
"""Images described at a time."""

Thumbs = npt.NDArray[np.uint8]  # [N, 64, 64]
Floats = npt.NDArray[np.float32]


class ImageSet(Protocol):
    """Images of one size, read part by part: an array uint8 ``[N, S, S]``, a mapped file, or
    anything that gives such an array for a slice."""

    def __len__(self) -> int:
        """Number of images."""

    @overload
    def __getitem__(self, part: slice) -> npt.NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, part: int) -> Any: ...


@dataclass(frozen=True)
class Variant:
    """How an image was altered before it was compared, in this order: flipped top to bottom and
    left to right, scaled about its centre, then shifted (px of 64, downward and to the right)."""

    flip_rows: bool = False
    flip_columns: bool = False
    scale: float = 1.0
    down: float = 0.0
    right: float = 0.0

    def __str__(self) -> str:
        words = []
        if self.flip_rows and self.flip_columns:
            words.append("turned by 180 degrees")
        elif self.flip_rows or self.flip_columns:
            words.append("top to bottom" if self.flip_rows else "mirrored")
        if self.scale != 1:
            words.append(f"scaled by {self.scale:.2f}")
        if self.down or self.right:
            words.append(f"shifted by {100 * max(abs(self.down), abs(self.right)) / SIDE:.0f} %")
        return ", ".join(words) or "as it stands"


FLIPS = ((False, False), (False, True), (True, False), (True, True))
VARIANTS = tuple(
    Variant(flip_rows, flip_columns, scale, down, right)
    for scale in SCALES
    for flip_rows in (False, True)
    for down in SHIFTS
    for flip_columns in (False, True)
    for right in SHIFTS
)


def blocks(images: ImageSet, size: int = BLOCK) -> Iterator[npt.NDArray[np.uint8]]:
    """The images, ``size`` at a time.

    Raises:
        BadInput: They are not 8-bit grey images ``[n, S, S]``.
    """
    for start in range(0, len(images), size):
        part = np.asarray(images[start : start + size])
        if part.dtype != np.uint8 or part.ndim != 3:
            raise BadInput(
                f"The images are {part.dtype} of shape {part.shape}; 8-bit grey images of shape "
                "[N, S, S] were expected.",
                hint="Decode them with mammo_synth.png.decode_png.",
            )
        yield part


def small(images: npt.NDArray[np.uint8]) -> Thumbs:
    """Images uint8 ``[N, S, S]`` at 64 px: means of their pixels (linear between them where they
    are smaller)."""
    found = np.empty((len(images), SIDE, SIDE), np.uint8)
    for place, image in zip(found, images, strict=True):
        place[:] = _thumb(image)
    return found


def _thumb(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if image.shape == (SIDE, SIDE):
        return image
    smaller = min(image.shape) >= SIDE
    method = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), method), dtype=np.uint8)


def patterns(thumbs: Thumbs) -> Floats:
    """The patterns of thumbs, float32 ``[N, 64, 64]``; 0 outside the breast."""
    return pattern(thumbs.astype(np.float32))


def coefficients(patterned: Floats) -> Floats:
    """The coefficients of patterns as they stand, float32 ``[N, 150]`` of unit length (0 of a film
    without any pattern)."""
    basis = _basis()
    return _unit((basis @ patterned @ basis.T).reshape(len(patterned), FREQUENCIES**2)[:, order()])


def variant_coefficients(patterned: Floats) -> Iterator[Floats]:
    """For each of `SCALES`, the coefficients of its `VARIANTS` (36) of patterns: float32
    ``[36, N, 150]`` of unit length."""
    count, steps = len(patterned), 2 * len(SHIFTS)
    for scale in SCALES:
        side = _stacked(scale)
        every = (side @ patterned @ side.T).reshape(count, steps, FREQUENCIES, steps, FREQUENCIES)
        every = every.transpose(1, 3, 0, 2, 4).reshape(steps**2, count, FREQUENCIES**2)
        yield _unit(every[:, :, order()])


def resampling(flip: bool, scale: float, shift: float) -> npt.NDArray[np.float64]:
    """The matrix ``[64, 64]`` that flips, scales (about the centre) and shifts one side of an
    image; linear between pixels, 0 beyond its edge."""
    centre = (SIDE - 1) / 2
    place = (np.arange(SIDE) - centre - shift) / scale
    place = centre - place if flip else centre + place
    weights: npt.NDArray[np.float64] = 1 - np.abs(place[:, None] - np.arange(SIDE))
    return np.maximum(weights, 0)


@cache
def order() -> npt.NDArray[np.intp]:
    """Places of the coefficients among those of the lowest frequencies, row by row."""
    u, v = np.mgrid[:FREQUENCIES, :FREQUENCIES]
    distance = (u * u + v * v).ravel()
    return np.argsort(distance, kind="stable")[SKIPPED : SKIPPED + COEFFICIENTS]


@cache
def _basis() -> Floats:
    basis: Floats = fft.dct(np.eye(SIDE), axis=0, norm="ortho")[:FREQUENCIES].astype(np.float32)
    return basis


@cache
def _stacked(scale: float) -> Floats:
    """Transform and resampling in one, for both flips and all shifts: ``[6 * 16, 64]``."""
    parts = [
        _basis() @ resampling(flip, scale, shift) for flip in (False, True) for shift in SHIFTS
    ]
    return np.concatenate(parts).astype(np.float32)


def _unit(values: npt.NDArray[Any]) -> Floats:
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    unit: Floats = values / np.maximum(length, np.float32(1e-6))
    return unit
