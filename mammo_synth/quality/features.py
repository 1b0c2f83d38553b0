"""From images to features: what an extractor is, and how a whole set goes through one.

Both sets of a comparison go through the same extractor, so both are treated alike: grey levels,
reduction, normalisation (`mammo_synth.quality.extractors.preparation`). Features are raw; a
measure that needs them standardised does so by the films.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.feature_cache import CachedFeatures, FeatureCache, Rows, image_key

__all__ = ["Extractor", "FeatureCache", "Features", "Images", "extract", "image_key"]

Images = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float64]

BATCH = 128
"""Images that are computed, and kept, at a time."""


class Extractor(Protocol):
    """Describes each image by D numbers.

    Attributes:
        name: How settings and reports call it.
        dimension: D.
        digest: Hex sha256 of all that its features depend on beside the image: name, version,
            weights, side of the input.
        weights: ``origin``, ``sha256`` and ``licence`` of what it has learned; empty without.
    """

    @property
    def name(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def weights(self) -> dict[str, Any]: ...

    def __call__(self, images: Images) -> Rows:
        """float32 [N, D] of uint8 [N, S, S]; each row depends on its image alone."""


def extract(
    extractor: Extractor,
    images: Images | Iterable[Images],
    *,
    cache: FeatureCache | None = None,
    batch: int = BATCH,
    progress: Progress = SILENT,
    total: int | None = None,
) -> Features:
    """Features of all images, in their order.

    Args:
        extractor: From `mammo_synth.quality.extractors.make_extractor`.
        images: uint8 [N, S, S], or blocks of them, of one side S: an iterator need not hold more
            than one block at a time.
        cache: Features found there are read, new ones are kept, batch by batch.
        batch: Images computed, and kept, at a time.
        progress: Told of every batch, and of damaged files of the cache.
        total: Number of images, for ``progress``, where ``images`` is an iterator.

    Returns:
        float64 [N, D].

    Raises:
        BadInput: Not square grey uint8 images, of several sides, or the cache cannot be used.
        CheckFailed: The extractor gave features that are not finite, or of another dimension.
        NoSpace: The disk of the cache is full.
    """
    if batch < 1:
        raise BadInput(f"A batch of {batch} images is none.", hint="Choose 1 or more.")
    kept = cache.of(extractor.digest, extractor.dimension, progress) if cache else None
    if total is None and isinstance(images, np.ndarray | list | tuple):
        total = len(images) if isinstance(images, np.ndarray) else sum(map(len, images))
    progress.start(f"features: {extractor.name}", total or 0)
    rows: deque[Rows] = deque()
    try:
        for piece in _pieces(images, batch):
            rows.append(_piece_rows(extractor, piece, kept))
            progress.advance(len(piece))
    finally:
        progress.finish()
    features = np.empty((sum(map(len, rows)), extractor.dimension), np.float64)
    begin = 0
    while rows:  # what is copied is let go: both copies need not stand in memory
        part = rows.popleft()
        features[begin : begin + len(part)] = part
        begin += len(part)
    return features


def _pieces(images: Images | Iterable[Images], batch: int) -> Iterator[Images]:
    """At most ``batch`` images at a time; each block begins a piece of its own."""
    side = None
    for block in (images,) if isinstance(images, np.ndarray) else images:
        square = block.ndim == 3 and block.shape[1] == block.shape[2] and block.shape[1] > 0
        if block.dtype != np.uint8 or not square:
            raise BadInput(
                f"The images have the shape {block.shape} and type {block.dtype}; square grey "
                "uint8 images [N, S, S] were expected.",
                hint="Prepare them first: mammo-synth films prepare.",
            )
        if side not in (None, block.shape[1]):
            raise BadInput(
                f"The images are of {side} and of {block.shape[1]} px; one side was expected.",
                hint="Prepare all of them at one size.",
            )
        side = block.shape[1]
        for begin in range(0, len(block), batch):
            yield block[begin : begin + batch]


def _piece_rows(extractor: Extractor, images: Images, kept: CachedFeatures | None) -> Rows:
    """float32 [n, D] of some images; equal ones are computed once."""
    keys = [image_key(image) for image in images]
    known = kept.read(keys) if kept is not None else {}
    first: dict[bytes, int] = {}
    for i, key in enumerate(keys):
        if key not in known:
            first.setdefault(key, i)
    if first:
        fresh = np.asarray(extractor(images[list(first.values())]), np.float32)
        if fresh.shape != (len(first), extractor.dimension):
            raise CheckFailed(
                f"The extractor '{extractor.name}' gave an array of the shape {fresh.shape}; "
                f"{(len(first), extractor.dimension)} was expected.",
                hint="Correct its __call__ or its dimension.",
            )
        if not np.isfinite(fresh).all():
            raise CheckFailed(
                f"The extractor '{extractor.name}' gave features that are not finite.",
                hint="Its weights may be damaged or of another network; check their sha256.",
            )
        if kept is not None:
            kept.write(list(first), fresh)
        known.update(zip(first, fresh, strict=True))
    rows = np.empty((len(keys), extractor.dimension), np.float32)
    for row, key in zip(rows, keys, strict=True):
        row[:] = known[key]
    return rows
