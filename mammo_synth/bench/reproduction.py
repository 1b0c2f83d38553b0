"""A reproduction: what a second run of a record's cell gave, and whether it agrees.

The two runs have the same films, so their difference is paired: taken within each resample of the
patients. That no difference is seen does not show that there is none, least of all on few films. So
"agrees" is a test of equivalence (Schuirmann 1987): it is said where the 95 % interval of each
difference lies wholly within `MARGIN` of 0, "differs" where one lies wholly beyond it, and
"undecided" of everything else. Scores that are the same are "identical" on any number of films.

So at most about 2.5 % of runs that are the margin or more apart "agree": both metrics must, so two
need no correction. At most about 5 % of those that are less apart in both "differ". The interval of
few patients is too narrow for that: where a class has fewer than `FEWEST`, nothing is said.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np

from mammo_synth.bench.comparison import Contender, compare_pairs
from mammo_synth.bench.metrics import RESAMPLES, check_scores
from mammo_synth.bench.record import MAX_RECORD_BYTES, Environment
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.errors import BadInput
from mammo_synth.schema import first_problem

FORMAT = "mammo-synth/reproduction/1"
REPRODUCTION_NAME = "reproduction.json"
PREDICTIONS_NAME = "reproduction-real_test.parquet"
METRICS = ("auroc", "balanced_accuracy")
EQUAL = 1e-9
CLOSE = 1e-3
IDENTICAL = 1e-6
"""Scores that differ by no more, in every film, count as the same run."""
MARGIN = 0.05
"""By how much two runs may differ, in AUROC and in balanced accuracy, and still agree. A reader
study of mammography took as much of AUROC for no loss (Rodriguez-Ruiz et al. 2019). Arithmetic on
another machine moves less: where it moves scores by up to 0.06, the AUROC of 100 films moves by
less than 0.02 in 19 of 20 simulated cases."""
FEWEST = 10
"""Patients of each class without whom runs that are not identical stay undecided. With three who
have cancer, the interval of the AUROC of runs that are 0.05 apart lies within 0.05 in up to 9 % of
simulated cases, with six in 5 %, with ten in 4 % (`benchmarks/reproduction`)."""
VERDICTS = ("identical", "agrees", "differs", "undecided")


class Difference(TypedDict):
    """One metric of both runs; ``difference`` is again minus recorded, with its 95 % interval."""

    recorded: float | None
    again: float | None
    difference: float | None
    low: float | None
    high: float | None


class Scores(TypedDict):
    """Shares of the films whose scores are equal (within 1e-9), close (within 0.001) and called
    alike, and the largest difference of a score."""

    equal: float
    close: float
    called_alike: float
    largest: float


class Agreement(TypedDict):
    """How two runs on the same films agree."""

    films: int
    scores: Scores
    differences: dict[str, Difference]
    resamples: int
    verdict: str


class Thresholds(TypedDict):
    """The operating points, each chosen on the validation part of its own run."""

    recorded: float
    again: float


class Reproduction(TypedDict):
    """The content of `reproduction.json`. ``record`` is the record file that was run again;
    ``predictions`` are the second run's, kept beside it, so that ``agreement`` recomputes."""

    format: str
    who: str
    when: str
    package_version: str
    record: dict[str, str]
    environment: Environment
    thresholds: Thresholds
    predictions: dict[str, str]
    agreement: Agreement


def agreement(
    label: Integers,
    patients: Integers,
    recorded: Floats,
    again: Floats,
    thresholds: Thresholds,
    *,
    resamples: int = RESAMPLES,
) -> Agreement:
    """Compare two runs on the same films, cancer positive.

    Args:
        label: int [n], normal 0, cancer 1.
        patients: int [n], codes as from `mammo_synth.bench.metrics.patient_codes`.
        recorded: float64 [n] in [0, 1], scores of the record.
        again: float64 [n] in [0, 1], scores of the second run.
        thresholds: The operating points of both.
        resamples: Resamples of the patients behind each interval.

    Returns:
        ``identical``: no score differs by more than 1e-6. ``agrees``: the interval of each
        difference lies within `MARGIN` of 0. ``differs``: one lies beyond it. ``undecided``:
        neither, or a class has fewer than `FEWEST` patients.

    Raises:
        BadInput: As `mammo_synth.bench.metrics.check_scores`.
    """
    label, recorded = check_scores(label, recorded)
    label, again = check_scores(label, again)
    apart = np.abs(again - recorded)
    calls = (again >= thresholds["again"]) == (recorded >= thresholds["recorded"])
    contenders = [
        Contender("again", again[None], (thresholds["again"],)),
        Contender("recorded", recorded[None], (thresholds["recorded"],)),
    ]
    differences: dict[str, Difference] = {}
    for metric in METRICS:
        (pair,) = compare_pairs(label, patients, contenders, metric, resamples=resamples)
        differences[metric] = {
            "recorded": pair.second_value,
            "again": pair.first_value,
            "difference": pair.difference,
            "low": pair.low,
            "high": pair.high,
        }
    return {
        "films": len(label),
        "scores": {
            "equal": float((apart <= EQUAL).mean()),
            "close": float((apart <= CLOSE).mean()),
            "called_alike": float(calls.mean()),
            "largest": float(apart.max()),
        },
        "differences": differences,
        "resamples": resamples,
        "verdict": verdict_of(label, patients, float(apart.max()), differences),
    }


