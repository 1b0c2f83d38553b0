"""Generator files as a release sees them: who they are, what they learned from, their images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mammo_synth.gan.sample import LoadedGenerator

_DESCRIBED = ("kimg", "licence", "source", "simulated", "parameters", "training", "before")


@dataclass(frozen=True)
class GeneratorFile:
    """A loaded generator file behind the interface of `mammo_synth.release.shards.Generator`."""

    loaded: LoadedGenerator
    batch: int

    @classmethod
    def open(cls, path: Path, device: str = "auto", batch: int = 16) -> GeneratorFile:
        """Load a generator file, or the one of a training run's folder.

        Raises:
            BadInput: Not a generator file, cut short, or no such device.
        """
        from mammo_synth.gan.sample import load_generator, resolve_device

        return cls(load_generator(path, resolve_device(device)), batch)

    @property
    def path(self) -> Path:
        """The generator file itself, also where a run's folder was given."""
        return self.loaded.path

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return self.loaded.sha256

    @property
    def label(self) -> str:
        """``cancer`` or ``normal``."""
        return self.loaded.label

    @property
    def resolution(self) -> int:
        """Side of its images in pixels."""
        return self.loaded.resolution

    @property
    def description(self) -> dict[str, Any]:
        """Training facts for the manifest and the card."""
        facts = self.loaded.describe()
        described = {key: facts[key] for key in _DESCRIBED}
        return {**described, "prepared_set": self.loaded.metadata["prepared_manifest"]}

    @property
    def patients(self) -> frozenset[str] | None:
        """Digests of the patients that it, or networks it began from, learned from; None where the
        file does not say."""
        listed = json.loads(self.loaded.metadata.get("patients", "null"))
        return None if listed is None else frozenset(listed)

    def images(
        self, seeds: Sequence[int], truncation: float
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """(seed, [S, S] uint8) for each seed, in order."""
        from mammo_synth.gan.sample import sample

        return sample(self.loaded, seeds, truncation=truncation, batch=self.batch)
