"""Which classifiers differ: every pair, on the same resamples of the patients.

The difference of a metric is taken within each resample, so what is hard in the films is the same
for both and cancels. The p value of a pair is that of the percentile interval turned round: twice
the smaller share of resamples on either side of 0, with one resample added to each side so that it
is never 0 (Davison and Hinkley 1997). Holm's step-down correction keeps the chance of one false
difference among all pairs below the level (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from mammo_synth.bench.delong import DeLong, delong
from mammo_synth.bench.metrics import (
    METRICS,
    MOST_UNDEFINED,
    RESAMPLES,
    percentile_interval,
    point_metrics,
    resample,
)
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.errors import BadInput, did_you_mean


@dataclass(frozen=True)
class Contender:
    """A classifier with all its replicates on the same films.

    Attributes:
        name: Unlike any other contender's.
        p: float64 [replicates, n], scores in [0, 1] for cancer.
        thresholds: [replicates] operating points.
    """

    name: str
    p: Floats
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Pair:
    """Two contenders compared; None where a number has no value.

    Attributes:
        first, second: Names.
        first_value, second_value: The metric, replicates averaged.
        difference: First minus second, with its 95 % interval ``low`` to ``high``.
        p_value: Two-sided, from the paired bootstrap.
        p_holm: The same after Holm's correction over all pairs.
        delong: DeLong's test as a cross-check, where the metric is AUROC.
    """

    first: str
    second: str
    first_value: float | None
    second_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_holm: float | None
    delong: DeLong | None


def compare_pairs(
    label: Integers,
    patients: Integers,
    contenders: Sequence[Contender],
    metric: str = "auroc",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Pair]:
    """Compare all pairs of contenders in one metric.

    Args:
        label: int [n], normal 0, cancer 1.
        patients: int [n], codes as from `mammo_synth.bench.metrics.patient_codes`.
        contenders: At least two, each with scores for the same n films.
        metric: One of `mammo_synth.bench.metrics.METRICS`.
        resamples: Resamples of the patients, the same for all contenders.
        seed: Of the draw.

    Returns:
        Pairs in the order of the contenders. The p values are corrected over these pairs; see
        `correct` for several sets of films.

    Raises:
        BadInput: Fewer than two contenders, a doubled name, an unknown metric, or scores as in
            `mammo_synth.bench.metrics.resample`.
    """
    if metric not in METRICS:
        raise BadInput(f"There is no metric '{metric}'.", hint=did_you_mean(metric, METRICS))
    names = [one.name for one in contenders]
    if len(names) < 2 or len(set(names)) < len(names):
        raise BadInput(
            f"{len(names)} classifiers ({', '.join(names)}) cannot be compared; two or more of "
            f"different names were expected.",
            hint="Score another classifier on the same configuration.",
        )
    values = {one.name: _mean(label, one, metric) for one in contenders}
    drawn = {
        one.name: resample(
            label,
            one.p,
            one.thresholds,
            patients,
            resamples=resamples,
            seed=seed,
            metrics=(metric,),
        )[metric]
        for one in contenders
    }
    lone = not np.asarray(patients).any()  # one patient: all resamples are the same
    pairs = []
    for first, second in combinations(contenders, 2):
        a, b = values[first.name], values[second.name]
        known = a is not None and b is not None and not lone
        differences = drawn[first.name] - drawn[second.name]
        interval = percentile_interval(differences) if known else None
        pairs.append(
            Pair(
                first=first.name,
                second=second.name,
                first_value=a,
                second_value=b,
                difference=None if a is None or b is None else a - b,
                low=interval[0] if interval else None,
                high=interval[1] if interval else None,
                p_value=bootstrap_p_value(differences) if known else None,
                p_holm=None,
                delong=delong(label, first.p, second.p) if metric == "auroc" else None,
            )
        )
    return correct(pairs)


def _mean(label: Integers, one: Contender, metric: str) -> float | None:
    """Mean over replicates; None where any has no value."""
    found = []
    for p, threshold in zip(np.atleast_2d(one.p), one.thresholds, strict=True):
        value = point_metrics(label, p, threshold)[metric]
        if value is None:
            return None
        found.append(value)
    return float(np.mean(found))


def bootstrap_p_value(differences: Floats) -> float | None:
    """Two-sided p value of "no difference" from resampled differences, float64 [resamples].

    At least 2 / (resamples + 1); None where more than 5 % have no value (NaN).
    """
    defined = differences[~np.isnan(differences)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(differences):
        return None
    # Rounding of a sum must not put equal metrics on one side of 0.
    below = int((defined <= 1e-12).sum())
    above = int((defined >= -1e-12).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(defined) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p values in the order given, at most 1."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def correct(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with ``p_holm`` corrected over all of them that have a p value."""
    known = [pair.p_value for pair in pairs if pair.p_value is not None]
    adjusted = iter(holm(known))
    return [
        replace(pair, p_holm=None if pair.p_value is None else next(adjusted)) for pair in pairs
    ]
