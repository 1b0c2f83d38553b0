"""The measures, with what a table or an axis says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.quality.features import Features

from .arrays import checked
from .density_coverage import coverage, density
from .diversity import pairwise_diversity, vendi_diversity
from .floor import Better
from .frechet import frechet_distance
from .frechet_infinity import frechet_at_infinity
from .histogram import exposure_distance, histogram_distance, histograms
from .kid import kid_value
from .precision_recall import precision, recall
from .spectrum import slope_distance, spectra, spectrum_distance

ANY = (-np.inf, np.inf)
POSITIVE = (0.0, np.inf)
SHARE = (0.0, 1.0)


@dataclass(frozen=True)
class Measure:
    """A number that compares synthetic images with films.

    Attributes:
        name: How settings, tables and files call it.
        text: What it is, in a few words: the label of an axis.
        better: Which direction is better.
        on: What its rows are made of: features of an extractor, or the images themselves.
        unit: Of the number; "" where it has none.
        limits: The least and the largest value it can have.
        value: Rows of films [N, D] and of synthetic images [M, D] to the number.
        rows: Features [N, D] or images uint8 [N, S, S] to float64 rows [N, D], each of its image
            alone, so that a large set is summarised once, in blocks, before anything is drawn.
    """

    name: str
    text: str
    better: Better
    on: Literal["features", "images"]
    unit: str
    limits: tuple[float, float]
    value: Callable[[Features, Features], float]
    rows: Callable[[npt.ArrayLike], Features] = checked


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "frechet", "Fréchet distance", "lower", "features",
            "squared features", POSITIVE, frechet_distance,
        ),
        Measure(
            "frechet_infinity", "Fréchet distance, extrapolated to infinitely many images",
            "lower", "features", "squared features", ANY, frechet_at_infinity,
        ),
        Measure("kid", "kernel distance (KID)", "lower", "features", "", ANY, kid_value),
        Measure(
            "precision", "precision: share of synthetic images among the films (k = 3)",
            "higher", "features", "", SHARE, precision,
        ),
        Measure(
            "recall", "recall: share of films among the synthetic images (k = 3)",
            "higher", "features", "", SHARE, recall,
        ),
        Measure(
            "density", "density of synthetic images around films (k = 5; films: 1)",
            "higher", "features", "", POSITIVE, density,
        ),
        Measure(
            "coverage", "coverage: share of films with a synthetic image near (k = 5)",
            "higher", "features", "", SHARE, coverage,
        ),
        Measure(
            "diversity", "mean distance between synthetic images (films: 1)",
            "higher", "features", "of films", POSITIVE, pairwise_diversity,
        ),
        Measure(
            "vendi", "effective number of different synthetic images (films: 1)",
            "higher", "features", "of films", POSITIVE, vendi_diversity,
        ),
        Measure(
            "spectrum", "distance of power spectra", "lower", "images",
            "dB", POSITIVE, spectrum_distance, spectra,
        ),
        Measure(
            "slope", "difference of spectral slopes beta", "lower", "images",
            "", POSITIVE, slope_distance, spectra,
        ),
        Measure(
            "histogram", "distance of grey levels inside the breast", "lower", "images",
            "grey levels", POSITIVE, histogram_distance, histograms,
        ),
        Measure(
            "exposure", "distance of images' mean grey levels", "lower", "images",
            "grey levels", POSITIVE, exposure_distance, histograms,
        ),
    )
}  # fmt: skip
"""All measures, in the order of a report's table."""


def find_measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        BadInput: There is none.
    """
    if name not in MEASURES:
        raise BadInput(f"There is no measure '{name}'.", hint=did_you_mean(name, MEASURES))
    return MEASURES[name]
