"""Classifiers of a RESULTS folder that can be compared: replicates together, one test set each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammo_synth.bench.comparison import Contender, Pair, compare_pairs, correct
from mammo_synth.bench.metrics import METRICS, RESAMPLES
from mammo_synth.bench.record import Record
from mammo_synth.bench.results import Scored, Stored, read_records, read_scored
from mammo_synth.bench.truth import TestSet
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.progress import SILENT, Progress

SPLIT = "real_test"
_DIGEST = 8


@dataclass(frozen=True)
class Arena:
    """Classifiers on one configuration of one release, all scored on the same films."""

    release: str
    release_sha256: str
    simulated: bool
    configuration: str
    truth: TestSet
    contenders: tuple[Contender, ...]


@dataclass(frozen=True)
class Compared:
    """An arena and its pairs."""

    arena: Arena
    pairs: tuple[Pair, ...]


def read_arenas(
    results: Path, configuration: str | None = None, progress: Progress = SILENT
) -> list[Arena]:
    """Group the records of ``results`` and read their predictions; no number of a record is used.

    A classifier is its name, recipe and first weights; its replicates go together. Where one name
    has several recipes or weights, they are told apart by the digests.

    Args:
        results: The RESULTS folder.
        configuration: Only this one.
        progress: Told of every record.

    Returns:
        Arenas in the order of release and configuration, also those with one classifier.

    Raises:
        BadInput, CheckFailed: No record, or predictions that are missing or were changed.
    """
    groups: dict[tuple[str, ...], dict[tuple[str, ...], list[Stored]]] = {}
    records = list(read_records(results))
    known = sorted({stored.record["configuration"] for stored in records})
    if configuration is not None and records and configuration not in known:
        raise BadInput(
            f"There is no record of configuration '{configuration}' in '{results}'.",
            hint=did_you_mean(configuration, known),
        )
    for stored in records:
        record = stored.record
        if configuration in (None, record["configuration"]):
            groups.setdefault(_arena_key(record), {}).setdefault(_series(record), []).append(stored)
    if not groups:
        raise BadInput(
            f"There is no record in '{results}'.",
            hint="`mammo-synth bench run` and `bench grid` write them (--out).",
        )
    progress.start("records", sum(len(s) for group in groups.values() for s in group.values()))
    arenas = [_arena(results, groups[key], progress) for key in sorted(groups)]
    progress.finish()
    return arenas


def compare_arenas(
    arenas: Sequence[Arena], metric: str, *, resamples: int = RESAMPLES, progress: Progress = SILENT
) -> list[Compared]:
    """All pairs of each arena with two classifiers or more, p values corrected over all pairs.

    Raises:
        BadInput: An unknown metric, or no arena has two classifiers.
    """
    if metric not in METRICS:
        raise BadInput(f"There is no metric '{metric}'.", hint=did_you_mean(metric, METRICS))
    able = [arena for arena in arenas if len(arena.contenders) > 1]
    if not able:
        raise BadInput(
            "No configuration has two classifiers to compare.",
            hint="Run another classifier on the same release and configuration: "
            "mammo-synth bench run",
        )
    found = []
    progress.start("configurations", len(able))
    for arena in able:
        truth = arena.truth
        pairs = compare_pairs(
            truth.label, truth.patients, arena.contenders, metric, resamples=resamples
        )
        found.append(Compared(arena, tuple(pairs)))
        progress.advance(1, arena.configuration)
    progress.finish()
    corrected = iter(correct([pair for one in found for pair in one.pairs]))
    return [replace(one, pairs=tuple(next(corrected) for _ in one.pairs)) for one in found]


def _arena_key(record: Record) -> tuple[str, ...]:
    release = record["release"]
    return (
        release["name"],
        release["version"],
        release["sha256"],
        record["configuration"],
        record["evaluations"]["real_test"]["test_set"],
    )


def _series(record: Record) -> tuple[str, ...]:
    """Name, recipe digest, first weights: what replicates share."""
    classifier, recipe = record["classifier"], record["recipe"]
    weights = classifier["weights"]
    return (
        classifier["name"],
        recipe["sha256"] if recipe else "",
        f"{weights['origin']} {weights['sha256'] or ''}",
    )


def _arena(results: Path, group: dict[tuple[str, ...], list[Stored]], progress: Progress) -> Arena:
    names = [name for name, *_ in group]
    contenders, scored = [], []
    for series in sorted(group):
        replicates = sorted(group[series], key=lambda stored: stored.record["replicate"])
        scored = [_read(results, stored, progress) for stored in replicates]
        contenders.append(
            Contender(
                name=series[0] if names.count(series[0]) == 1 else _told_apart(series),
                p=np.stack([one.p_cancer for one in scored]),
                thresholds=tuple(s.record["operating_point"]["threshold"] for s in replicates),
            )
        )
    record = next(iter(group.values()))[0].record
    return Arena(
        release=f"{record['release']['name']} {record['release']['version']}",
        release_sha256=record["release"]["sha256"],
        simulated=record["release"]["simulated"],
        configuration=record["configuration"],
        truth=scored[0].truth,
        contenders=tuple(contenders),
    )


def _read(results: Path, stored: Stored, progress: Progress) -> Scored:
    scored = read_scored(results, stored, SPLIT)
    progress.advance(1)
    return scored


def _told_apart(series: tuple[str, ...]) -> str:
    """``vgg16 (recipe 1a2b3c4d, imagenet)``."""
    name, recipe, weights = series
    origin, _, digest = weights.partition(" ")
    made = f"recipe {recipe[:_DIGEST]}" if recipe else "brought"
    return f"{name} ({made}, {origin} {digest[:_DIGEST]}".rstrip() + ")"
