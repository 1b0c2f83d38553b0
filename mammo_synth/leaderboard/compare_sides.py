"""The two sides of a comparison: records, read and verified, and whether they can be paired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.bench.record import Record, ReleaseFacts, read_record
from mammo_synth.bench.results import (
    RECORD_NAME,
    TEST_SETS,
    Stored,
    differences,
    read_scored,
)
from mammo_synth.bench.series import same_replicate, series_of
from mammo_synth.bench.truth import TestSet
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.files import sha256_file

SPLIT = "real_test"


@dataclass(frozen=True)
class Side:
    """One of the two: a record, or all replicates of one cell.

    Attributes:
        name: Configuration × classifier, with the replicate where it is one record.
        records: Record file and its sha256, in the order of the replicates.
        release: The release that it was measured on.
        truth: Films of `real_test` in the order of ``p``.
        p: float64 [replicates, n], scores in [0, 1] for cancer.
        thresholds: Operating points [replicates].
    """

    name: str
    records: tuple[tuple[Path, str], ...]
    release: ReleaseFacts
    truth: TestSet
    p: np.ndarray
    thresholds: tuple[float, ...]

    @property
    def calls(self) -> np.ndarray:
        """bool [replicates, n], called cancer."""
        return np.asarray(self.p >= np.asarray(self.thresholds)[:, None])


def read_side(path: Path) -> Side:
    """Read a record, its folder, or the folder of a cell with its replicates, and verify it.

    Args:
        path: ``record.json``, the folder that holds one, or the classifier's folder above
            ``replicate-*``: its replicates are then averaged.

    Raises:
        BadInput: There is no record, or records of several cells.
        CheckFailed: A record does not recompute from its predictions, or a file was changed.
    """
    stored = [Stored(one, read_record(one)) for one in _record_files(path)]
    stored.sort(key=lambda one: one.record["replicate"])
    first = stored[0].record
    _one_cell(path, stored)
    scored = []
    for one in stored:
        results = _results_of(one.path)
        problems = differences(results, one)
        if problems:
            raise CheckFailed(
                f"'{one.path}' cannot be compared: {'; '.join(problems[:3])}.",
                hint="Restore the file or run the cell again; `mammo-synth leaderboard check` "
                "lists every problem of a folder.",
            )
        scored.append(read_scored(results, one, SPLIT))
    return Side(
        name=_name(first, len(stored)),
        records=tuple((one.path, sha256_file(one.path)) for one in stored),
        release=first["release"],
        truth=scored[0].truth,
        p=np.stack([one.p_cancer for one in scored]),
        thresholds=tuple(one.record["operating_point"]["threshold"] for one in stored),
    )


def check_comparable(first: Side, second: Side) -> None:
    """Both were measured on the same films under the same rules.

    Raises:
        BadInput: They were not; says what differs.
    """
    if first.truth.digest != second.truth.digest:
        shared = len(set(first.truth.image_id) & set(second.truth.image_id))
        raise BadInput(
            f"The two were measured on different test sets: {_films(first)}; {_films(second)}. "
            f"They share {shared} films by name. A difference can only be paired on the same "
            f"films.",
            hint="Name two records of one release, or score the predictions of one on the "
            "real_test of the other: mammo-synth bench score",
        )
    for fact in ("protocol", "simulated", "source"):
        a, b = first.release[fact], second.release[fact]
        if a != b:
            raise BadInput(
                f"The release of the first says {fact} {a!r} and that of the second {b!r}; such "
                f"records are never compared.",
                hint="Name two records of one protocol and film source.",
            )


def _record_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if (path / RECORD_NAME).is_file():
        return [path / RECORD_NAME]
    found = sorted(path.glob(f"replicate-*/{RECORD_NAME}")) if path.is_dir() else []
    if not found:
        raise BadInput(
            f"There is no record in '{path}'.",
            hint="Name a record.json, its folder, or the classifier's folder above replicate-0.",
        )
    return found


def _one_cell(path: Path, stored: Sequence[Stored]) -> None:
    first = stored[0]
    for before, one in pairwise(stored):
        if _cell(one.record) != _cell(first.record):
            raise BadInput(
                f"'{path}' holds records of different cells ('{first.path.parent.name}' and "
                f"'{one.path.parent.name}'): their release, configuration, recipe or weights "
                f"differ, and they are no replicates of each other.",
                hint="Name one record.json of them.",
            )
        if one.record["replicate"] == before.record["replicate"]:
            raise same_replicate(one.path, before.path, one.record["replicate"])


def _cell(record: Record) -> tuple[Any, ...]:
    release = record["release"]["sha256"], record["evaluations"]["real_test"]["test_set"]
    return (*release, record["configuration"], series_of(record))


def _results_of(record: Path) -> Path:
    """The RESULTS folder around a record: the nearest one that has test sets."""
    for folder in record.resolve().parents:
        if (folder / TEST_SETS).is_dir():
            return folder
    raise BadInput(
        f"There is no folder '{TEST_SETS}' above '{record}'; a record lies in a results folder, "
        f"with the truth that it was scored on.",
        hint="Copy the whole results folder, test-sets included.",
    )


def _name(record: Record, records: int) -> str:
    name = f"{record['configuration']} × {record['classifier']['name']}"
    if records > 1:
        return f"{name} (mean of {records} replicates)"
    return f"{name} (replicate {record['replicate']})"


def _films(side: Side) -> str:
    release = side.release
    kind = "simulated" if release["simulated"] else "real"
    return (
        f"{side.name} on {len(side.truth.films):,} {kind} films of {release['name']} "
        f"{release['version']} (test set {side.truth.digest[:8]})"
    )
