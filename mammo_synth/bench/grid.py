"""The cells of a grid, configuration × classifier × recipe × replicate, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo_synth.bench.recipes import Recipe
from mammo_synth.bench.record import Record
from mammo_synth.errors import BadInput

REPLICATES = 3


@dataclass(frozen=True)
class Cell:
    """What one record measures.

    Attributes:
        configuration: One of the release's; ``real``: the TRTR baseline; or
            ``synthetic-reduced``: its twin of as many synthetic images.
        recipe: Classifier and settings.
        replicate: Number of the repetition, from 0.
        seed: Seed of the split, the head's first weights, the shuffles and the dropout.
    """

    configuration: str
    recipe: Recipe
    replicate: int
    seed: int

    @property
    def name(self) -> str:
        """In messages."""
        return f"{self.configuration} × {self.recipe.classifier} × replicate {self.replicate}"


@dataclass(frozen=True)
class Outcome:
    """A record and where it lies; ``skipped`` if it was there already."""

    cell: Cell
    path: Path
    record: Record
    skipped: bool


@dataclass(frozen=True)
class Failure:
    """A cell of a grid that gave no record, and why."""

    cell: Cell
    error: str


def grid_cells(
    configurations: Sequence[str], recipes: Sequence[Recipe], replicates: int, seed: int
) -> list[Cell]:
    """All cells, one configuration after the other; the seed of replicate k is ``seed + k``.

    Raises:
        BadInput: Two recipes of one classifier: their records would lie in one place.
    """
    for recipe in recipes:
        same = [other.name for other in recipes if other.classifier == recipe.classifier]
        if len(same) > 1:
            raise BadInput(
                f"The recipes {' and '.join(same)} are both for {recipe.classifier}; a results "
                f"folder holds one recipe per classifier.",
                hint="Run each into a results folder of its own (--out).",
            )
    return [
        Cell(configuration, recipe, k, seed + k)
        for configuration in configurations
        for recipe in recipes
        for k in range(replicates)
    ]
