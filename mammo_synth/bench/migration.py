"""Records of older formats, read as records of today.

Format 1 had eight metrics, 2,000 resamples, no subgroups and no normal-positive block. What it
did not say is null after migration, unless it follows from what it said; whoever has the
predictions fills it in with `fill`.
"""

from __future__ import annotations

from typing import Any, cast

from mammo_synth.bench.evaluation import Evaluation
from mammo_synth.bench.metrics import METRICS, Confusion, normal_positive
from mammo_synth.errors import BadInput

FORMAT_1 = "mammo-synth/record/1"
FORMAT_2 = "mammo-synth/record/2"
METRICS_1 = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "specificity",
    "balanced_accuracy",
    "auroc",
    "average_precision",
)
RESAMPLES_1 = 2000
_UNKNOWN = {"value": None, "low": None, "high": None}


def migrate(value: Any, where: str) -> Any:
    """``value`` in today's format; whatever is no record of format 1 is returned as it is.

    The record says in ``migrated_from`` what it was. Point values and intervals of format 1 stay
    as they are; they recompute with the 2,000 resamples that it had.

    Raises:
        BadInput: It calls itself format 1 and lacks parts of it.
    """
    if not isinstance(value, dict) or value.get("format") != FORMAT_1:
        return value
    try:
        evaluations = {k: _evaluation(one) for k, one in value["evaluations"].items()}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInput(
            f"{where} is not a record: it calls itself {FORMAT_1}, and its evaluations are none of "
            f"that format ({type(error).__name__}: {error}).",
            hint="Restore the file, or run the cell again.",
        ) from error
    return value | {
        "format": FORMAT_2,
        "migrated_from": FORMAT_1,
        "evaluations": evaluations,
    }


def _evaluation(old: dict[str, Any]) -> dict[str, Any]:
    metrics = old["metrics"]
    if set(metrics) != set(METRICS_1):
        raise ValueError(f"metrics {sorted(set(metrics) ^ set(METRICS_1))}")
    counts = Confusion(**old["confusion"])
    return old | {
        "resamples": RESAMPLES_1,
        "metrics": {name: metrics.get(name, dict(_UNKNOWN)) for name in METRICS},
        "normal_positive": normal_positive(counts),
        "subgroups": None,
    }


def fill(said: dict[str, Evaluation], found: dict[str, Evaluation]) -> dict[str, Evaluation]:
    """The evaluations ``said`` by a migrated record with what is null in it, since format 1
    lacked it, taken from ``found``: the same evaluations recomputed from the predictions."""
    filled = {}
    for split, old in said.items():
        new = found[split]
        metrics = {
            name: new["metrics"][name] if name not in METRICS_1 and value == _UNKNOWN else value
            for name, value in old["metrics"].items()
        }
        subgroups = new["subgroups"] if old["subgroups"] is None else old["subgroups"]
        filled[split] = cast(Evaluation, dict(old) | {"metrics": metrics, "subgroups": subgroups})
    return filled
