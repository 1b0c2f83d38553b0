"""A release on disk, read straight from its shards: what the benchmark trains and tests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from mammo_synth.configurations import CONFIGURATIONS, REAL, configuration
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.manifest import Manifest, read_manifest
from mammo_synth.png import decode_png
from mammo_synth.release.forms import held_shards

KIND = "release"
SPLITS = ("train", "test", "real_test")
REAL_ONLY = "real"
"""Name of the baseline that is no configuration: all real rows, no synthetic one (TRTR)."""

_DECODE_THREADS = 2
_AT_ONCE = 256

Reduction = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Rows:
    """Images of one split with what is known of each; all fields have the same length.

    Attributes:
        images: [N, S, S] uint8.
        label: [N] int64, normal = 0, cancer = 1.
        origin: [N] int64, synthetic = 0, real = 1.
        image_id: Unique ids.
        patient_id, view, laterality: Of real rows, else None.
        source: Collection of the films behind the image.
        seed: Of synthetic rows, else None.
    """

    images: npt.NDArray[np.uint8]
    label: npt.NDArray[np.int64]
    origin: npt.NDArray[np.int64]
    image_id: list[str]
    patient_id: list[str | None]
    seed: list[int | None]
    view: list[str | None]
    laterality: list[str | None]
    source: list[str | None]

    def __len__(self) -> int:
        return len(self.image_id)


@dataclass(frozen=True)
class Release:
    """A release folder. Opening it reads the manifest only."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Release:
        """Open the release in ``folder``.

        Raises:
            BadInput: It is not a finished release.
        """
        return cls(folder, read_manifest(folder, KIND))

    @property
    def sha256(self) -> str:
        """Digest of the manifest, which holds the digest of every file."""
        return self.manifest.sha256

    @property
    def name(self) -> str:
        """Name of the release, such as ``mammo-synth``."""
        return str(self.manifest.settings["name"])

    @property
    def version(self) -> str:
        """Semantic version."""
        return str(self.manifest.settings["version"])

    @property
    def size(self) -> int:
        """Images per configuration (train + test)."""
        return int(self.manifest.settings["size"])

    @property
    def image_size(self) -> int:
        """Side of the images in pixels."""
        return int(self.manifest.facts["image_size"])

    @property
    def protocol(self) -> str:
        """``strict`` or ``study``."""
        return str(self.manifest.facts["protocol"])

    @property
    def source(self) -> str:
        """Source of the films."""
        return str(self.manifest.facts["source"])

    @property
    def simulated(self) -> bool:
        """Whether the films are phantoms."""
        return bool(self.manifest.facts["terms"]["simulated"])

    @property
    def configurations(self) -> tuple[str, ...]:
        """Names of the configurations."""
        held = self.manifest.facts["configurations"]
        return tuple(name for name in CONFIGURATIONS if name in held)

    def shards(self, name: str, split: str) -> list[str]:
        """Paths of the shards of one configuration and split; ``real`` is all real train rows.

        Raises:
            BadInput: An unknown configuration or split.
        """
        if split not in SPLITS:
            raise BadInput(
                f"There is no split '{split}' in release {self.version}.",
                hint=did_you_mean(split, SPLITS),
            )
        if name == REAL_ONLY:
            # Every real shard of the split that any configuration lists, in cell order.
            real = [
                str(entry["path"])
                for entry in self.manifest.facts["shards"]
                if entry["split"] == split and entry["origin"] == REAL
            ]
            self._refuse_missing_films(real, f"split {split}")
            return real
        if name not in self.configurations:
            if name not in CONFIGURATIONS:
                configuration(name)
            raise BadInput(
                f"Configuration '{name}' is not in release {self.version}.",
                hint=f"It has {', '.join(self.configurations)}.",
            )
        paths = list(self.manifest.facts["configurations"][name]["splits"][split]["shards"])
        self._refuse_missing_films(paths, f"split {split} of '{name}'")
        return paths

    def _refuse_missing_films(self, paths: list[str], what: str) -> None:
        if not held_shards(self.manifest.facts).issuperset(paths):
            raise BadInput(
                f"Real films of {what} are not in release {self.version}: the terms of "
                f"{self.source} do not let them be passed on, so it holds references.",
                hint="Put your own films in place: mammo-synth release rehydrate "
                f"{self.folder} --films PATH",
            )

    def records(self, name: str, split: str) -> Iterator[dict[str, Any]]:
        """Rows of one configuration and split as dicts with PNG bytes, some hundred at a time."""
        for path in self.shards(name, split):
            with self._open(path) as file:
                for group in file.iter_batches(_AT_ONCE):
                    yield from group.to_pylist()

    def rows(self, name: str, split: str, reduce: Reduction | None = None) -> Rows:
        """Decode one configuration's split, some hundred images at a time.

        Args:
            name: A configuration, or ``real``.
            split: train, test or real_test.
            reduce: Makes a decoded image smaller while the rows are read, so that only
                `_AT_ONCE` images stand in memory at the release's own size.

        Raises:
            BadInput: An unknown name, a missing shard, or an empty split.
        """

        def image(record: dict[str, Any]) -> npt.NDArray[np.uint8]:
            pixels = decode_png(record["image"]["bytes"])
            return pixels if reduce is None else reduce(pixels)

        records = self.records(name, split)
        images: list[npt.NDArray[np.uint8]] = []
        facts: list[dict[str, Any]] = []
        # zlib releases the GIL while it inflates, so two threads decode almost twice as fast.
        with ThreadPoolExecutor(_DECODE_THREADS) as pool:
            while chunk := list(islice(records, _AT_ONCE)):
                images += pool.map(image, chunk)
                facts += [{key: r[key] for key in r if key != "image"} for r in chunk]
        if not images:
            raise BadInput(
                f"Release {self.name} {self.version} has no images in split {split} of '{name}'.",
                hint="Every score needs real_test films: build the release with more of them."
                if split == "real_test"
                else "Build the release with more films or a larger --size.",
            )

        def column(key: str) -> list[Any]:
            return [fact[key] for fact in facts]

        return Rows(
            images=np.stack(images),
            label=np.array(column("label"), np.int64),
            origin=np.array(column("origin"), np.int64),
            image_id=column("image_id"),
            patient_id=column("patient_id"),
            seed=column("seed"),
            view=column("view"),
            laterality=column("laterality"),
            source=column("source"),
        )

    def _open(self, path: str) -> pq.ParquetFile:
        file = self.folder / path
        if not file.is_file():
            raise BadInput(
                f"The shard '{file}' is missing from the release.",
                hint="Run `mammo-synth release verify` on the folder, then build it again.",
            )
        return pq.ParquetFile(file)
