"""What replicates share: the classifier, its recipe and its first weights; and short names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mammo_synth.bench.record import Record
from mammo_synth.errors import BadInput

CONTROL = "control"
_DIGEST = 8


@dataclass(frozen=True)
class Series:
    """What is trained, whatever the configuration: classifier, recipe and starting weights.

    Brought predictions have no recipe: ``recipe`` and its digest are then None.
    """

    classifier: str
    role: str
    recipe: str | None
    recipe_sha256: str | None
    weights: str
    weights_sha256: str | None


def series_of(record: Record) -> Series:
    """What was trained for ``record``."""
    classifier, recipe = record["classifier"], record["recipe"]
    return Series(
        classifier=classifier["name"],
        role=classifier["role"],
        recipe=recipe["name"] if recipe else None,
        recipe_sha256=recipe["sha256"] if recipe else None,
        weights=classifier["weights"]["origin"],
        weights_sha256=classifier["weights"]["sha256"],
    )


def ranking_key(record: Record) -> tuple[bool, str, str, str, str, str, str]:
    """What two records must share to stand in one table or figure, and the order of those: real
    films first. Simulated and real films, or two protocols or test sets, never meet."""
    release = record["release"]
    return (
        release["simulated"],
        release["source"],
        release["protocol"],
        release["name"],
        release["version"],
        release["sha256"],
        record["evaluations"]["real_test"]["test_set"],
    )


def same_replicate(one: Path | str, other: Path | str, replicate: int) -> BadInput:
    """The error of two records, by their paths, of one replicate of one cell."""
    return BadInput(
        f"'{one}' and '{other}' are records of the same replicate {replicate}; one was expected.",
        hint="Remove the one that does not count, or give it another replicate number.",
    )


def series_order(series: Series) -> tuple[bool, str, str, str, str, str]:
    """Sorting key: classifiers by name, then controls."""
    return (
        series.role == CONTROL,
        series.classifier,
        series.recipe or "",
        series.recipe_sha256 or "",
        series.weights,
        series.weights_sha256 or "",
    )


def series_names(every: Iterable[Series]) -> dict[Series, str]:
    """A short name for each series, with as much as tells it from its neighbours."""
    unique = list(dict.fromkeys(every))
    names = {}
    for series in unique:
        name = series.classifier
        if sum(other.classifier == series.classifier for other in unique) > 1:
            recipe = f"{series.recipe or 'brought'} {(series.recipe_sha256 or '')[:_DIGEST]}"
            weights = f"{series.weights} {(series.weights_sha256 or '')[:_DIGEST]}"
            name += f" ({recipe.strip()}, {weights.strip()})"
        names[series] = name
    return names
