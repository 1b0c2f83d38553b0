"""Activations of frozen layers, by image: on disk, within a bound, half precision by default.

::

    CACHE/<identity>/<sha256 prefix>.safetensors     keys, scale, features of some images
    CACHE/lock

A file is written whole and never changed, so a killed writer leaves nothing half-written, and
processes share the folder: whoever needs an image first computes it, under the lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.batches import in_batches
from mammo_synth.bench.classifiers.base import Images
from mammo_synth.bench.classifiers.feature_file import (
    KEY_BYTES,
    Block,
    Features,
    Packed,
    open_block,
    pack,
    size_of,
    unpack,
    write_block,
)
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.files import TEMPORARY_PREFIX, locked, sha256_json
from mammo_synth.progress import SILENT, Progress

BATCH = 32
"""Images per pass through the frozen layers. Every pass has this many (the last is filled up), so
an image's features do not depend on how many others there are."""
ROUNDING = 1e-3
"""Largest difference of p_cancer that half precision makes under the same trained weights: 64 px
and less, random weights. Measured: 3e-5."""
TOLERANCE = 1e-2
"""Largest difference of p_cancer between a training on features in half precision and one on
uncached features: same settings and seed, 2 epochs at 32 px, random weights. Measured: 4e-3.
Adam's steps are as large for a small gradient as for a large one, so a longer training enlarges
what rounding makes: 10 epochs at 64 px measured up to 0.06, median 0.014, where another seed makes
0.16 and 0.09. Features kept in float32 give the scores of uncached ones to 1e-6."""
_FILE_BYTES = 128 * 2**20
_FILE_IMAGES = 256


def image_keys(images: Images) -> list[bytes]:
    """A digest of the pixels of each image: equal images share their features, whatever the
    configuration that lists them."""
    return [hashlib.blake2b(image.tobytes(), digest_size=KEY_BYTES).digest() for image in images]


def bytes_each(shape: tuple[int, ...], half: bool) -> int:
    """Bytes that the features of one image take: numbers, key and scale."""
    return math.prod(shape) * (2 if half else 4) + KEY_BYTES + 4


