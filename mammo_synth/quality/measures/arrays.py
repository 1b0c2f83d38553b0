"""What every measure asks of its two arrays, and features in units of the films."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.quality.features import Features

Indices = npt.NDArray[np.int64]

MIXED_UNITS = ("radiomics",)
"""Extractors whose features have units of their own, each another."""

LEAST_DEVIATION = 0.01
"""Share of a feature's mean among the films: one that hardly varies must not decide everything."""


def checked(rows: npt.ArrayLike, name: str = "features", least: int = 2) -> Features:
    """``rows`` as float64 [N, D].

    Raises:
        BadInput: Not two-dimensional, fewer than ``least`` rows, no column, or a number that is
            not finite.
    """
    found = np.asarray(rows, np.float64)
    if found.ndim != 2 or found.shape[1] < 1:
        raise BadInput(
            f"The {name} have the shape {list(found.shape)}; a measure takes [images, features].",
            hint="Give one row for each image.",
        )
    if len(found) < least:
        raise BadInput(
            f"The {name} are of {len(found)} images; this measure needs {least} at least.",
            hint="Give more images, or leave this measure or this class out.",
        )
    if not np.isfinite(found).all():
        row = int(np.nonzero(~np.isfinite(found).all(axis=1))[0][0])
        raise BadInput(
            f"The {name} of image {row} hold a number that is not finite.",
            hint="Extract the features again, and look at that image.",
        )
    return found


def checked_pair(
    real: npt.ArrayLike, fake: npt.ArrayLike, least: int = 2
) -> tuple[Features, Features]:
    """Features of films and of other images, float64 [N, D] and [M, D].

    Raises:
        BadInput: As `checked`, or the two differ in D.
    """
    first = checked(real, "features of the films", least)
    second = checked(fake, "features of the synthetic images", least)
    if first.shape[1] != second.shape[1]:
        raise BadInput(
            f"Films have {first.shape[1]} features and synthetic images {second.shape[1]}.",
            hint="Extract both with the same extractor.",
        )
    return first, second


def standardised(real: npt.ArrayLike, *others: npt.ArrayLike) -> list[Features]:
    """All sets in standard deviations of the films, from their mean.

    A deviation below `LEAST_DEVIATION` of the mean counts as that; a feature that is 0 on every
    film keeps its unit.
    """
    films = checked(real, "features of the films")
    rest = [np.asarray(one, np.float64) for one in others]
    for one in rest:
        if len(one):
            checked_pair(films, one, least=1)
    mean = films.mean(axis=0)
    deviation = np.maximum(films.std(axis=0, ddof=1), LEAST_DEVIATION * np.abs(mean))
    deviation[deviation == 0] = 1.0
    return [(one - mean) / deviation for one in (films, *rest)]


def in_units(extractor: str, real: npt.ArrayLike, *others: npt.ArrayLike) -> list[Features]:
    """All sets in the units in which the features of an extractor are compared: `standardised` for
    `MIXED_UNITS`, else as they are, as published distances are.

    Raw, a feature of a network that hardly any film excites, or a pixel that is black on all films
    but one, counts as little as it varies; in standard deviations it would decide everything.
    """
    if extractor in MIXED_UNITS:
        return standardised(real, *others)
    return [np.asarray(one, np.float64) for one in (real, *others)]


def some(count: int, most: int, seed: int) -> Indices:
    """``most`` of the numbers 0 .. ``count`` - 1 at random, in order; all where there are fewer."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])
