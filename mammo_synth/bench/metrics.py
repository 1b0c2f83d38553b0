"""Metrics of a two-class classifier and their uncertainty. Cancer (label 1) is the positive class.

Point values and resamples come from the same arithmetic, films of weight one and films weighted
by how often their patient was drawn; the tests compare both with scikit-learn. Intervals come from
a patient-level bootstrap: patients are drawn with replacement, and a patient that is drawn twice
weighs its films twice (Efron 1979; for films of one patient, which are not independent, the
patient is the unit to draw). Drawing is done as counts per patient, so that every resample of
every metric is a few array operations.

A metric that has no value (precision without a predicted cancer, AUROC with one class) is None
or, in arrays, NaN: never a silent zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.calibration import BINS, calibration_columns, calibration_metrics
from mammo_synth.bench.resampling import (
    SPECIFICITIES,
    Ranking,
    count_metrics,
    draw_counts,
    sensitivity_name,
)
from mammo_synth.errors import BadInput

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

POSITIVE_CLASS = "cancer"
COUNT_METRICS = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "specificity",
    "balanced_accuracy",
    "mcc",
)
"""Metrics that follow from the confusion counts at an operating point. MCC lies in [-1, 1]."""
RANK_METRICS = ("auroc", "average_precision", *map(sensitivity_name, SPECIFICITIES))
"""Metrics of the order of the scores, without an operating point: no strictly rising transform of
the scores changes them."""
CALIBRATION_METRICS = ("brier", "calibration_error")
"""Metrics of the scores as probabilities."""
METRICS = COUNT_METRICS + RANK_METRICS + CALIBRATION_METRICS
LOWER_IS_BETTER = CALIBRATION_METRICS
NORMAL_POSITIVE_METRICS = ("accuracy", "precision", "recall", "f1")
"""What the 2021 study printed, with normal as its positive class."""

RESAMPLES = 10_000
CONFIDENCE = 0.95
MOST_UNDEFINED = 0.05
"""An interval needs a value in at least this share (1 - 0.05) of the resamples."""
_CELLS_AT_ONCE = 500_000  # resamples × films at a time: 4 MB per float64 array


@dataclass(frozen=True)
class Confusion:
    """Confusion counts with cancer positive: tp is cancer called cancer, fn cancer called
    normal."""

    tp: int
    fp: int
    fn: int
    tn: int


def confusion(label: Integers, p: Floats, threshold: float) -> Confusion:
    """Confusion counts where ``p >= threshold`` is called cancer.

    Args:
        label: int [n], normal 0, cancer 1.
        p: float64 [n], scores in [0, 1] for cancer.
        threshold: The operating point.
    """
    label, p = check_scores(label, p)
    tp, fp, fn, tn = (int(count) for count in _events(label, p, threshold).sum(axis=0))
    return Confusion(tp=tp, fp=fp, fn=fn, tn=tn)


def point_metrics(label: Integers, p: Floats, threshold: float) -> dict[str, float | None]:
    """All `METRICS`, cancer positive; None where a metric has no value.

    Args:
        label: int [n], normal 0, cancer 1.
        p: float64 [n], scores in [0, 1] for cancer.
        threshold: The operating point: ``p >= threshold`` is called cancer.

    Returns:
        One float per metric, in [0, 1] but for MCC. Recall is sensitivity; specificity is the
        recall of normal. `mammo_synth.bench.resampling` and `mammo_synth.bench.calibration` define
        each.

    Raises:
        BadInput: Shapes differ, a label is not 0 or 1, a score is NaN or outside [0, 1].
    """
    label, p = check_scores(label, p)
    counts = _events(label, p, threshold).sum(axis=0)[:, None]
    sums = calibration_columns(label, p).sum(axis=0)[:, None]
    ranking = Ranking(label, p, np.zeros(len(p), dtype=np.int64), 1)
    values = (
        count_metrics(*counts)
        | ranking.values(np.ones((1, 1)))
        | calibration_metrics(sums, counts.sum(axis=0))
    )
    return {name: none_if_nan(float(values[name][0])) for name in METRICS}


def normal_positive(counts: Confusion) -> dict[str, float | None]:
    """The 2021 study's own convention, normal positive: accuracy, precision, recall and F1.

    Only for comparing with the study's printed rows. ``counts`` has cancer positive, as
    everywhere; the classes change places here.
    """
    exchanged = np.array([[counts.tn], [counts.fn], [counts.fp], [counts.tp]], dtype=np.float64)
    values = count_metrics(*exchanged)
    return {name: none_if_nan(float(values[name][0])) for name in NORMAL_POSITIVE_METRICS}


def none_if_nan(value: float) -> float | None:
    """None for NaN: what a record can say."""
    return None if np.isnan(value) else value


def check_scores(label: Integers, p: Floats) -> tuple[Integers, Floats]:
    """Labels as int64 [n] and scores as float64 [n], or BadInput that says what is wrong."""
    label, p = np.asarray(label), np.asarray(p, dtype=np.float64)
    if label.ndim != 1 or p.shape != label.shape or not len(label):
        raise BadInput(
            f"Labels have the shape {label.shape} and scores {p.shape}; one label and one score "
            f"per film were expected.",
            hint="Give both as vectors of the same length, at least one film long.",
        )
    if not np.isin(label, (0, 1)).all():
        raise BadInput(
            f"The labels hold {sorted(set(label.tolist()))[:5]}; normal = 0 and cancer = 1 were "
            f"expected.",
            hint="Cancer is the positive class.",
        )
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise BadInput(
            f"{int(wrong.sum())} of {len(p)} scores are NaN or outside [0, 1], first at row "
            f"{first}: {p[first]}.",
            hint="A score is the probability of cancer, between 0 and 1.",
        )
    return label.astype(np.int64), p


def patient_codes(patient_ids: Sequence[str | None]) -> Integers:
    """Codes 0..P-1 of the units to draw, int64 [n].

    Films of one patient share a code; a film without a patient (a synthetic one) is its own unit.
    """
    codes: dict[tuple[str, str | int], int] = {}
    keys: list[tuple[str, str | int]] = [
        ("film", i) if patient is None else ("patient", patient)
        for i, patient in enumerate(patient_ids)
    ]
    return np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int64)


def resample(
    label: Integers,
    p: Floats,
    thresholds: Floats | Sequence[float],
    patients: Integers,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    metrics: Sequence[str] = METRICS,
) -> dict[str, Floats]:
    """Values of each metric over bootstrap resamples of the patients, replicates averaged.

    Args:
        label: int [n], normal 0, cancer 1.
        p: float64 [replicates, n] (or [n] for one), scores in [0, 1] for cancer.
        thresholds: [replicates] operating points (or one float).
        patients: int [n], codes 0..P-1 as from `patient_codes`.
        resamples: Number of resamples.
        seed: Seed of the draw; the same seed and number of patients give the same resamples, so
            differences between classifiers are paired.
        metrics: Which metrics; the count metrics alone are much cheaper.

    Returns:
        float64 [resamples] per metric: the mean over replicates within each resample, NaN where
        any replicate has no value there.

    Raises:
        BadInput: As `check_scores`, or shapes that do not fit, or no resample asked for.
    """
    scores = np.atleast_2d(np.asarray(p, dtype=np.float64))
    cuts = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))
    for one in scores:
        label, _ = check_scores(label, one)
    patients = np.asarray(patients)
    if len(cuts) != len(scores) or patients.shape != label.shape or resamples < 1:
        raise BadInput(
            f"{len(scores)} replicates, {len(cuts)} thresholds, {len(label)} films, "
            f"{len(patients)} patient codes, {resamples} resamples do not fit together.",
            hint="One threshold per replicate, one patient code per film, one resample or more.",
        )
    units = int(patients.max()) + 1
    # Per replicate: the four confusion counts and the sums that calibration is made of.
    columns = np.concatenate(
        [
            np.concatenate([_events(label, one, cut), calibration_columns(label, one)], axis=1)
            for one, cut in zip(scores, cuts, strict=True)
        ],
        axis=1,
    )
    per_patient = np.zeros((units, columns.shape[1]))
    np.add.at(per_patient, patients, columns)
    ranked = any(name in metrics for name in RANK_METRICS)
    rankings = [Ranking(label, one, patients, units) for one in scores] if ranked else []
    parts: dict[str, list[Floats]] = {name: [] for name in metrics}
    at_once = max(1, _CELLS_AT_ONCE // max(units, len(label)))
    for counts in draw_counts(units, resamples, seed, at_once):
        sums = (per_patient.T @ counts).reshape(len(scores), 4 + 1 + BINS, -1)
        sums = np.moveaxis(sums, 1, 0)  # [columns, replicates, resamples]
        values = count_metrics(*sums[:4])
        values |= calibration_metrics(sums[4:], sums[:4].sum(axis=0))
        if ranked:
            each = [ranking.values(counts) for ranking in rankings]
            values |= {name: np.stack([one[name] for one in each]) for name in RANK_METRICS}
        for name in metrics:
            parts[name].append(values[name].mean(axis=0))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}


def _events(label: Integers, p: Floats, threshold: float) -> Floats:
    """0/1 columns tp, fp, fn, tn, float64 [n, 4]."""
    called, cancer = p >= threshold, label == 1
    columns = (called & cancer, called & ~cancer, ~called & cancer, ~called & ~cancer)
    return np.stack(columns, axis=1).astype(np.float64)


def bootstrap(
    label: Integers,
    p: Floats,
    thresholds: Floats | Sequence[float],
    patients: Integers,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    metrics: Sequence[str] = METRICS,
) -> dict[str, tuple[float, float] | None]:
    """95 % percentile intervals of each metric; arguments as for `resample`.

    Returns:
        (low, high) per metric; None where more than 5 % of the resamples have no value, since
        the rest would be an interval of something else, and where there is one patient alone,
        whose resamples are all the same. The calibration error of a resample is biased upwards,
        so its interval may lie above its value.
    """
    if not np.asarray(patients).any():
        return dict.fromkeys(metrics)
    drawn = resample(
        label, p, thresholds, patients, resamples=resamples, seed=seed, metrics=metrics
    )
    return {name: percentile_interval(values) for name, values in drawn.items()}


def percentile_interval(
    values: Floats, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Central percentile interval of resampled values; None as `bootstrap` says."""
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(values):
        return None
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(defined, (tail, 100 - tail))
    return float(low), float(high)


def chance(prevalence: float) -> dict[str, float]:
    """The chance line: what guessing gives at a share ``prevalence`` of cancer.

    Accuracy, recall, F1 and specificity depend on how often cancer is guessed, so they have none.
    """
    return {
        "balanced_accuracy": 0.5,
        "auroc": 0.5,
        "average_precision": prevalence,
        "precision": prevalence,
    }
