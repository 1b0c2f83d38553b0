"""Run lengths: how far one grey level goes on, in four directions (Galloway 1975).

A run is a row of pixels of one level that no longer one contains. Of the runs (level g from 1,
length l) in a direction, with n runs of m pixels: short-run emphasis ``mean(1 / l ** 2)``, long-run
emphasis ``mean(l ** 2)``, grey-level non-uniformity ``sum_g(n_g ** 2) / n ** 2``, run-length
non-uniformity ``sum_l(n_l ** 2) / n ** 2``, run percentage ``n / m``, and low and high grey-level
emphasis ``mean(1 / g ** 2)`` and ``mean(g ** 2)`` (Chu, Sehgal & Greenleaf 1990).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.uint8]

NAMES = (
    *("short runs", "long runs", "level non-uniformity", "length non-uniformity"),
    *("run percentage", "low levels", "high levels"),
)
"""Of `run_features`, in order."""


def runs(levels: Levels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Level and length of each run along the rows of [H, W]; level 0 is no part of the image."""
    ends = np.pad(levels, ((0, 0), (0, 1))).ravel()  # a run ends with its row
    starts = np.flatnonzero(np.diff(ends, prepend=np.uint8(0)) != 0)
    lengths = np.diff(starts, append=len(ends))
    level = ends[starts].astype(np.int64)
    inside = level > 0
    return level[inside], lengths[inside]


def directions(levels: Levels) -> Iterator[Levels]:
    """The image [S, S] turned so that its rows, columns and both diagonals are rows."""
    yield levels
    yield levels.T
    yield _diagonals(levels)
    yield _diagonals(levels[:, ::-1])


def _diagonals(levels: Levels) -> Levels:
    """Diagonals as rows, [2 S - 1, S], with 0 where they end: row i is moved i to the right."""
    size = len(levels)
    moved = np.zeros((size, 2 * size), levels.dtype)
    moved[:, :size] = levels
    return moved.ravel()[: size * (2 * size - 1)].reshape(size, 2 * size - 1).T


def run_features(levels: Levels) -> npt.NDArray[np.float64]:
    """The numbers above of the runs along the rows, float64 [7]; all 0 without a run."""
    level, length = runs(levels)
    n = len(level)
    if n == 0:
        return np.zeros(len(NAMES))
    g, along = level.astype(np.float64), length.astype(np.float64)
    return np.array(
        [
            (1 / along**2).mean(),
            (along**2).mean(),
            (np.bincount(level) / n) @ (np.bincount(level) / n),
            (np.bincount(length) / n) @ (np.bincount(length) / n),
            n / along.sum(),
            (1 / g**2).mean(),
            (g**2).mean(),
        ]
    )
