"""Writes the shards of a release: synthetic images by seed, real films by id."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS, SYNTHETIC
from mammo_synth.files import atomic_path
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.png import encode_png
from mammo_synth.progress import Progress, counted
from mammo_synth.release.plan import Shard, group_rows, seeds
from mammo_synth.release.references import real_rows
from mammo_synth.release.schema import COLUMNS, arrow_schema

Row = dict[str, Any]


class Generator(Protocol):
    """What a build needs of a generator; `mammo_synth.gan.sample` has the real one."""

    @property
    def path(self) -> Path:
        """The generator file, for the manifest."""

    @property
    def sha256(self) -> str:
        """Digest of the generator file."""

    @property
    def label(self) -> str:
        """``cancer`` or ``normal``."""

    @property
    def resolution(self) -> int:
        """Side of its images in pixels."""

    @property
    def description(self) -> dict[str, Any]:
        """Training facts for the card: kimg, settings, the prepared set's digest, ..."""

    @property
    def patients(self) -> frozenset[str] | None:
        """Digests of the patients it learned from; None if unknown."""

    def images(
        self, seeds: Sequence[int], truncation: float
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """(seed, [S, S] uint8) for each seed, in order."""


def write_shards(
    work: Path,
    shards: Sequence[Shard],
    rows_of: Callable[[Shard], Iterator[Row]],
    image_size: int,
    progress: Progress,
    columns: Sequence[str] = tuple(COLUMNS),
) -> None:
    """Write every one of ``shards`` that is not there yet, each atomically.

    Memory holds one row group (`mammo_synth.release.plan.group_rows`), whatever the size of the
    release, and what ``rows_of`` holds.

    Args:
        work: Folder of the release.
        shards: What to write.
        rows_of: Gives the rows of a shard, in order.
        image_size: Side of the images in pixels.
        progress: Receives one step for each image.
        columns: Of the release; what else a row says is left out.
    """
    schema = arrow_schema(columns)
    missing = [shard for shard in shards if not (work / shard.path).is_file()]
    # What an earlier run made is not counted: it would make the rest look faster than it is.
    progress.start("release images", sum(shard.rows for shard in missing))
    for shard in missing:
        with atomic_path(work / shard.path) as temporary:
            rows = counted(rows_of(shard), progress)
            _write(temporary, rows, group_rows(image_size), schema)
    progress.finish()


def _write(path: Path, rows: Iterator[Row], at_once: int, schema: pa.Schema) -> None:
    # Pixels are PNG: packing them again would cost time, win nothing, and hide equal images from
    # the Hub, which finds equal stretches of bytes.
    with pq.ParquetWriter(path, schema, compression="none", write_page_index=True) as writer:
        while group := list(islice(rows, at_once)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def synthetic_rows(
    shard: Shard, generator: Generator, truncation: float, source: str
) -> Iterator[Row]:
    """Rows of a synthetic shard: one for each of its seeds."""
    wanted = seeds(shard.cell, shard.start, shard.stop)
    for seed, data in _encoded(generator.images(wanted, truncation)):
        image_id = f"syn-{LABELS[shard.cell.label]}-{generator.sha256[:8]}-{seed:07d}"
        yield {
            "image": {"bytes": data, "path": f"{image_id}.png"},
            "label": shard.cell.label,
            "origin": SYNTHETIC,
            "image_id": image_id,
            "patient_id": None,
            "source": source,
            "view": None,
            "laterality": None,
            "density": None,
            "generator": generator.sha256[:16],
            "seed": seed,
            "truncation": truncation,
        }


def _encoded(
    images: Iterator[tuple[int, npt.NDArray[np.uint8]]],
) -> Iterator[tuple[int, bytes]]:
    """PNG bytes in the same order. Encoding leaves Python's lock, so it goes on in threads while
    the generator makes the next images, which matters most where that is a GPU."""
    threads = max(2, min(16, os.cpu_count() or 1))
    waiting: deque[tuple[int, Future[bytes]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for seed, pixels in images:
            waiting.append((seed, pool.submit(encode_png, pixels)))
            if len(waiting) > 4 * threads:
                first, data = waiting.popleft()
                yield first, data.result()
        for first, data in waiting:
            yield first, data.result()


def film_rows(shard: Shard, chosen: Sequence[str], prepared: PreparedSet) -> Iterator[Row]:
    """Rows of a real shard: the films ``chosen``, as they stand in the prepared set."""
    at_once = group_rows(prepared.size)
    for start in range(0, len(chosen), at_once):
        part = chosen[start : start + at_once]
        films = prepared.films(part)
        rows = [{**films[image_id], "label": shard.cell.label} for image_id in part]
        yield from real_rows(rows, {name: film["image"]["bytes"] for name, film in films.items()})
