"""Fréchet distance between two sets of features: FID, where the features are Inception's.

Plain, without shrinkage, so that it compares with published values. Its expectation is above the
true distance by about a constant over the number of images: compare at equal counts, beside the
floor, or extrapolate (`mammo_synth.quality.measures.frechet_infinity`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.gan.measures.frechet import factor, normal_distance, overlap, root_trace
from mammo_synth.quality.features import Features

from .arrays import checked, checked_pair

BLOCK_ROWS = 1024
"""Rows centred at a time: no second copy of a large set is held."""


@dataclass(frozen=True)
class Moments:
    """What a set of features is to this distance.

    Attributes:
        count: Images.
        mean: float64 [D].
        covariance: float64 [D, D], with count - 1 below.
    """

    count: int
    mean: Features
    covariance: Features


@dataclass
class RunningMoments:
    """`Moments` of rows that come in blocks: memory is [D, D], whatever the count.

    Blocks are merged by the formula of Chan, Golub and LeVeque 1983, which does not lose digits
    where means are large against deviations.
    """

    count: int = 0
    mean: Features = field(default_factory=lambda: np.zeros(0))
    scatter: Features = field(default_factory=lambda: np.zeros((0, 0)))

    def add(self, rows: npt.ArrayLike) -> None:
        """Take in the features of further images, [N, D]."""
        block = checked(rows, least=1)
        if self.count == 0:
            width = block.shape[1]
            self.mean, self.scatter = np.zeros(width), np.zeros((width, width))
        elif block.shape[1] != len(self.mean):
            raise BadInput(
                f"A block has {block.shape[1]} features, those before it {len(self.mean)}.",
                hint="Extract all images with the same extractor.",
            )
        for begin in range(0, len(block), BLOCK_ROWS):
            self._merge(block[begin : begin + BLOCK_ROWS])

    def _merge(self, block: Features) -> None:
        total = self.count + len(block)
        centre = block.mean(axis=0)
        centred = block - centre
        shift = centre - self.mean
        self.scatter += centred.T @ centred
        self.scatter += np.outer(shift, shift * (self.count * len(block) / total))
        self.mean = self.mean + shift * (len(block) / total)
        self.count = total

    def moments(self) -> Moments:
        """The moments of all rows so far.

        Raises:
            BadInput: Fewer than two rows.
        """
        if self.count < 2:
            raise BadInput(
                f"The features are of {self.count} images; a covariance needs two at least.",
                hint="Give more images.",
            )
        return Moments(self.count, self.mean, self.scatter / (self.count - 1))


def moments(rows: npt.ArrayLike) -> Moments:
    """The moments of features [N, D]."""
    running = RunningMoments()
    running.add(rows)
    return running.moments()


def frechet_of_moments(first: Moments, second: Moments) -> float:
    """Squared Fréchet distance of two normal distributions with these moments.

    Raises:
        BadInput: They are of different numbers of features.
    """
    if first.mean.shape != second.mean.shape:
        raise BadInput(
            f"One set has {len(first.mean)} features, the other {len(second.mean)}.",
            hint="Extract both with the same extractor.",
        )
    means = np.square(first.mean - second.mean).sum()
    spreads = np.trace(first.covariance) + np.trace(second.covariance)
    shared = overlap(factor(first.covariance), second.covariance)
    return normal_distance(float(means), float(spreads), shared)


def frechet_distance(real: npt.ArrayLike, fake: npt.ArrayLike) -> float:
    """Squared Fréchet (2-Wasserstein) distance of features real [N, D] and fake [M, D].

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2)`` (Heusel et al. 2017, arXiv 1706.08500). With
    fewer images than features the trace comes from the centred rows themselves: a set's rows are a
    factor of its covariance, so the eigenvalue problem is as small as the smaller set.

    Raises:
        BadInput: Fewer than two images in a set; features that do not fit.
    """
    films, images = checked_pair(real, fake)
    small, large = sorted((films, images), key=len)
    if len(small) > small.shape[1]:
        return frechet_of_moments(moments(small), moments(large))
    left = _centred(small)
    means = np.square(small.mean(axis=0) - large.mean(axis=0)).sum()
    if len(large) > large.shape[1]:
        covariance = moments(large).covariance
        spread, shared = float(np.trace(covariance)), overlap(left, covariance)
    else:
        right = _centred(large)
        cross = left @ right.T
        spread, shared = float(np.square(right).sum()), root_trace(cross @ cross.T)
    return normal_distance(float(means), float(np.square(left).sum()) + spread, shared)


def _centred(rows: Features) -> Features:
    return np.asarray((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1))
