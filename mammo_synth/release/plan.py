"""Which images a release stores, in which shards, and which shards each configuration lists.

Within each cell (split × label × origin) images have one fixed order and every configuration
takes a prefix. Shards are cut at the prefixes, so a configuration is a list of whole shards, the
nine store each image once, and an image is train or test once for all nine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammo_synth.configurations import (
    CANCER,
    CELLS,
    CONFIGURATIONS,
    NORMAL,
    REAL,
    SYNTHETIC,
    Cell,
    cell_sizes,
    cut_points,
)
from mammo_synth.errors import BadInput
from mammo_synth.films.enough import REAL_ROLE, too_few_films

SHARD_PIXELS, GROUP_PIXELS = 5_000 * 512**2, 800 * 512**2
"""A film of 512 px takes some 50 to 80 KB: shards of at most 250 to 400 MB, row groups of 40 to 64
MB. What the nine configurations ask for cuts many shards shorter."""

MOST_SHARD_ROWS, MOST_GROUP_ROWS = 20_000, 4_000
"""Bounds for small images."""

SEEDS_PER_CELL = 1_000_000
"""Each synthetic cell draws from its own million of seeds, so train and test never share one,
whatever the size of the release."""

REAL_TEST_CELLS = (Cell("real_test", CANCER, REAL), Cell("real_test", NORMAL, REAL))


@dataclass(frozen=True)
class Shard:
    """Rows ``start`` to ``stop`` of a cell, and the file that holds them."""

    cell: Cell
    start: int
    stop: int

    @property
    def path(self) -> str:
        """POSIX path in the release folder."""
        folder = f"{self.cell.split}/{self.cell.name.removeprefix(self.cell.split + '-')}"
        return f"data/{folder}/{self.start:06d}-{self.stop:06d}.parquet"

    @property
    def rows(self) -> int:
        """Number of images."""
        return self.stop - self.start


def shard_rows(image_size: int) -> int:
    """The most images of ``image_size`` px in one shard."""
    return min(MOST_SHARD_ROWS, max(1, SHARD_PIXELS // image_size**2))


def group_rows(image_size: int) -> int:
    """Images of ``image_size`` px in one row group: what a writer or a reader holds at a time."""
    return min(MOST_GROUP_ROWS, max(1, GROUP_PIXELS // image_size**2))


def seeds(cell: Cell, start: int, stop: int) -> range:
    """Seeds of the images ``start`` to ``stop`` of a synthetic cell."""
    synthetic = [one for one in CELLS if one.origin == SYNTHETIC]
    base = synthetic.index(cell) * SEEDS_PER_CELL
    return range(base + start, base + stop)


def plan_shards(size: int, real_test: dict[int, int], image_size: int = 512) -> list[Shard]:
    """All shards of a release.

    Args:
        size: Images per configuration (train + test).
        real_test: Held-out real films by label.
        image_size: Side of the images in pixels.

    Raises:
        BadInput: ``size`` is too small, or larger than a cell's seeds.
    """
    shards: list[Shard] = []
    most = shard_rows(image_size)
    for cell, points in cut_points(size).items():
        if points and points[-1] > SEEDS_PER_CELL:
            raise BadInput(
                f"A release of {size} images needs more than {SEEDS_PER_CELL:,} seeds in one cell.",
                hint="Use a smaller --size.",
            )
        shards += _cut(cell, points, most)
    for cell in REAL_TEST_CELLS:
        if real_test[cell.label]:
            shards += _cut(cell, (real_test[cell.label],), most)
    return shards


def _cut(cell: Cell, points: Sequence[int], most: int) -> list[Shard]:
    shards, start = [], 0
    for point in points:
        while start < point:
            stop = min(point, start + most)
            shards.append(Shard(cell, start, stop))
            start = stop
    return shards


def shards_of(configuration: str, size: int, shards: Sequence[Shard]) -> dict[str, list[Shard]]:
    """The shards that one configuration lists, by split (train, test, real_test)."""
    counts = CONFIGURATIONS[configuration].counts(size)
    chosen: dict[str, list[Shard]] = {"train": [], "test": [], "real_test": []}
    for shard in shards:
        if shard.cell.split == "real_test" or shard.stop <= counts[shard.cell]:
            chosen[shard.cell.split].append(shard)
    return chosen


def choose_films(
    size: int, protocol: str, image_ids: Mapping[tuple[str, int], Sequence[str]], seed: int
) -> dict[Cell, list[str]]:
    """The real films of every cell, in the order in which configurations take them.

    Args:
        size: Images per configuration.
        protocol: Under ``strict`` each split draws from its own role only. Under ``study`` films
            of other roles fill up what is missing, as the study must have done; real films may
            then overlap.
        image_ids: Films by (role, label).
        seed: Seed of the order.

    Raises:
        BadInput: There are too few films; the message says what is short and which size fits.
    """
    sizes = cell_sizes(size)
    available = {
        (split, label): len(image_ids[role, label])
        for split, role in REAL_ROLE.items()
        for label in (CANCER, NORMAL)
    }
    shortage = too_few_films(size, available)
    if protocol == "strict" and shortage is not None:
        raise shortage
    generator = np.random.default_rng(seed)
    chosen: dict[Cell, list[str]] = {}
    for cell in CELLS:
        if cell.origin == REAL:
            pool = _shuffled(image_ids[REAL_ROLE[cell.split], cell.label], generator)
            if protocol == "study" and len(pool) < sizes[cell]:
                pool += _others(cell, image_ids)
            if shortage is not None and len(pool) < sizes[cell]:
                raise shortage
            chosen[cell] = pool[: sizes[cell]]
    for cell in REAL_TEST_CELLS:
        chosen[cell] = sorted(image_ids["real_test", cell.label])
    return chosen


def _shuffled(ids: Sequence[str], generator: np.random.Generator) -> list[str]:
    ordered = sorted(ids)
    return [ordered[i] for i in generator.permutation(len(ordered))]


def _others(cell: Cell, image_ids: Mapping[tuple[str, int], Sequence[str]]) -> list[str]:
    """Films of the other roles, real_test last: the study protocol's way to fill a split."""
    own = REAL_ROLE[cell.split]
    roles = [role for role in ("train", "val", "real_test") if role != own]
    return [film for role in roles for film in sorted(image_ids[role, cell.label])]
