"""The truth a record was scored on: ids, labels and patients of a test set, without pixels.

Kept beside the records under the digest of its content, so that anyone can recompute a record
without the release.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from mammo_synth.bench.metrics import patient_codes
from mammo_synth.bench.predictions import read_parquet
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.files import atomic_path, canonical_json, sha256_bytes, sha256_file

if TYPE_CHECKING:
    from mammo_synth.release.folder import Rows

_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("label", pa.int64()),
        ("patient_id", pa.string()),
        ("view", pa.string()),
        ("laterality", pa.string()),
        ("source", pa.string()),
        ("density", pa.string()),
    ]
)
_DENSITY = "density"
_MAX_TEXT_BYTES = 50_000_000
"""A film takes about a hundred bytes; submissions come from strangers."""


@dataclass(frozen=True, order=True)
class Film:
    """One film of a test set. ``density`` is the source's own class, None where it is unknown."""

    image_id: str
    label: int
    patient_id: str | None
    view: str | None
    laterality: str | None
    source: str | None
    density: str | None = None


@dataclass(frozen=True)
class TestSet:
    """Films in ascending order of image_id: the same films give the same digest."""

    films: tuple[Film, ...]

    __test__ = False  # not a test class, whatever pytest reads into the name

    @property
    def image_id(self) -> list[str]:
        """Ids [n]."""
        return [film.image_id for film in self.films]

    @property
    def label(self) -> npt.NDArray[np.int64]:
        """int64 [n], normal 0, cancer 1."""
        return np.array([film.label for film in self.films], dtype=np.int64)

    @property
    def patients(self) -> npt.NDArray[np.int64]:
        """Codes of the units that the bootstrap draws, int64 [n]."""
        return patient_codes([film.patient_id for film in self.films])

    @property
    def digest(self) -> str:
        """Hex sha256 of the films' content. Without a film of known density it leaves density out,
        as it did before films had one: what was scored then keeps its digest."""
        return sha256_bytes(self.text.encode())

    @property
    def text(self) -> str:
        """The films' content as canonical JSON: one list of values for each film. The sha256 of
        this text is the digest, so that everybody who writes it writes the same bytes."""
        values = attrgetter(*self.columns)
        return canonical_json([values(film) for film in self.films])

    @property
    def columns(self) -> list[str]:
        """Fields of a film that the digest and the file hold: density, the last, only where a film
        has one."""
        known = any(film.density is not None for film in self.films)
        return [name for name in _SCHEMA.names if known or name != _DENSITY]


def make_test_set(films: list[Film]) -> TestSet:
    """A test set of ``films``, in any order.

    Raises:
        BadInput: No film, a doubled image_id, a label other than 0 and 1.
    """
    doubled = [name for name, n in Counter(film.image_id for film in films).items() if n > 1]
    labels = {film.label for film in films}
    if not films or doubled or not labels <= {0, 1}:
        raise BadInput(
            f"A test set of {len(films)} films with {len(doubled)} doubled image_ids "
            f"{doubled[:3]} and labels {sorted(labels)} cannot be scored.",
            hint="Every film stands once, with the label 0 (normal) or 1 (cancer).",
        )
    return TestSet(tuple(sorted(films, key=lambda film: film.image_id)))


def test_set_of(rows: Rows) -> TestSet:
    """The truth in rows of a release."""
    columns = (
        rows.image_id,
        rows.label.tolist(),
        rows.patient_id,
        rows.view,
        rows.laterality,
        rows.source,
        rows.density,
    )
    return make_test_set([Film(*row) for row in zip(*columns, strict=True)])


def films_of(records: Iterable[Mapping[str, Any]]) -> list[Film]:
    """Films of rows as dicts, whatever else they hold. Where a release or a file has no column of
    density, density is unknown."""
    names = [name for name in _SCHEMA.names if name != _DENSITY]
    return [
        Film(**{name: row[name] for name in names}, density=row.get(_DENSITY)) for row in records
    ]


def write_test_set(folder: Path, truth: TestSet) -> str:
    """Write ``folder/<digest>.parquet`` unless it is there; returns the digest."""
    digest = truth.digest
    path = folder / f"{digest}.parquet"
    if not path.is_file():
        rows = [vars(film) for film in truth.films]
        schema = pa.schema([_SCHEMA.field(name) for name in truth.columns])
        with atomic_path(path) as temporary:
            table = pa.Table.from_pylist(rows, schema=schema)
            pa.parquet.write_table(table, temporary, compression="zstd", store_schema=False)
    return digest


def read_test_set(folder: Path, digest: str) -> TestSet:
    """Read the test set called ``digest``: its Parquet file, or where there is none, its text.

    Raises:
        BadInput: It is missing, unreadable, or has other columns.
        CheckFailed: Its content has another digest.
    """
    path, text = folder / f"{digest}.parquet", folder / text_name(digest)
    if not path.is_file() and text.is_file():
        path = text
    if not path.is_file():
        raise BadInput(
            f"The test set '{path}' is missing; a record was scored on it.",
            hint="Copy the whole results folder, test-sets included.",
        )
    truth = make_test_set(_films_of_text(path) if path == text else _films_of_parquet(path))
    found = truth.digest
    if path == text and found == digest:
        found = sha256_file(path)  # other bytes of the same films would want the same path
    if found != digest:
        raise CheckFailed(
            f"'{path}' was changed: its content has the digest {found[:12]}...",
            hint="Copy it again from where it was made.",
        )
    return truth


def text_name(digest: str) -> str:
    """File name of the text of the test set called ``digest``."""
    return f"{digest}.json"


def _films_of_parquet(path: Path) -> list[Film]:
    try:
        table = read_parquet(path)
        names = [n for n in _SCHEMA.names if n != _DENSITY or n in table.column_names]
        schema = pa.schema([_SCHEMA.field(name) for name in names])
        return films_of(table.select(names).cast(schema).to_pylist())
    except (pa.ArrowException, OSError, KeyError) as error:
        raise _no_test_set(path, error) from error


def _films_of_text(path: Path) -> list[Film]:
    size = path.stat().st_size
    if size > _MAX_TEXT_BYTES:
        raise _no_test_set(path, f"it has {size} bytes, more than {_MAX_TEXT_BYTES}")
    try:
        rows = json.loads(path.read_bytes())
        return [_film_of_row(row) for row in rows]
    except (ValueError, TypeError, RecursionError) as error:
        raise _no_test_set(path, error) from error


def _film_of_row(row: Any) -> Film:
    """One film of the text: image_id is text, label a whole number, the others text or null."""
    with_density = len(_SCHEMA.names)
    if not isinstance(row, list) or len(row) not in (with_density - 1, with_density):
        raise ValueError(f"{str(row)[:80]} is no film")
    image_id, label, *others = row
    known = isinstance(image_id, str) and type(label) is int
    if not known or not all(other is None or isinstance(other, str) for other in others):
        raise ValueError(f"{str(row)[:80]} is no film")
    return Film(*row)


def _no_test_set(path: Path, why: object) -> BadInput:
    return BadInput(
        f"'{path}' is not a test set ({why}).", hint="Copy it again from where it was made."
    )
