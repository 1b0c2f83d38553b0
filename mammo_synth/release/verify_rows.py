"""Checks the rows of a release: each by itself, and the lines between them that none may cross.

Memory holds what Parquet's reader takes for one row group and some hundred images: 0.4 GB was
measured with row groups of 62 MB, whatever their number. For each row it keeps a few dozen bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS, REAL, SYNTHETIC, Cell
from mammo_synth.errors import BadInput
from mammo_synth.films.record import LATERALITIES, VIEWS
from mammo_synth.progress import Progress
from mammo_synth.release.folder import Release
from mammo_synth.release.forms import PACKED, held_shards
from mammo_synth.release.images import Checked, check_image
from mammo_synth.release.plan import seeds
from mammo_synth.release.references import read_references, reference_path
from mammo_synth.release.schema import arrow_schema, columns_of

AT_ONCE = 128
"""Rows in memory at a time: 10 MB of 512 px films."""

_THREADS = 2  # decoding leaves Python's lock
_ONLY_REAL = ("patient_id", "view", "laterality", "density")
_ONLY_SYNTHETIC = ("generator", "seed", "truncation")

Entry = dict[str, Any]
"""One of ``facts["shards"]``."""


def cell_of(entry: Entry) -> Cell:
    """The cell that a shard is of."""
    return Cell(entry["split"], entry["label"], entry["origin"])


class Lines:
    """What was seen so far, and where: finds what stands on both sides of a line.

    Mutable: `cross` takes one row after the other. Of each row it keeps 16 bytes of its id, of its
    pixels and of its patient, and a number that leads back to its place.
    """

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._ids: dict[bytes, int] = {}
        self._pixels: dict[bytes, int] = {}
        self._patients: dict[bytes, int] = {}
        self._starts: list[int] = []
        self._entries: list[Entry] = []
        self._next = 0

    def begin(self, entry: Entry) -> None:
        """The next rows are those of ``entry``."""
        self._starts.append(self._next)
        self._entries.append(entry)

    def cross(self, row: dict[str, Any], pixels: str | None) -> Iterator[str]:
        """The lines that one row crosses; ``pixels`` is the sha256 of its pixels.

        Under the study protocol real films may overlap, and only synthetic images are held to it.
        """
        here, self._next = self._next, self._next + 1
        split, origin = self._entries[-1]["split"], self._entries[-1]["origin"]
        held = self._strict or origin == SYNTHETIC
        other = self._ids.setdefault(_short(row["image_id"]), here)
        if held and other != here:
            yield f"the same id stands in {self._place(other)}."
        if pixels is not None:
            other = self._pixels.setdefault(bytes.fromhex(pixels[:32]), here)
            there = self._entry(other)
            if held and there["split"] != split:
                yield f"the same picture stands in {there['split']} ({self._place(other)})."
            elif there["origin"] != origin:
                yield f"a synthetic image is a copy of a real film ({self._place(other)})."
        if self._strict and row["patient_id"]:
            there = self._entry(self._patients.setdefault(_short(row["patient_id"]), here))
            if there["split"] != split:
                yield f"patient {row['patient_id']} stands in {there['split']} too."

    def _entry(self, number: int) -> Entry:
        return self._entries[bisect_right(self._starts, number) - 1]

    def _place(self, number: int) -> str:
        at = bisect_right(self._starts, number) - 1
        return f"{self._entries[at]['path']}, row {number - self._starts[at]}"


def _short(text: str) -> bytes:
    return blake2b(str(text).encode(), digest_size=16).digest()


def check_rows(release: Release, progress: Progress) -> Iterator[str]:
    """One sentence for each thing wrong with a row of a shard that is in the folder, or with a
    reference to a film. The files' digests must be right: a damaged one may end the process."""
    facts = release.manifest.facts
    held = held_shards(facts)
    lines = Lines(release.protocol == "strict")
    progress.start("stored images", sum(e["rows"] for e in facts["shards"] if e["path"] in held))
    references: dict[Cell, list[dict[str, Any]]] = {}
    if facts["real"] != PACKED:
        yield from _read_all_references(release, references)
    for entry in facts["shards"]:
        listed = references.get(cell_of(entry)) if entry["origin"] == REAL else None
        lines.begin(entry)
        if entry["path"] in held:
            yield from check_shard(release, entry, lines, listed, progress)
        elif listed is not None:
            for row in listed[entry["start"] : entry["start"] + entry["rows"]]:
                where = f"{reference_path(cell_of(entry))} ({row['image_id']})"
                yield from (f"{where}: {what}" for what in lines.cross(row, row["pixel_sha256"]))
    progress.finish()