def verdict_of(
    label: Integers, patients: Integers, largest: float, differences: dict[str, Difference]
) -> str:
    """One of `VERDICTS`, as `agreement` says.

    Args:
        label: int [n], normal 0, cancer 1.
        patients: int [n], codes of the patients.
        largest: The largest difference of a score.
        differences: Those of each of `METRICS`.
    """
    if largest <= IDENTICAL:
        return "identical"
    fewest = min(len(np.unique(patients[label == k])) for k in (0, 1))
    return _by_intervals(differences) if fewest >= FEWEST else "undecided"


def _by_intervals(differences: dict[str, Difference]) -> str:
    """The verdict that the intervals would give on enough patients."""
    within = 0
    for one in differences.values():
        low, high = one["low"], one["high"]
        if low is None or high is None:
            continue
        if low > MARGIN or high < -MARGIN:
            return "differs"
        within += low >= -MARGIN and high <= MARGIN
    return "agrees" if within == len(METRICS) else "undecided"


def sentences(found: Reproduction) -> list[str]:
    """What a reproduction found, in words: the verdict, each metric, the scores."""
    same = found["agreement"]
    verdict = {
        "identical": "The second run gave the same scores.",
        "agrees": f"The second run agrees with the record: AUROC and balanced accuracy differ by "
        f"less than {MARGIN}, by their 95 % intervals.",
        "differs": f"The second run differs from the record by more than {MARGIN}, by a 95 % "
        f"interval.",
        "undecided": f"These films are too few to tell whether the second run agrees: "
        f"{_why_undecided(same)}.",
    }[same["verdict"]]
    lines = [verdict]
    names = {"auroc": "AUROC", "balanced_accuracy": "Balanced accuracy"}
    for metric, one in same["differences"].items():
        if one["difference"] is None:
            lines.append(f"{names[metric]} has no value here.")
            continue
        interval = (
            "no interval"
            if one["low"] is None or one["high"] is None
            else f"95 % interval {one['low']:+.4f} to {one['high']:+.4f}"
        )
        lines.append(
            f"{names[metric]}: {one['recorded']:.4f} recorded, {one['again']:.4f} again, "
            f"difference {one['difference']:+.4f} ({interval}, paired over patients)."
        )
    scores = same["scores"]
    lines.append(
        f"Of {same['films']} films {scores['equal']:.1%} have an equal score, "
        f"{scores['close']:.1%} one within 0.001, "
        f"{scores['called_alike']:.1%} are called alike; the largest difference is "
        f"{scores['largest']:.2g}."
    )
    return lines


def _why_undecided(same: Agreement) -> str:
    """What keeps a comparison undecided."""
    if any(one["low"] is None or one["high"] is None for one in same["differences"].values()):
        return "a difference has no interval"
    if _by_intervals(same["differences"]) == "undecided":
        return f"a 95 % interval lies neither within {MARGIN} of 0 nor beyond it"
    return f"a class has fewer than {FEWEST} patients"


def reproduction_of(folder: Path) -> Reproduction | None:
    """The reproduction in the folder of a record, None where there is none. A link is none: what
    it leads to was not checked with the folder.

    Raises:
        BadInput: As `read_reproduction`.
    """
    path = folder / REPRODUCTION_NAME
    return read_reproduction(path) if path.is_file() and not path.is_symlink() else None


def read_reproduction(path: Path) -> Reproduction:
    """Read and check one `reproduction.json`.

    Raises:
        BadInput: It is missing, too large, no JSON, or no reproduction; names the place.
    """
    if not path.is_file() or path.stat().st_size > MAX_RECORD_BYTES:
        raise BadInput(
            f"There is no reproduction '{path}', or it is larger than {MAX_RECORD_BYTES} bytes.",
            hint="`mammo-synth bench reproduce` writes one.",
        )
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInput(f"'{path}' is not JSON ({error}).", hint="Copy the file again.") from error
    return check_reproduction(value, f"'{path}'")


def check_reproduction(value: Any, where: str) -> Reproduction:
    """``value`` as a reproduction.

    Raises:
        BadInput: It is not one; names the place in it and what was expected there.
    """
    from jsonschema import Draft202012Validator

    wrong = first_problem(Draft202012Validator(_SCHEMA), value)
    if wrong is not None:
        raise BadInput(
            f"{where} is not a reproduction: {wrong}",
            hint=f"`mammo-synth bench reproduce` writes {FORMAT}.",
        )
    return cast(Reproduction, value)


def _object(**properties: Any) -> dict[str, Any]:
    """Schema of an object that has these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_METRIC = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_SIGNED = {"type": ["number", "null"], "minimum": -1, "maximum": 1}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TEXT = {"type": "string", "maxLength": 200}
_SCHEMA = _object(
    format={"const": FORMAT},
    who={"type": "string", "minLength": 1, "maxLength": 100},
    when={"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"},
    package_version=_TEXT,
    record=_object(sha256=_DIGEST, package_version=_TEXT),
    environment={
        "type": "object",
        "required": ["python", "platform", "packages", "device", "backend"],
    },
    thresholds=_object(recorded={"type": "number"}, again={"type": "number"}),
    predictions=_object(file={"const": PREDICTIONS_NAME}, sha256=_DIGEST),
    agreement=_object(
        films={"type": "integer", "minimum": 1},
        scores=_object(equal=_SHARE, close=_SHARE, called_alike=_SHARE, largest=_SHARE),
        differences=_object(
            **{
                metric: _object(
                    recorded=_METRIC, again=_METRIC, difference=_SIGNED, low=_SIGNED, high=_SIGNED
                )
                for metric in METRICS
            }
        ),
        resamples={"type": "integer", "minimum": 1000, "maximum": 100_000},
        verdict={"enum": list(VERDICTS)},
    ),
)
