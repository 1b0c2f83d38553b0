"""What the audit knows of one film: its labels, its file, its edges, and a small picture of it.

A `Look` is kept of every film at once, so it holds no pixels. The pictures (thumbs) stand on disk
and come one by one, from a mapping of image ids to PNG files.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mammo_synth.png import decode_png

THUMB = 128
"""Side of a thumb in px: fine enough to tell two breasts by their tissue."""

STRIP_SHARE = 0.02
"""Width of the strips along a film's edges, as a share of its side."""

CORNER = 0.1
"""Side of the corners of a breast's box, as a share of the box's sides."""

TONES, TONES_SIDE = 20, 128
"""Greys that are told apart when the most frequent is sought, and how many pixels a side are
looked at."""

_WORDS = (
    "finding",
    "view",
    "laterality",
    "file_view",
    "file_laterality",
    "format",
    "wall",
    "fault",
)
_SHARES = ("borders", "outline", "tones")

Thumbs = Mapping[str, bytes]
"""Image id → the prepared film at `THUMB` px as a PNG file (some 6 KB); b"" where none decoded."""


Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Look:
    """One film.

    Attributes:
        image_id, patient_id, finding, view, laterality: As its source says.
        label: 1 cancer, 0 normal, None where it belongs to neither class.
        file_view, file_laterality: What the file itself says, or None.
        format, bits, inverted, width, height, file_bytes: Of its file; "" and 0 where it did not
            decode.
        film_sha256, pixel_sha256: Of the file, and of the prepared pixels.
        wall: Side of the chest wall on the film, ``left`` or ``right``.
        borders: Mean and standard deviation along the top, bottom, left and right edges of the
            film, as shares of its brightest pixel.
        outline, tones: What `outline_of` says of its breast, and `tones_of` of its greys.
        fault: Kind of the problem: ``unreadable`` or ``no_breast``; "" where there is none.
        problem: Why it cannot be used, or "".
    """

    image_id: str
    patient_id: str
    finding: str
    label: int | None
    view: str | None
    laterality: str | None
    file_view: str | None
    file_laterality: str | None
    format: str
    bits: int
    inverted: bool
    width: int
    height: int
    file_bytes: int
    film_sha256: str
    pixel_sha256: str
    wall: str
    borders: tuple[float, ...]
    outline: tuple[float, ...]
    tones: tuple[float, ...]
    fault: str
    problem: str

    @classmethod
    def refused(cls, *, problem: str, fault: str = "unreadable", **known: Any) -> Look:
        """A film that cannot be used: only its labels are known."""
        return cls(
            **known,
            file_view=None,
            file_laterality=None,
            format="",
            bits=0,
            inverted=False,
            width=0,
            height=0,
            file_bytes=0,
            film_sha256="",
            pixel_sha256="",
            wall="",
            borders=(),
            outline=(),
            tones=(),
            fault=fault,
            problem=problem,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, **{name: list(values[name]) for name in _SHARES}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Look:
        """The inverse of `as_dict`."""
        # Words that many films share are held once: there is a look of every film.
        shared = {name: sys.intern(values[name]) for name in _WORDS if values[name] is not None}
        shares = {name: tuple(values[name]) for name in _SHARES}
        return cls(**{**values, **shared, **shares})


def border_statistics(pixels: npt.NDArray[Any]) -> tuple[float, ...]:
    """Mean and standard deviation of strips along the top, bottom, left and right edges of a film
    ``[H, W]``, as shares of its brightest pixel: eight numbers."""
    height, width = pixels.shape
    rows, columns = (max(1, round(STRIP_SHARE * side)) for side in (height, width))
    top = max(1.0, float(pixels.max()))
    strips = (pixels[:rows], pixels[-rows:], pixels[:, :columns], pixels[:, -columns:])
    return tuple(round(value / top, 6) for strip in strips for value in _mean_and_spread(strip))


def _mean_and_spread(strip: npt.NDArray[Any]) -> tuple[float, float]:
    # One conversion for both: `std` would convert the strip and take its mean again.
    values = strip.astype(np.float64)
    mean = float(values.mean())
    values -= mean
    return mean, math.sqrt(float(np.square(values, out=values).mean()))


def shrink(prepared: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The prepared film ``[size, size]`` at `THUMB` px."""
    small = Image.fromarray(prepared).resize((THUMB, THUMB), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8)


def thumb_pixels(thumb: bytes) -> npt.NDArray[np.uint8]:
    """A thumb, ``[128, 128]`` uint8; black where there is none."""
    return decode_png(thumb) if thumb else np.zeros((THUMB, THUMB), np.uint8)


def outline_of(mask: Mask, wall: str) -> tuple[float, float, float]:
    """The shape of a breast ``[h, w]`` whose chest wall is on the side ``wall`` of its film.

    Returns:
        The share of the emptier of the two corners away from the wall that is breast; height by
        width of its box; how much more it tapers upward or downward than away from the wall (the
        distances of its centre from that of its box, as shares of the sides; below 0 of a breast
        that stands upright).
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if wall == "right":
        box = box[:, ::-1]
    high, wide = box.shape
    top, side = (max(1, round(CORNER * n)) for n in box.shape)
    corners = float(min(box[:top, -side:].mean(), box[-top:, -side:].mean()))
    down, across = (_off_centre(box.sum(axis=axis)) for axis in (1, 0))
    return round(corners, 6), round(high / wide, 6), round(down - across, 6)


def _off_centre(profile: npt.NDArray[np.int64]) -> float:
    place = np.arange(len(profile)) - (len(profile) - 1) / 2
    return abs(float(profile @ place)) / float(profile.sum()) / max(1, len(profile) - 1)


def tones_of(pixels: npt.NDArray[Any]) -> tuple[float, float]:
    """The most frequent grey of a film ``[H, W]``, and the median grey along its edges, between its
    1st (0) and 99th (1) percentile."""
    step = max(1, max(pixels.shape) // TONES_SIDE)
    seen = pixels[::step, ::step].astype(np.float32)
    low, high = np.percentile(seen, (1, 99))
    grey = np.clip((seen - low) / max(1e-6, high - low), 0, 1)
    counts = np.bincount(np.minimum(grey * TONES, TONES - 1).astype(int).ravel())
    edge = max(1, round(STRIP_SHARE * min(grey.shape)))
    strips = (grey[:edge], grey[-edge:], grey[:, :edge], grey[:, -edge:])
    edges = np.median(np.concatenate([strip.ravel() for strip in strips]))
    return (int(counts.argmax()) + 0.5) / TONES, round(float(edges), 6)
