"""Authenticity (Alaa et al., ICML 2022, arXiv 2102.08921, section 3): is a film more than noise
around a training film?

A synthetic film is inauthentic if it is nearer to its nearest training film than that film is to
its own nearest other training film. The share has no fixed value to compare with: films of one
patient are near each other, which makes all synthetic films look authentic. So the same share of
held-out films stands beside it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .neighbours import Neighbours


@dataclass(frozen=True)
class Authenticity:
    """``share`` of synthetic films that are authentic, and ``floor``: that of held-out films (None
    without any)."""

    share: float
    floor: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def authentic(
    to_training: Neighbours, among_training: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which of N films are authentic.

    Args:
        to_training: The nearest training film of each.
        among_training: ``[T]``, of each training film the distance to the nearest other one.
    """
    farther: npt.NDArray[np.bool_] = (
        to_training.distance[:, 0] > among_training[to_training.index[:, 0]]
    )
    return farther


def authenticity(
    synthetic: Neighbours, held_out: Neighbours | None, among_training: npt.NDArray[np.float64]
) -> Authenticity:
    """The share of authentic synthetic films, with its floor. Arguments as for `authentic`."""
    floor = None if held_out is None else float(authentic(held_out, among_training).mean())
    return Authenticity(float(authentic(synthetic, among_training).mean()), floor)
