"""What is compared, and one pair of what was found."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput

from .patterns import ImageSet, Variant

Features = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FilmSet:
    """Films of one role: ``images`` uint8 ``[N, S, S]`` (read a part at a time), their ``ids`` and
    (pseudonymous) ``patients``."""

    images: ImageSet
    ids: tuple[str, ...]
    patients: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.ids) == len(self.patients):
            raise BadInput(
                f"There are {len(self.images)} images, {len(self.ids)} ids and "
                f"{len(self.patients)} patients; one of each film was expected."
            )


@dataclass(frozen=True)
class FeatureSets:
    """Features of one extractor: float64 ``[N, D]`` each, in the order of the images."""

    synthetic: Features
    training: Features
    held_out: Features


@dataclass(frozen=True)
class Scores:
    """What a discriminator says of the films (`discriminator.discriminator_scores`)."""

    training: Features
    held_out: Features


@dataclass(frozen=True)
class Pair:
    """A synthetic image and the training film that it is most like after alignment.

    Attributes:
        image, film: Their places; ``film_id``: the film's id.
        alike: Agreement of their tissue, 1 for a copy.
        p_value: Share of held-out films that are as much like a training film (rank, one added);
            None without held-out films.
        variant: How the image was altered to lie on the film.
        copy: ``exact``, ``near`` or "".
    """

    image: int
    film: int
    film_id: str
    alike: float
    p_value: float | None
    variant: Variant
    copy: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "image": self.image,
            "film": self.film_id,
            "alike": self.alike,
            "p_value": self.p_value,
            "aligned": str(self.variant),
            "copy": self.copy,
        }


def numbered(
    patients: Sequence[Hashable],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """The patient's number of each film, and each patient's number of films."""
    numbers = {patient: n for n, patient in enumerate(dict.fromkeys(patients))}
    of_film = np.array([numbers[patient] for patient in patients], np.intp)
    return of_film, np.bincount(of_film).astype(np.float64)
