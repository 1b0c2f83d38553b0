"""What ``mammo-synth bench`` shows of a record beside its metrics: the subgroups of the test films,
and the 2021 study's convention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mammo_synth.cli import console

if TYPE_CHECKING:
    from mammo_synth.bench.subgroups import MetricValue, Subgroup

_SHOWN = {"auroc": "AUROC", "balanced_accuracy": "balanced accuracy"}


def print_subgroups(subgroups: list[Subgroup] | None) -> None:
    """The subgroups of ``real_test``, one a line."""
    from mammo_synth.bench.subgroups import DENSITY_CLASSES, NO_SUBGROUPS, NO_SUBGROUPS_THEN

    if not subgroups:
        _say(NO_SUBGROUPS_THEN if subgroups is None else NO_SUBGROUPS)
        return
    _say("On real_test by subgroup (positive class: cancer; 95 % intervals)", style="bold")
    rows = [["column", "group", "films", "cancer", *_SHOWN.values(), ""]]
    rows += [_row(group) for group in subgroups]
    for line in console.aligned(rows, left=(0, 1, len(rows[0]) - 1)):
        _say(line)
    if any(group["column"] == "density" for group in subgroups):
        _say(DENSITY_CLASSES)


def print_normal_positive(evaluations: Mapping[str, Any]) -> None:
    """The study's convention, for each test set of a record."""
    from mammo_synth.bench.metrics import NORMAL_POSITIVE_METRICS as METRICS

    _say("The 2021 study's convention (positive class: normal)", style="bold")
    rows = [["test set", *("F1" if name == "f1" else name for name in METRICS)]]
    for split, evaluation in evaluations.items():
        values = evaluation["normal_positive"]
        rows.append([split, *(_number(values[name]) for name in METRICS)])
    for line in console.aligned(rows, left=(0,)):
        _say(line)
    _say("Only to compare with the study's printed rows: precision and recall here are of normal.")


def _row(group: Subgroup) -> list[str]:
    from mammo_synth.bench.subgroups import NOT_SAID
    from mammo_synth.leaderboard.terminal import clean

    name = group["group"]
    return [
        group["column"],
        NOT_SAID if name is None else clean(name),
        f"{group['n']:,}",
        f"{group['cancer']:,}",
        *(_estimate(group["metrics"][metric]) for metric in _SHOWN),
        group["why_null"] or "",
    ]


def _estimate(metric: MetricValue) -> str:
    if metric["value"] is None:
        return _number(None)
    if metric["low"] is None or metric["high"] is None:
        return f"{_number(metric['value'])} (no interval)"
    return f"{_number(metric['value'])} ({metric['low']:.3f} to {metric['high']:.3f})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _say(text: str, style: str | None = None) -> None:
    console.out().print(text, style=style, markup=False)
