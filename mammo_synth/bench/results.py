"""The RESULTS folder: where records, predictions and test sets lie, and how they recompute.

::

    RESULTS/test-sets/<digest>.parquet
    RESULTS/<release>-<version>-<sha8>/<configuration>/<classifier>/replicate-<k>/
        record.json  predictions-real_test.parquet  predictions-test.parquet
        training-state.safetensors     while a cell is not finished: it goes on from there
        training-state-own-<digest>    the same, of a classifier of one's own that keeps a file
        .lock                          while a process measures the cell
    RESULTS/.cache/      activations of frozen layers: may be removed at any time
    RESULTS/.runs/       the second runs of `bench reproduce`, in the folder that it writes to

A clone of a repository of results, to which many people post, is such a folder too. There a record
lies in ``replicate-<k>-<sha8>``, after the digest of its `record.json`, beside its
`submission.json`; so two people's records never want one path, and the path of a record that was
changed is wrong. Test sets are in their text form, ``test-sets/<digest>.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mammo_synth.bench.migration import fill
from mammo_synth.bench.predictions import Predictions, align, read_predictions
from mammo_synth.bench.record import (
    SPLITS,
    Evaluation,
    Evaluations,
    Record,
    baseline_of,
    evaluate,
    read_record,
    shortcut_gap,
)
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.truth import TestSet, read_test_set
from mammo_synth.errors import BadInput, CheckFailed, MammoSynthError
from mammo_synth.files import sha256_file, sha256_json

TEST_SETS = "test-sets"
CACHE = ".cache"
RUNS = ".runs"
NOT_RECORDS = frozenset({".git", CACHE, RUNS})
"""Folders at the top in which no record is looked for: git's own, and what the benchmark keeps for
itself. Records of second runs are no measurements of their own."""
RECORD_NAME = "record.json"
_RECORDS = f"[!.]*/*/*/replicate-*/{RECORD_NAME}"
DEPTH = _RECORDS.count("/")
"""From the folder of a record up to its RESULTS folder: RELEASE/CONFIGURATION/CLASSIFIER/
replicate-K."""
_POSTED = re.compile(r"replicate-\d+-[0-9a-f]{8}")
TOLERANCE = 1e-9
"""Largest difference between a recorded and a recomputed number: rounding of the last digits."""
PER_PROCESS = 10
"""Records that one process recomputes in a multiple of the time that it takes to start."""


@dataclass(frozen=True)
class Stored:
    """A record and the file it was read from."""

    path: Path
    record: Record


@dataclass(frozen=True)
class Scored:
    """The truth and the scores of one evaluation, in the same order: what a record rests on."""

    truth: TestSet
    p_cancer: Floats


def release_folder(name: str, version: str, sha256: str) -> str:
    """Folder name of a release's records."""
    return f"{name}-{version}-{sha256[:8]}"


def record_folder(
    results: Path, release: str, configuration: str, classifier: str, replicate: int
) -> Path:
    """Folder of one record; ``release`` as from `release_folder`."""
    return results / release / configuration / classifier / f"replicate-{replicate}"


def posted_folder(folder: Path, sha256: str) -> Path:
    """Where a record that belongs in ``folder`` lies in a repository of results; ``sha256`` is that
    of its `record.json`."""
    return folder.with_name(f"{folder.name}-{sha256[:8]}")


def is_posted(folder: Path) -> bool:
    """Whether a record's folder is named as `posted_folder` names it."""
    return _POSTED.fullmatch(folder.name) is not None


def expected_folder(results: Path, record: Record) -> Path:
    """The folder in which ``record`` belongs by its own words."""
    release = record["release"]
    return record_folder(
        results,
        release_folder(release["name"], release["version"], release["sha256"]),
        record["configuration"],
        record["classifier"]["name"],
        record["replicate"],
    )


def predictions_name(split: str) -> str:
    """File name of the predictions of ``split``."""
    return f"predictions-{split}.parquet"


def record_paths(results: Path) -> list[Path]:
    """Paths of all records below ``results``, sorted.

    Raises:
        BadInput: There is no such folder.
    """
    if not results.is_dir():
        raise BadInput(
            f"There is no results folder '{results}'.",
            hint="`mammo-synth bench run` and `bench grid` make one (--out).",
        )
    return sorted(results.glob(_RECORDS))


def read_records(results: Path) -> Iterator[Stored]:
    """All records below ``results``, in order of their paths; each is checked by the schema."""
    for path in record_paths(results):
        yield Stored(path, read_record(path))


