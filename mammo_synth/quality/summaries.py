"""Rows that measures take of images without an extractor (spectra, histograms), kept like features.

A row of an image depends on it alone, so it goes through the same cache and the same batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.files import sha256_json
from mammo_synth.quality.features import Features, Images
from mammo_synth.quality.measures import Measure
from mammo_synth.quality.measures.histogram import LEVELS, histograms
from mammo_synth.quality.measures.spectrum import SMALLEST, spectra

VERSION = 1
"""To be raised when a summary changes: kept rows are then of no use."""


@dataclass(frozen=True)
class Summary:
    """Rows of one kind as an `Extractor`.

    Attributes:
        name: ``spectra`` or ``histograms``.
        side: Of the images, in pixels.
    """

    name: str
    side: int
    weights: dict[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Numbers of a row."""
        return self.side // 2 if self.name == "spectra" else LEVELS

    @property
    def digest(self) -> str:
        """Hex sha256 of the name, its version and the side."""
        return sha256_json({"summary": self.name, "version": VERSION, "side": self.side})

    def __call__(self, images: Images) -> npt.NDArray[np.float32]:
        """float32 [N, D] of uint8 [N, S, S]."""
        rows: Features = _ROWS[self.name](images)
        return rows.astype(np.float32)


_ROWS = {"spectra": spectra, "histograms": histograms}
SPECTRA, HISTOGRAMS = tuple(_ROWS)


def summaries_of(side: int) -> tuple[str, ...]:
    """The summaries that images of ``side`` pixels allow."""
    return (SPECTRA, HISTOGRAMS) if side >= SMALLEST else (HISTOGRAMS,)


def summary_name(measure: Measure) -> str:
    """Which summary a measure on images takes."""
    return next(name for name, rows in _ROWS.items() if rows is measure.rows)


def smallest_side(measure: Measure) -> int:
    """The least side of images, in pixels, that a measure on images takes."""
    return SMALLEST if summary_name(measure) == SPECTRA else 1
