"""What every set of radiomics features begins with: the breast on an image, and its grey levels.

The benchmark's features (`mammo_synth.bench.classifiers.radiomics`) and those of the quality
report (`mammo_synth.quality.extractors.radiomics`) are built on it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Mask = npt.NDArray[np.bool_]

MOST_BACKGROUND = 64
"""Grey level: where the breast fills the whole image, its darkest part is no background."""
_EIGHT = np.ones((3, 3), bool)
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
FIRST_ORDER = (
    *("mean", "deviation", "skewness", "kurtosis", "p10", "p50", "p90", "p99"),
    *("entropy", "uniformity", "share"),
)
"""Names of the numbers of `first_order`, in order."""


def breast(image: npt.NDArray[np.uint8], threshold: int) -> Mask:
    """The breast on one image: bool [S, S] for uint8 [S, S], empty where nothing is bright.

    1. background level: the 5th percentile of the grey levels, at most `MOST_BACKGROUND`;
    2. bright: more than ``threshold`` grey levels above it;
    3. breast: the largest component of bright pixels (8-connected), its holes filled.
    """
    level = min(float(np.percentile(image, 5)), MOST_BACKGROUND)
    labels, count = ndimage.label(image > level + threshold, _EIGHT)
    if count == 0:
        return np.zeros(image.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(labels == int(np.argmax(sizes))), bool)


def first_order(
    image: npt.NDArray[np.uint8], quantised: npt.NDArray[np.int64], mask: Mask, levels: int
) -> list[float]:
    """The eleven first-order features."""
    g = image[mask].astype(np.float64)
    mean, deviation = float(g.mean()), float(g.std())
    z = (g - mean) / (deviation or 1.0)
    p = np.bincount(quantised[mask], minlength=levels) / g.size
    seen = p[p > 0]
    return [
        mean,
        deviation,
        float((z**3).mean()),
        float((z**4).mean()) - 3 if deviation else 0.0,
        *np.percentile(g, (10, 50, 90, 99)).tolist(),
        float(-(seen * np.log2(seen)).sum()) + 0.0,
        float((p**2).sum()),
        float(mask.mean()),
    ]


def binary_patterns(image: npt.NDArray[np.uint8], mask: Mask) -> npt.NDArray[np.float64]:
    """Shares of the ten rotation-invariant uniform patterns of the 8 neighbours at distance 1
    (Ojala, Pietikainen & Maenpaa 2002), float64 [10].

    They are 0 to 8 brighter or equal neighbours in one run, and all other patterns. Diagonals are
    not interpolated; the outermost pixels have no pattern.
    """
    centre = image[1:-1, 1:-1]
    height, width = image.shape
    bits = np.stack(
        [image[1 + y : height - 1 + y, 1 + x : width - 1 + x] >= centre for y, x in _NEIGHBOURS]
    )
    changes = (bits != np.roll(bits, 1, axis=0)).sum(axis=0)
    pattern = np.where(changes <= 2, bits.sum(axis=0), 9)
    counts = np.bincount(pattern[mask[1:-1, 1:-1]], minlength=10)
    return counts / max(int(counts.sum()), 1)
