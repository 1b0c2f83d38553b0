"""Radiomics: what a physicist measures on a film, without learned weights.

The default where no network is at hand, and a second opinion where one is: a network with
ImageNet weights has never seen a film. An image above `SIDE` px is reduced to it first
(antialiased, rounded to 8 bits); a smaller one is taken as it is, so sets of one side only can be
compared. In this order:

- **first order** (11): of the grey levels inside the breast (`mammo_synth.radiomics`), which is
  the largest bright part of the image, or all of it where nothing is bright;
- **GLCM** (18; Haralick, Shanmugam & Dinstein 1973; scikit-image): symmetric co-occurrence of
  `LEVELS` grey levels at 1, 2 and 4 px inside the breast: contrast, homogeneity, energy and
  correlation as a mean over four directions; of contrast and correlation also the range;
- **run lengths** (8): `mammo_synth.quality.extractors.run_lengths`, each a mean over four
  directions, and the range of the run percentage;
- **LBP** (20; Ojala, Pietikainen & Maenpaa 2002): shares of the uniform rotation-invariant patterns
  of 8 neighbours inside the breast, of the image and of its 2 x 2 means (`mammo_synth.radiomics`:
  scikit-image's pattern, which interpolates, takes most of the time of all features together);
- **spectrum** (8): amplitude of the whole image, log10, in half octaves from the corners of the
  spectrum and the finest frequencies down to 1/16 of these.

They are raw: a measure standardises them by the films (`mammo_synth.quality.measures`).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_json
from mammo_synth.gan.measures.texture import windowed_power
from mammo_synth.quality.extractors import run_lengths
from mammo_synth.quality.extractors.preparation import resized
from mammo_synth.quality.feature_cache import Rows
from mammo_synth.quality.features import Images
from mammo_synth.radiomics import FIRST_ORDER, Mask, binary_patterns, breast, first_order

VERSION = 1
SIDE = 256
SMALLEST = 32
LEVELS = 32
THRESHOLD = 12
"""Grey levels of the breast above the background."""
DISTANCES = (1, 2, 4)
ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
BANDS = 8
_PROPERTIES = ("contrast", "homogeneity", "energy", "correlation")
_RANGES = ("contrast", "correlation")
_TINY = 1e-10
"""Power of a flat image, on a scale on which white is 1; the rounding to 8 bits has more."""

NAMES = (
    *FIRST_ORDER,
    *(f"glcm {name} {d} px" for d in DISTANCES for name in _PROPERTIES),
    *(f"glcm range of {name} {d} px" for d in DISTANCES for name in _RANGES),
    *run_lengths.NAMES,
    "range of run percentage",
    *(f"lbp {scale}: {k}" for scale in ("whole", "half") for k in range(10)),
    *(f"spectrum {k}" for k in range(BANDS)),
)
"""Names of the features, in order."""


@dataclass(frozen=True)
class Radiomics:
    """The features above."""

    name: str = "radiomics"
    dimension: int = len(NAMES)
    weights: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of its numbers' definitions and of scikit-image's version."""
        return sha256_json(
            {
                "name": self.name,
                "version": VERSION,
                "side": SIDE,
                "levels": LEVELS,
                "scikit-image": metadata.version("scikit-image"),
            }
        )

    def __call__(self, images: Images) -> Rows:
        """float32 [N, len(NAMES)] of uint8 [N, S, S], S from 32.

        Raises:
            BadInput: Smaller images.
        """
        side = images.shape[1]
        if side < SMALLEST:
            raise BadInput(
                f"Images of {side} px have too little texture for radiomics; {SMALLEST} px or "
                "more were expected.",
                hint="Use the extractor 'pixels', or larger images.",
            )
        if side > SIDE:
            images = np.rint(resized(images, SIDE)).astype(np.uint8)
        rows = np.empty((len(images), len(NAMES)), np.float32)
        for row, image in zip(rows, images, strict=True):
            mask = breast(image, THRESHOLD)
            if not mask.any():
                mask = np.ones(image.shape, bool)
            quantised = (image.astype(np.int64) * LEVELS) // 256
            levels = np.where(mask, quantised + 1, 0).astype(np.uint8)
            row[:-BANDS] = [
                *first_order(image, quantised, mask, LEVELS),
                *co_occurrence(levels),
                *run_length(levels),
                *patterns(image, mask),
            ]
            row[-BANDS:] = spectrum(image)
        return rows


def co_occurrence(levels: npt.NDArray[np.uint8]) -> list[float]:
    """The GLCM features of levels 1 to `LEVELS`, 0 outside the breast."""
    feature: Any = importlib.import_module("skimage.feature")
    counts = feature.graycomatrix(levels, DISTANCES, ANGLES, LEVELS + 1, symmetric=True)
    inside = counts[1:, 1:].astype(np.float64)  # both pixels in the breast
    p = inside / np.maximum(inside.sum(axis=(0, 1)), 1)
    found = {name: feature.graycoprops(p, name) for name in _PROPERTIES}  # [distances, angles]
    means = [found[name][d].mean() for d in range(len(DISTANCES)) for name in _PROPERTIES]
    ranges = [np.ptp(found[name][d]) for d in range(len(DISTANCES)) for name in _RANGES]
    return [float(value) for value in (*means, *ranges)]


def run_length(levels: npt.NDArray[np.uint8]) -> list[float]:
    """The run-length features of levels 1 to `LEVELS`, 0 outside the breast."""
    each = np.stack([run_lengths.run_features(d) for d in run_lengths.directions(levels)])
    share = each[:, run_lengths.NAMES.index("run percentage")]
    return [*each.mean(axis=0).tolist(), float(np.ptp(share))]


def patterns(image: npt.NDArray[np.uint8], mask: Mask) -> list[float]:
    """Shares of the local binary patterns, of the image and of means of 2 x 2 pixels."""
    half = len(image) // 2
    blocks = [np.s_[y : 2 * half : 2, x : 2 * half : 2] for y in (0, 1) for x in (0, 1)]
    mean = sum(image[block].astype(np.uint16) for block in blocks) // 4
    inside = np.logical_and.reduce([mask[block] for block in blocks])
    return [
        *binary_patterns(image, mask).tolist(),
        *binary_patterns(np.asarray(mean, np.uint8), inside).tolist(),
    ]


def spectrum(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Amplitude in each band, log10, finest first; float64 [BANDS]."""
    power, radius, weight = windowed_power(image[None].astype(np.float32) / np.float32(255))
    finest = len(image) / 2
    # 0 for all from the highest frequency along an axis to 0.7 of it, and beyond: the corners.
    with np.errstate(divide="ignore"):
        octave = np.floor(2 * np.log2(finest / radius))
    band = np.clip(octave, 0, BANDS).astype(np.int64)
    total = np.bincount(band, weight * power[0], BANDS + 1)[:BANDS]
    count = np.bincount(band, weight, BANDS + 1)[:BANDS]
    return np.asarray(0.5 * np.log10(total / count + _TINY), np.float64)
