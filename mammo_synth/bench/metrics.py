"""Metrics of a two-class classifier and their uncertainty. Cancer (label 1) is the positive class.

Point values come from scikit-learn. Intervals come from a patient-level bootstrap: patients are
drawn with replacement, and a patient that is drawn twice weighs its films twice (Efron 1979; for
films of one patient, which are not independent, the patient is the unit to draw). Drawing is done
as counts per patient, so that every resample of every metric is a few array operations.

A metric that has no value (precision without a predicted cancer, AUROC with one class) is None
or, in arrays, NaN: never a silent zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.resampling import Ranking, count_metrics, draw_counts
from mammo_synth.errors import BadInput

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

POSITIVE_CLASS = "cancer"
COUNT_METRICS = ("accuracy", "precision", "recall", "f1", "specificity", "balanced_accuracy")
"""Metrics that follow from the confusion counts at an operating point."""
RANK_METRICS = ("auroc", "average_precision")
"""Metrics of the order of the scores, without an operating point."""
METRICS = COUNT_METRICS + RANK_METRICS

RESAMPLES = 2000
CONFIDENCE = 0.95
MOST_UNDEFINED = 0.05
"""An interval needs a value in at least this share (1 - 0.05) of the resamples."""
_CELLS_AT_ONCE = 2_000_000  # resamples × films held at a time: 16 MB per float64 array


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
    from sklearn.metrics import confusion_matrix

    label, p = check_scores(label, p)
    (tn, fp), (fn, tp) = confusion_matrix(label, p >= threshold, labels=[0, 1]).tolist()
    return Confusion(tp=tp, fp=fp, fn=fn, tn=tn)


def point_metrics(label: Integers, p: Floats, threshold: float) -> dict[str, float | None]:
    """All `METRICS` by scikit-learn, cancer positive; None where a metric has no value.

    Args:
        label: int [n], normal 0, cancer 1.
        p: float64 [n], scores in [0, 1] for cancer.
        threshold: The operating point: ``p >= threshold`` is called cancer.

    Returns:
        One float in [0, 1] per metric. Recall is sensitivity; specificity is the recall of normal.

    Raises:
        BadInput: Shapes differ, a label is not 0 or 1, a score is NaN or outside [0, 1].
    """
    from sklearn import metrics as sk

    label, p = check_scores(label, p)
    called = (p >= threshold).astype(np.int64)
    both = 0 < label.sum() < len(label)
    recall = sk.recall_score(label, called, zero_division=np.nan)
    specificity = sk.recall_score(label, called, pos_label=0, zero_division=np.nan)
    values = {
        "accuracy": sk.accuracy_score(label, called),
        "precision": sk.precision_score(label, called, zero_division=np.nan),
        "recall": recall,
        "f1": sk.f1_score(label, called, zero_division=np.nan),
        "specificity": specificity,
        "balanced_accuracy": (recall + specificity) / 2,
        "auroc": sk.roc_auc_score(label, p) if both else np.nan,
        "average_precision": sk.average_precision_score(label, p) if label.any() else np.nan,
    }
    return {name: none_if_nan(value) for name, value in values.items()}


def none_if_nan(value: float) -> float | None:
    """A plain float, at most 1, or None for NaN: what a record can say.

    scikit-learn sums average precision in steps, and perfect scores may sum to 1 + 2e-16.
    """
    return None if np.isnan(value) else min(float(value), 1.0)


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
    events = np.concatenate(
        [_events(label, one, cut) for one, cut in zip(scores, cuts, strict=True)], axis=1
    )
    per_patient = np.zeros((units, events.shape[1]))
    np.add.at(per_patient, patients, events)
    rankings = [Ranking(label, one, patients) for one in scores]
    ranked = [name for name in RANK_METRICS if name in metrics]
    parts: dict[str, list[Floats]] = {name: [] for name in metrics}
    at_once = max(1, _CELLS_AT_ONCE // max(units, len(label)))
    for counts in draw_counts(units, resamples, seed, at_once):
        sums = (counts @ per_patient).reshape(len(counts), len(scores), 4)
        values = count_metrics(*np.moveaxis(sums, 2, 0))
        if ranked:
            both = np.stack([ranking.values(counts) for ranking in rankings], axis=2)
            values |= dict(zip(RANK_METRICS, both, strict=True))
        for name in metrics:
            parts[name].append(values[name].mean(axis=1))
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
        the rest would be an interval of something else.
    """
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
