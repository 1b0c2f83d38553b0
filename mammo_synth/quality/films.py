"""The films that synthetic images are compared with: what the generators learned from, and films
of other patients."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from mammo_synth.configurations import LABEL_VALUES, LABELS
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.prepared import PreparedSet

from .pools import Pool
from .stored import ParquetRows, StoredImages

TRAINING = ("train",)
HELD_OUT = ("val", "real_test")
LearnedFrom = Literal["these films", "other films", "unknown"]


@dataclass(frozen=True)
class Films:
    """Films of a prepared set, in the order of its shards.

    Attributes:
        images: The films.
        ids: Image id of each.
        patients: Pseudonym of the patient of each.
        labels: int64 ``[N]``.
    """

    images: StoredImages
    ids: tuple[str, ...]
    patients: tuple[str, ...]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def chosen(self, numbers: npt.NDArray[np.int64]) -> Films:
        """Those with these numbers."""
        kept = [int(number) for number in numbers]
        return Films(
            self.images.chosen(kept),
            tuple(self.ids[i] for i in kept),
            tuple(self.patients[i] for i in kept),
            self.labels[numbers],
        )

    def counted(self) -> dict[str, int]:
        """How many films, of how many patients."""
        return {"films": len(self), "patients": len(set(self.patients))}


def films_of(
    prepared: PreparedSet,
    roles: Collection[str],
    labels: Collection[str] = LABELS,
    *,
    without: Collection[str] = (),
) -> Films:
    """The films of some roles and labels, but those of the patients ``without``."""
    table = prepared.table.select(["image_id", "patient_id", "role", "label"]).to_pylist()
    places = [
        (path, row) for path in prepared.shards for row in range(pq.read_metadata(path).num_rows)
    ]
    values = {LABEL_VALUES[label] for label in labels}
    kept = [
        (row, place)
        for row, place in zip(table, places, strict=True)
        if row["role"] in roles and row["label"] in values and row["patient_id"] not in without
    ]
    return Films(
        StoredImages(ParquetRows([place for _, place in kept]), len(kept), prepared.size),
        tuple(row["image_id"] for row, _ in kept),
        tuple(row["patient_id"] for row, _ in kept),
        np.array([row["label"] for row, _ in kept], np.int64),
    )


@dataclass(frozen=True)
class Learned:
    """What a generator learned from.

    Attributes:
        films: ``these films``, where it was trained on the prepared set at hand.
        labels: The labels whose training films it may have seen, its own among them.
    """

    films: LearnedFrom
    labels: tuple[str, ...]


def learned(pool: Pool, prepared: PreparedSet, file: Path | None = None) -> Learned:
    """What the generator of ``pool`` learned from, by its own account; ``file`` is its file, where
    it is at hand.

    A generator passes on what the networks saw that it began from: where they learned from films
    of both labels, its images are compared with films of both.
    """
    said = pool.described_generator or _header(file)
    if said is None:
        return Learned("unknown", (pool.label,))
    ours = prepared.manifest.sha256
    own = str(said.get("prepared_set", said.get("prepared_manifest", "")))
    seen = [(own, str(said.get("label", pool.label)))]
    seen += [(str(e.get("prepared_manifest")), str(e.get("label"))) for e in _before(said)]
    labels = {pool.label}
    for films, label in seen:
        if films == ours:
            labels |= set(LABELS) if label == "both" else {label} & set(LABELS)
    found: LearnedFrom = "these films" if any(films == ours for films, _ in seen) else "other films"
    return Learned(found, tuple(label for label in LABELS if label in labels))


def generator_file(pool: Pool, given: Path | None = None) -> Path | None:
    """The file of a pool's generator: the one given, or where the pool says that it was.

    Raises:
        BadInput: The one given is another generator.
    """
    from mammo_synth.gan.sample import generator_path

    if given is not None:
        path = generator_path(given)
        if not path.is_file() or sha256_file(path) != pool.generator:
            raise BadInput(
                f"'{given}' is not the generator of the {pool.label} images "
                f"(sha256 {pool.generator[:16]}).",
                hint="Give the file that they were sampled from.",
            )
        return path
    there = pool.generator_file
    if there is not None and there.is_dir():
        there = there / "generator.safetensors"
    if there is None or not there.is_file() or sha256_file(there) != pool.generator:
        return None
    return there


def _header(file: Path | None) -> Mapping[str, Any] | None:
    from mammo_synth.gan.checkpoint import read_header

    if file is None:
        return None
    return dict(read_header(file, "a generator file").get("__metadata__") or {})


def _before(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    before = said.get("before", [])
    return list(json.loads(before) if isinstance(before, str) else before)
