"""Label tables: CSV, Excel (.xlsx) and Parquet, read row by row, every value as plain text.

Columns are found by name, whatever the case, spaces, underscores and their order. Nothing in a
table is evaluated: a formula is a text that begins with ``=``, and fits no column that we read.
Memory holds one row at a time; `MAX_ROWS` and `MAX_BYTES` bound the rest.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
MAX_ROWS = 1_000_000
MAX_BYTES = 512 * 1024 * 1024  # of the file, and of an Excel file's parts when unpacked
MAX_COLUMNS = 1_000
MAX_TEXT = 32_768  # characters of one value; Excel's own bound

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Row:
    """One row: its line (the header is line 1) and the values of the columns that were asked for,
    stripped; a missing optional column and an empty cell are ``""``."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


def read_table(path: Path, required: Columns, optional: Columns | None = None) -> Iterator[Row]:
    """Rows of ``path`` in order; rows with nothing in them are passed over.

    Args:
        path: The table.
        required: Our name of a column → the names it may have in the table.
        optional: The same for columns that may be missing.

    Raises:
        BadInput: No such file, not a table, a required column missing (the message lists what
            there is), a column twice, or a bound is broken.
    """
    lines = _lines(path)
    header = next(lines, None)
    if header is None:
        raise BadInput(f"'{path}' is empty; a table was expected.", hint="Check the file.")
    places = _places(path, [_text(cell) for cell in header[1]], required, optional or {})
    for number, cells in lines:
        if number - 1 > MAX_ROWS:
            raise BadInput(
                f"'{path}' has more than {MAX_ROWS:,} rows.",
                hint="Give the table of one collection of films.",
            )
        values = {
            name: _text(cells[place]) if place is not None and place < len(cells) else ""
            for name, place in places.items()
        }
        if any(values.values()):
            yield Row(number, values)


def same_name(name: str) -> str:
    """A column's name as it is compared: ``Patient ID``, ``patient_id`` and ``patientId`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _places(
    path: Path, header: list[str], required: Columns, optional: Columns
) -> dict[str, int | None]:
    names = [same_name(cell) for cell in header]
    places: dict[str, int | None] = {}
    for column, accepted in (*required.items(), *optional.items()):
        wanted = {same_name(name) for name in accepted}
        found = [place for place, name in enumerate(names) if name in wanted]
        if len(found) > 1:
            twice = ", ".join(f"'{header[place][:40]}'" for place in found)
            raise BadInput(
                f"'{path}' has the column '{column}' {len(found)} times: {twice}.",
                hint="Leave one of them.",
            )
        if not found and column in required:
            there = ", ".join(cell[:40] for cell in header[:40] if cell) or "none"
            raise BadInput(
                f"'{path}' has no column '{accepted[0]}'; its columns are: {there}.",
                hint=f"Expected columns: {', '.join(names[0] for names in required.values())}.",
            )
        places[column] = found[0] if found else None
    return places


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # Excel and Parquet keep whole numbers as floats at times
    text = str(value).strip()
    return "" if text.lower() == "nan" else text[:MAX_TEXT]


def _lines(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    if not path.is_file():
        raise BadInput(f"There is no table '{path}'.", hint="Check the path.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise BadInput(
            f"'{path}' has {size / 1e6:.0f} MB; a label table has at most {MAX_BYTES / 1e6:.0f}.",
            hint="Check that it is the table of the films.",
        )
    suffix = path.suffix.lower()
    read = {".xlsx": _excel, ".parquet": _parquet}.get(suffix, _delimited)
    if suffix not in SUFFIXES:
        raise BadInput(
            f"'{path}' is not a table that can be read.",
            hint=f"Save it as one of {', '.join(SUFFIXES)}.",
        )
    try:
        yield from read(path)
    except BadInput:
        raise
    except (OSError, ValueError, KeyError, csv.Error, zipfile.BadZipFile) as error:
        raise BadInput(
            f"'{path}' cannot be read as a table ({str(error)[:120] or type(error).__name__}).",
            hint="Save it again as CSV UTF-8.",
        ) from error


def _delimited(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    with path.open("rb") as stream:
        start = stream.read(65536)
    if b"\x00" in start:
        raise BadInput(f"'{path}' is not text.", hint="Save the table as CSV UTF-8.")
    encoding = "utf-8-sig"
    try:
        with path.open(encoding=encoding) as probe:
            while probe.read(1 << 20):
                pass
    except UnicodeDecodeError as error:
        raise BadInput(
            f"'{path}' is not UTF-8 text ({error.reason} near byte {error.start}).",
            hint="Save the table as CSV UTF-8.",
        ) from error
    header = start.decode(encoding, "replace").split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter)
        for cells in reader:
            if len(cells) > MAX_COLUMNS:
                raise BadInput(
                    f"'{path}', line {reader.line_num}: more than {MAX_COLUMNS} columns.",
                    hint="Check that it is the table of the films.",
                )
            yield reader.line_num, cells


def _excel(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    with zipfile.ZipFile(path) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_BYTES:
        raise BadInput(
            f"'{path}' unpacks to {unpacked / 1e6:.0f} MB; a label table has at most "
            f"{MAX_BYTES / 1e6:.0f}.",
            hint="Check that it is the table of the films.",
        )
    import openpyxl

    try:
        # Values as they were last computed; formulas are never run.
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield number, cells[:MAX_COLUMNS]
    except BadInput:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged part leads it to
        raise BadInput(
            f"'{path}' is a damaged Excel file ({type(error).__name__}: {str(error)[:100]}).",
            hint="Save it again, or save it as CSV UTF-8.",
        ) from error


def _parquet(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        yield 1, names
        line = 1
        for batch in file.iter_batches(batch_size=4096):
            columns = [column.to_pylist() for column in batch.columns]
            for cells in zip(*columns, strict=True):
                line += 1
                yield line, cells
    except pa.ArrowException as error:
        raise BadInput(
            f"'{path}' is a damaged Parquet file ({str(error)[:120]}).", hint="Write it again."
        ) from error
