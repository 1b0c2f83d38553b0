"""Exact nearest neighbours by blocked matrix products, in bounded memory.

``|q - r|^2 = |q|^2 + |r|^2 - 2 q r`` turns all distances of a block of queries into one product in
float32. Its error is bounded (Higham 2002, section 3.1), so every reference that may be among the
nearest is known; the distances of these few are then taken in float64. The result is that of a
search in float64, whatever the products round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress

Features = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

CELLS = 1 << 22
"""Distances held at a time: 16 MB, and as much again for what is compared of them."""
_NUMBERS = 1 << 21  # coordinates of candidates in float64 at a time: 16 MB
_ROUNDING = 2.0**-24


@dataclass(frozen=True)
class Neighbours:
    """Of N queries the k nearest references, nearest first (of equal ones the first comes first).

    Attributes:
        index: intp ``[N, k]``.
        distance: float64 ``[N, k]``, Euclidean.
    """

    index: Places
    distance: Features


def nearest(
    queries: npt.NDArray[Any],
    references: npt.NDArray[Any],
    k: int = 1,
    *,
    skip_self: bool = False,
    progress: Progress = SILENT,
    what: str = "nearest neighbours",
) -> Neighbours:
    """The ``k`` nearest references of each query.

    Args:
        queries, references: ``[N, D]`` and ``[M, D]``, floating.
        k: At least 1.
        skip_self: Both are the same set: a row is no neighbour of itself.

    Raises:
        BadInput: Other shapes, numbers that are not finite, or fewer than k references.
    """
    _check(queries, references, k + skip_self)
    centre = references.mean(axis=0, dtype=np.float64)
    # One scale for all: products of very large or small features would leave float32.
    scale = float(np.abs(references - centre).max()) or 1.0
    r = ((references - centre) / scale).astype(np.float32)
    r_squares = np.einsum("ij,ij->i", r, r)
    index = np.empty((len(queries), k), np.intp)
    distance = np.empty((len(queries), k))
    rows = max(1, CELLS // len(references))
    slack = 4 * (queries.shape[1] + 8) * _ROUNDING
    progress.start(what, -(-len(queries) // rows))
    for start in range(0, len(queries), rows):
        part = slice(start, start + rows)
        q = ((queries[part] - centre) / scale).astype(np.float32)
        q_squares = np.einsum("ij,ij->i", q, q)
        squares = q @ r.T
        squares *= -2
        squares += q_squares[:, None]
        squares += r_squares
        if skip_self:
            own = np.arange(len(q))
            squares[own, own + start] = np.inf
        limit = np.partition(squares, k - 1, axis=1)[:, k - 1]
        lengths = np.sqrt(q_squares) + np.sqrt(r_squares.max())
        near = squares <= (limit + slack * lengths**2)[:, None]
        index[part], distance[part] = _nearest_of(queries[part], references, near, k)
        progress.advance()
    progress.finish()
    return Neighbours(index, distance)


def _nearest_of(
    queries: npt.NDArray[Any], references: npt.NDArray[Any], near: npt.NDArray[np.bool_], k: int
) -> tuple[Places, Features]:
    """The k nearest among the candidates of each query, in float64."""
    rows, columns = np.nonzero(near)
    exact = np.empty(len(rows))
    step = max(1, _NUMBERS // queries.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        apart = queries[rows[part]].astype(np.float64) - references[columns[part]]
        exact[part] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    order = np.lexsort((columns, exact, rows))
    first = np.searchsorted(rows, np.arange(len(queries)))  # rows are sorted
    chosen = order[first[:, None] + np.arange(k)]
    return columns[chosen], exact[chosen]


def _check(queries: npt.NDArray[Any], references: npt.NDArray[Any], least: int) -> None:
    if queries.ndim != 2 or references.ndim != 2 or queries.shape[1] != references.shape[1]:
        raise BadInput(
            f"Features have the shapes {queries.shape} and {references.shape}; "
            "[N, D] and [M, D] with one D were expected.",
            hint="Take the features of both sets from the same extractor.",
        )
    if len(references) < least:
        raise BadInput(
            f"There are {len(references)} images to be a neighbour of; {least} are needed.",
            hint="Give more films.",
        )
    for name, values in (("queries", queries), ("references", references)):
        if not np.isfinite(values).all():
            raise BadInput(
                f"Features of the {name} are not all finite numbers.",
                hint="An image broke the extractor: look for images that are all black.",
            )
