"""Squared Euclidean distances between many rows, in blocks: exact for near duplicates too.

``|x|^2 + |y|^2 - 2 x.y`` is one matrix product, the only way that is fast enough for 24,000 x
24,000 rows, and it loses its digits where x and y nearly agree, which is where copies are. So
rows are centred by the caller, and pairs that come out small are computed again from differences.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.quality.features import Features

BLOCK_ENTRIES = 2**22
"""Distances held at a time: 32 MB, whatever the counts."""
NEAR = 1e-6
"""A squared distance below this share of the two squared lengths is computed from differences.
Above it, rounding leaves 9 digits."""
TIE = 1e-8
"""Relative difference of squared distances that rounding may make: below it they are equal."""


def blocks(rows: Features, others: Features) -> Iterator[tuple[slice, Features]]:
    """Squared distances of rows [N, D] to others [M, D], block by block.

    Yields:
        Which rows, and float64 [rows of the block, M].
    """
    lengths = np.einsum("ij,ij->i", others, others)
    step = max(1, BLOCK_ENTRIES // max(1, len(others)))
    for begin in range(0, len(rows), step):
        part = slice(begin, min(begin + step, len(rows)))
        yield part, _squared(rows[part], others, lengths)


def _squared(rows: Features, others: Features, lengths: Features) -> Features:
    own = np.einsum("ij,ij->i", rows, rows)[:, None]
    squared = (-2.0 * rows) @ others.T
    squared += lengths
    squared += own
    at, to = np.nonzero(squared <= 2 * NEAR * own)  # where x and y are near, so are their lengths
    step = max(1, BLOCK_ENTRIES // rows.shape[1])
    for begin in range(0, len(at), step):
        i, j = at[begin : begin + step], to[begin : begin + step]
        difference = rows[i] - others[j]
        squared[i, j] = np.einsum("ij,ij->i", difference, difference)
    return np.asarray(squared, np.float64)


def radii(rows: Features, k: int) -> Features:
    """Squared distance of each row [N, D] to its k-th nearest other row: float64 [N].

    Raises:
        BadInput: k or fewer rows.
    """
    if not 1 <= k < len(rows):
        raise BadInput(
            f"The {k}-th nearest neighbour was asked for among {len(rows)} images.",
            hint=f"Give {k + 1} images at least, or a k from 1 to {len(rows) - 1}.",
        )
    found = np.empty(len(rows))
    for part, squared in blocks(rows, rows):
        squared[np.arange(part.stop - part.start), np.arange(part.start, part.stop)] = np.inf
        found[part] = np.partition(squared, k - 1, axis=1)[:, k - 1]
    return found


def inside(squared: Features, limits: Features, *, border: bool) -> npt.NDArray[np.bool_]:
    """Where squared distances are within squared radii; on the border only with ``border``.

    Distance 0 is always inside: an exact copy of a film that the set holds several times.
    """
    return np.asarray(squared <= limits * (1.0 + TIE if border else 1.0 - TIE), bool)
