"""What the kept activations of a grid will take, said before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mammo_synth.bench.classifiers.activations import gib, kept_bytes
from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.grid import Cell
from mammo_synth.release.folder import SPLITS, Release


@dataclass(frozen=True)
class CachePlan:
    """The kept activations of one recipe.

    Attributes:
        recipe: Its name.
        images: Different images of all its configurations; each is kept once.
        size: Bytes that these take at most: equal images share theirs.
        training: Bytes of the largest training and validation part. Where that exceeds the bound,
            activations are computed again in every epoch.
        precision: float16 or float32.
        bound: Bytes.
    """

    recipe: str
    images: int
    size: int
    training: int
    precision: str
    bound: int

    @property
    def words(self) -> str:
        """In one line."""
        line = (
            f"Activations of the frozen layers of {self.recipe}: at most {gib(self.size)} for "
            f"{self.images} images, {gib(self.training)} for those of one training, "
            f"{self.precision} (bound {gib(self.bound)}; --cache-gib)."
        )
        if self.training > self.bound:
            line += " They exceed the bound and are computed again in every epoch."
        return line


def cache_plans(release: Release, cells: Sequence[Cell], options: Options) -> list[CachePlan]:
    """One plan for each recipe that keeps activations, by the manifest alone.

    Raises:
        BadInput: A configuration that the release has not.
    """
    names: dict[str, list[str]] = {}
    recipes = {cell.recipe.sha256: cell.recipe for cell in cells}
    for cell in cells:
        names.setdefault(cell.recipe.sha256, []).append(cell.configuration)
    plans = []
    for digest, recipe in recipes.items():
        each = kept_bytes(recipe.settings, options)
        if each is None:
            continue
        configurations = dict.fromkeys(names[digest])
        # Every configuration takes the first images of a block, so the most that one takes is all.
        most: dict[object, int] = {}
        training = 0
        for name in configurations:
            for split in SPLITS:
                counts = release.counts(name, split)
                for block, n in counts.items():
                    most[block] = max(most.get(block, 0), n)
                if split == "train":
                    training = max(training, sum(counts.values()))
        images = sum(most.values())
        plans.append(
            CachePlan(
                recipe.name,
                images,
                images * each,
                training * each,
                options.cache_precision,
                options.cache_bytes,
            )
        )
    return plans
