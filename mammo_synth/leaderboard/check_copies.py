"""Records whose predictions are those of another: the same scores under a new name.

Scores are compared to three decimals, else to six, else exactly: the first at which they have more
than ten different values. With fewer, two honest classifiers can coincide (a constant, a tree that
says 0 or 1, a network that is sure of all films).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from mammo_synth.bench.record import Record
from mammo_synth.bench.resampling import Floats

DISTINCT = 10
_DECIMALS = (3, 6)


@dataclass(frozen=True)
class PostedScores:
    """A record with its scores of `real_test`, float64 [n] in the order of its films."""

    path: str
    record: Record
    p: Floats


def copies(posted: Sequence[PostedScores]) -> list[tuple[str, str]]:
    """Copies among records: the path of the later one by its own words, and what it is a copy of.
    Which of two is the copy is for a person to judge: a date can be made up.

    Another name of the classifier, or the same name for another replicate or configuration of
    one release: each would be another training. The same name on another release may be honest:
    two releases may hold the same films.
    """
    order = sorted(posted, key=lambda one: (_films(one), one.record["created"], one.path))
    found = []
    for _, group in groupby(order, key=_films):
        records = list(group)
        means = np.array([one.p.mean() for one in records])
        for i, later in enumerate(records):
            tolerance, said = _closeness(later.p)
            if tolerance is None:
                continue
            for j in np.flatnonzero(np.abs(means[:i] - means[i]) <= tolerance):
                message = _copied(records[j], later, tolerance, said)
                if message:
                    found.append((later.path, message))
                    break
    return found


def copy_of(earlier: PostedScores, later: PostedScores) -> str:
    """How the predictions of ``later`` are those of ``earlier``, by the rule of `copies`; empty
    where they are not."""
    tolerance, said = _closeness(later.p)
    if tolerance is None or _films(earlier) != _films(later):
        return ""
    return _copied(earlier, later, tolerance, said)


def _copied(earlier: PostedScores, later: PostedScores, tolerance: float, said: str) -> str:
    if not _comparable(earlier.record, later.record):
        return ""
    if np.abs(earlier.p - later.p).max() > tolerance:
        return ""
    return (
        f"its predictions of real_test are {said} those of '{earlier.path}', "
        f"{_how(earlier.record, later.record)}"
    )


def _films(one: PostedScores) -> str:
    return one.record["evaluations"]["real_test"]["test_set"]


def _closeness(p: Floats) -> tuple[float | None, str]:
    """By how much a copy of these scores may differ, and how that is said; None where they have
    too few values to tell."""
    for decimals in _DECIMALS:
        if len(np.unique(p.round(decimals))) > DISTINCT:
            # Cut off instead of rounded, a score moves by up to one unit of the last digit.
            return 1.01 * 10.0**-decimals, f"to {decimals} decimals"
    if len(np.unique(p)) > DISTINCT:
        return 0.0, "to the last digit"
    return None, ""


def _comparable(one: Record, other: Record) -> bool:
    if one["classifier"]["name"] != other["classifier"]["name"]:
        return True
    return one["release"]["sha256"] == other["release"]["sha256"]


def _how(earlier: Record, later: Record) -> str:
    name = earlier["classifier"]["name"]
    if name != later["classifier"]["name"]:
        return f"there under the name {name}"
    if (earlier["configuration"], earlier["replicate"]) == (
        later["configuration"],
        later["replicate"],
    ):
        return "which is the same cell: it was posted twice"
    return (
        f"there as {earlier['configuration']}, replicate {earlier['replicate']}: a replicate is "
        f"another training"
    )
