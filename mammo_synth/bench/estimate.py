"""A number with its interval, and what it is over the replicates of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammo_synth.bench.metrics import percentile_interval, point_metrics, resample
from mammo_synth.bench.resampling import Floats, Integers


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; None where it is undefined (no predicted positive)."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are defined."""
        return self.low is not None and self.high is not None


def mean_of(values: Sequence[float | None]) -> float | None:
    """Mean over replicates; None where any replicate has no value (never averaged over)."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined and len(defined) == len(values) else None


def estimate(value: float | None, drawn: Floats) -> Estimate:
    """``value`` with the percentile interval of its resampled values, float64 [resamples]."""
    return with_interval(value, percentile_interval(drawn) if value is not None else None)


def with_interval(value: float | None, interval: tuple[float, float] | None) -> Estimate:
    """``value`` with its interval; none stands beside a value that is undefined."""
    return Estimate(value, *interval) if value is not None and interval else Estimate(value)


def estimates(
    label: Integers,
    p: Floats,
    thresholds: Sequence[float],
    patients: Integers,
    *,
    metrics: Sequence[str],
    resamples: int,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Each metric as the mean over replicates, with its patient-level bootstrap interval.

    Args:
        label: int [n], normal 0, cancer 1.
        p: float64 [replicates, n], scores in [0, 1] for cancer.
        thresholds: [replicates] operating points.
        patients: int [n], codes as from `mammo_synth.bench.metrics.patient_codes`.
        metrics: Names out of `mammo_synth.bench.metrics.METRICS`.
        resamples: Resamples of the patients.
        seed: Of the draw.

    Returns:
        One estimate per metric. Without an interval where there is one patient alone.

    Raises:
        BadInput: As `mammo_synth.bench.metrics.resample`.
    """
    drawn = resample(
        label, p, thresholds, patients, resamples=resamples, seed=seed, metrics=metrics
    )
    points = [point_metrics(label, one, cut) for one, cut in zip(p, thresholds, strict=True)]
    lone = not np.asarray(patients).any()
    found = {}
    for name in metrics:
        value = mean_of([point[name] for point in points])
        found[name] = Estimate(value) if lone else estimate(value, drawn[name])
    return found
