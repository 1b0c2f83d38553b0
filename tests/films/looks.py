"""Looks for tests of the audit, each with its picture, which the audit itself takes from disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.files import sha256_bytes
from mammo_synth.films.audit import (
    Copy,
    Look,
    border_statistics,
    find_copies,
    outline_of,
    shrink,
    tones_of,
)
from mammo_synth.films.audit.look import thumb_pixels
from mammo_synth.films.breast import find_breast
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.png import encode_png


@dataclasses.dataclass(frozen=True, slots=True)
class SeenFilm(Look):
    """A look with its thumb."""

    thumb: bytes = b""

    def pixels(self) -> npt.NDArray[np.uint8]:
        return thumb_pixels(self.thumb)


def look_of(
    pixels: Any, name: str, patient: str = "", finding: str = "normal", **changed: Any
) -> SeenFilm:
    """What the audit would know of ``pixels``; its patient is its name unless given."""
    breast = find_breast(pixels)
    prepared, _ = prepare_pixels(pixels, 256, breast=breast)
    look = SeenFilm(
        image_id=name,
        patient_id=patient or f"p-{name}",
        finding=finding,
        label={"normal": 0, "malignant": 1}.get(finding),
        view="MLO",
        laterality="L",
        file_view=None,
        file_laterality=None,
        format="png",
        bits=8 * pixels.dtype.itemsize,
        inverted=False,
        width=pixels.shape[1],
        height=pixels.shape[0],
        file_bytes=pixels.size // 2,
        film_sha256=sha256_bytes(name.encode()),
        pixel_sha256=sha256_bytes(prepared.tobytes()),
        wall=breast.wall,
        borders=border_statistics(pixels),
        outline=outline_of(breast.mask, breast.wall),
        tones=tones_of(pixels),
        fault="",
        problem="",
        thumb=encode_png(shrink(prepared)),
    )
    return dataclasses.replace(look, **changed)


def thumbs_of(looks: Iterable[Look]) -> dict[str, bytes]:
    """The pictures of looks by image id."""
    return {look.image_id: look.thumb for look in looks if isinstance(look, SeenFilm)}


def copies_of(looks: Sequence[Look]) -> tuple[Copy, ...]:
    """`find_copies` among looks with their pictures."""
    return find_copies(looks, thumbs_of(looks))
