"""leaderboard.csv: every row of every table, for spreadsheets and scripts.

A spreadsheet runs what begins like a formula, and names come from records of strangers: such a
text gets an apostrophe before it, as OWASP's notes on CSV injection say. Numbers are left alone.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from mammo_synth.leaderboard.dataset_view_rows import COLUMNS, rows
from mammo_synth.leaderboard.model import Board

NAME = "leaderboard.csv"
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def document(board: Board) -> str:
    """The whole file: UTF-8 text with a header; what is undefined or not measured is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    for row in rows(board):
        writer.writerow({name: cell(value) for name, value in row.items()})
    return stream.getvalue()


def cell(value: Any) -> str:
    """One value as a cell: empty for None, ``true`` or ``false``, text harmless and on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    text = "".join(c if c.isprintable() else " " for c in value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
