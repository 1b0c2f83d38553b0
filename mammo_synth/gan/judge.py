"""What judges the images of a run: a measure, and the films that it compares them with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_synth.errors import BadInput

from .measures import Measure, floor, thumbnails, variety
from .rows import tidy
from .sampler import choose_subset
from .settings import TrainSettings

CHUNK = 12  # images looked at at a time, unless the measure wants more

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Verdict:
    """What a judge says of images.

    Attributes:
        value: The measure; ``None`` where there is none or it is not finite.
        variety: How much they differ from one another, as a share of how much the films do.
    """

    value: float | None
    variety: float


class Judge:
    """Compares images with a sample of the films, at which it looks once, when it is made.

    Attributes:
        measure: What it compares by; ``None``: it looks at the variety alone.
        chosen: Indices of the films that it looks at, in a random order that the seed fixes.
        floor: The measure between two halves of these films.
    """

    def __init__(self, images: Images, settings: TrainSettings, measure: Measure | None) -> None:
        """``images`` (``[N, R, R]``): all films.

        Raises:
            BadInput: Too few films for the measure, or images that it cannot look at.
        """
        self.measure = measure
        self.chosen = _choice(len(images), settings)
        if measure is not None:
            check_films(measure, len(self.chosen))
        looks = Looks(measure, films=True)
        for start in range(0, len(self.chosen), CHUNK):
            looks.add(images[self.chosen[start : start + CHUNK]])
        self._film_variety = max(looks.variety(), 1e-9)
        self._films = looks.features()
        self.floor = None
        if measure is not None and self._films is not None:
            self.floor = tidy(floor(measure, self._films))

    def verdict(self, looks: Looks) -> Verdict:
        """What the images are, of which ``looks`` holds all that counts."""
        value, features = None, looks.features()
        if self.measure is not None and self._films is not None and features is not None:
            value = tidy(self.measure.compare(self._films, features))
        return Verdict(value, float(f"{looks.variety() / self._film_variety:.4g}"))


def check_films(measure: Measure, count: int) -> None:
    """Raise :class:`BadInput` unless ``count`` films suffice for ``measure``."""
    if count < measure.least:
        raise BadInput(
            f"The measure '{measure.name}' would look at {count} films; {measure.least} or more "
            "were expected.",
            hint="Train on more films, give a larger --measure-images, or use --measure texture.",
        )


class Looks:
    """What a judge needs of images, which come some at a time: their features and thumbnails."""

    def __init__(self, measure: Measure | None, *, films: bool = False) -> None:
        self._batch = 0 if measure is None else measure.batch
        self._features = None if measure is None else measure.features
        if films and measure is not None and measure.film_features is not None:
            self._features = measure.film_features
        self._waiting: list[Images] = []
        self._rows: list[NDArray[np.float64]] = []
        self._small: list[NDArray[np.float64]] = []

    def add(self, images: Images) -> None:
        """Look at uint8 ``[N, R, R]``."""
        self._small.append(thumbnails(images))
        if self._features is not None:
            self._waiting.append(images)
            if sum(map(len, self._waiting)) >= self._batch:
                self._work()

    def features(self) -> NDArray[np.float64] | None:
        """float64 ``[images, F]``, or ``None`` without a measure."""
        if self._waiting:
            self._work()
        return np.concatenate(self._rows) if self._rows else None

    def variety(self) -> float:
        """In grey levels (`mammo_synth.gan.measures.variety`)."""
        return variety(np.concatenate(self._small))

    def _work(self) -> None:
        if self._features is not None:
            self._rows.append(self._features(np.concatenate(self._waiting)))
        self._waiting.clear()


def _choice(films: int, settings: TrainSettings) -> NDArray[np.int64]:
    """Indices of the films to measure against, of those trained on, in a random order that the
    seed fixes."""
    shown = np.arange(films)
    if settings.subset is not None:
        shown = choose_subset(films, settings.subset, settings.seed)
    order = np.random.default_rng([settings.seed, 0x77]).permutation(shown)
    return np.asarray(order[: settings.measure_images], np.int64)
