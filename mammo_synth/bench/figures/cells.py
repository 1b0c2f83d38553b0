"""Records and predictions of a RESULTS folder, grouped for drawing: what may share a figure.

A group is one release, protocol and test set, so phantom and real films, or the strict and the
study protocol, never meet in one figure. A cell is configuration × classifier with its replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mammo_synth.bench.metrics import confusion
from mammo_synth.bench.record import Record, ReleaseFacts
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.results import Stored, read_records, read_scored, release_folder
from mammo_synth.bench.series import (
    CONTROL,
    Series,
    ranking_key,
    same_replicate,
    series_names,
    series_of,
    series_order,
)
from mammo_synth.bench.truth import TestSet
from mammo_synth.configurations import CONFIGURATIONS, REFERENCES
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.progress import SILENT, Progress

SPLIT = "real_test"
_DIGEST = 8


@dataclass(frozen=True)
class Cell:
    """Configuration × classifier with all its replicates.

    Attributes:
        p: float64 [replicates, n], scores in the order of the group's test set.
        thresholds: [replicates] operating points.
        records: [replicates].
        paths: [replicates] of the record files.
    """

    configuration: str
    p: Floats
    thresholds: tuple[float, ...]
    records: tuple[Record, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Trained:
    """One classifier (with its recipe and first weights) in a group, its cells by configuration."""

    series: Series
    name: str
    cells: dict[str, Cell]

    @property
    def is_control(self) -> bool:
        """Whether it is a control, which sees no tissue or no image."""
        return self.series.role == CONTROL


@dataclass(frozen=True)
class Group:
    """What may share a figure."""

    release: ReleaseFacts
    truth: TestSet
    digest: str
    classifiers: tuple[Trained, ...]

    @property
    def folder(self) -> str:
        """A folder name of its own."""
        release = self.release
        name = release_folder(release["name"], release["version"], release["sha256"])
        return f"{name}-on-{self.digest[:_DIGEST]}"

    @property
    def films(self) -> str:
        """The test set in words."""
        label = self.truth.label
        kind = "simulated films" if self.release["simulated"] else "real films"
        cancer, patients = int(label.sum()), int(self.truth.patients.max()) + 1
        return (
            f"{SPLIT}: {len(label):,} {kind}, source {self.release['source']} ({cancer:,} cancer, "
            f"{len(label) - cancer:,} normal), {patients:,} patients"
        )

    @property
    def origin(self) -> str:
        """The release in words."""
        release = self.release
        return f"{release['name']} {release['version']} (sha256 {release['sha256'][:_DIGEST]})"

    @property
    def prevalence(self) -> float:
        """Share of cancer in the test set."""
        return float(self.truth.label.mean())


def counts_of(group: Group, cell: Cell) -> tuple[dict[str, int], ...]:
    """Confusion counts by replicate, from the predictions."""
    return tuple(
        dict(vars(confusion(group.truth.label, p, cut)))
        for p, cut in zip(cell.p, cell.thresholds, strict=True)
    )


def read_groups(
    results: Path,
    configuration: str | None = None,
    classifier: str | None = None,
    progress: Progress = SILENT,
) -> list[Group]:
    """Read records and predictions below ``results``; no number of a record is used but its
    operating point and its training curves.

    Args:
        results: The RESULTS folder.
        configuration, classifier: Only these, by name.
        progress: Told of every record.

    Raises:
        BadInput: No record, none of that name, two records of one replicate.
        CheckFailed: Predictions or a test set that were changed.
    """
    records = list(read_records(results))
    if not records:
        raise BadInput(
            f"There is no record in '{results}'.",
            hint="`mammo-synth bench run` and `bench grid` write them (--out).",
        )
    for what, wanted, known in (
        ("configuration", configuration, {s.record["configuration"] for s in records}),
        ("classifier", classifier, {s.record["classifier"]["name"] for s in records}),
    ):
        if wanted is not None and wanted not in known:
            raise BadInput(
                f"There is no record of {what} '{wanted}' in '{results}'.",
                hint=did_you_mean(wanted, sorted(known)),
            )
    chosen = [
        stored
        for stored in records
        if configuration in (None, stored.record["configuration"])
        and classifier in (None, stored.record["classifier"]["name"])
    ]
    if not chosen:
        raise BadInput(
            f"'{results}' has no record of classifier '{classifier}' on configuration "
            f"'{configuration}'.",
            hint="Leave out --config or --classifier to see what is there.",
        )
    by_key: dict[tuple[bool | str, ...], list[Stored]] = {}
    for stored in chosen:
        by_key.setdefault(ranking_key(stored.record), []).append(stored)
    progress.start("records", len(chosen))
    groups = [_group(results, by_key[key], progress) for key in sorted(by_key)]
    progress.finish()
    return groups


def _group(results: Path, stored: Sequence[Stored], progress: Progress) -> Group:
    by_series: dict[Series, dict[str, list[Stored]]] = {}
    for one in stored:
        found = by_series.setdefault(series_of(one.record), {})
        found.setdefault(one.record["configuration"], []).append(one)
    order = sorted(by_series, key=series_order)
    names = series_names(order)
    first = stored[0]
    truth = read_scored(results, first, SPLIT).truth
    classifiers = []
    for series in order:
        cells: dict[str, Cell] = {}
        for configuration in _in_order(by_series[series]):
            replicates = sorted(
                by_series[series][configuration], key=lambda one: one.record["replicate"]
            )
            _check_replicates(replicates)
            scored = [read_scored(results, one, SPLIT) for one in replicates]
            progress.advance(len(scored))
            cells[configuration] = Cell(
                configuration,
                np.stack([one.p_cancer for one in scored]),
                tuple(one.record["operating_point"]["threshold"] for one in replicates),
                tuple(one.record for one in replicates),
                tuple(one.path for one in replicates),
            )
        classifiers.append(Trained(series, names[series], cells))
    digest = first.record["evaluations"]["real_test"]["test_set"]
    return Group(first.record["release"], truth, digest, tuple(classifiers))


def _in_order(cells: dict[str, list[Stored]]) -> list[str]:
    """The nine, the references, then any other."""
    known = (*CONFIGURATIONS, *REFERENCES)
    return [*(name for name in known if name in cells), *sorted(set(cells) - set(known))]


def _check_replicates(replicates: Sequence[Stored]) -> None:
    for one, other in pairwise(replicates):
        if one.record["replicate"] == other.record["replicate"]:
            raise same_replicate(one.path, other.path, one.record["replicate"])
