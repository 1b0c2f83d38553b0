"""Records checked without their intervals: every digest, count, confusion and point metric.

A stored interval is ten thousand resamples; everything else in an evaluation follows from one
sort of the scores. A leaderboard of hundreds of records checks that each time it is rendered. It
never takes it on trust, and says of which records it checked no more than that.
`mammo_synth.bench.results.number_differences` checks intervals too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mammo_synth.bench.evaluation import SUBGROUPS_OF
from mammo_synth.bench.metrics import METRICS, Confusion, normal_positive
from mammo_synth.bench.migration import fill
from mammo_synth.bench.points import confusion_of, points
from mammo_synth.bench.record import ConfusionCounts, Evaluation, Evaluations, shortcut_gap
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.bench.results import (
    Stored,
    evaluations_of,
    json_differences,
    read_scored,
)
from mammo_synth.bench.subgroups import (
    COLUMNS,
    SUBGROUP_METRICS,
    MetricValue,
    Subgroup,
    groups_of,
    metric_value,
    why_null,
)
from mammo_synth.bench.truth import TestSet
from mammo_synth.files import sha256_bytes


@dataclass(frozen=True)
class _Group:
    """One subgroup of a test set: its films and all that no score can change."""

    members: Integers
    label: Integers
    facts: Subgroup


@dataclass(frozen=True)
class Truth:
    """A test set with what every record on it needs, computed once."""

    films: TestSet

    @cached_property
    def label(self) -> Integers:
        """int64 [n]."""
        return self.films.label

    @cached_property
    def patients(self) -> Integers:
        """int64 [n]."""
        return self.films.patients

    @cached_property
    def image_id(self) -> Any:
        """Ids as an Arrow array, made of its parts: `pa.array` of a list imports pandas."""
        ids = [name.encode() for name in self.films.image_id]
        ends = np.cumsum([0, *map(len, ids)], dtype=np.int32)
        parts = (pa.py_buffer(ends), pa.py_buffer(b"".join(ids)))
        return pa.chunked_array([pa.StringArray.from_buffers(len(ids), *parts)])

    @cached_property
    def groups(self) -> list[_Group]:
        """Subgroups in the order of `mammo_synth.bench.subgroups.score_subgroups`."""
        found = []
        for column in COLUMNS:
            for name, members in groups_of(self.films.films, column):
                label = self.label[members]
                cancer, people = int(label.sum()), len(np.unique(self.patients[members]))
                facts: Subgroup = {
                    "column": column,
                    "group": name,
                    "n": len(label),
                    "cancer": cancer,
                    "normal": len(label) - cancer,
                    "patients": people,
                    "metrics": {},
                    "why_null": why_null(cancer, len(label) - cancer, people),
                }
                found.append(_Group(members, label, facts))
        return found


@dataclass(frozen=True)
class Found:
    """One evaluation recomputed: the truth, float64 [n] scores in its order, what they give."""

    truth: Truth
    p: Floats
    metrics: dict[str, float | None]
    confusion: ConfusionCounts


@dataclass(frozen=True)
class QuickCheck:
    """Checks the records of one RESULTS folder; each test set is read once."""

    results: Path
    _truths: dict[str, Truth] = field(default_factory=dict)

    def check(self, stored: Stored) -> tuple[dict[str, Found], list[str]]:
        """Evaluations by split, and every number but the intervals that does not recompute.

        Raises:
            BadInput, CheckFailed: As `mammo_synth.bench.results.read_scored`.
        """
        record = stored.record
        threshold = record["operating_point"]["threshold"]
        found, again = {}, {}
        for split, said in evaluations_of(record).items():
            truth, p = self._scored(stored, split, said)
            found[split], again[split] = _evaluate(truth, p, threshold, said, split)
        evaluations = cast("dict[str, Evaluation]", record["evaluations"])
        if "migrated_from" in record:
            evaluations = fill(evaluations, again)
        problems = json_differences("evaluations", evaluations, again)
        gap = shortcut_gap(cast(Evaluations, again), record["baseline"])
        return found, problems + json_differences("shortcut_gap", record["shortcut_gap"], gap)

    def _scored(self, stored: Stored, split: str, said: Evaluation) -> tuple[Truth, Floats]:
        digest = said["test_set"]
        path = stored.path.parent / said["predictions"]["file"]
        if digest in self._truths:
            p = _scores(path, said["predictions"]["sha256"], self._truths[digest])
            if p is not None:
                return self._truths[digest], p
        # The slow way says what is wrong with a file, reads other forms, and other orders.
        scored = read_scored(self.results, stored, split)
        truth = self._truths.setdefault(digest, Truth(scored.truth))
        return truth, scored.p_cancer


def _scores(path: Path, sha256: str, truth: Truth) -> Floats | None:
    """Scores of a Parquet file in the very form in which they are written; else None."""
    if path.suffix != ".parquet" or not path.is_file():
        return None
    data = path.read_bytes()
    if sha256_bytes(data) != sha256:
        return None
    try:
        table = pa.parquet.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    except (pa.ArrowException, OSError):
        return None
    if table.schema.names != ["image_id", "p_cancer"] or table["p_cancer"].type != pa.float64():
        return None
    if not table["image_id"].equals(truth.image_id) or table["p_cancer"].null_count:
        return None
    p = np.array(np.from_dlpack(table["p_cancer"].combine_chunks()))  # `to_numpy` imports pandas
    return p if bool(((p >= 0) & (p <= 1)).all()) else None


def _evaluate(
    truth: Truth, p: Floats, threshold: float, said: Evaluation, split: str
) -> tuple[Found, Evaluation]:
    """As `mammo_synth.bench.evaluation.evaluate`, with the intervals that the record says."""
    label = truth.label
    counts = confusion_of(label, p, threshold)
    values = points(label, p, counts)
    confusion = cast(ConfusionCounts, vars(counts))
    cancer = int(label.sum())
    again: Evaluation = {
        "test_set": said["test_set"],
        "n": len(label),
        "cancer": cancer,
        "normal": len(label) - cancer,
        "patients": int(truth.patients.max()) + 1,
        "threshold": threshold,
        "resamples": said["resamples"],
        "confusion": confusion,
        "metrics": {k: _kept(values[k], said["metrics"][k]) for k in METRICS},
        "normal_positive": normal_positive(counts),
        "subgroups": [
            _group(group, p, threshold, said["subgroups"], i)
            for i, group in enumerate(truth.groups)
        ]
        if split == SUBGROUPS_OF
        else [],
        "predictions": said["predictions"],
    }
    return Found(truth, p, values, confusion), again


def _group(
    group: _Group, p: Floats, threshold: float, said: list[Subgroup] | None, i: int
) -> Subgroup:
    values: dict[str, float | None] = dict.fromkeys(SUBGROUP_METRICS)
    if group.facts["why_null"] is None:
        scores = p[group.members]
        counts: Confusion = confusion_of(group.label, scores, threshold)
        values = points(group.label, scores, counts)
    said_here = said[i]["metrics"] if said is not None and i < len(said) else {}
    metrics = {
        k: _kept(values[k], said_here[k]) if k in said_here else metric_value(values[k], None)
        for k in SUBGROUP_METRICS
    }
    return {**group.facts, "metrics": metrics}


def _kept(value: float | None, said: MetricValue) -> MetricValue:
    """``value`` with the interval of the record; an undefined value has none."""
    low, high = said["low"], said["high"]
    return metric_value(value, None if low is None or high is None else (low, high))
