"""The record: one measured result, one JSON file. The types here mirror `record.schema.json`.

The schema is checked when a record is written and when it is read; a record of an older format is
migrated first (`mammo_synth.bench.migration`). A metric without a value is null. Cancer is the
positive class. `mammo_synth.bench.evaluation` makes the evaluations.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from mammo_synth.bench.evaluation import ConfusionCounts as ConfusionCounts
from mammo_synth.bench.evaluation import Evaluation as Evaluation
from mammo_synth.bench.evaluation import PredictionsFile as PredictionsFile
from mammo_synth.bench.evaluation import evaluate as evaluate
from mammo_synth.bench.migration import FORMAT_2, migrate
from mammo_synth.bench.quick_schema import compiled
from mammo_synth.bench.subgroups import MetricValue as MetricValue
from mammo_synth.configurations import REAL_ONLY, SYNTHETIC_REDUCED
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_json, write_json
from mammo_synth.schema import first_problem

FORMAT = FORMAT_2
SPLITS = ("real_test", "test")
GAP_METRIC = "balanced_accuracy"
TRTR = "TRTR"
"""Trained on real films alone: no synthetic test split, so no shortcut gap."""
BASELINES = {REAL_ONLY: TRTR, SYNTHETIC_REDUCED: "TSTR-reduced"}
"""What a record says in ``baseline``, by configuration; null for the nine."""
DIGEST = "digest"
"""Field of a record file, not of a `Record`: see `digest_of`."""
MAX_RECORD_BYTES = 5_000_000
"""A record is some tens of kilobytes; a larger file is no record (and submissions come from
strangers)."""


class ReleaseFacts(TypedDict):
    """The release that a record was measured on."""

    name: str
    version: str
    sha256: str
    source: str
    simulated: bool
    protocol: str
    size: int
    image_size: int
    revision: str | None


class Weights(TypedDict):
    """Where a classifier's first weights came from: imagenet, file, random or none."""

    origin: str
    sha256: str | None


class ClassifierFacts(TypedDict):
    """Which classifier, and whether it competes or is a control."""

    name: str
    role: str
    weights: Weights
    parameters: int | None


class RecipeFacts(TypedDict):
    """Every setting of the run; ``sha256`` is the digest of ``settings``."""

    name: str
    sha256: str
    settings: dict[str, Any]


class Counts(TypedDict):
    """Images of a part of the training data."""

    cancer: int
    normal: int
    synthetic: int
    real: int


class Epoch(TypedDict):
    """One epoch of a training curve, cancer positive."""

    epoch: int
    loss: float | None
    accuracy: float | None
    precision: float | None
    recall: float | None
    val_loss: float | None
    val_accuracy: float | None
    val_precision: float | None
    val_recall: float | None


class Training(TypedDict):
    """What was learned from, and how it went."""

    train: Counts
    validation: Counts
    epochs: int | None
    best_epoch: int | None
    seconds: float
    curves: list[Epoch]


class OperatingPoint(TypedDict):
    """``p_cancer >= threshold`` is called cancer."""

    threshold: float
    chosen_on: str
    rule: str


class Evaluations(TypedDict):
    """The real test films, on which records rank, and the configuration's own test split."""

    real_test: Evaluation
    test: NotRequired[Evaluation]


class ShortcutGap(TypedDict):
    """Score on the configuration's own test split minus score on real films."""

    metric: str
    value: float | None


class Environment(TypedDict):
    """Where a record was made."""

    python: str
    platform: str
    packages: dict[str, str]
    device: str
    backend: str | None
    features_cached: NotRequired[bool]


class Record(TypedDict):
    """One measured result: configuration × classifier × replicate.

    ``migrated_from`` is the format that a record was read in, where that was an older one.
    """

    format: str
    migrated_from: NotRequired[str]
    package_version: str
    created: str
    release: ReleaseFacts
    configuration: str
    baseline: str | None
    classifier: ClassifierFacts
    recipe: RecipeFacts | None
    replicate: int
    seed: int | None
    positive_class: str
    training: Training | None
    operating_point: OperatingPoint
    evaluations: Evaluations
    shortcut_gap: ShortcutGap | None
    environment: Environment


def baseline_of(configuration: str) -> str | None:
    """``TRTR``, its twin ``TSTR-reduced``, or None for a configuration that is ranked."""
    return BASELINES.get(configuration)


def shortcut_gap(evaluations: Evaluations, baseline: str | None) -> ShortcutGap | None:
    """`test` minus `real_test` in balanced accuracy; None without a synthetic test (TRTR, or
    brought predictions)."""
    if "test" not in evaluations or baseline == TRTR:
        return None
    ours = evaluations["test"]["metrics"][GAP_METRIC]["value"]
    real = evaluations["real_test"]["metrics"][GAP_METRIC]["value"]
    value = None if ours is None or real is None else ours - real
    return {"metric": GAP_METRIC, "value": value}


@functools.cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads(
        Path(__file__).with_name("record.schema.json").read_text("utf-8")
    )
    return schema


@functools.cache
def _validator() -> Any:
    # Asked only of a value that breaks the schema: importing it takes longer than reading fifty
    # records.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema())


@functools.cache
def _follows() -> Callable[[Any], bool]:
    return compiled(_schema())


def record_errors(value: Any) -> list[tuple[tuple[str, ...], str]]:
    """Every breach of the schema as a place in ``value`` and what was expected there, by place."""
    found = []
    for error in _validator().iter_errors(value):
        while error.context:  # of several forms that it may have, the one that it is nearest to
            error = max(error.context, key=lambda e: len(e.absolute_path))
        found.append((tuple(str(part) for part in error.absolute_path), str(error.message)))
    return sorted(found)


def check_record(value: Any, where: str) -> Record:
    """``value`` as a record.

    Raises:
        BadInput: It is not one; names the place in it and what was expected there.
    """
    if _follows()(value):
        return cast(Record, value)
    wrong = first_problem(_validator(), value)
    if wrong is not None:
        raise BadInput(
            f"{where} is not a record: {wrong}",
            hint=f"It should follow mammo_synth/bench/record.schema.json ({FORMAT}).",
        )
    return cast(Record, value)


def read_record(path: Path) -> Record:
    """Read, migrate and check one record file; its ``digest`` is left to `leaderboard check`.

    Raises:
        BadInput: It is missing, too large, no JSON, or no record.
    """
    if not path.is_file():
        raise BadInput(f"There is no record '{path}'.", hint="Check the path.")
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise BadInput(
            f"'{path}' has {path.stat().st_size} bytes; a record has at most {MAX_RECORD_BYTES}.",
            hint="This is not a record of mammo-synth.",
        )
    try:
        value = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"'{path}' is not JSON ({error}).", hint="Copy the file again.") from error
    record = check_record(migrate(value, f"'{path}'"), f"'{path}'")
    # The digest is of the file; who reads the record may go on with it as with a new one.
    return cast(Record, {name: entry for name, entry in record.items() if name != DIGEST})


def digest_of(value: Mapping[str, Any]) -> str:
    """Hex sha256 of a record as a file has it, without its own ``digest``: an edit by hand of
    what no prediction tells (curves, counts, seeds) is found by it."""
    return sha256_json({name: entry for name, entry in value.items() if name != DIGEST})


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} stands in it, and JSON has no such number")


def write_record(path: Path, record: Record) -> None:
    """Check and write a record with its digest, atomically."""
    check_record(record, f"What was to become '{path}'")
    write_json(path, {**record, DIGEST: digest_of(record)})
