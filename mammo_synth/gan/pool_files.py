"""The files of a pool: single PNG, Parquet shards or one zip, and images drawn on the way there.

Every image is written as a PNG of its own as soon as it was drawn: in its place if the pool is
single files, else aside in a hidden folder, from which a shard or the archive is put together. So
a process that is killed loses the images in work and no more, whatever the format.
"""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mammo_synth.errors import BadInput
from mammo_synth.files import TEMPORARY_PREFIX, atomic_path, write_bytes
from mammo_synth.png import encode_png

ASIDE = ".drawn"
ZIP_NAME = "images.zip"
SHARD_PATTERN = "pool-*.parquet"

SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("seed", pa.int64()),
        ("label", pa.int8()),
        ("generator", pa.string()),
        ("truncation", pa.float64()),
    ]
)


def image_name(seed: int) -> str:
    """``seed00042.png``, the naming of published StyleGAN tools."""
    return f"seed{seed:05d}.png"


def _seed_of(name: str) -> int | None:
    stem = name.removesuffix(".png")
    digits = stem.removeprefix("seed")
    return int(digits) if stem != digits and digits.isdigit() and stem != name else None


def _seeds_in(folder: Path) -> set[int]:
    names = (path.name for path in folder.glob("seed*.png"))
    return {seed for seed in map(_seed_of, names) if seed is not None}


def finished_seeds(folder: Path, format_name: str) -> set[int]:
    """Seeds whose images are in the pool already.

    Raises:
        BadInput: A shard or the archive is damaged.
    """
    if format_name == "png":
        return _seeds_in(folder)
    path = folder / ZIP_NAME
    try:
        if format_name == "zip":
            if not path.is_file():
                return set()
            with zipfile.ZipFile(path) as archive:
                return {seed for seed in map(_seed_of, archive.namelist()) if seed is not None}
        found: set[int] = set()
        for path in sorted(folder.glob(SHARD_PATTERN)):
            found.update(pq.read_table(path, columns=["seed"])["seed"].to_pylist())
        return found
    except (zipfile.BadZipFile, pa.ArrowException, KeyError) as error:
        raise BadInput(
            f"'{path}' is damaged ({error}).", hint="Remove it: its images are drawn again."
        ) from error


def remove_leftovers(folder: Path) -> None:
    """Take away half-written files of a killed process."""
    for place in (folder, folder / ASIDE):
        for leftover in place.glob(f"{TEMPORARY_PREFIX}*"):
            leftover.unlink(missing_ok=True)


def store(
    images: Iterable[tuple[int, NDArray[np.uint8]]], place: Path, *, encoders: int, waiting: int
) -> Iterator[int]:
    """Write each image as PNG into ``place``; yield its seed when it is there, in order.

    Encoding and writing run in ``encoders`` threads of their own (zlib releases the interpreter's
    lock), so that drawing does not wait; at most ``waiting`` images are held.
    """
    pending: deque[tuple[int, Future[None]]] = deque()
    with ThreadPoolExecutor(encoders, "encode") as pool:
        try:
            for seed, image in images:
                pending.append((seed, pool.submit(_store_one, place / image_name(seed), image)))
                while len(pending) > waiting or (pending and pending[0][1].done()):
                    done, future = pending.popleft()
                    future.result()
                    yield done
            for done, future in pending:
                future.result()
                yield done
        finally:
            pool.shutdown(cancel_futures=True)


def _store_one(path: Path, image: NDArray[np.uint8]) -> None:
    write_bytes(path, encode_png(image))


def aside(folder: Path) -> Path:
    """Where images wait for their shard or archive."""
    return folder / ASIDE


def seeds_aside(folder: Path) -> set[int]:
    """Seeds of the images that wait there."""
    return _seeds_in(aside(folder))


def clear_aside(folder: Path, seeds: Iterable[int]) -> None:
    """Remove the waiting images of ``seeds``, and the place itself if nothing else waits."""
    for seed in seeds:
        (aside(folder) / image_name(seed)).unlink(missing_ok=True)
    if aside(folder).is_dir() and not any(aside(folder).iterdir()):
        shutil.rmtree(aside(folder))


def write_shard(folder: Path, seeds: Sequence[int], row: dict[str, Any]) -> None:
    """The waiting images of ``seeds`` as the next Parquet shard, with the values of ``row``."""
    number = len(list(folder.glob(SHARD_PATTERN)))
    rows = [
        {
            "image": {
                "bytes": (aside(folder) / image_name(seed)).read_bytes(),
                "path": image_name(seed),
            },
            "seed": seed,
            **row,
        }
        for seed in seeds
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    with atomic_path(folder / f"pool-{number:05d}.parquet") as temporary:
        pq.write_table(table, temporary, compression="none")  # PNG bytes do not shrink


def write_zip(folder: Path, seeds: Sequence[int]) -> None:
    """The archive of its present images and the waiting ones of ``seeds``, sorted by seed.

    One image at a time is in memory; for a moment the images are on the disk twice.
    """
    path, waiting = folder / ZIP_NAME, set(seeds)
    present = finished_seeds(folder, "zip")
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(zipfile.ZipFile(path)) if present else None
        temporary = stack.enter_context(atomic_path(path))
        archive = stack.enter_context(zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED))
        for seed in sorted(present | waiting):
            name = image_name(seed)
            if before is not None and seed not in waiting:
                data = before.read(name)
            else:
                data = (aside(folder) / name).read_bytes()
            # PNG is compressed already; a fixed time makes equal images give equal archives.
            archive.writestr(zipfile.ZipInfo(name), data)
