"""Rows through a function in batches of one size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.progress import SILENT, Progress

_Floats = npt.NDArray[np.float32]


def in_batches(
    compute: Callable[[Any], _Floats],
    rows: npt.NDArray[Any],
    size: int,
    progress: Progress = SILENT,
) -> _Floats:
    """``compute`` over batches of exactly ``size`` rows, the last one filled up with zeros: a
    network is compiled for one size, and a row's result does not depend on how many others
    there are.

    Args:
        compute: ``[size, ...]`` to float32 ``[size, D...]``.
        rows: ``[N, ...]``; may be none.
        size: Rows of a batch.
        progress: Told of every batch.

    Returns:
        float32 ``[N, D...]``.
    """
    parts = []
    for begin in range(0, max(len(rows), 1), size):
        batch = rows[begin : begin + size]
        n = len(batch)
        if n < size:
            batch = np.concatenate([batch, np.zeros((size - n, *batch.shape[1:]), batch.dtype)])
        parts.append(compute(batch)[:n])
        progress.advance(n)
    return np.concatenate(parts)
