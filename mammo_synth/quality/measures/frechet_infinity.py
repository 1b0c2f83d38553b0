"""Fréchet distance at infinitely many images, where its bias is gone.

Chong and Forsyth 2020 (arXiv 1911.07023): the distance of N images is, to first order, a straight
line in 1/N; its value at 1/N = 0 is read off a fit. They draw the synthetic side only, for their
real side has 50,000 images. Here films are few, so both sides are drawn, at the same shares, and
films by patient. The line holds where there are clearly more images than features; below that, the
extrapolation is too low or too high, and ``curvature`` shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.quality.features import Features

from .arrays import Indices, checked_pair
from .frechet import frechet_distance
from .units import members, unit_numbers

SHARES = (1.0, 1 / 2, 1 / 3, 1 / 4)
"""Shares of the images; their inverses, where the line is fitted, are evenly spaced. A share 1/n
is measured on n disjoint parts, so every point uses every image once."""


@dataclass(frozen=True)
class Extrapolation:
    """A Fréchet distance extrapolated to infinite sets.

    Attributes:
        value: Where the line meets 1/N = 0; below 0 by chance for equal distributions.
        standard_error: Of the fit alone. The interval over patients and seeds is the one that
            `mammo_synth.quality.measures.intervals.interval` gives.
        slope: How much the distance at all images is above the value: its bias.
        curvature: Largest distance of a point from the line over the bias: near 0 where the
            extrapolation holds.
        shares: Shares of both sets that were measured.
        distances: The mean distance at each.
    """

    value: float
    standard_error: float
    slope: float
    curvature: float
    shares: tuple[float, ...]
    distances: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def frechet_infinity(
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    patients: Sequence[str] | None = None,
    seed: int = 0,
) -> Extrapolation:
    """The distance of features real [N, D] and fake [M, D] at infinitely many images.

    Args:
        real: Features of films.
        fake: Features of synthetic images.
        patients: Patient of each film: parts are drawn by patient.
        seed: Of the parts.

    Raises:
        BadInput: Fewer than eight patients or images in a set, or features that do not fit.
    """
    films, images = checked_pair(real, fake, least=8)
    units = members(unit_numbers(patients, len(films)))
    if len(units) < 8:
        raise BadInput(
            f"The films are of {len(units)} patients; their quarters need eight at least.",
            hint="Give films of more patients, or use the plain distance.",
        )
    singles = [np.array([i]) for i in range(len(images))]
    random = np.random.default_rng(seed)
    distances = []
    for share in SHARES:
        parts = round(1 / share)
        pairs = zip(_parts(units, parts, random), _parts(singles, parts, random), strict=True)
        distances.append(float(np.mean([frechet_distance(films[a], images[b]) for a, b in pairs])))
    steps = 1 / np.array(SHARES)
    design = np.stack([np.ones_like(steps), steps], axis=1)
    (value, slope), *_ = np.linalg.lstsq(design, np.array(distances), rcond=None)
    residual = np.array(distances) - design @ (value, slope)
    variance = (residual**2).sum() / (len(steps) - 2)
    error = float(np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0]))
    curvature = float(np.abs(residual).max() / abs(slope)) if slope else 0.0
    return Extrapolation(float(value), error, float(slope), curvature, SHARES, tuple(distances))


def frechet_at_infinity(real: Features, fake: Features) -> float:
    """The extrapolated value alone, films drawn one by one."""
    return frechet_infinity(real, fake).value


def _parts(units: list[Indices], parts: int, random: np.random.Generator) -> list[Indices]:
    order = random.permutation(len(units))
    return [np.concatenate([units[i] for i in part]) for part in np.array_split(order, parts)]
