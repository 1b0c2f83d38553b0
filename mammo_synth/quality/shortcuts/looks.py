"""Images as the probe sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.quality.features import Features
from mammo_synth.quality.measures.spectrum import SMALLEST, checked_images, spectra

from .background import background_rows
from .fingerprint import fingerprint_rows

DECIBELS = 10


@dataclass(frozen=True)
class Looks:
    """What `look` says of N images; each row depends on its image alone.

    Attributes:
        background: float64 [N, B], see `mammo_synth.quality.shortcuts.background`; NaN throughout
            where an image has next to no background.
        spectrum: float64 [N, S/2], mean power in each ring of frequency in dB.
        fingerprint: float64 [N, F], see `mammo_synth.quality.shortcuts.fingerprint`.
    """

    background: Features
    spectrum: Features
    fingerprint: Features

    def __post_init__(self) -> None:
        counts = [len(self.background), len(self.spectrum), len(self.fingerprint)]
        if len(set(counts)) > 1:
            raise BadInput(
                f"Looks are of {counts} images; one row of each kind for each image was expected.",
                hint="Look at the images again.",
            )

    def __len__(self) -> int:
        return len(self.background)

    @property
    def widths(self) -> tuple[int, int, int]:
        """B, S/2 and F."""
        return self.background.shape[1], self.spectrum.shape[1], self.fingerprint.shape[1]

    @classmethod
    def concatenated(cls, parts: Sequence[Looks]) -> Looks:
        """All ``parts`` one after the other.

        Raises:
            BadInput: No part, or parts of images of different sides.
        """
        if not parts:
            raise BadInput("There are no looks to put together.", hint="Look at an image first.")
        if len({part.widths for part in parts}) > 1:
            raise BadInput(
                f"Images of {', '.join(str(2 * part.widths[1]) for part in parts)} px cannot stand "
                "in one set.",
                hint="Give images of one size.",
            )
        return cls(
            np.concatenate([part.background for part in parts]),
            np.concatenate([part.spectrum for part in parts]),
            np.concatenate([part.fingerprint for part in parts]),
        )


def look(images: npt.ArrayLike) -> Looks:
    """Describe images uint8 [N, S, S], S at least 16.

    A large set is looked at in parts, and these are put together by `Looks.concatenated`: 5 KB of
    an image of 512 px are kept.

    Raises:
        BadInput: Other arrays.
    """
    found = checked_images(images, SMALLEST)
    return Looks(background_rows(found), DECIBELS * spectra(found), fingerprint_rows(found))
