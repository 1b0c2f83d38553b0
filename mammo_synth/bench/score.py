"""Anyone's predictions for `real_test`, scored into the same record as our own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mammo_synth import __version__
from mammo_synth.bench.classifiers import CLASSIFIERS
from mammo_synth.bench.facts import environment, release_facts, store_evaluation
from mammo_synth.bench.predictions import align, read_predictions
from mammo_synth.bench.record import FORMAT, Evaluations, Record, baseline_of, write_record
from mammo_synth.bench.results import RECORD_NAME, record_folder, release_folder
from mammo_synth.bench.truth import TestSet, films_of, make_test_set
from mammo_synth.errors import BadInput
from mammo_synth.release.folder import Release

DEFAULT_THRESHOLD = 0.5
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Brought:
    """What is known of brought predictions.

    Attributes:
        configuration: What the classifier was trained on: one of the release's, ``real`` or
            ``synthetic-reduced``.
        classifier: Its name, not one of ours.
        replicate: Number of the repetition, from 0.
        threshold: Operating point; it must not have been chosen on `real_test`.
    """

    configuration: str
    classifier: str
    replicate: int = 0
    threshold: float = DEFAULT_THRESHOLD


def score(
    predictions: Path,
    release: Release,
    brought: Brought,
    results: Path,
    *,
    created: str,
    overwrite: bool = False,
) -> tuple[Path, Record]:
    """Score predictions of `real_test` and keep them with a record.

    Args:
        predictions: Parquet or CSV of image_id and p_cancer, one row per film of `real_test`.
        release: The release whose `real_test` was predicted.
        brought: Whose they are.
        results: The RESULTS folder.
        created: UTC time, ``2026-01-31T12:00:00Z``.
        overwrite: Replace a record in the same place.

    Returns:
        The record's path and the record. It has no recipe and no training, and its threshold
        counts as given.

    Raises:
        BadInput: Names, files or scores that do not fit; says exactly what.
    """
    _check(release, brought)
    truth = _truth(release, brought.configuration)
    p = align(read_predictions(predictions), truth.image_id)
    folder = record_folder(
        results,
        release_folder(release.name, release.version, release.sha256),
        brought.configuration,
        brought.classifier,
        brought.replicate,
    )
    path = folder / RECORD_NAME
    if path.exists() and not overwrite:
        raise BadInput(
            f"There is a record '{path}' already.",
            hint="Choose another --replicate or --classifier-name, or add --overwrite.",
        )
    path.unlink(missing_ok=True)
    evaluations: Evaluations = {
        "real_test": store_evaluation(results, folder, "real_test", truth, p, brought.threshold)
    }
    record: Record = {
        "format": FORMAT,
        "package_version": __version__,
        "created": created,
        "release": release_facts(release),
        "configuration": brought.configuration,
        "baseline": baseline_of(brought.configuration),
        "classifier": {
            "name": brought.classifier,
            "role": "classifier",
            "weights": {"origin": "none", "sha256": None},
            "parameters": None,
        },
        "recipe": None,
        "replicate": brought.replicate,
        "seed": None,
        "positive_class": "cancer",
        "training": None,
        "operating_point": {
            "threshold": brought.threshold,
            "chosen_on": "given",
            "rule": "given",
        },
        "evaluations": evaluations,
        "shortcut_gap": None,
        "environment": environment(None),
    }
    write_record(path, record)
    return path, record


def _truth(release: Release, name: str) -> TestSet:
    """The films of `real_test`; their images are not decoded."""
    films = films_of(release.records(name, "real_test"))
    if not films:
        raise BadInput(
            f"Release {release.name} {release.version} has no real_test films to score on.",
            hint="Build the release with more films.",
        )
    return make_test_set(films)


def _check(release: Release, brought: Brought) -> None:
    release.shards(brought.configuration, "real_test")
    if brought.classifier in CLASSIFIERS:
        raise BadInput(
            f"'{brought.classifier}' is a classifier of the benchmark itself; brought predictions "
            f"need a name of their own.",
            hint="For example --classifier-name my-densenet",
        )
    if not _NAME.fullmatch(brought.classifier):
        raise BadInput(
            f"'{brought.classifier}' cannot be a classifier's name.",
            hint="Use small letters, digits, '.', '_' and '-', such as my-densenet.",
        )
    if not 0 <= brought.threshold <= 1 or brought.replicate < 0:
        raise BadInput(
            f"Threshold {brought.threshold} and replicate {brought.replicate}: a threshold "
            f"between 0 and 1 and a replicate of 0 or more were expected.",
            hint="Choose the threshold on validation data, never on real_test.",
        )
