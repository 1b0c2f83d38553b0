"""One test set scored: every metric with its interval, subgroups, the study's own convention."""

from __future__ import annotations

from typing import TypedDict, cast

from mammo_synth.bench.metrics import (
    METRICS,
    RESAMPLES,
    bootstrap,
    confusion,
    normal_positive,
    point_metrics,
)
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.subgroups import MetricValue, Subgroup, metric_value, score_subgroups
from mammo_synth.bench.truth import TestSet

SUBGROUPS_OF = "real_test"
"""The split whose films are scored by subgroup too: a synthetic image has no view, side or
density."""


class ConfusionCounts(TypedDict):
    """Counts with cancer positive."""

    tp: int
    fp: int
    fn: int
    tn: int


class PredictionsFile(TypedDict):
    """The file beside the record that the numbers recompute from."""

    file: str
    sha256: str


class Evaluation(TypedDict):
    """One test set scored. Only ``normal_positive`` (the 2021 study's convention) has another
    positive class than cancer. ``subgroups`` is null in a record of format 1 that was migrated,
    and empty where no subgroups are scored."""

    test_set: str
    n: int
    cancer: int
    normal: int
    patients: int
    threshold: float
    resamples: int
    confusion: ConfusionCounts
    metrics: dict[str, MetricValue]
    normal_positive: dict[str, float | None]
    subgroups: list[Subgroup] | None
    predictions: PredictionsFile


def evaluate(
    truth: TestSet,
    p: Floats,
    threshold: float,
    predictions: PredictionsFile,
    *,
    split: str = SUBGROUPS_OF,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Score one test set: all metrics with intervals, cancer positive.

    Args:
        truth: The films.
        p: float64 [n] in [0, 1], in the order of ``truth``.
        threshold: The operating point.
        predictions: Where ``p`` is kept.
        split: real_test or test; subgroups are scored on `SUBGROUPS_OF` alone.
        resamples: Resamples of the patients behind each interval.

    Raises:
        BadInput: As `mammo_synth.bench.metrics.check_scores`.
    """
    label, patients = truth.label, truth.patients
    values = point_metrics(label, p, threshold)
    intervals = bootstrap(label, p, [threshold], patients, resamples=resamples, seed=0)
    counts = confusion(label, p, threshold)
    cancer = int(label.sum())
    return {
        "test_set": truth.digest,
        "n": len(label),
        "cancer": cancer,
        "normal": len(label) - cancer,
        "patients": int(patients.max()) + 1,
        "threshold": threshold,
        "resamples": resamples,
        "confusion": cast(ConfusionCounts, vars(counts)),
        "metrics": {name: metric_value(values[name], intervals[name]) for name in METRICS},
        "normal_positive": normal_positive(counts),
        "subgroups": score_subgroups(truth, p, threshold, resamples=resamples)
        if split == SUBGROUPS_OF
        else [],
        "predictions": predictions,
    }