def read_scored(results: Path, stored: Stored, split: str) -> Scored:
    """Truth and scores of one evaluation of a record, checked by their digests.

    Raises:
        BadInput: A file is missing or unreadable, or the record has no such split.
        CheckFailed: A file is not the one that the record names.
    """
    evaluation = evaluations_of(stored.record).get(split)
    if evaluation is None:
        raise BadInput(
            f"'{stored.path}' has no evaluation on {split}.", hint="Brought predictions have none."
        )
    path = stored.path.parent / evaluation["predictions"]["file"]
    predictions: Predictions = read_predictions(path)
    if sha256_file(path) != evaluation["predictions"]["sha256"]:
        raise CheckFailed(
            f"'{path}' was changed: its sha256 is not the one in the record.",
            hint="Restore the file, or run the cell again.",
        )
    truth = read_test_set(results / TEST_SETS, evaluation["test_set"])
    return Scored(truth, align(predictions, truth.image_id))


def evaluations_of(record: Record) -> dict[str, Evaluation]:
    """Evaluations by split, ``real_test`` first; ``test`` only where the record has it."""
    found = cast("dict[str, Evaluation | None]", record["evaluations"])
    return {split: one for split in SPLITS if (one := found.get(split)) is not None}


def recompute(results: Path, stored: Stored) -> Evaluations:
    """All evaluations of a record again, from its predictions and truth.

    Raises:
        BadInput, CheckFailed: As `read_scored`.
    """
    found: dict[str, Evaluation] = {}
    for split, evaluation in evaluations_of(stored.record).items():
        scored = read_scored(results, stored, split)
        threshold = stored.record["operating_point"]["threshold"]
        found[split] = evaluate(
            scored.truth,
            scored.p_cancer,
            threshold,
            evaluation["predictions"],
            split=split,
            resamples=evaluation["resamples"],
        )
    again: Evaluations = {"real_test": found["real_test"]}
    if "test" in found:
        again["test"] = found["test"]
    return again


def differences(results: Path, stored: Stored) -> list[str]:
    """What in a record is not so: every number that does not recompute, every file that does not
    fit, a folder or recipe digest that contradicts the record. Empty for a sound record."""
    problems = [message for _, message in contradictions(results, stored)]
    try:
        return problems + number_differences(results, stored)
    except MammoSynthError as error:
        return [*problems, error.message]


def contradictions(results: Path, stored: Stored) -> list[tuple[str, str]]:
    """What a record says against itself or its place, as code (``misplaced``, ``recipe-digest``,
    ``baseline``) and message. No other file is read."""
    record, problems = stored.record, []
    expected = expected_folder(results, record)
    if not _lies_in(stored.path, expected):
        posted = posted_folder(expected, sha256_file(stored.path))
        if not _lies_in(stored.path, posted):
            belongs = posted if is_posted(stored.path.parent) else expected
            message = f"it lies in '{stored.path.parent}' and belongs in '{belongs}'"
            problems.append(("misplaced", message))
    recipe = record["recipe"]
    if recipe is not None and recipe["sha256"] != sha256_json(recipe["settings"]):
        problems.append(("recipe-digest", "recipe.sha256 is not the digest of recipe.settings"))
    baseline = baseline_of(record["configuration"])
    if record["baseline"] != baseline:
        message = (
            f"baseline says {record['baseline']} and is {baseline} for the configuration "
            f"'{record['configuration']}'"
        )
        problems.append(("baseline", message))
    return problems


def _lies_in(record: Path, folder: Path) -> bool:
    """Whether the file of a record lies in ``folder``. Links are followed only where the paths
    differ: of hundreds of records that would take longer than reading them."""
    place = folder / RECORD_NAME
    return record == place or record.resolve() == place.resolve()


def number_differences(results: Path, stored: Stored) -> list[str]:
    """Every number of a record that does not recompute from its predictions and truth.

    Raises:
        BadInput, CheckFailed: As `read_scored`.
    """
    record = stored.record
    again = recompute(results, stored)
    said = cast("dict[str, Evaluation]", record["evaluations"])
    if "migrated_from" in record:
        said = fill(said, cast("dict[str, Evaluation]", again))
    problems = json_differences("evaluations", said, again)
    gap = shortcut_gap(again, record["baseline"])
    return problems + json_differences("shortcut_gap", record["shortcut_gap"], gap)


def json_differences(where: str, said: Any, found: Any) -> list[str]:
    """Differences of two JSON values, numbers within `TOLERANCE`."""
    if said == found:
        return []
    if isinstance(said, dict) and isinstance(found, dict):
        names = sorted(said.keys() | found.keys())
        return [
            problem
            for name in names
            for problem in json_differences(f"{where}.{name}", said.get(name), found.get(name))
        ]
    if isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        pairs = enumerate(zip(said, found, strict=True))
        return [
            problem for i, (a, b) in pairs for problem in json_differences(f"{where}.{i}", a, b)
        ]
    if isinstance(said, float) and isinstance(found, float):
        same = abs(said - found) <= TOLERANCE
    else:
        same = bool(said == found)
    return [] if same else [f"{where} says {said} and recomputes to {found}"]
