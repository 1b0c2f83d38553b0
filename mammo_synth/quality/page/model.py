"""What the template is given: tables, charts and pictures with their text ready to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

NOTHING = Markup("")

Content = Mapping[str, Any]
"""Of ``report.json``, or a part of it."""

LABELS = ("pooled", "cancer", "normal")
LABEL_NAMES = {"pooled": "Both classes", "cancer": "Cancer", "normal": "Normal"}


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        main: Its text.
        small: Lines below it, in smaller letters.
        drawing: A small chart below them.
    """

    main: str
    small: tuple[str, ...] = ()
    drawing: Markup = NOTHING


@dataclass(frozen=True)
class Row:
    """A row: its heading, the other cells, and a remark on the whole ("": none)."""

    head: Cell
    cells: tuple[Cell, ...]
    remark: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: What it shows.
        heads: Of the columns, the first that of the rows' headings.
        rows: At least one, or the template shows nothing.
        numeric: Whether it is narrow enough for a phone as it stands; other tables become cards
            there.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    numeric: bool = False


@dataclass(frozen=True)
class Chart:
    """A drawing with its caption, and its numbers as a table (None: they stand elsewhere)."""

    caption: str
    drawing: Markup
    data: Table | None = None


@dataclass(frozen=True)
class Key:
    """An entry of a legend."""

    name: str
    drawing: Markup


@dataclass(frozen=True)
class Picture:
    """A picture of the report.

    Attributes:
        caption: What it shows.
        alt: A short name for who does not see it.
        data: A ``data:`` address; "" where the picture is missing.
        width, height: px; 0 where unknown.
    """

    caption: str
    alt: str
    data: str
    width: int
    height: int


def labels_of(found: Mapping[str, Any]) -> list[str]:
    """The labels that are keys of ``found``, in the page's order."""
    return [label for label in LABELS if label in found]


def plain_table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """A table of texts; the first of each row is its heading."""
    return Table(
        caption,
        heads,
        tuple(Row(Cell(first), tuple(Cell(text) for text in rest)) for first, *rest in rows),
    )
