"""Label tables: CSV, Excel (.xlsx) and Parquet, read row by row, every value as plain text.

Columns are found by name, whatever the case, spaces, underscores and their order. Nothing in a
table is evaluated: a formula is a text that begins with ``=`` (in Excel: what it last gave), and
fits no column that we read.

Memory holds one row at a time (of Excel also the shared strings, see `excel`; of Parquet a batch of
rows of the columns that are asked for); `MAX_ROWS`, `MAX_RECORD` and `MAX_BYTES` bound the rest.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.films.excel import read_sheet

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
MAX_ROWS = 1_000_000
MAX_BYTES = 512 * 1024 * 1024  # of the file, and of what is unpacked from it
MAX_COLUMNS = 1_000
MAX_RECORD = 1024 * 1024  # characters of one row of a CSV
MAX_TEXT = 32_768  # characters of one value; Excel's own bound
BATCH_ROWS = 4_096

Columns = Mapping[str, Sequence[str]]
Line = tuple[int, Sequence[Any]]


@dataclass(frozen=True)
class Row:
    """One row: its line (the header is line 1) and the values of the columns that were asked for,
    stripped; a missing optional column and an empty cell are ``""``."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True)
class _Table:
    """The cells of the header, and the rows, each with the cells at the places asked for."""

    header: Sequence[Any]
    rows: Callable[[Sequence[int]], Iterator[Line]]


def read_table(path: Path, required: Columns, optional: Columns | None = None) -> Iterator[Row]:
    """Rows of ``path`` in order; rows with nothing in them are passed over.

    Args:
        path: The table.
        required: Our name of a column → the names it may have in the table.
        optional: The same for columns that may be missing.

    Raises:
        BadInput: No such file, not a table, required columns missing (the message names them and
            lists what there is), a column twice, or a bound is broken. It is raised when the rows
            are taken, not before.
    """
    try:
        table = _open(path)
        header = [_text(cell) for cell in table.header[:MAX_COLUMNS]]
        places = _places(path, header, required, optional or {})
        empty = dict.fromkeys(places, "")
        found = [name for name, place in places.items() if place is not None]
        wanted = [place for place in places.values() if place is not None]
        for number, cells in table.rows(wanted):
            if number - 1 > MAX_ROWS:
                raise _too_many_rows(path)
            values = empty | dict(zip(found, map(_text, cells), strict=True))
            if any(values.values()):
                yield Row(number, values)
    except BadInput:
        raise
    except (OSError, ValueError, LookupError, ArithmeticError, csv.Error) as error:
        raise BadInput(
            f"'{path}' cannot be read as a table ({str(error)[:120] or type(error).__name__}).",
            hint="Save it again as CSV UTF-8.",
        ) from error


def same_name(name: str) -> str:
    """A column's name as it is compared: ``Patient ID``, ``patient_id`` and ``patientId`` are the
    same."""
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
            twice = ", ".join(f"'{header[place][:40]}'" for place in found[:10])
            raise BadInput(
                f"'{path}' has the column '{column}' {len(found)} times: {twice}.",
                hint="Leave one of them.",
            )
        places[column] = found[0] if found else None
    missing = [accepted[0] for column, accepted in required.items() if places[column] is None]
    if missing:
        there = ", ".join(cell[:40] for cell in header[:40] if cell) or "none"
        quoted = "', '".join(missing)
        raise BadInput(
            f"'{path}' has no column '{quoted}'; its columns are: {there}.",
            hint=f"Expected columns: {', '.join(names[0] for names in required.values())}.",
        )
    return places


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # Parquet keeps whole numbers as floats where some are missing
    text = str(value).strip()
    return "" if text.lower() == "nan" else text[:MAX_TEXT]


def _open(path: Path) -> _Table:
    if not path.is_file():
        raise BadInput(f"There is no table '{path}'.", hint="Check the path.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise _too_large(path, size, "has")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(
            f"'{path}' is not a table that can be read.",
            hint=f"Save it as one of {', '.join(SUFFIXES)}.",
        )
    if suffix == ".parquet":
        return _parquet(path)
    lines: Iterator[Line] = read_sheet(path) if suffix == ".xlsx" else _delimited(path)
    for _, header in lines:
        if any(_text(cell) for cell in header):
            return _Table(header, lambda wanted: _picked(lines, wanted))
    raise BadInput(f"'{path}' is empty; a table was expected.", hint="Check the file.")


