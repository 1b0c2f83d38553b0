"""What tests do to a copy of a release before it is verified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.release.schema import arrow_schema

Rows = list[dict[str, Any]]


def rewrite(path: Path, change: Callable[[Rows], None]) -> None:
    """Write a shard again after ``change`` of its rows."""
    rows = pq.read_table(path).to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), path)


def first(folder: Path, cell: str) -> Path:
    """The first shard of a cell, such as ``train/cancer-real``."""
    return sorted((folder / "data" / cell).glob("*.parquet"))[0]
