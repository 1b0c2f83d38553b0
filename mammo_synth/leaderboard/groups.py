"""The subgroups of one record as the page shows them: who they are, how many, how they scored."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_synth.bench.subgroups import (
    DENSITY_CLASSES,
    NO_SUBGROUPS,
    NO_SUBGROUPS_THEN,
    NOT_SAID,
    SUBGROUP_METRICS,
    MetricValue,
    Subgroup,
)
from mammo_synth.leaderboard.model import METRIC_NAMES, Estimate

_COUNTS = ("Films", "Cancer", "Patients")
_HEADS = (*_COUNTS, *(METRIC_NAMES[name] for name in SUBGROUP_METRICS))


@dataclass(frozen=True)
class Group:
    """One subgroup: ``column`` and ``name`` say who, ``counts`` how many films, how many of them
    cancer, how many patients; ``why`` tells why there are no estimates."""

    column: str
    name: str
    counts: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    why: str


@dataclass(frozen=True)
class Groups:
    """All subgroups of a record; ``note`` is what to know of them, or why there are none."""

    rows: tuple[Group, ...]
    note: str
    heads: tuple[str, ...] = _HEADS


NOT_VERIFIED = (
    "Intervals are left out: they were not recomputed for this record. "
    "`mammo-synth leaderboard check` does that once."
)


def groups(subgroups: list[Subgroup] | None, verified: bool = True) -> Groups:
    """The subgroups of a record's ``real_test``; without intervals where those were not
    verified."""
    if subgroups is None:
        return Groups((), NO_SUBGROUPS_THEN)
    if not subgroups:
        return Groups((), NO_SUBGROUPS)
    density = any(group["column"] == "density" for group in subgroups)
    notes = [DENSITY_CLASSES] * density + [NOT_VERIFIED] * (not verified)
    return Groups(tuple(_group(group, verified) for group in subgroups), " ".join(notes))


def _group(group: Subgroup, verified: bool) -> Group:
    name = group["group"]
    return Group(
        column=group["column"],
        name=NOT_SAID if name is None else name,
        counts=tuple(f"{n:,}" for n in (group["n"], group["cancer"], group["patients"])),
        estimates=tuple(
            _estimate(group["metrics"][metric], verified) for metric in SUBGROUP_METRICS
        ),
        why=group["why_null"] or "",
    )


def _estimate(metric: MetricValue, verified: bool) -> Estimate:
    if not verified:
        return Estimate(metric["value"])
    return Estimate(metric["value"], metric["low"], metric["high"])
