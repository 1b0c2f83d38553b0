"""Looks for tests of the audit."""

from __future__ import annotations

import dataclasses
from typing import Any

from mammo_synth.files import sha256_bytes
from mammo_synth.films.audit import Look, border_statistics, thumb_of
from mammo_synth.films.breast import find_breast
from mammo_synth.films.geometry import prepare_pixels


def look_of(
    pixels: Any, name: str, patient: str = "", finding: str = "normal", **changed: Any
) -> Look:
    """What the audit would know of ``pixels``; its patient is its name unless given."""
    breast = find_breast(pixels)
    prepared, _ = prepare_pixels(pixels, 256, breast=breast)
    look = Look(
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
        thumb=thumb_of(prepared),
        problem="",
    )
    return dataclasses.replace(look, **changed)
