"""What lies outside the breast, in numbers that say nothing of the breast.

The breast is found as the benchmark's control finds it (`mammo_synth.radiomics.breast`, its
threshold) and grown by 1/`GROWN` of the side: skin and the halo of a resampling go with it. What is
left differs in size and outline from breast to breast, and cancer could be told by these. So
nothing counts pixels or says where the background is. All numbers are shares and means over pixels,
or pairs of pixels, that lie in the background: with the same grey levels they are the same for a
small breast and a large one, but for noise.

- levels: mean, deviation, percentiles, and shares of the grey levels by octave. A prepared film is
  0 there, a generator leaves a grain of 1 or 2 levels.
- structure: mean squared difference of pixels 1 to 8 px apart, along rows and along columns (a
  variogram: the spectrum of an area of any shape). Grain, stripes and the period of an upsampling.
- edges: how far the mean of the image's outermost rows and columns is from that of all background.
  Convolutions leave marks there. Where the breast covers one, the number is 0: no difference.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mammo_synth.quality.features import Features, Images
from mammo_synth.quality.measures.histogram import LEVELS, THRESHOLD
from mammo_synth.radiomics import Mask, breast

GROWN = 32
LEAST = 0.01
"""Share of the image: less background than this is not described."""
PERCENTILES = (10, 50, 90, 99)
OCTAVES = (0, 1, 2, 3, 4, 8, 16, 32, 64)
"""First grey level of each share."""
LAGS = (1, 2, 3, 4, 6, 8)  # px
SMALLEST_DIFFERENCE = 1e-4
"""Squared grey levels, added before the logarithm: a few pixels that differ by one level."""
COLUMNS = 2 + len(PERCENTILES) + len(OCTAVES) + 2 * len(LAGS) + 4


def background_mask(image: npt.NDArray[np.uint8]) -> Mask:
    """Pixels outside the breast and its surroundings: bool [S, S] for uint8 [S, S]."""
    reach = max(1, round(len(image) / GROWN))
    inside = breast(image, THRESHOLD)
    return ~np.asarray(ndimage.maximum_filter(inside, 2 * reach + 1, mode="constant"), bool)


def background_rows(images: Images) -> Features:
    """Numbers of each image's background: float64 [N, `COLUMNS`] for uint8 [N, S, S].

    NaN throughout for an image whose breast leaves less background than `LEAST`, or none that is 8
    px wide and high.
    """
    rows = np.full((len(images), COLUMNS), np.nan)
    for row, image in zip(rows, images, strict=True):
        mask = background_mask(image)
        if mask.mean() < LEAST:
            continue
        structure = _structure(image, mask)
        if structure is not None:
            levels = image[mask]
            row[:] = [*_levels(levels), *structure, *_edges(image, mask, float(levels.mean()))]
    return rows


def _levels(levels: npt.NDArray[np.uint8]) -> list[float]:
    shares = np.bincount(levels, minlength=LEVELS) / levels.size
    # Square roots, so that a rare level counts beside a common one (Hellinger's distance).
    octaves = np.sqrt(np.add.reduceat(shares, OCTAVES))
    percentiles = np.searchsorted(np.cumsum(shares), np.array(PERCENTILES) / 100 - 1e-9)
    return [float(levels.mean()), float(levels.std()), *percentiles.tolist(), *octaves.tolist()]


def _structure(image: npt.NDArray[np.uint8], mask: Mask) -> list[float] | None:
    found = []
    for grey, inside in ((image.astype(np.int16), mask), (image.T.astype(np.int16), mask.T)):
        for lag in LAGS:
            both = inside[lag:] & inside[:-lag]
            if not both.any():
                return None
            difference = (grey[lag:] - grey[:-lag])[both].astype(np.float64)
            found.append(float(np.log10((difference**2).mean() + SMALLEST_DIFFERENCE)))
    return found


def _edges(image: npt.NDArray[np.uint8], mask: Mask, mean: float) -> list[float]:
    lines = ((0, slice(None)), (-1, slice(None)), (slice(None), 0), (slice(None), -1))
    return [
        float(image[line][mask[line]].mean()) - mean if mask[line].any() else 0.0 for line in lines
    ]
