"""The floor: what a measure says of two sets of films of different patients.

No generator needs to come nearer to the films than films come to each other, and few films make
every distance large. So the floor is measured between disjoint halves of the films, split by
patient, and synthetic images are measured against the same halves at the same counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress

from .arrays import Indices, checked_pair
from .intervals import Value
from .units import members, unit_numbers

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class FloorSettings:
    """How a floor is measured.

    Attributes:
        splits: Random splits of the patients into two halves.
        most: Images of a side at most: half of the films where they are fewer.
        level: Of the interval.
        seed: Of the splits.
    """

    splits: int = 100
    most: int = 1000
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Floor:
    """A measure between films and films, and between films and synthetic images, at equal counts.

    Attributes:
        median: Of the measure between two halves of films, over the splits.
        low, high: Middle ``level`` of the splits.
        value_at_floor_counts: The synthetic images' median: as many of them as films in a half,
            against one half of each split. Compare this with the median, not the value of all
            images: most measures depend on counts.
        chance: Chance that a random split of the films does as badly as the synthetic images, or
            worse: (1 + splits at least as bad as value_at_floor_counts) / (1 + splits). Near 0:
            told apart from films; 0.5 or more: not. All splits share the same films, so it
            describes these films and is no test of a hypothesis.
        count: Images on each side.
        splits: How many.
        level: Of low and high.
    """

    median: float
    low: float
    high: float
    value_at_floor_counts: float
    chance: float
    count: int
    splits: int
    level: float

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def floor(
    value: Value,
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    better: Better,
    patients: Sequence[str] | None = None,
    settings: FloorSettings | None = None,
    progress: Progress = SILENT,
) -> Floor:
    """The floor of a measure, and where the synthetic images stand against it.

    Args:
        value: Rows of films [N, D] and of other images [M, D] to a number.
        real: Rows of films.
        fake: Rows of synthetic images.
        better: Which direction of the number is better.
        patients: Patient of each film; each film for itself where None.
        settings: How it is measured.
        progress: Told of every split.

    Raises:
        BadInput: Fewer than four patients, or than two films in a half, or rows that do not fit.
    """
    how = settings or FloorSettings()
    films, images = checked_pair(real, fake)
    units = members(unit_numbers(patients, len(films)))
    if len(units) < 4 or how.splits < 1:
        raise BadInput(
            f"A floor was asked for from {len(units)} patients in {how.splits} splits.",
            hint="It needs four patients and one split at least.",
        )
    random = np.random.default_rng(how.seed)
    splits = [halves(units, random) for _ in range(how.splits)]
    count = min(how.most, len(images), *(len(half) for split in splits for half in split))
    between, against = np.empty(how.splits), np.empty(how.splits)
    progress.start("splits for a floor", how.splits)
    try:
        for number, (first, second) in enumerate(splits):
            left = films[random.permutation(first)[:count]]
            right = films[random.permutation(second)[:count]]
            between[number] = value(left, right)
            against[number] = value(left, images[random.permutation(len(images))[:count]])
            progress.advance()
    finally:
        progress.finish()
    ours = float(np.median(against))
    low, high = np.quantile(between, ((1 - how.level) / 2, (1 + how.level) / 2))
    return Floor(
        float(np.median(between)), float(low), float(high), ours,
        chance_of(ours, between, better), count, how.splits, how.level,
    )  # fmt: skip


def chance_of(value: float, splits: npt.ArrayLike, better: Better) -> float:
    """(1 + how many of ``splits`` are as bad as ``value``, or worse) / (1 + all of them)."""
    found = np.asarray(splits, np.float64)
    bad = found >= value if better == "lower" else found <= value
    return float((1 + bad.sum()) / (1 + found.size))


def halves(units: list[Indices], random: np.random.Generator) -> tuple[Indices, Indices]:
    """Two disjoint sets of images of random patients, as equal in images as patients allow."""
    first: list[Indices] = []
    second: list[Indices] = []
    ours = theirs = 0
    for number in random.permutation(len(units)):
        if ours <= theirs:
            first.append(units[number])
            ours += len(units[number])
        else:
            second.append(units[number])
            theirs += len(units[number])
    return np.concatenate(first), np.concatenate(second)
