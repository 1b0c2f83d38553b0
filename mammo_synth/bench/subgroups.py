"""Scores by subgroup of the real test films: view, laterality, source, breast density.

A subgroup is what one column of the test set says. A column that says the same of all films, or
nothing, is left out: it makes no groups. Films that lack it where others have it are a group of
their own, called None.

Density classes are those of the films' own source, word for word: fatty, fatty-glandular and
dense-glandular of MIAS, 1 to 4 of DDSM, A to D of others (ACR BI-RADS). No scale is turned into
another: they were read by other rules, and equal names of two sources need not mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import numpy as np

from mammo_synth.bench.metrics import RESAMPLES, bootstrap, point_metrics
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.bench.truth import Film, TestSet

COLUMNS = ("view", "laterality", "source", "density")
SUBGROUP_METRICS = ("auroc", "balanced_accuracy", "recall", "specificity")
FEWEST_PATIENTS = 10
"""Below so many patients a subgroup's numbers would say more of the patients than of the view."""

NOT_SAID = "not said"
"""Name of the group that lacks what others have, where it is shown."""
DENSITY_CLASSES = (
    "Density classes are the source's own, word for word: equal names of two sources need not mean "
    "the same."
)
NO_SUBGROUPS = (
    "No view, side, source or density tells the test films apart: there are no subgroups."
)
NO_SUBGROUPS_THEN = "The record was of format 1, which had no subgroups."


class MetricValue(TypedDict):
    """A value and its 95 % interval; null where there is none."""

    value: float | None
    low: float | None
    high: float | None


class Subgroup(TypedDict):
    """The films of which ``column`` says ``group``; ``why_null`` tells why there is no value."""

    column: str
    group: str | None
    n: int
    cancer: int
    normal: int
    patients: int
    metrics: dict[str, MetricValue]
    why_null: str | None


def score_subgroups(
    truth: TestSet, p: Floats, threshold: float, *, resamples: int = RESAMPLES
) -> list[Subgroup]:
    """Score each subgroup; intervals draw the patients of the subgroup.

    Args:
        truth: The films.
        p: float64 [n] in [0, 1], in the order of ``truth``.
        threshold: The operating point, the same for all groups.
        resamples: Resamples of the patients.

    Returns:
        Groups in the order of `COLUMNS`, then by name. All values are null in a group with fewer
        than `FEWEST_PATIENTS` patients or with one class alone.
    """
    return [
        _score(truth, members, p, threshold, resamples, column, group)
        for column in COLUMNS
        for group, members in groups_of(truth.films, column)
    ]


def groups_of(films: tuple[Film, ...], column: str) -> Iterator[tuple[str | None, Integers]]:
    """Names of the groups, films without one last, and the positions of their films."""
    said: list[str | None] = [getattr(film, column) for film in films]
    if len(set(said)) < 2:
        return
    for name in (*sorted({name for name in said if name is not None}), None):
        members = [i for i, other in enumerate(said) if other == name]
        if members:
            yield name, np.array(members, dtype=np.int64)


def _score(
    truth: TestSet,
    members: Integers,
    p: Floats,
    threshold: float,
    resamples: int,
    column: str,
    group: str | None,
) -> Subgroup:
    films = TestSet(tuple(truth.films[i] for i in members))
    label, patients, scores = films.label, films.patients, p[members]
    cancer, people = int(label.sum()), int(patients.max()) + 1
    why = why_null(cancer, len(label) - cancer, people)
    if why is None:
        values = point_metrics(label, scores, threshold)
        intervals = bootstrap(
            label, scores, [threshold], patients, resamples=resamples, metrics=SUBGROUP_METRICS
        )
        metrics = {k: metric_value(values[k], intervals[k]) for k in SUBGROUP_METRICS}
    else:
        metrics = {k: metric_value(None, None) for k in SUBGROUP_METRICS}
    return {
        "column": column,
        "group": group,
        "n": len(label),
        "cancer": cancer,
        "normal": len(label) - cancer,
        "patients": people,
        "metrics": metrics,
        "why_null": why,
    }


def why_null(cancer: int, normal: int, patients: int) -> str | None:
    for count, name in ((cancer, "cancer"), (normal, "normal")):
        if not count:
            return f"no {name} films"
    if patients < FEWEST_PATIENTS:
        return f"fewer than {FEWEST_PATIENTS} patients"
    return None


def metric_value(value: float | None, interval: tuple[float, float] | None) -> MetricValue:
    """A value with its interval; no interval stands beside a value that is null."""
    low, high = (None, None) if value is None or interval is None else interval
    return {"value": value, "low": low, "high": high}
