"""Images of a pool that are one another's copies: the generator says the same thing twice.

No matter of privacy, but of what the pool is worth: it holds fewer images than it seems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mammo_synth.progress import SILENT, Progress

from .patterns import Floats

ALIKE = 0.9
"""Images are near duplicates whose pattern coefficients correlate by so much, as they stand."""

_CELLS = 1 << 21  # pairs at a time: 8 MB, and 32 MB where all of them are alike


@dataclass(frozen=True)
class Duplicates:
    """Of ``images``: the share that is an exact copy of another image, the share that is nearly
    one, and the number of images of the largest cluster of those (1: there is none)."""

    images: int
    exact_share: float
    near_share: float
    largest: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def find_duplicates(
    digests: Sequence[bytes],
    coefficients: Floats,
    *,
    alike: float = ALIKE,
    progress: Progress = SILENT,
) -> Duplicates:
    """Duplicates within one set.

    Args:
        digests: Of the pixels of each of N images.
        coefficients: float32 ``[N, 150]`` of unit length, of `patterns.coefficients`.

    Memory: 50 MB beside them, also where all images are one.
    """
    count = len(digests)
    times = Counter(digests)
    exact = sum(times[digest] > 1 for digest in digests)
    cluster = near_clusters(coefficients, alike, progress)
    sizes = np.bincount(cluster)
    near = int((sizes[cluster] > 1).sum()) if count else 0
    return Duplicates(count, exact / max(1, count), near / max(1, count), int(sizes.max(initial=0)))


def near_clusters(
    coefficients: Floats, alike: float = ALIKE, progress: Progress = SILENT
) -> npt.NDArray[np.int32]:
    """The cluster of each image: images are in one where a chain of near duplicates leads from one
    to the other. Images without any pattern are alone."""
    count = len(coefficients)
    cluster = np.arange(count, dtype=np.int32)
    rows = max(1, _CELLS // max(1, count))
    progress.start("duplicates within the pool", -(-count // rows))
    for start in range(0, count, rows):
        near = coefficients[start : start + rows] @ coefficients[start:].T >= alike
        first, second = np.nonzero(near)
        # What is known so far stands as one edge for each image, so edges never pile up.
        ends = np.concatenate([np.arange(count, dtype=np.int32), first.astype(np.int32) + start])
        others = np.concatenate([cluster, second.astype(np.int32) + start])
        edges = coo_array((np.ones(len(ends), np.int8), (ends, others)), shape=(count, count))
        # Labels number the clusters; each is named by its first image, which is its own edge.
        _, label = connected_components(edges.tocsr(), directed=False)
        _, firsts = np.unique(label, return_index=True)
        cluster = firsts[label].astype(np.int32)
        progress.advance()
    progress.finish()
    return cluster
