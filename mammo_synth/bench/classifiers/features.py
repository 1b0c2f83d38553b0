"""Activations of frozen layers, kept by image, within a bound of memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import Images

Features = npt.NDArray[np.float32]
BATCH = 32
"""Images per pass through the frozen layers. Every pass has this many (the last is filled up), so
an image's features do not depend on how many others there are."""


def image_keys(images: Images) -> list[bytes]:
    """A digest of the pixels of each image: equal images share their features, whatever the
    configuration that lists them."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


def in_batches(compute: Callable[[Any], Features], images: npt.NDArray[Any]) -> Features:
    """``compute`` over batches of exactly `BATCH` rows of ``images``; float32 [N, ...]."""
    parts = []
    for begin in range(0, len(images), BATCH):
        batch = images[begin : begin + BATCH]
        n = len(batch)
        if n < BATCH:
            batch = np.concatenate([batch, np.zeros((BATCH - n, *batch.shape[1:]), batch.dtype)])
        parts.append(compute(batch)[:n])
    return np.concatenate(parts)


class FeatureStore:
    """Features by image, kept up to ``limit`` bytes; what is not kept is computed anew.

    Args:
        compute: uint8 [BATCH, s, s] to float32 [BATCH, ...].
        bytes_each: Bytes of one image's features.
        limit: Bytes to keep; 0 keeps nothing.
    """

    def __init__(self, compute: Callable[[Images], Features], bytes_each: int, limit: int) -> None:
        self._compute = compute
        self._room = limit // bytes_each
        self._kept: dict[bytes, Features] = {}

    def make_room(self, keys: Sequence[bytes]) -> bool:
        """Whether all of ``keys`` fit. Drops others, oldest first, as far as these need it."""
        needed = set(keys)
        if len(needed) > self._room:
            return False
        surplus = len(self._kept.keys() | needed) - self._room
        for key in [key for key in self._kept if key not in needed][: max(0, surplus)]:
            del self._kept[key]
        return True

    def get(self, images: Images, keys: Sequence[bytes], keep: bool) -> Features:
        """Features of ``images``, float32 [N, ...]; with ``keep`` as many as fit stay."""
        if not keep:
            return in_batches(self._compute, images)
        first = {key: i for i, key in enumerate(keys) if key not in self._kept}
        found: dict[bytes, Features] = {}
        if first:
            fresh = in_batches(self._compute, images[list(first.values())])
            found = dict(zip(first, fresh, strict=True))
        result = np.stack([found[key] if key in found else self._kept[key] for key in keys])
        for key, features in found.items():
            if len(self._kept) < self._room:
                self._kept[key] = features.copy()  # not a view that holds its whole batch
        return result

    def __len__(self) -> int:
        return len(self._kept)