def _picked(lines: Iterator[Line], wanted: Sequence[int]) -> Iterator[Line]:
    for number, cells in lines:
        yield number, [cells[place] if place < len(cells) else "" for place in wanted]


def _delimited(path: Path) -> Iterator[Line]:
    header = _check_text(path)
    delimiter = max(",;\t", key=re.sub(r'"[^"]*"', "", header).count)
    fed = 0  # characters since the last whole row: a quote that never ends would take them all

    def lines() -> Iterator[str]:
        nonlocal fed
        while line := stream.readline(MAX_RECORD + 1):
            fed += len(line)
            if fed > MAX_RECORD:
                raise BadInput(
                    f"'{path}', line {reader.line_num + 1}: a row of more than {MAX_RECORD:,} "
                    "characters.",
                    hint="Check that it is the table of the films, and that its quotes end.",
                )
            yield line

    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(lines(), delimiter=delimiter)
        for cells in reader:
            fed = 0
            if len(cells) > MAX_COLUMNS:
                raise BadInput(
                    f"'{path}', line {reader.line_num}: more than {MAX_COLUMNS} columns.",
                    hint="Check that it is the table of the films.",
                )
            yield reader.line_num, cells


def _check_text(path: Path) -> str:
    """The first line (of at most 64 KiB) of a text; refuse what is no UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    first = ""
    at = 0
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(65_536)
            waiting = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise BadInput(
                    f"'{path}' is not UTF-8 text ({error.reason} near byte "
                    f"{at - waiting + error.start}).",
                    hint="Save the table as CSV UTF-8.",
                ) from error
            if "\x00" in text:
                raise BadInput(
                    f"'{path}' is not text (it holds NUL bytes).",
                    hint="Save the table as CSV UTF-8.",
                )
            first = first or text.lstrip("\r\n")
            at += len(chunk)
            if not chunk:
                return re.split(r"[\r\n]", first, maxsplit=1)[0]


def _parquet(path: Path) -> _Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Texts stay in dictionaries: one text that a million rows share is held once.
        file = pq.ParquetFile(path)
        schema, metadata = file.schema_arrow, file.metadata
        names = schema.names
        if metadata.num_rows > MAX_ROWS:
            raise _too_many_rows(path)
    except pa.ArrowException as error:
        raise _damaged(path, error) from error

    def rows(wanted: Sequence[int]) -> Iterator[Line]:
        columns = [names[place] for place in wanted]
        for column, place in zip(columns, wanted, strict=True):
            if pa.types.is_nested(schema.types[place]):
                raise BadInput(
                    f"'{path}': the column '{column[:40]}' holds lists or groups, not values.",
                    hint="Save the table with one value in each cell.",
                )
        # Not the columns' own sizes: Arrow ends the process where their statistics are damaged.
        unpacked = sum(
            metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)
        )
        if unpacked > MAX_BYTES:
            raise _too_large(path, unpacked, "unpacks to")
        line = 1
        try:
            file = pq.ParquetFile(path, read_dictionary=columns)
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                cells = [_values(batch.column(name)) for name in columns]
                for row in range(batch.num_rows):
                    line += 1
                    yield line, [column[row] for column in cells]
        except pa.ArrowException as error:
            raise _damaged(path, error) from error

    return _Table(names, rows)


def _values(column: Any) -> Sequence[Any]:
    """The cells of a Parquet column; long texts are cut before they are copied."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        words = _values(column.dictionary)
        return [None if index is None else words[index] for index in column.indices.to_pylist()]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_slice_codeunits(column, 0, MAX_TEXT)
    cells: list[Any] = column.to_pylist()
    return cells


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(
        f"'{path}' is a damaged Parquet file ({str(error)[:120]}).", hint="Write it again."
    )


def _too_many_rows(path: Path) -> BadInput:
    return BadInput(
        f"'{path}' has more than {MAX_ROWS:,} rows.",
        hint="Give the table of one collection of films.",
    )


def _too_large(path: Path, size: int, does: str) -> BadInput:
    return BadInput(
        f"'{path}' {does} {size / 1e6:.0f} MB; a label table has at most {MAX_BYTES / 1e6:.0f}.",
        hint="Check that it is the table of the films.",
    )
