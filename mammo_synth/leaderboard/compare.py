"""Two records on the same films: whether they differ, by how much, with the paired interval.

Nothing is taken from a record but what it is a record of and its operating point: every number is
computed again from the predictions beside it, by `mammo_synth.bench.comparison`. The difference is
taken within each resample of the patients, so what is hard in the films is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo_synth.bench.comparison import Contender, Pair, compare_pairs, correct
from mammo_synth.bench.estimate import Estimate, estimates
from mammo_synth.bench.metrics import RESAMPLES
from mammo_synth.bench.record import ReleaseFacts
from mammo_synth.leaderboard.compare_sides import SPLIT, Side, check_comparable
from mammo_synth.leaderboard.model import RANKED_ON, TestSet
from mammo_synth.progress import SILENT, Progress

FORMAT = "mammo-synth/comparison/1"
COMPARED = (RANKED_ON, "balanced_accuracy")
"""The metric that ranks, and what the chosen operating point makes of it."""
LEVEL = 0.05
_A, _B = "first", "second"


@dataclass(frozen=True)
class Comparison:
    """What two sides differ in.

    Attributes:
        first, second: The two; every difference is first minus second.
        test_set: The films that both were measured on.
        pairs: By metric of `COMPARED`; p values corrected over them (Holm).
        values: Each side's own estimates by metric, in the order first, second.
        same_predictions: Both say the same of every film, to the last digit.
        other_calls: Films that one calls cancer and the other normal; None where a side has
            several replicates.
        resamples: Of the patients, the same for both.
    """

    first: Side
    second: Side
    test_set: TestSet
    pairs: Mapping[str, Pair]
    values: Mapping[str, tuple[Estimate, Estimate]]
    same_predictions: bool
    other_calls: int | None
    resamples: int

    @property
    def release(self) -> ReleaseFacts:
        """Release of the first; source, protocol and simulated are those of both."""
        return self.first.release

    def verdict(self, metric: str) -> str:
        """``same``, ``differ``, ``alike`` (not told apart), ``weak`` (only before Holm's
        correction) or ``undefined``."""
        pair = self.pairs[metric]
        if self.same_predictions and not pair.difference and pair.difference is not None:
            return "same"
        if pair.difference is None or pair.low is None or pair.high is None:
            return "undefined"
        if pair.low <= 0 <= pair.high:
            return "alike"
        return "differ" if pair.p_holm is not None and pair.p_holm < LEVEL else "weak"


def compare(
    first: Side,
    second: Side,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Comparison:
    """Compare two sides in the metrics of `COMPARED`, cancer positive.

    Args:
        first, second: As `compare_sides.read_side` gives them.
        resamples: Resamples of the patients.
        seed: Of the draw.
        progress: Told of every metric.

    Raises:
        BadInput: Their test sets or protocols differ, so that no difference can be paired.
    """
    check_comparable(first, second)
    truth = first.truth
    label, patients = truth.label, truth.patients
    contenders = [Contender(_A, first.p, first.thresholds)]
    contenders.append(Contender(_B, second.p, second.thresholds))
    own = [
        estimates(
            label,
            side.p,
            side.thresholds,
            patients,
            metrics=COMPARED,
            resamples=resamples,
            seed=seed,
        )
        for side in (first, second)
    ]
    pairs = []
    progress.start("metrics", len(COMPARED))
    for metric in COMPARED:
        pairs += compare_pairs(label, patients, contenders, metric, resamples=resamples, seed=seed)
        progress.advance(1, metric)
    progress.finish()
    lone = len(first.thresholds) == len(second.thresholds) == 1
    cancer = int(label.sum())
    return Comparison(
        first=first,
        second=second,
        test_set=TestSet(
            truth.digest,
            len(label),
            cancer,
            len(label) - cancer,
            len(np.unique(patients)),
        ),
        pairs=dict(zip(COMPARED, correct(pairs), strict=True)),
        values={metric: (own[0][metric], own[1][metric]) for metric in COMPARED},
        same_predictions=np.array_equal(first.p, second.p)
        and first.thresholds == second.thresholds,
        other_calls=int((first.calls != second.calls).sum()) if lone else None,
        resamples=resamples,
    )


def document(comparison: Comparison, paragraph: str) -> dict[str, Any]:
    """The comparison as plain JSON values; undefined is null."""
    release, test_set = comparison.release, comparison.test_set
    return {
        "format": FORMAT,
        "positive_class": "cancer",
        "split": SPLIT,
        "source": release["source"],
        "simulated": release["simulated"],
        "protocol": release["protocol"],
        "test_set": vars(test_set),
        "resamples": comparison.resamples,
        "confidence": 0.95,
        "sides": [_side(side) for side in (comparison.first, comparison.second)],
        "same_predictions": comparison.same_predictions,
        "films_called_differently": comparison.other_calls,
        "metrics": {
            metric: {
                "verdict": comparison.verdict(metric),
                "chance": 0.5,
                "first": vars(comparison.values[metric][0]),
                "second": vars(comparison.values[metric][1]),
                "difference": {
                    "value": pair.difference,
                    "low": pair.low,
                    "high": pair.high,
                    "p_value": pair.p_value,
                    "p_holm": pair.p_holm,
                },
            }
            for metric, pair in comparison.pairs.items()
        },
        "paragraph": paragraph,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "release": dict(side.release),
        "replicates": len(side.thresholds),
        "thresholds": list(side.thresholds),
        "records": [{"file": path.as_posix(), "sha256": sha256} for path, sha256 in side.records],
    }