def _read_all_references(
    release: Release, found: dict[Cell, list[dict[str, Any]]]
) -> Iterator[str]:
    """Read the table of every real cell into ``found``; say what is wrong with it."""
    sizes: dict[Cell, int] = {}
    for entry in release.manifest.facts["shards"]:
        if entry["origin"] == REAL:
            sizes[cell_of(entry)] = sizes.get(cell_of(entry), 0) + entry["rows"]
    expected = sorted(reference_path(cell) for cell in sizes)
    if sorted(release.manifest.facts["references"]) != expected:
        yield "The manifest does not list one table of references for each cell of real films."
    for cell, rows in sizes.items():
        path = reference_path(cell)
        try:
            table = read_references(release.folder, cell, release.manifest.facts)
        except BadInput as error:
            yield f"{path}: {error.message}"
            continue
        if table.num_rows != rows:
            yield f"{path} has {table.num_rows} rows, its cell has {rows} films."
        listed = table.to_pylist()
        for number, row in enumerate(listed):
            if row["label"] != cell.label:
                yield f"{path}, row {number} ({row['image_id']}): its label is not its cell's."
            digests = (row["film_sha256"], row["pixel_sha256"])
            if not all(_is_digest(digest) for digest in digests):
                yield f"{path}, row {number} ({row['image_id']}): a digest is missing."
                row["pixel_sha256"] = None
        found[cell] = listed


def _is_digest(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")


def check_shard(
    release: Release,
    entry: Entry,
    lines: Lines,
    references: list[dict[str, Any]] | None,
    progress: Progress,
) -> Iterator[str]:
    """One sentence for each thing wrong with the rows of one shard."""
    path = entry["path"]
    try:
        with pq.ParquetFile(release.folder / path) as file:
            schema = arrow_schema(columns_of(release.manifest.facts))
            if not file.schema_arrow.equals(schema, check_metadata=True):
                yield f"{path} has another schema than the release."
                return
            number = 0
            for row, checked in _checked_rows(file, release.image_size):
                place = f"{path}, row {number} ({row['image_id']})"
                problems = [*_row_problems(row, checked, entry, number, release)]
                if references is not None:
                    problems += _reference_problems(row, checked, entry, number, references)
                problems += lines.cross(row, checked.pixels)
                yield from (f"{place}: {what}" for what in problems)
                number += 1
                progress.advance()
    except (pa.ArrowException, OSError) as error:
        yield f"{path} cannot be read as Parquet ({str(error).splitlines()[0]})."
        return
    if number != entry["rows"]:
        yield f"{path} has {number} rows, the manifest says {entry['rows']}."


def _checked_rows(file: Any, size: int) -> Iterator[tuple[dict[str, Any], Checked]]:
    def check(row: dict[str, Any]) -> Checked:
        return check_image((row["image"] or {}).get("bytes"), size)

    with ThreadPoolExecutor(_THREADS) as pool:
        for batch in file.iter_batches(AT_ONCE):
            rows = batch.to_pylist()
            yield from zip(rows, pool.map(check, rows), strict=True)


def _row_problems(
    row: dict[str, Any], checked: Checked, entry: Entry, number: int, release: Release
) -> Iterator[str]:
    """What is wrong with one row by itself."""
    if row["label"] != entry["label"] or row["origin"] != entry["origin"]:
        yield "its label or origin is not that of its cell."
    if checked.problem is not None:
        yield checked.problem
    if (row["image"] or {}).get("path") != f"{row['image_id']}.png":
        yield "its image has another name than the row."
    if not row["source"]:
        yield "it does not say its source."
    if entry["origin"] == SYNTHETIC:
        yield from _synthetic_problems(row, entry, number, release)
        return
    if row["patient_id"] is None:
        yield "a real film has no patient."
    if row["view"] not in (None, *VIEWS) or row["laterality"] not in (None, *LATERALITIES):
        yield f"its view or side is '{row['view']}', '{row['laterality']}'."
    for column in _ONLY_SYNTHETIC:
        if row[column] is not None:
            yield f"a real film has a {column}."


def _synthetic_problems(
    row: dict[str, Any], entry: Entry, number: int, release: Release
) -> Iterator[str]:
    facts, label = release.manifest.facts, LABELS[entry["label"]]
    expected = seeds(cell_of(entry), entry["start"] + number, entry["start"] + number + 1)[0]
    if row["seed"] != expected:
        yield f"its seed is {row['seed']}, its place has seed {expected}."
    digest = facts["generators"][label]["sha256"]
    if row["generator"] != digest[:16]:
        yield f"its generator is {row['generator']}, that of {label} images is {digest[:16]}."
    elif row["image_id"] != f"syn-{label}-{digest[:8]}-{expected:07d}":
        yield "its id is not that of its generator and seed."
    if row["truncation"] != release.manifest.settings["truncation"]:
        yield f"its truncation is {row['truncation']}, not that of the release."
    for column in _ONLY_REAL:
        if row.get(column) is not None:  # a release may lack a column
            yield f"a synthetic image has a {column.removesuffix('_id')}."


def _reference_problems(
    row: dict[str, Any],
    checked: Checked,
    entry: Entry,
    number: int,
    references: list[dict[str, Any]],
) -> Iterator[str]:
    """Whether a film that was filled in is the one that the release refers to."""
    at = entry["start"] + number
    if at >= len(references):
        return  # the table's length was complained about
    wanted = references[at]
    for column in ("image_id", "patient_id", "source", "view", "laterality", "density"):
        if row.get(column) != wanted[column]:
            yield f"its {column} is {row.get(column)}, the release refers to {wanted[column]}."
    if checked.pixels is not None and checked.pixels != wanted["pixel_sha256"]:
        yield "its pixels are not those of the film that the release refers to."
