"""One measure with all that a report shows beside it: interval, floor, chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from mammo_synth.progress import SILENT, Progress

from .arrays import checked_pair
from .floor import Floor, FloorSettings, floor
from .intervals import Interval, IntervalSettings, interval
from .registry import Measure

WIDE = 512
"""Features from which on an eigenvalue problem of 2,000 images takes seconds, and draws are fewer
and smaller: 30 of 1,000 images a side for an interval, 40 splits for a floor."""


def interval_settings(width: int, seed: int = 0) -> IntervalSettings:
    """Draws that take minutes at most with ``width`` numbers an image."""
    if width > WIDE:
        return IntervalSettings(replicates=30, most=1000, seed=seed)
    return IntervalSettings(seed=seed)


def floor_settings(width: int, seed: int = 0) -> FloorSettings:
    """Splits that take minutes at most with ``width`` numbers an image."""
    return FloorSettings(splits=40, seed=seed) if width > WIDE else FloorSettings(seed=seed)


@dataclass(frozen=True)
class Measured:
    """A measured number and its context.

    Attributes:
        name, text, better, unit: Of the measure.
        films, images: How many films and synthetic images.
        interval: The value of all images, and how far it would move.
        floor: The same between films and films.
    """

    name: str
    text: str
    better: str
    unit: str
    films: int
    images: int
    interval: Interval
    floor: Floor

    @property
    def value(self) -> float:
        """The value of all images."""
        return self.interval.value

    def as_dict(self) -> dict[str, Any]:
        """As plain values, nested as the attributes are, with ``value`` at the top."""
        return {
            "name": self.name,
            "text": self.text,
            "better": self.better,
            "unit": self.unit,
            "films": self.films,
            "images": self.images,
            "value": self.value,
            "interval": self.interval.as_dict(),
            "floor": self.floor.as_dict(),
        }


def measured(
    measure: Measure,
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    patients: Sequence[str] | None = None,
    intervals: IntervalSettings | None = None,
    floors: FloorSettings | None = None,
    progress: Progress = SILENT,
) -> Measured:
    """A measure of two sets of rows (``measure.rows`` makes them), with interval and floor.

    Args:
        measure: From `MEASURES`.
        real: Rows of films [N, D].
        fake: Rows of synthetic images [M, D].
        patients: Patient of each film [N].
        intervals: How the interval is drawn; `interval_settings` by default.
        floors: How the floor is measured; `floor_settings` by default.
        progress: Told of every draw and split.

    Raises:
        BadInput: Fewer than eight patients or synthetic images, or rows that do not fit.
    """
    films, images = checked_pair(real, fake)
    found = interval(
        measure.value, films, images, patients=patients, limits=measure.limits,
        settings=intervals or interval_settings(films.shape[1]), progress=progress,
    )  # fmt: skip
    ground = floor(
        measure.value, films, images, better=measure.better, patients=patients,
        settings=floors or floor_settings(films.shape[1]), progress=progress,
    )  # fmt: skip
    return Measured(
        measure.name, measure.text, measure.better, measure.unit, len(films), len(images),
        found, ground,
    )  # fmt: skip
