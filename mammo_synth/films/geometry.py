"""Orientation, padding and resizing of films, and the way back from prepared pixels to the film.

A prepared film has its chest wall on the left, is square and 8-bit grey. `Geometry` records
each step, so that a prepared pixel maps back to the film it came from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mammo_synth.errors import BadInput

BLACK_PERCENTILE = 0.1
WHITE_PERCENTILE = 99.9
"""16-bit films are mapped to 8 bits linearly between these percentiles of their own pixels, so
that a few hot or dead pixels do not set the range. 8-bit films keep their values."""

FOREGROUND_SHARE = 0.15
"""Pixels brighter than this share of the film's 99th percentile count as breast when the side of
the chest wall is sought."""


@dataclass(frozen=True)
class Geometry:
    """How a film became a prepared one.

    Attributes:
        film_width, film_height: Size of the original, in pixels.
        flipped: Whether it was mirrored left-right to bring the chest wall to the left.
        pad_top, pad_bottom, pad_right: Black pixels added, at the original scale (after the
            flip; nothing is ever added on the left, where the chest wall is).
        scale: Prepared pixels per padded film pixel.
    """

    film_width: int
    film_height: int
    flipped: bool
    pad_top: int
    pad_bottom: int
    pad_right: int
    scale: float

    def to_film(self, x: float, y: float) -> tuple[float, float]:
        """Film coordinates (pixel centres at whole numbers) of the prepared pixel (x, y)."""
        film_x = (x + 0.5) / self.scale - 0.5
        film_y = (y + 0.5) / self.scale - 0.5 - self.pad_top
        if self.flipped:
            film_x = self.film_width - 1 - film_x
        return film_x, film_y

    def to_prepared(self, film_x: float, film_y: float) -> tuple[float, float]:
        """Prepared coordinates of the film pixel (film_x, film_y): the inverse of `to_film`."""
        if self.flipped:
            film_x = self.film_width - 1 - film_x
        x = (film_x + 0.5) * self.scale - 0.5
        y = (film_y + self.pad_top + 0.5) * self.scale - 0.5
        return x, y

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a Parquet struct."""
        return asdict(self)


def to_eight_bits(
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
) -> npt.NDArray[np.uint8]:
    """Grey values as 8 bits; see `BLACK_PERCENTILE` for the rule of 16-bit films."""
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, dtype=np.uint8)
    low, high = np.percentile(pixels, (BLACK_PERCENTILE, WHITE_PERCENTILE))
    if high <= low:
        return np.zeros(pixels.shape, np.uint8)
    scaled = (pixels.astype(np.float32) - low) * (255.0 / (high - low))
    grey: npt.NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return grey


def chest_wall_side(pixels: npt.NDArray[np.uint8]) -> str:
    """The side of the chest wall, ``left`` or ``right``, from pixels alone.

    The breast is widest at the chest wall and tapers to the nipple, so the centroid of its
    pixels lies toward the chest wall *within the breast's own extent*. This holds where a scan
    border or padding keeps the breast away from the image edge, and does not trust file names,
    which contradict each other in MIAS.

    Raises:
        BadInput: The film is empty (no pixel stands out of the background).
    """
    bright = float(np.percentile(pixels, 99))
    mask = pixels > FOREGROUND_SHARE * bright
    if bright < 8 or not mask.any():
        raise BadInput("the film is empty: no breast stands out of the background.")
    columns = _largest_run(mask.sum(axis=0) > 0.05 * mask.shape[0])
    profile = mask[:, columns].sum(axis=0).astype(np.float64)
    centroid = float((profile * np.arange(profile.size)).sum() / profile.sum())
    return "left" if centroid <= (profile.size - 1) / 2 else "right"


def _largest_run(flags: npt.NDArray[np.bool_]) -> slice:
    """The longest run of True, so that a label plate beside the breast does not count."""
    padded = np.concatenate(([False], flags, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    if edges.size == 0:
        return slice(0, flags.size)
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return slice(int(starts[longest]), int(stops[longest]))


def prepare_pixels(
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], size: int
) -> tuple[npt.NDArray[np.uint8], Geometry]:
    """Orient, pad to a square and resize one film.

    Args:
        pixels: [H, W], 8 or 16 bit grey.
        size: Side of the result in pixels.

    Returns:
        [size, size] uint8 with the chest wall on the left, and how it was made. Resizing is
        Lanczos with antialiasing (the kernel widens with the reduction).

    Raises:
        BadInput: The film is empty or thinner than 8 pixels.
    """
    height, width = pixels.shape
    if min(height, width) < 8:
        raise BadInput(f"the film is {width} x {height} pixels; at least 8 x 8 was expected.")
    grey = to_eight_bits(pixels)
    flipped = chest_wall_side(grey) == "right"
    if flipped:
        grey = grey[:, ::-1]
    side = max(height, width)
    pad_top = (side - height) // 2
    pad_bottom = side - height - pad_top
    pad_right = side - width
    square = np.pad(grey, ((pad_top, pad_bottom), (0, pad_right)))
    if side != size:
        image = Image.fromarray(np.ascontiguousarray(square), mode="L")
        square = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS), dtype=np.uint8)
    geometry = Geometry(
        film_width=width,
        film_height=height,
        flipped=flipped,
        pad_top=pad_top,
        pad_bottom=pad_bottom,
        pad_right=pad_right,
        scale=size / side,
    )
    return np.ascontiguousarray(square), geometry
