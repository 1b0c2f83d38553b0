"""What somebody, or a generator, might do to a film that it copies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Film = npt.NDArray[np.uint8]  # [S, S]
Random = np.random.Generator
Alteration = Callable[[Film, Random], Film]


def grey(values: npt.NDArray[np.floating]) -> Film:
    """Rounded and cut to 8 bits."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def noise(spread: float) -> Alteration:
    """Gaussian, independent pixels; ``spread`` in grey levels."""
    return lambda film, random: grey(film + random.normal(0, spread, film.shape))


def shift(share: float) -> Alteration:
    """By ``share`` of the side in a random direction, to whole pixels; black comes in."""

    def alter(film: Film, random: Random) -> Film:
        angle = random.uniform(0, 2 * np.pi)
        way = np.rint(share * len(film) * np.array([np.sin(angle), np.cos(angle)]))
        return np.asarray(ndimage.shift(film, way, order=0))

    return alter


def crop(share: float) -> Alteration:
    """``share`` of each side is cut away, at a random place, and the rest enlarged to the old side
    (bicubic)."""

    def alter(film: Film, random: Random) -> Film:
        side = len(film)
        kept = (1 - share) * side
        left, top = random.uniform(0, side - kept, 2)
        box = (left, top, left + kept, top + kept)
        image = Image.fromarray(film).resize((side, side), Image.Resampling.BICUBIC, box=box)
        return np.asarray(image)

    return alter


def gamma(power: float) -> Alteration:
    """``255 (grey / 255) ** power``: below 1 brighter."""
    return lambda film, random: grey(255 * (film / 255) ** power)


def blur(share: float) -> Alteration:
    """Gaussian; its spread is ``share`` of the side."""
    return lambda film, random: grey(
        ndimage.gaussian_filter(film.astype(np.float64), share * len(film))
    )


def flip(rows: bool, columns: bool) -> Alteration:
    """Top to bottom, left to right."""
    return lambda film, random: film[:: -1 if rows else 1, :: -1 if columns else 1]


def faint(film: Film, random: Random) -> Film:
    """Less contrast, and brighter where it is dark."""
    return grey(film * 0.6 + 20)


def chain(*steps: Alteration) -> Alteration:
    """One after the other."""

    def alter(film: Film, random: Random) -> Film:
        for step in steps:
            film = step(film, random)
        return film

    return alter


ALTERATIONS: dict[str, Alteration] = {
    "none": chain(),
    "noise, 5 grey levels": noise(5),
    "noise, 10": noise(10),
    "noise, 20": noise(20),
    "shift by 2 %": shift(0.02),
    "shift by 5 %": shift(0.05),
    "shift by 8 %": shift(0.08),
    "mirrored": flip(False, True),
    "upside down": flip(True, False),
    "turned by 180 degrees": flip(True, True),
    "crop of 3 %": crop(0.03),
    "crop of 6 %": crop(0.06),
    "crop of 10 %": crop(0.10),
    "crop of 15 %": crop(0.15),
    "gamma 0.5": gamma(0.5),
    "gamma 0.7": gamma(0.7),
    "gamma 1.4": gamma(1.4),
    "gamma 2": gamma(2),
    "contrast 0.6": faint,
    "blur, 1 % of the side": blur(0.01),
    "blur, 2 %": blur(0.02),
    "mirrored, crop of 5 %, gamma 0.8, noise 5": chain(
        flip(False, True), crop(0.05), gamma(0.8), noise(5)
    ),
    "upside down, shift by 4 %, gamma 1.3": chain(flip(True, False), shift(0.04), gamma(1.3)),
    "crop of 8 %, noise 10": chain(crop(0.08), noise(10)),
    "crop of 6 %, gamma 1.5": chain(crop(0.06), gamma(1.5)),
}
"""By name."""
