"""Kernel distance (KID): the unbiased squared maximum mean discrepancy of two sets of features.

Bińkowski et al. 2018 (arXiv 1801.01401), with the kernel ``(x.y / D + 1)^3``. Unbiased: equal
distributions give 0 on average, at any counts, so a value may be a little below 0. That is for
independent films: several films of one patient are alike and raise it, as they raise its floor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from mammo_synth.errors import BadInput
from mammo_synth.quality.features import Features

from .arrays import Indices, checked_pair
from .units import unit_numbers

TILE = 512
"""Rows and others whose kernel values are held at a time: 2 MB, whatever the counts; small enough
to stay in a processor's cache, where cubes cost little."""
SUBSET, SUBSETS = 1000, 100
"""The paper's subsets: images in each, and how many."""


@dataclass(frozen=True)
class Kid:
    """The distance of the whole sets, with an interval from the jackknife.

    Attributes:
        value: Squared discrepancy; 0 for equal distributions on average.
        standard_error: Of the value, over other patients and other seeds.
        low, high: Normal interval at ``level``.
        level: 0.95 by default.
    """

    value: float
    standard_error: float
    low: float
    high: float
    level: float

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class SubsetKid:
    """The mean over random subsets, as published values are.

    Attributes:
        value: Mean over the subsets.
        deviation: Standard deviation over the subsets: what papers print after ±. It describes
            subsets of this size, not the whole sets.
        low, high: Middle 95 % of the subsets.
        subset, subsets: Images of each set in a subset; how many subsets.
    """

    value: float
    deviation: float
    low: float
    high: float
    subset: int
    subsets: int

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def kid_value(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """The unbiased distance of features real [N, D] and fake [M, D]: all pairs, in blocks."""
    films, images = checked_pair(real, fake)
    n, m = len(films), len(images)
    within = (_sums(films) - _own(films)).sum() / (n * (n - 1))
    among = (_sums(images) - _own(images)).sum() / (m * (m - 1))
    return float(within + among - 2 * _cross_sums(films, images)[0].sum() / (n * m))


def kid(
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    patients: Sequence[str] | None = None,
    level: float = 0.95,
) -> Kid:
    """`kid_value` with its jackknife interval, both from one pass over all pairs.

    The jackknife leaves out one patient of the films (one film where ``patients`` is None), or one
    synthetic image, at a time (Efron and Stein 1981: its variance is never too small on average).

    Args:
        real: Features of films [N, D].
        fake: Features of synthetic images [M, D].
        patients: Patient of each film [N].
        level: Of the interval.

    Raises:
        BadInput: Fewer than three images or patients in a set; features that do not fit.
    """
    films, images = checked_pair(real, fake, least=3)
    units = unit_numbers(patients, len(films))
    groups = int(units.max()) + 1
    if groups < 3:
        raise BadInput(
            f"The films are of {groups} patients; an interval of KID needs three.",
            hint="Give films of more patients, or use kid_value.",
        )
    n, m = len(films), len(images)
    rows, columns = _sums(films), _sums(images)
    across, along = _cross_sums(films, images)
    # Sums over pairs of different images; then the value without each unit in turn.
    own, sizes = _own(films), np.bincount(units).astype(np.float64)
    within, among, between = (rows - own).sum(), (columns - _own(images)).sum(), across.sum()
    lost = 2 * np.bincount(units, rows - own) - _inner(films, units)
    less = n - sizes
    left = within - lost
    without_film = (
        left / (less * (less - 1))
        + among / (m * (m - 1))
        - 2 * (between - np.bincount(units, across)) / (less * m)
    )
    left = among - 2 * (columns - _own(images))
    without_image = (
        within / (n * (n - 1)) + left / ((m - 1) * (m - 2)) - 2 * (between - along) / (n * (m - 1))
    )
    value = within / (n * (n - 1)) + among / (m * (m - 1)) - 2 * between / (n * m)
    variance = (groups - 1) * without_film.var() + (m - 1) * without_image.var()
    error = float(np.sqrt(variance))
    reach = float(norm.ppf(0.5 + level / 2)) * error
    return Kid(float(value), error, float(value - reach), float(value + reach), level)


def subset_kid(
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    subset: int = SUBSET,
    subsets: int = SUBSETS,
    seed: int = 0,
) -> SubsetKid:
    """KID as a mean over random subsets of features real [N, D] and fake [M, D].

    Where a set has fewer than ``subset`` images, subsets are half of the smaller set.

    Raises:
        BadInput: Fewer than four images in a set; features that do not fit.
    """
    films, images = checked_pair(real, fake, least=4)
    fewest = min(len(films), len(images))
    size = subset if subset <= fewest else fewest // 2
    random = np.random.default_rng(seed)
    values = [
        kid_value(
            films[random.permutation(len(films))[:size]],
            images[random.permutation(len(images))[:size]],
        )
        for _ in range(subsets)
    ]
    low, high = np.quantile(values, (0.025, 0.975))
    deviation = float(np.std(values, ddof=1)) if subsets > 1 else 0.0
    return SubsetKid(float(np.mean(values)), deviation, float(low), float(high), size, subsets)


def _kernel(rows: Features, others: Features) -> Features:
    base = rows @ others.T
    base /= rows.shape[1]
    base += 1.0
    cube = base * base
    cube *= base
    return np.asarray(cube, np.float64)


def _own(rows: Features) -> Features:
    return np.asarray((np.einsum("ij,ij->i", rows, rows) / rows.shape[1] + 1.0) ** 3)


def _sums(rows: Features) -> Features:
    """Kernel values of each row with every row, itself too, summed: float64 [N]."""
    found = np.zeros(len(rows))
    for begin in range(0, len(rows), TILE):
        block = rows[begin : begin + TILE]
        found[begin : begin + TILE] += _kernel(block, block).sum(axis=1)
        for after in range(begin + TILE, len(rows), TILE):  # the kernel is symmetric
            kernel = _kernel(block, rows[after : after + TILE])
            found[begin : begin + TILE] += kernel.sum(axis=1)
            found[after : after + TILE] += kernel.sum(axis=0)
    return found


def _cross_sums(rows: Features, others: Features) -> tuple[Features, Features]:
    """Kernel values of all pairs, summed over the others [N] and over the rows [M]."""
    along, across = np.zeros(len(rows)), np.zeros(len(others))
    for begin in range(0, len(rows), TILE):
        for after in range(0, len(others), TILE):
            kernel = _kernel(rows[begin : begin + TILE], others[after : after + TILE])
            along[begin : begin + TILE] += kernel.sum(axis=1)
            across[after : after + TILE] += kernel.sum(axis=0)
    return along, across


def _inner(rows: Features, units: Indices) -> Features:
    """Kernel values of different films of one unit, both orders, summed: float64 [units]."""
    order = np.argsort(units, kind="stable")
    ends = np.cumsum(np.bincount(units))
    found = np.empty(len(ends))
    for unit, members in enumerate(np.split(order, ends[:-1])):
        part = rows[members]
        found[unit] = _kernel(part, part).sum() - _own(part).sum()
    return found
