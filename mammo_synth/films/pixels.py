"""The pixels of a prepared set as one array that is mapped from a file, not held in memory.

Training shows every film hundreds of times, so films are decoded once, into an uncompressed NumPy
file in the hidden folder ``.pixels`` of the prepared set (or, where that may not be written or its
disk is full, of the run). All processes and all runs on a machine share its one copy in the
system's memory. The file is named after the manifest's digest; that of another manifest is removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput, NoSpace
from mammo_synth.files import TEMPORARY_PREFIX, atomic_path, locked
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.png import decode_png
from mammo_synth.progress import SILENT, Progress

FOLDER = ".pixels"
_ROWS = 256  # decoded at a time
_SPARE_BYTES = 64 * 1024 * 1024  # left on the disk beside the pixels


@dataclass(frozen=True)
class Pixels:
    """Films as uint8 ``[N, size, size]`` (read-only, mapped from ``path``) and their labels
    ``[N]``, one label after the other, in the order of the shards."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    path: Path


def map_pixels(
    films: PreparedSet,
    role: str,
    labels: Sequence[int],
    *,
    spare: Path,
    progress: Progress = SILENT,
) -> Pixels:
    """The films of ``role`` and ``labels``; decoded now unless they were before.

    ``spare``: the folder whose ``.pixels`` is used where that of the prepared set cannot be. Any
    number of processes may call this at once: one decodes, the others wait for it.

    Raises:
        BadInput: A label has no film, or a film has another size than the set says.
        NoSpace: Neither disk has room.
    """
    counts = [films.count(role, label) for label in labels]
    for label, count in zip(labels, counts, strict=True):
        if not count:
            raise BadInput(
                f"The prepared set '{films.folder}' has no {LABELS[label]} film in role {role}.",
                hint="Look at it with `mammo-synth films inspect`.",
            )
    shape = (sum(counts), films.size, films.size)
    label_of = np.repeat(np.array(labels, np.int64), counts)
    digest = films.manifest.sha256[:16]
    name = f"{digest}-{role}-{'-'.join(LABELS[label] for label in labels)}.npy"
    homes = [films.folder / FOLDER, spare / FOLDER]
    for home in homes:
        images = _open(home / name, shape)
        if images is not None:
            return Pixels(images, label_of, home / name)
    home = _home(homes, int(np.prod(shape)))
    path = home / name
    with locked(home / ".lock"):
        images = _open(path, shape)  # another process may have written it meanwhile
        if images is None:
            _remove_stale(home, digest)
            _write(path, shape, films, role, labels, progress)
            images = _open(path, shape)
    if images is None:
        raise NoSpace(f"'{path}' cannot be read back.", hint="Check the disk, then run it again.")
    return Pixels(images, label_of, path)


def _open(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8] | None:
    """The file mapped into memory, or ``None`` where it is missing or no such array."""
    try:
        images: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    return images if images.dtype == np.uint8 and images.shape == shape else None


def _home(homes: Sequence[Path], wanted: int) -> Path:
    """The first folder that may be written and whose disk has room."""
    found = []
    for home in homes:
        try:
            home.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(home).free
        except OSError as error:
            found.append(f"'{home}' cannot be made ({error.strerror})")
            continue
        if not os.access(home, os.W_OK):
            found.append(f"'{home}' may not be written")
        elif free < wanted + _SPARE_BYTES:
            found.append(f"the disk of '{home}' has {free / 1e9:.1f} GB free")
        else:
            return home
    raise NoSpace(
        f"The decoded films need {(wanted + _SPARE_BYTES) / 1e9:.1f} GB: {'; '.join(found)}.",
        hint="Free some space, or choose an --out on another disk, then run the command again.",
    )


def _remove_stale(home: Path, digest: str) -> None:
    """Remove half files of killed processes, and the pixels of an earlier set in this folder."""
    for path in home.iterdir():
        old = path.suffix == ".npy" and not path.name.startswith(digest)
        if old or path.name.startswith(TEMPORARY_PREFIX):
            path.unlink(missing_ok=True)


def _write(
    path: Path,
    shape: tuple[int, ...],
    films: PreparedSet,
    role: str,
    labels: Sequence[int],
    progress: Progress,
) -> None:
    # Written as a stream: a full disk is then an error, where writing to a mapped file would end
    # the process.
    progress.start("Films decoded", shape[0])
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for label in labels:
                for pixels in _decoded(films, role, label):
                    stream.write(pixels.tobytes())
                    progress.advance()
    finally:
        progress.finish()


def _decoded(films: PreparedSet, role: str, label: int) -> Iterator[npt.NDArray[np.uint8]]:
    def decode(row: dict[str, Any]) -> npt.NDArray[np.uint8]:
        pixels = decode_png(row["image"]["bytes"])
        if pixels.shape != (films.size, films.size):
            height, width = pixels.shape
            raise BadInput(
                f"Film '{row['image_id']}' has {width} x {height} px; all films of "
                f"'{films.folder}' should have {films.size} x {films.size}.",
                hint="Make the set again with mammo-synth films prepare.",
            )
        return pixels

    columns = ["image", "image_id", "role", "label"]
    with ThreadPoolExecutor() as pool:  # decoding releases Python's lock
        for shard in films.shards:
            with pq.ParquetFile(shard) as file:
                for batch in file.iter_batches(_ROWS, columns=columns):
                    rows = batch.to_pylist()
                    chosen = [r for r in rows if r["role"] == role and r["label"] == label]
                    yield from pool.map(decode, chosen)