@dataclass
class FeatureStore:
    """Features by image, kept up to ``limit`` bytes; what is not kept is computed anew.

    Attributes:
        compute: uint8 [BATCH, s, s] to float32 [BATCH, *shape].
        shape: Of one image's features.
        limit: Bytes to keep, of all that lies in ``folder``; 0 keeps nothing.
        half: Keep them in half precision; else in float32.
        folder: The cache folder; None keeps the features in the memory of this process.
        identity: What the features depend on beside the pixels: weights, boundary, size, ...
    """

    compute: Callable[[Images], Features]
    shape: tuple[int, ...]
    limit: int
    half: bool = True
    folder: Path | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    _blocks: list[Block] = field(default_factory=list, init=False)
    _index: dict[bytes, tuple[Block, int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.folder is not None and self._own.is_dir():
            self._refresh()

    @property
    def bytes_each(self) -> int:
        """Bytes that one image takes."""
        return bytes_each(self.shape, self.half)

    def missing(self, keys: Sequence[bytes]) -> int:
        """How many of the distinct ``keys`` are not there."""
        return len(set(keys) - self._index.keys())

    def make_room(self, keys: Sequence[bytes]) -> bool:
        """Whether all of ``keys`` fit. Drops others, oldest use first, as far as these need it.

        Raises:
            BadInput: The cache folder cannot be written.
        """
        needed = set(keys)
        if len(needed) * self.bytes_each > self.limit:
            return False
        with self._lock():
            self._refresh()
            over = self._total() + self.missing(keys) * self.bytes_each - self.limit
            if over > 0:
                self._drop(needed, over)
            used = {self._index[key][0].path for key in needed & self._index.keys()}
            for path in [path for path in used if path is not None]:
                with contextlib.suppress(OSError):  # removed meanwhile; the mapping stays
                    os.utime(path)
            return self._free() >= self.missing(keys) * self.bytes_each

    def fill(self, images: Images, keys: Sequence[bytes], progress: Progress = SILENT) -> None:
        """Compute what is missing of ``keys`` and keep it; each image once, over all processes.

        Raises:
            NoSpace: The disk is full.
        """
        first = {key: i for i, key in reversed(list(enumerate(keys))) if key not in self._index}
        absent = sorted(first, key=first.__getitem__)
        step = max(BATCH, min(_FILE_IMAGES, _FILE_BYTES // self.bytes_each) // BATCH * BATCH)
        for begin in range(0, len(absent), step):
            chunk = absent[begin : begin + step]
            with self._lock():
                self._refresh()
                todo = [key for key in chunk if key not in self._index]
                if todo:
                    fresh = in_batches(self.compute, images[[first[key] for key in todo]], BATCH)
                    self._append(todo, *pack(fresh, self.half))
            progress.advance(len(chunk))

    def get(self, images: Images, keys: Sequence[bytes], keep: bool) -> Features:
        """Features of ``images``, float32 [N, *shape].

        Without ``keep`` they are computed in full precision. With ``keep`` they have gone through
        the precision of the store, also those that are not kept: what lies in the cache changes
        no result.
        """
        if not keep:
            return in_batches(self.compute, images, BATCH)
        packed = _empty((len(keys), *self.shape), self.half)
        scale = np.ones(len(keys), np.float32)
        absent = []
        for i, key in enumerate(keys):
            found = self._index.get(key)
            if found is None:
                absent.append(i)
            else:
                block, row = found
                packed[i], scale[i] = block.packed[row], block.scale[row]
        if absent:
            packed[absent], scale[absent] = pack(
                in_batches(self.compute, images[absent], BATCH), self.half
            )
        return unpack(packed, scale)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def _own(self) -> Path:
        assert self.folder is not None
        return self.folder / sha256_json(dict(self.identity))[:16]

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        if self.folder is None:
            yield
            return
        try:
            self._own.mkdir(parents=True, exist_ok=True)
            (self.folder / "lock").touch()
        except OSError as error:
            raise BadInput(
                f"The cache folder '{self.folder}' cannot be written ({error.strerror}).",
                hint="Choose another with --cache DIR, or do without: --cache-gib 0.",
            ) from error
        with locked(self.folder / "lock"):
            yield

    def _free(self) -> float:
        """Bytes free on the disk."""
        return math.inf if self.folder is None else shutil.disk_usage(self.folder).free

    def _files(self) -> list[Path]:
        return [] if self.folder is None else list(self.folder.glob("*/*.safetensors"))

    def _total(self) -> int:
        """Bytes kept: of every identity, on disk."""
        if self.folder is None:
            return sum(block.size for block in self._blocks)
        return sum(size_of(path) for path in self._files())

    def _refresh(self) -> None:
        """Take in what other processes have written; drop files that are damaged."""
        if self.folder is None:
            return
        known = {block.path for block in self._blocks}
        for path in sorted(self._own.glob("*.safetensors")):
            if path in known:
                continue
            try:
                self._add(open_block(path, self.shape, self.half))
            except CheckFailed:
                # A damaged file is as good as none: its images are computed again.
                with contextlib.suppress(OSError):
                    path.unlink()

    def _add(self, block: Block) -> None:
        self._blocks.append(block)
        for row, key in enumerate(block.keys):
            self._index.setdefault(key, (block, row))

    def _append(self, keys: list[bytes], packed: Packed, scale: Features) -> None:
        """Keep a new block. Called under the lock, so an unfinished file is a dead writer's."""
        if self.folder is None:
            self._add(Block(keys, packed, scale))
            return
        for leftover in self._own.glob(f"{TEMPORARY_PREFIX}*"):
            leftover.unlink(missing_ok=True)
        name = hashlib.sha256(b"".join(keys)).hexdigest()[:32]
        path = self._own / f"{name}.safetensors"
        write_block(path, keys, packed, scale)
        self._add(open_block(path, self.shape, self.half))

    def _drop(self, needed: set[bytes], over: int) -> None:
        """Free ``over`` bytes of blocks without ``needed`` images first, then of the others, whose
        needed images are kept in a new block."""
        mine = {block.path: block for block in self._blocks if block.path is not None}
        blocks: list[Block | Path] = [*(mine.get(path, path) for path in self._files())]
        blocks += [block for block in self._blocks if block.path is None]

        def order(item: Block | Path) -> tuple[bool, float]:
            path = item if isinstance(item, Path) else item.path
            wanted = isinstance(item, Block) and not needed.isdisjoint(item.keys)
            return wanted, path.stat().st_mtime if path is not None and path.exists() else 0.0

        for item in sorted(blocks, key=order):
            if over <= 0:
                return
            before = self._total()
            if isinstance(item, Path):
                item.unlink(missing_ok=True)
            else:
                self._forget(item)
                rows = [i for i, k in enumerate(item.keys) if k in needed - self._index.keys()]
                if rows:
                    kept = [item.keys[i] for i in rows]
                    packed = _empty((len(rows), *self.shape), self.half)
                    packed[:] = item.packed[rows]
                    self._append(kept, packed, np.array(item.scale[rows]))
            over -= before - self._total()

    def _forget(self, block: Block) -> None:
        self._blocks = [other for other in self._blocks if other is not block]
        self._index = {k: at for k, at in self._index.items() if at[0] is not block}
        if block.path is not None:
            with contextlib.suppress(PermissionError):  # still mapped, where that forbids it
                block.path.unlink(missing_ok=True)


def _empty(shape: tuple[int, ...], half: bool) -> Packed:
    return np.empty(shape, np.float16) if half else np.empty(shape, np.float32)
