"""A release on disk, read straight from its shards: what the benchmark trains and tests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from mammo_synth.configurations import (
    CONFIGURATIONS,
    REAL,
    REFERENCES,
    SYNTHETIC,
    SYNTHETIC_REDUCED,
    Cell,
)
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.manifest import Manifest, read_manifest
from mammo_synth.png import decode_png
from mammo_synth.release.forms import held_shards

KIND = "release"
SPLITS = ("train", "test", "real_test")

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
        density: The source's own class, of real rows, else None; all None where the release has no
            such column.
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
    density: list[str | None]
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
        """Paths of the shards that hold the rows of one configuration and split.

        Args:
            name: A configuration; ``real``: all real rows of the split that any configuration
                has; or its twin ``synthetic-reduced``, which may take a part of its last shards.
            split: train, test or real_test.

        Raises:
            BadInput: An unknown configuration or split, or real films that are not in the folder.
        """
        paths = [str(entry["path"]) for entry, _ in self._taken(name, split)]
        reference = name in REFERENCES
        self._refuse_missing_films(paths, f"split {split}" + ("" if reference else f" of '{name}'"))
        return paths

    def counts(self, name: str, split: str) -> dict[Cell, int]:
        """Images of one configuration and split in each of its cells, by the manifest alone.

        Real films count also where they are not in the folder. Nothing is read from shards.

        Raises:
            BadInput: An unknown configuration or split.
        """
        counts: dict[Cell, int] = {}
        for entry, rows in self._taken(name, split):
            cell = Cell(split, entry["label"], entry["origin"])
            counts[cell] = counts.get(cell, 0) + rows
        return counts

    def _taken(self, name: str, split: str) -> list[tuple[Mapping[str, Any], int]]:
        """The manifest's entries of a configuration's shards, and how many first rows of each."""
        if split not in SPLITS:
            raise BadInput(
                f"There is no split '{split}' in release {self.version}.",
                hint=did_you_mean(split, SPLITS),
            )
        entries = [entry for entry in self.manifest.facts["shards"] if entry["split"] == split]
        if name in REFERENCES:
            # All real shards of the split that any configuration lists, in cell order.
            real = [(entry, int(entry["rows"])) for entry in entries if entry["origin"] == REAL]
            if name == SYNTHETIC_REDUCED and split != "real_test":
                return _first_synthetic(entries, real)
            return real
        if name not in self.configurations:
            if name not in CONFIGURATIONS:
                raise BadInput(
                    f"There is no configuration '{name}'.",
                    hint=f"{did_you_mean(name, (*CONFIGURATIONS, *REFERENCES))} "
                    "Run `mammo-synth configs`.",
                )
            raise BadInput(
                f"Configuration '{name}' is not in release {self.version}.",
                hint=f"It has {', '.join(self.configurations)}.",
            )
        listed = self.manifest.facts["configurations"][name]["splits"][split]["shards"]
        by_path = {entry["path"]: entry for entry in entries}
        if not by_path.keys() >= set(listed):
            raise BadInput(
                f"The manifest of '{self.folder}' lists shards of '{name}' that it does not "
                "describe.",
                hint="Run `mammo-synth release verify` on the folder, then build it again.",
            )
        return [(by_path[path], int(by_path[path]["rows"])) for path in listed]

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
        self.shards(name, split)  # refuses what is not there
        for entry, rows in self._taken(name, split):
            with self._open(entry["path"]) as file:
                for group in file.iter_batches(_AT_ONCE):
                    yield from group.slice(0, rows).to_pylist()
                    rows -= min(rows, len(group))
                    if not rows:
                        break

    def rows(self, name: str, split: str, reduce: Reduction | None = None) -> Rows:
        """Decode one configuration's split, some hundred images at a time.

        Args:
            name: A configuration, ``real`` or ``synthetic-reduced``.
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
            density=[fact.get("density") for fact in facts],
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


def _first_synthetic(
    entries: Sequence[Mapping[str, Any]], real: Sequence[tuple[Mapping[str, Any], int]]
) -> list[tuple[Mapping[str, Any], int]]:
    """The first synthetic rows of each label, as many as there are ``real`` ones of it.

    A label with fewer synthetic rows gives what it has.
    """
    wanted: dict[int, int] = {}
    for entry, rows in real:
        wanted[entry["label"]] = wanted.get(entry["label"], 0) + rows
    taken = []
    for entry in entries:
        rows = min(int(entry["rows"]), wanted.get(entry["label"], 0))
        if entry["origin"] == SYNTHETIC and rows:
            taken.append((entry, rows))
            wanted[entry["label"]] -= rows
    return taken
