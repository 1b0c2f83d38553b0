"""A release as the comparison of two releases sees it: settings, facts, and who is in each cell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mammo_synth.configurations import REAL, Cell
from mammo_synth.files import sha256_bytes
from mammo_synth.release.changes import Edition, Rows
from mammo_synth.release.folder import Release
from mammo_synth.release.references import read_references, reference_path

_AT_ONCE = 256


def edition(folder: Path, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> Edition:
    """The release in ``folder``, finished or not."""
    return Edition(settings, facts, partial(_rows, folder, facts))


def edition_of(release: Release) -> Edition:
    """A finished release."""
    return edition(release.folder, release.manifest.settings, release.manifest.facts)


def _rows(folder: Path, facts: Mapping[str, Any], cell: Cell) -> Rows:
    """(image_id, digest) of a cell's images in order. Where there are references, real films are
    known by the digest of their pixels, whether these are in place or not."""
    if cell.origin == REAL and facts["references"]:
        if reference_path(cell) not in facts["references"]:
            return []
        table = read_references(folder, cell)
        columns = (table[name].to_pylist() for name in ("image_id", "pixel_sha256"))
        return list(zip(*columns, strict=True))
    rows = []
    for entry in facts["shards"]:
        if (entry["split"], entry["label"], entry["origin"]) != (
            cell.split,
            cell.label,
            cell.origin,
        ):
            continue
        with pq.ParquetFile(folder / entry["path"]) as file:
            for batch in file.iter_batches(_AT_ONCE, columns=["image_id", "image"]):
                rows += [
                    (row["image_id"], sha256_bytes(row["image"]["bytes"]))
                    for row in batch.to_pylist()
                ]
    return rows
