"""How far a measure would move with other patients and other seeds: its interval.

Resampling with replacement puts copies into a set, and distances to neighbours, kernels between
different images and Fréchet distances all take copies for something that the set is not: the
resampled values lie far from the value. So halves are drawn without replacement (the delete-d
jackknife, Shao and Wu 1989; Politis and Romano 1994): films by patient, synthetic images by seed.
A smooth measure of a random share f of the units varies around its own mean by ``(1 - f) / f``
times the variance of the measure of all units; for halves by exactly that variance. The bias at
smaller counts moves all draws alike, so it drops out. First the films are drawn, then the synthetic
images, the other side staying as it is, and the two variances are added: so a large pool can be
drawn at a smaller share than few films, and a report can say which side makes a number unsure.

The interval is for the measure *at these counts*: it says how far the value would move, not how far
it is from its value at infinitely many images (`mammo_synth.quality.measures.frechet_infinity`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.features import Features

from .arrays import Indices, checked_pair
from .units import members, unit_numbers

Value = Callable[[Features, Features], float]
METHOD = "halves of patients and seeds drawn without replacement"
LEAST_UNITS = 8
"""Patients, and synthetic images: half of fewer says nothing about spread."""


@dataclass(frozen=True)
class IntervalSettings:
    """How an interval is drawn.

    Attributes:
        replicates: Draws of each side; 60 give the standard error to some 8 %.
        most: Images of a set in a draw at most: a smaller share of all, stated in the result, where
            half of them would take too long.
        level: Of the interval.
        seed: Of the draws.
    """

    replicates: int = 60
    most: int = 2000
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Interval:
    """A measured value with its interval.

    Attributes:
        value: Of all images.
        standard_error: Over other patients and other seeds, at these counts.
        of_films, of_images: Its parts: from the patients alone, from the seeds alone.
        low, high: Value -/+ standard error times Student's quantile, within the measure's range.
        level: 0.95 by default.
        shares: Share of the patients, and of the synthetic images, in each draw.
        replicates: Draws of each.
        method: In words.
    """

    value: float
    standard_error: float
    of_films: float
    of_images: float
    low: float
    high: float
    level: float
    shares: tuple[float, float]
    replicates: int
    method: str = METHOD

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def interval(
    value: Value,
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    patients: Sequence[str] | None = None,
    limits: tuple[float, float] = (-np.inf, np.inf),
    settings: IntervalSettings | None = None,
    progress: Progress = SILENT,
) -> Interval:
    """The value of a measure with its interval.

    Args:
        value: Rows of films [N, D] and of synthetic images [M, D] to a number.
        real: Rows of films.
        fake: Rows of synthetic images.
        patients: Patient of each film; each film for itself where None.
        limits: Range of the measure; the interval is cut there.
        settings: How it is drawn.
        progress: Told of every draw.

    Raises:
        BadInput: Fewer than eight patients or synthetic images, or rows that do not fit.
    """
    how = settings or IntervalSettings()
    films, images = checked_pair(real, fake)
    units = members(unit_numbers(patients, len(films)))
    fewest = min(len(units), len(images))
    if fewest < LEAST_UNITS or how.replicates < 2:
        raise BadInput(
            f"An interval was asked for from {len(units)} patients and {len(images)} synthetic "
            f"images with {how.replicates} draws.",
            hint=f"It needs {LEAST_UNITS} of each and two draws; show the value without one.",
        )
    seeds = [np.array([i]) for i in range(len(images))]
    random = np.random.default_rng(how.seed)
    shares = [min(0.5, how.most / len(rows)) for rows in (films, images)]
    still = (
        films[drawn(units, min(1.0, how.most / len(films)), random)],
        images[drawn(seeds, min(1.0, how.most / len(images)), random)],
    )
    found = np.empty((2, how.replicates))
    progress.start("draws for an interval", found.size)
    try:
        for number in range(how.replicates):
            found[0, number] = value(films[drawn(units, shares[0], random)], still[1])
            found[1, number] = value(still[0], images[drawn(seeds, shares[1], random)])
            progress.advance(2)
    finally:
        progress.finish()
    odds = [share / (1 - share) for share in shares]
    errors = [float(np.sqrt(rows.var(ddof=1) * odd)) for rows, odd in zip(found, odds, strict=True)]
    error = float(np.hypot(errors[0], errors[1]))
    middle = float(value(films, images))
    reach = float(student.ppf(0.5 + how.level / 2, how.replicates - 1)) * error
    low, high = (float(np.clip(end, *limits)) for end in (middle - reach, middle + reach))
    return Interval(
        middle, error, errors[0], errors[1], min(low, middle), max(high, middle), how.level,
        (shares[0], shares[1]), how.replicates,
    )  # fmt: skip


def drawn(units: list[Indices], share: float, random: np.random.Generator) -> Indices:
    """The images of a random ``share`` of the units, without replacement."""
    count = max(1, round(share * len(units)))
    return np.concatenate([units[i] for i in random.permutation(len(units))[:count]])
