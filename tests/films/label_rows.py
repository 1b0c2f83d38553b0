"""What tests of sources with one label table share: its rows, changed, and what came of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Listing, Source

Rows = Sequence[Sequence[str]]


def write_csv(path: Path, columns: Sequence[str], rows: Rows) -> None:
    """A table with a header."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([columns, *rows])


def changed(rows: Rows, at: int, columns: Sequence[str], values: Mapping[str, str]) -> Rows:
    """``rows`` with other ``values``, by column, in row ``at``."""
    other = dict(zip(columns, rows[at], strict=True)) | values
    return [*rows[:at], [other[column] for column in columns], *rows[at + 1 :]]


def check_refused_alone(listing: Listing, line: int, says: str, films: int) -> None:
    """One row was refused, with its line and the reason, and ``films`` others are there."""
    assert len(listing.records) == films
    (refused,) = listing.refused
    assert refused.reason.startswith(f"line {line}: ") and says in refused.reason


def listing_or_sentence(source: Source) -> Listing | None:
    """What the source lists; None where it refuses the whole table, in one sentence."""
    try:
        return source.list()
    except BadInput as error:
        assert error.message and "\n" not in error.message
        return None
