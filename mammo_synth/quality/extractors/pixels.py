"""The image itself, reduced: what any measure must beat, and a check that it does as it should."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mammo_synth.files import sha256_json
from mammo_synth.quality.extractors.preparation import resized
from mammo_synth.quality.feature_cache import Rows
from mammo_synth.quality.features import Images

VERSION = 1


@dataclass(frozen=True)
class Pixels:
    """Grey levels of a small copy, row by row, on the scale 0 to 1: ``side`` squared of them.

    Attributes:
        side: px.
    """

    side: int = 32
    name: str = "pixels"
    weights: dict[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Pixels of the small copy."""
        return self.side**2

    @property
    def digest(self) -> str:
        """Of the side."""
        return sha256_json({"name": self.name, "version": VERSION, "side": self.side})

    def __call__(self, images: Images) -> Rows:
        """float32 [N, side squared] of uint8 [N, S, S]."""
        return resized(images, self.side).reshape(len(images), -1) / np.float32(255)
