"""Grey levels inside the breast: are synthetic films exposed and developed as films are?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_synth.quality.features import Features
from mammo_synth.radiomics import MOST_BACKGROUND

from .arrays import checked_pair
from .spectrum import checked_images

LEVELS = 256
THRESHOLD = 12
"""Grey levels above the background from which a pixel is breast."""


def histograms(images: npt.ArrayLike, *, threshold: int = THRESHOLD) -> Features:
    """Share of the breast's pixels at each grey level: float64 [N, 256] for uint8 [N, S, S].

    Background is the 5th percentile of the image, at most 64; breast is what is more than
    ``threshold`` levels above it. An image without any such pixel counts with all its pixels: a
    generator that draws black films must not go unseen.

    Raises:
        BadInput: Not uint8 [N, S, S].
    """
    found = checked_images(images)
    flat = found.reshape(len(found), -1)
    rows = np.zeros((len(flat), LEVELS))
    for number, pixels in enumerate(flat):
        counts = np.bincount(pixels, minlength=LEVELS)
        background = int(np.searchsorted(np.cumsum(counts), 0.05 * pixels.size))
        breast = counts.copy()
        breast[: min(background, MOST_BACKGROUND) + threshold + 1] = 0
        kept = breast if breast.any() else counts
        rows[number] = kept / kept.sum()
    return rows


def histogram_distance(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """1-Wasserstein distance in grey levels between the mean histograms of films and of synthetic
    images, from rows of `histograms`: how many levels a pixel must move on average."""
    films, images = checked_pair(real, fake, least=1)
    difference = films.mean(axis=0) - images.mean(axis=0)
    return float(np.abs(np.cumsum(difference)).sum())


def exposure_distance(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """1-Wasserstein distance in grey levels between the images' mean levels, from rows of
    `histograms`: sees that all images are alike where their pooled histogram is right."""
    from scipy.stats import wasserstein_distance

    films, images = checked_pair(real, fake, least=1)
    levels = np.arange(LEVELS)
    return float(wasserstein_distance(films @ levels, images @ levels))
