"""The order in which training shows the films: endless, shuffled, exact from any checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WINDOW = 0.5


class Sampler:
    """Indices 0 .. count - 1 in an endless shuffled order that has no epochs.

    It walks round and round a shuffled list. Every index that was shown changes places with a
    random one among the last ``window * count`` shown (itself included), so the order never
    repeats, and still each index comes back after about ``count`` steps. Process r of n takes every
    n-th index from the r-th on, so all processes together see the order of one.

    Mutable: :meth:`take` moves it on; :meth:`state` and :meth:`restore` carry it to another
    process, exactly.
    """

    STATE = ("order", "key", "place")

    def __init__(self, count: int, seed: int, window: float = WINDOW) -> None:
        self.count, self.seed = count, seed
        self.position = 0  # indices given so far
        self._rng = np.random.RandomState(seed)
        order = np.arange(count)
        self._rng.shuffle(order)
        self._order: list[int] = order.tolist()  # single elements of a list are fast to reach
        self._reach = int(np.rint(count * window))

    def take(self, count: int) -> NDArray[np.int64]:
        """The next ``count`` indices."""
        moving = self._reach >= 2
        steps = self._rng.randint(self._reach, size=count).tolist() if moving else [0] * count
        order, taken = self._order, []
        for k, step in enumerate(steps, start=self.position):
            place = k % self.count
            taken.append(order[place])
            other = (place - step) % self.count
            order[place], order[other] = order[other], order[place]
        self.position += count
        return np.array(taken, np.int64)

    def state(self) -> dict[str, Tensor]:
        """Everything that the rest of the order depends on: ``order [count]``, ``key [624]`` and
        ``place [2]`` (position, and place in the key), int64."""
        kind: Any = self._rng.get_state()
        return {
            "order": torch.tensor(self._order, dtype=torch.int64),
            "key": torch.from_numpy(kind[1].astype(np.int64)),
            "place": torch.tensor([self.position, int(kind[2])], dtype=torch.int64),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where another sampler of equal count and seed stood.

        Raises:
            ValueError: The state is of another number of images, or none.
        """
        order, key = state["order"].numpy(), state["key"].numpy()
        if not np.array_equal(np.sort(order), np.arange(self.count)):
            raise ValueError(f"it shows {len(order)} images, and there are {self.count}")
        self.position, place = (int(v) for v in state["place"])
        self._order = order.tolist()
        self._rng.set_state(("MT19937", key.astype(np.uint32), place, 0, 0.0))


def choose_subset(count: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """``wanted`` of ``count`` indices, chosen by seed, ascending."""
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)
    return np.sort(order[:wanted])
