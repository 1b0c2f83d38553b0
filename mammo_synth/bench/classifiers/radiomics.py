"""A small set of radiomics features: grey levels and texture inside the breast.

All are taken inside the breast as `mammo_synth.radiomics.breast` finds it (the
whole image where nothing is bright), on the 8-bit grey levels g, in this order:

- **first order**: mean, deviation, skewness, excess kurtosis, the 10th, 50th, 90th and 99th
  percentile, entropy ``-sum(p log2 p)`` and uniformity ``sum(p ** 2)`` of the histogram p of the
  quantised levels, and the breast's share of the image;
- **GLCM** (Haralick, Shanmugam & Dinstein 1973): the symmetric co-occurrence matrix P of the
  quantised levels i, j at distance 1, for 0, 45, 90 and 135 degrees each: contrast
  ``sum(P (i - j) ** 2)``, homogeneity ``sum(P / (1 + (i - j) ** 2))``, energy
  ``sqrt(sum(P ** 2))`` and correlation ``sum(P (i - m) (j - m)) / s ** 2`` with mean m and
  variance s ** 2 of its margin (1 where all is of one level). Both pixels lie in the breast;
- **LBP** (Ojala, Pietikainen & Maenpaa 2002): the histogram of rotation-invariant uniform patterns
  of the 8 neighbours at distance 1 (no interpolation on the diagonals): 0 to 8 brighter or
  equal neighbours in one run, and all other patterns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import Images
from mammo_synth.bench.resampling import Floats
from mammo_synth.radiomics import FIRST_ORDER, Mask, binary_patterns, breast, first_order

ANGLES = {"0": (0, 1), "45": (-1, 1), "90": (-1, 0), "135": (-1, -1)}
"""Degrees, and the step in rows and columns."""
_GLCM = ("contrast", "homogeneity", "energy", "correlation")
NAMES = (
    *FIRST_ORDER,
    *(f"glcm {name} {angle}" for angle in ANGLES for name in _GLCM),
    *(f"lbp {k}" for k in range(10)),
)
"""Names of the features, in order."""


def radiomics(images: Images, threshold: int, levels: int) -> Floats:
    """The features of each image.

    Args:
        images: uint8 [N, S, S].
        threshold: Grey levels of the breast above the background.
        levels: Number of levels to which 0..255 is quantised, evenly.

    Returns:
        float64 [N, len(NAMES)].
    """
    features = np.empty((len(images), len(NAMES)))
    for row, image in zip(features, images, strict=True):
        mask = breast(image, threshold)
        if not mask.any():
            mask = np.ones(image.shape, bool)
        quantised = (image.astype(np.int64) * levels) // 256
        row[:] = [
            *first_order(image, quantised, mask, levels),
            *(
                value
                for step in ANGLES.values()
                for value in texture(co_occurrence(quantised, mask, step, levels))
            ),
            *binary_patterns(image, mask),
        ]
    return features


def co_occurrence(
    quantised: npt.NDArray[np.int64], mask: Mask, step: tuple[int, int], levels: int
) -> Floats:
    """The symmetric co-occurrence matrix, float64 [levels, levels], of sum 1 (of 0 where no two
    pixels of the breast stand so)."""
    first, second = _pairs(quantised.shape, step)
    both = mask[first] & mask[second]
    codes = quantised[first][both] * levels + quantised[second][both]
    counts = np.bincount(codes, minlength=levels**2).reshape(levels, levels)
    counts = counts + counts.T
    return counts / max(int(counts.sum()), 1)


def texture(p: Floats) -> list[float]:
    """Contrast, homogeneity, energy and correlation of a co-occurrence matrix."""
    i = np.arange(len(p), dtype=np.float64)
    difference = (i[:, None] - i[None]) ** 2
    margin = p.sum(axis=1)
    mean = float((margin * i).sum())
    variance = float((margin * (i - mean) ** 2).sum())
    product = float((p * np.outer(i - mean, i - mean)).sum())
    return [
        float((p * difference).sum()),
        float((p / (1 + difference)).sum()),
        float(np.sqrt((p**2).sum())),
        product / variance if variance > 0 else 1.0,
    ]


def _pairs(
    shape: tuple[int, ...], step: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the first and the second pixel of all pairs that are ``step`` apart."""

    def along(length: int, by: int) -> tuple[slice, slice]:
        near, far = slice(0, length - abs(by)), slice(abs(by), length)
        return (near, far) if by >= 0 else (far, near)

    rows, columns = along(shape[0], step[0]), along(shape[1], step[1])
    return (rows[0], columns[0]), (rows[1], columns[1])
