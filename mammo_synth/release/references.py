"""References to real films, in place of pixels that may not be passed on.

One Parquet table for each real cell, in the cell's order: who the film is in its source, digests of
its file and of its prepared pixels, and the geometry that leads from one to the other. Whoever has
the films can put their pixels in place (`rehydrate`), and each is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import REAL, Cell
from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path
from mammo_synth.films.prepared import GEOMETRY_TYPE, PreparedSet
from mammo_synth.release.forms import REFERENCES
from mammo_synth.release.schema import DENSITY, columns_of

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("label", pa.int64()),
        ("patient_id", pa.string()),
        ("source", pa.string()),
        ("view", pa.string()),
        ("laterality", pa.string()),
        ("density", pa.string()),
        ("geometry", GEOMETRY_TYPE),
        ("film_sha256", pa.string()),
        ("pixel_sha256", pa.string()),
    ]
)
"""``film_sha256`` is that of the film's file (of its pixels, where it has none), ``pixel_sha256``
that of the prepared ``[S, S]`` uint8 pixels, row by row. A release without the column of density
has tables without it."""

Row = dict[str, Any]


def reference_path(cell: Cell) -> str:
    """POSIX path of a cell's table in the release folder."""
    return f"{REFERENCES}/{cell.name}.parquet"


def write_references(
    work: Path, films: Mapping[Cell, Sequence[str]], prepared: PreparedSet
) -> list[str]:
    """Write the table of every real cell that has films; return their paths."""
    rows = {row["image_id"]: row for row in prepared.table.to_pylist()}
    paths = []
    for cell, chosen in films.items():
        if cell.origin != REAL or not chosen:
            continue
        table = [
            {**{name: rows[film][name] for name in SCHEMA.names}, "label": cell.label}
            for film in chosen
        ]
        path = reference_path(cell)
        with atomic_path(work / path) as temporary:
            pq.write_table(pa.Table.from_pylist(table, schema=SCHEMA), temporary)
        paths.append(path)
    return paths


def read_references(folder: Path, cell: Cell, facts: Mapping[str, Any]) -> pa.Table:
    """The table of one cell; where the release has no column of density, it is null.

    Args:
        folder: The release.
        cell: A cell of real films.
        facts: The release's facts, as in its manifest.

    Raises:
        BadInput: It is missing, or has other columns than the release.
    """
    path = folder / reference_path(cell)
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(
            f"The references of the release cannot be read: '{path}' ({error}).",
            hint="Run `mammo-synth release verify` on the folder, then build or download it again.",
        ) from error
    at = SCHEMA.get_field_index(DENSITY)
    known = DENSITY in columns_of(facts)
    if not table.schema.equals(SCHEMA if known else SCHEMA.remove(at)):
        raise BadInput(
            f"'{path}' has other columns than a table of references.",
            hint="Run `mammo-synth release verify` on the folder, then build or download it again.",
        )
    if known:
        return table
    return table.add_column(at, SCHEMA.field(at), pa.nulls(table.num_rows, pa.string()))


def real_rows(references: Sequence[Row], images: Mapping[str, bytes]) -> Iterator[Row]:
    """Rows of a shard for ``references``, whose PNG bytes ``images`` has by image id."""
    for film in references:
        yield {
            "image": {"bytes": images[film["image_id"]], "path": f"{film['image_id']}.png"},
            "label": film["label"],
            "origin": REAL,
            "image_id": film["image_id"],
            "patient_id": film["patient_id"],
            "source": film["source"],
            "view": film["view"],
            "laterality": film["laterality"],
            "density": film["density"],
            "generator": None,
            "seed": None,
            "truncation": None,
        }
