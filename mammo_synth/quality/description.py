"""Every image of a comparison described once: rows of features, set by set, extractor by
extractor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammo_synth.configurations import LABEL_VALUES, LABELS
from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.feature_cache import FeatureCache
from mammo_synth.quality.features import BATCH, Extractor, Features, extract

from .films import Films
from .measures.arrays import Indices
from .measures.classes import per_class
from .pools import Pool


@dataclass(frozen=True)
class Compared:
    """What is compared.

    Attributes:
        pools: By label.
        training: Training films of all labels that a generator may have learned from.
        held_out: Films of the same labels and of other patients.
    """

    pools: Mapping[str, Pool]
    training: Films
    held_out: Films

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the pools."""
        return tuple(self.pools)

    def of(self, films: Films, labels: Sequence[str]) -> Indices:
        """Numbers of the films of some labels."""
        return np.nonzero(np.isin(films.labels, [LABEL_VALUES[label] for label in labels]))[0]

    def of_pool(self, label: str) -> slice:
        """Where a label's images stand among those of all pools."""
        start = 0
        for name, pool in self.pools.items():
            if name == label:
                return slice(start, start + len(pool))
            start += len(pool)
        raise KeyError(label)

    def groups(self, seed: int) -> dict[str, tuple[Indices, Indices]]:
        """Numbers of the training films and of the synthetic images that are compared, for each
        label, and pooled in the films' proportions where there are two."""
        kept = self.of(self.training, self.labels)
        images = np.concatenate(
            [np.full(len(pool), LABEL_VALUES[name]) for name, pool in self.pools.items()]
        )
        return per_class(
            lambda films, fakes: (kept[films], fakes),
            self.training.labels[kept], images, names=LABELS, seed=seed,
        )  # fmt: skip


@dataclass(frozen=True)
class Described:
    """Rows of one extractor.

    Attributes:
        name: Its name.
        synthetic: float64 [M, D] of the images of all pools, one pool after the other.
        training: float64 [N, D] of the training films.
        held_out: float64 [H, D] of the held-out films; H may be 0.
    """

    name: str
    synthetic: Features
    training: Features
    held_out: Features


def describe(
    compared: Compared,
    extractor: Extractor,
    cache: FeatureCache,
    progress: Progress = SILENT,
) -> Described:
    """All images through one extractor; what the cache has is read."""
    sets = [pool.images for pool in compared.pools.values()]
    sets += [films.images for films in (compared.training, compared.held_out)]
    total = sum(map(len, sets))
    blocks = (block for images in sets for block in images.blocks(BATCH))
    rows = extract(extractor, blocks, cache=cache, progress=progress, total=total)
    ends = np.cumsum([sum(map(len, compared.pools.values())), len(compared.training)])
    synthetic, training, held_out = np.split(rows, ends)
    return Described(extractor.name, synthetic, training, held_out)
