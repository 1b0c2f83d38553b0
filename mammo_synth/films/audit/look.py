"""What the audit knows of one film: its labels, its file, its edges and a small picture of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mammo_synth.png import decode_png, encode_png

THUMB = 128
"""Side of a thumb in px: fine enough to tell two breasts by their tissue."""

STRIP_SHARE = 0.02
"""Width of the strips along a film's edges, as a share of its side."""


@dataclass(frozen=True, slots=True)
class Look:
    """One film.

    Attributes:
        image_id, patient_id, finding, view, laterality: As its source says.
        label: 1 cancer, 0 normal, None where it belongs to neither class.
        file_view, file_laterality: What the file itself says, or None.
        format, bits, inverted, width, height, file_bytes: Of its file; "" and 0 where it did not
        decode. film_sha256, pixel_sha256: Of the file, and of the prepared pixels. wall: Side of
        the chest wall on the film, ``left`` or ``right``. borders: Mean and standard deviation
        along the top, bottom, left and right edges of the
            film, as shares of its brightest pixel.
        thumb: The prepared film at `THUMB` px, as a PNG file (some 6 KB); b"" where there is none.
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
    thumb: bytes
    problem: str

    @classmethod
    def refused(cls, *, problem: str, **known: Any) -> Look:
        """A film that did not decode: only its labels are known."""
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
            thumb=b"",
            problem=problem,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["borders"] = list(self.borders)
        values["thumb"] = base64.b64encode(self.thumb).decode()
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Look:
        """The inverse of `as_dict`."""
        thumb = base64.b64decode(values["thumb"])
        return cls(**{**values, "borders": tuple(values["borders"]), "thumb": thumb})

    def pixels(self) -> npt.NDArray[np.uint8]:
        """The thumb, ``[128, 128]`` uint8; black where there is none."""
        return decode_png(self.thumb) if self.thumb else np.zeros((THUMB, THUMB), np.uint8)


def border_statistics(pixels: npt.NDArray[Any]) -> tuple[float, ...]:
    """Mean and standard deviation of strips along the top, bottom, left and right edges of a film
    ``[H, W]``, as shares of its brightest pixel: eight numbers."""
    height, width = pixels.shape
    rows, columns = (max(1, round(STRIP_SHARE * side)) for side in (height, width))
    top = max(1.0, float(pixels.max()))
    strips = (pixels[:rows], pixels[-rows:], pixels[:, :columns], pixels[:, -columns:])
    return tuple(
        round(float(value) / top, 6) for strip in strips for value in (strip.mean(), strip.std())
    )


def thumb_of(prepared: npt.NDArray[np.uint8]) -> bytes:
    """The prepared film ``[size, size]`` at `THUMB` px, as a PNG file."""
    small = Image.fromarray(prepared).resize((THUMB, THUMB), Image.Resampling.BOX)
    return encode_png(np.asarray(small, dtype=np.uint8))
