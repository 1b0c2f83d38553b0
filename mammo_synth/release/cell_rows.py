"""Reads the rows of a release's cells as pairs of id and digest, to compare releases by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import SYNTHETIC, Cell
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.png import decode_png
from mammo_synth.release.changes import CellReader
from mammo_synth.release.forms import held_shards
from mammo_synth.release.references import read_references

_AT_ONCE = 256


def cell_rows(folder: Path, facts: Mapping[str, Any]) -> CellReader:
    """A reader of the cells of the release in ``folder``, finished or not; it holds some hundred
    images at a time.

    The digest of a synthetic image is that of its PNG bytes; that of a film is of its pixels, so
    that a film in a shard and the reference to it have the same one.

    Raises (when it reads):
        BadInput: A shard or a table of references is missing or damaged.
    """

    def read(cell: Cell) -> list[tuple[str, str]]:
        entries = sorted(
            (
                entry
                for entry in facts["shards"]
                if (entry["split"], entry["label"], entry["origin"])
                == (cell.split, cell.label, cell.origin)
            ),
            key=lambda entry: int(entry["start"]),
        )
        paths = [str(entry["path"]) for entry in entries]
        if not held_shards(facts).issuperset(paths):
            table = read_references(folder, cell, facts).select(["image_id", "pixel_sha256"])
            return [(row["image_id"], row["pixel_sha256"]) for row in table.to_pylist()]
        return [pair for path in paths for pair in _shard(folder / path, cell)]

    return read


def _shard(path: Path, cell: Cell) -> Iterator[tuple[str, str]]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_AT_ONCE, columns=["image_id", "image"]):
                for row in batch.to_pylist():
                    data = row["image"]["bytes"]
                    if cell.origin != SYNTHETIC:
                        data = decode_png(data).tobytes()
                    yield row["image_id"], sha256_bytes(data)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(
            f"The shard '{path}' cannot be read ({error}).",
            hint="Run `mammo-synth release verify` on the folder, then build or download it again.",
        ) from error
