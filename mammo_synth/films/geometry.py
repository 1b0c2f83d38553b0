"""Crop, grey values, orientation and size of a prepared film, and the way back to its film.

A prepared film has its chest wall on the left, is square and 8-bit grey, and black outside the
breast. `Geometry` records each step, so that a prepared pixel maps back to the film it came from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mammo_synth.films.breast import Breast, Pixels, find_breast
from mammo_synth.films.grey_table import look_up

FRAMES = ("breast", "film")
"""``breast``: cropped to the breast, black outside its mask. ``film``: the whole film, padded and
resized as the 2021 study had it. Its account says nothing of grey values: both have the same rule,
percentiles inside the breast."""

MARGIN = 0.02
"""Beyond the breast, as a share of its longer side: above, below and before the nipple, as far as
the film reaches. None at the chest wall."""


@dataclass(frozen=True)
class Geometry:
    """How a film became a prepared one.

    Attributes:
        film_width, film_height: Size of the original, in pixels.
        crop_left, crop_top, crop_width, crop_height: The box of the film that was kept.
        flipped: Whether it was mirrored left-right to bring the chest wall to the left.
        scale_x, scale_y: Prepared pixels per film pixel (equal but for rounding to whole pixels).
        pad_top, pad_bottom, pad_right: Black prepared pixels added around the resized box (nothing
            is ever added on the left, where the chest wall is).
    """

    film_width: int
    film_height: int
    crop_left: int
    crop_top: int
    crop_width: int
    crop_height: int
    flipped: bool
    scale_x: float
    scale_y: float
    pad_top: int
    pad_bottom: int
    pad_right: int

    def to_film(self, x: float, y: float) -> tuple[float, float]:
        """Film coordinates (pixel centres at whole numbers) of the prepared pixel (x, y)."""
        box_x = (x + 0.5) / self.scale_x - 0.5
        box_y = (y - self.pad_top + 0.5) / self.scale_y - 0.5
        if self.flipped:
            box_x = self.crop_width - 1 - box_x
        return self.crop_left + box_x, self.crop_top + box_y

    def to_prepared(self, film_x: float, film_y: float) -> tuple[float, float]:
        """Prepared coordinates of the film pixel (film_x, film_y): the inverse of `to_film`."""
        box_x, box_y = film_x - self.crop_left, film_y - self.crop_top
        if self.flipped:
            box_x = self.crop_width - 1 - box_x
        return (box_x + 0.5) * self.scale_x - 0.5, (box_y + 0.5) * self.scale_y - 0.5 + self.pad_top

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a Parquet struct."""
        return asdict(self)


def to_eight_bits(pixels: Pixels, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Grey values, ``low`` and below as 0, ``high`` and above as 255, linear and rounded
    between."""
    count = int(np.iinfo(pixels.dtype).max) + 1
    values = (np.arange(count, dtype=np.float64) - low) * (255.0 / (high - low))
    table: npt.NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return look_up(table, pixels)


def crop_box(breast: Breast, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is kept of a film: the breast's box with its margin."""
    left, top, right, bottom = breast.box
    extra = round(MARGIN * max(right - left, bottom - top))
    return (
        left if breast.wall == "left" else max(0, left - extra),
        max(0, top - extra),
        right if breast.wall == "right" else min(width, right + extra),
        min(height, bottom + extra),
    )


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height, in whole pixels, of a box that is scaled to fit into ``size`` px square."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize(grey: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """``[H, W]`` as ``[height, width]``: Lanczos with antialiasing (the kernel widens with the
    reduction)."""
    resized = Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized, dtype=np.uint8)


def prepare_pixels(
    pixels: Pixels, size: int, frame: str = "breast", breast: Breast | None = None
) -> tuple[npt.NDArray[np.uint8], Geometry]:
    """Crop, orient, pad to a square and resize one film.

    Args:
        pixels: ``[H, W]``, uint8 or uint16.
        size: Side of the result in pixels.
        frame: One of `FRAMES`.
        breast: What `find_breast` says of these pixels, if that is known already.

    Returns:
        ``[size, size]`` uint8 with the chest wall on the left, and how it was made.

    Raises:
        BadInput: The film is empty or thinner than 8 pixels.
    """
    found = find_breast(pixels) if breast is None else breast
    height, width = pixels.shape
    box = (0, 0, width, height)
    if frame == "breast":
        box = crop_box(found, width, height)
    left, top, right, bottom = box
    wide, high = fit(right - left, bottom - top, size)
    kept = to_eight_bits(pixels[top:bottom, left:right], found.low, found.high)
    grey = resize(kept, wide, high)
    if frame == "breast":
        grey = np.where(_mask_of(found, box, (wide, high)), grey, np.uint8(0))
    flipped = found.wall == "right"
    if flipped:
        grey = grey[:, ::-1]
    pad_top = (size - high) // 2
    square = np.pad(grey, ((pad_top, size - high - pad_top), (0, size - wide)))
    geometry = Geometry(
        film_width=width,
        film_height=height,
        crop_left=left,
        crop_top=top,
        crop_width=right - left,
        crop_height=bottom - top,
        flipped=flipped,
        scale_x=wide / (right - left),
        scale_y=high / (bottom - top),
        pad_top=pad_top,
        pad_bottom=size - high - pad_top,
        pad_right=size - wide,
    )
    return np.ascontiguousarray(square), geometry


def _mask_of(
    breast: Breast, box: tuple[int, int, int, int], shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """The breast's mask inside ``box`` of the film, as ``shape`` (width, height), smooth edges."""
    left, top, right, bottom = (edge / breast.step for edge in box)
    height, width = breast.mask.shape
    inside = (left, top, min(width, right), min(height, bottom))
    grey = Image.fromarray(breast.mask.astype(np.uint8) * 255)
    mask: npt.NDArray[np.bool_] = (
        np.asarray(grey.resize(shape, Image.Resampling.BILINEAR, box=inside)) >= 128
    )
    return mask
