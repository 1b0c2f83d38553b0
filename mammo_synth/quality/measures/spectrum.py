"""Film texture as a power spectrum: is detail as strong as on films, at every scale?

Mammograms have a power spectrum near 1/f^beta with beta about 3 (Burgess, Jacobson and Judy 2001),
and generators that upsample badly leave it (Durall et al. 2020, arXiv 2003.01826). Every image
becomes one row, its mean log power in each ring of frequency; all else is computed from the rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.gan.measures.texture import windowed_power
from mammo_synth.quality.features import Features, Images

from .arrays import checked, checked_pair

BLOCK_PIXELS = 2**22
"""Pixels transformed at a time: some 100 MB however many images there are."""
DARK = 1e-12
"""Added to the power, in squared grey scale: a flat image has a logarithm. Rounding to 8 bits
spreads 1e-6 over all frequencies."""
SMALLEST = 16  # px
BAND = (4.0, 0.25)
"""Where the slope is fitted: from 4 cycles an image (below, the outline of the breast rules) to a
quarter of a cycle a pixel (above, grain and resampling do)."""


def checked_images(images: npt.ArrayLike, smallest: int = 1) -> Images:
    """``images`` as uint8 [N, S, S].

    Raises:
        BadInput: Another shape or type, or a side below ``smallest``.
    """
    found = np.asarray(images)
    if found.dtype != np.uint8 or found.ndim != 3 or found.shape[1] != found.shape[2]:
        raise BadInput(
            f"Images are {found.dtype} {list(found.shape)}; a measure takes 8-bit [N, S, S].",
            hint="Give square grey images.",
        )
    if found.shape[1] < smallest:
        raise BadInput(
            f"Images have {found.shape[1]} px a side; this measure needs {smallest}.",
            hint="Leave this measure out for images this small.",
        )
    return found


def spectra(images: npt.ArrayLike) -> Features:
    """Log10 of the mean power in rings 1, 2, .. S/2 cycles an image wide: float64 [N, S/2].

    Of grey scale 0 to 1, under a Hann window that keeps the frame of the image out; ring r holds
    the frequencies that round to r.

    Raises:
        BadInput: Not uint8 [N, S, S], or S below 16.
    """
    found = checked_images(images, SMALLEST)
    size = found.shape[1]
    step = max(1, BLOCK_PIXELS // size**2)
    parts = [np.zeros((0, size // 2))]
    for begin in range(0, len(found), step):
        block = found[begin : begin + step].astype(np.float32) / np.float32(255)
        power, radius, weight = windowed_power(block)
        ring = np.rint(radius).astype(np.int64)
        order = np.argsort(ring, kind="stable")
        starts = np.searchsorted(ring[order], np.arange(1, size // 2 + 2))
        weighted = (power * weight.astype(np.float32))[:, order].astype(np.float64)
        sums = np.add.reduceat(weighted, starts, axis=1)[:, :-1]
        totals = np.add.reduceat(weight[order].astype(np.float64), starts)[:-1]
        parts.append(np.log10(sums / totals + DARK))
    return np.concatenate(parts)


def slopes(rows: npt.ArrayLike) -> Features:
    """beta of a power spectrum 1/f^beta for each row of `spectra` [N, S/2]: float64 [N].

    Least squares of log power on log frequency in `BAND`, every octave with equal weight.
    """
    found = checked(rows, "spectra", least=1)
    frequency = _frequencies(found)
    inside = (frequency >= BAND[0]) & (frequency <= max(BAND[1] * 2 * found.shape[1], BAND[0] + 2))
    x, weight = np.log10(frequency[inside]), 1 / frequency[inside]
    centred = (x - np.average(x, weights=weight)) * weight
    return np.asarray(-(found[:, inside] @ centred) / (centred @ x))


def slope_distance(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """|mean beta of films - mean beta of synthetic images|, from rows of `spectra`.

    Blur raises a generator's beta, noise lowers it.
    """
    films, images = checked_pair(real, fake, least=1)
    return float(abs(slopes(films).mean() - slopes(images).mean()))


def spectrum_distance(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """Root mean square difference of the mean log spectra, in decibels of power, every octave with
    equal weight; from rows of `spectra`."""
    films, images = checked_pair(real, fake, least=1)
    difference = 10 * (films.mean(axis=0) - images.mean(axis=0))
    return float(np.sqrt(np.average(difference**2, weights=1 / _frequencies(films))))


def _frequencies(rows: Features) -> Features:
    return np.arange(1, rows.shape[1] + 1, dtype=np.float64)
