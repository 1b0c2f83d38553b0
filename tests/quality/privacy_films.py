"""Phantom films for tests of privacy, and altered copies of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.phantom import PhantomSettings, render_film

Films = npt.NDArray[np.uint8]
SIZE = 64


@cache
def phantoms(first: int, patients: int) -> Films:
    """Prepared phantom films of 64 px, CC and MLO of each patient."""
    settings = PhantomSettings(height=2 * SIZE)
    rendered = [
        render_film(0, patient, view, "L", settings).image
        for patient in range(first, first + patients)
        for view in ("CC", "MLO")
    ]
    films = np.stack([prepare_pixels(image, SIZE)[0] for image in rendered])
    films.setflags(write=False)
    return films


def cropped(film: npt.NDArray[np.uint8], box: tuple[float, float, float, float]) -> Any:
    """A film cut to a box (shares of its side: left, top, right, bottom) and enlarged again."""
    side = len(film)
    exact = tuple(share * side for share in box)
    image = Image.fromarray(film).resize((side, side), Image.Resampling.BICUBIC, box=exact)
    return np.asarray(image)


def shifted(film: npt.NDArray[np.uint8], down: int, right: int) -> Any:
    """A film moved by whole pixels, black where nothing comes from."""
    moved = np.zeros_like(film)
    rows, columns = (slice(max(0, n), len(film) + min(0, n)) for n in (down, right))
    from_rows, from_columns = (slice(max(0, -n), len(film) - max(0, n)) for n in (down, right))
    moved[rows, columns] = film[from_rows, from_columns]
    return moved
