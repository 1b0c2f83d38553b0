"""Fidelity and variety: a table for each extractor and label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import words
from .charts import against_floor
from .model import LABEL_NAMES, LABELS, Cell, Content, Row, Table
from .numbers import DASH, between, chance, count, number, sentence

HEADS = (
    "Measure",
    "Synthetic images against films",
    "At equal counts: synthetic",
    "At equal counts: films (the floor)",
    "Chance that films do as badly",
    "Against held-out films: synthetic",
    "Drawn",
)


@dataclass(frozen=True)
class Group:
    """What one extractor (None: the images themselves) says.

    Attributes:
        title: Heading.
        tables: By label, in the page's order: name, table.
    """

    title: str
    tables: tuple[tuple[str, Table], ...]


def groups(measures: Sequence[Content]) -> list[Group]:
    """The tables, extractors in the order of the report."""
    found = []
    for extractor in dict.fromkeys(row["extractor"] for row in measures):
        rows = [row for row in measures if row["extractor"] == extractor]
        by = "on the images themselves" if extractor is None else f"by {extractor}"
        tables = [
            (LABEL_NAMES[label], _table([row for row in rows if row["label"] == label], label, by))
            for label in LABELS
            if any(row["label"] == label for row in rows)
        ]
        title = "Texture and exposure, on the images themselves" if extractor is None else (
            f"Features by {extractor}"
        )  # fmt: skip
        found.append(Group(title, tuple(tables)))
    return found


def _table(rows: Sequence[Content], label: str, by: str) -> Table:
    counts = _only((row["images"], row["films"]) for row in rows)
    said = f"{LABEL_NAMES[label]}, {by}"
    if counts:
        images, films = (count(n, what) for n, what in zip(counts, NOUNS, strict=True))
        said += f": {images} against {films}"
    floors = [row["floor"] for row in rows if row["floor"]]
    sizes = _only((floor["count"], floor["splits"]) for floor in floors)
    if sizes:
        said += f"; equal counts: {sizes[0]:,} a side, {sizes[1]:,} splits of the films"
    return Table(f"{said}.", HEADS, tuple(_row(row, not counts, not sizes) for row in rows))


NOUNS = ("synthetic image", "training film")


def _only(values: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
    """What is the same for all."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _row(row: Content, say_counts: bool, say_sizes: bool) -> Row:
    how = words.HOW_TO_READ.get(row["name"], "")
    said = tuple(filter(None, (how, words.BETTER[row["better"]])))
    head = Cell(sentence(row["text"] or row["name"]), said)
    floor, interval, held = row["floor"], row["interval"], row["held_out"]
    small = [between(interval["low"], interval["high"])] if interval else []
    small.append(row["unit"])
    if say_counts:
        small += [count(row["images"], NOUNS[0]), count(row["films"], NOUNS[1])]
    none = Cell(DASH)
    same, ground, odds = none, none, none
    if floor:
        sizes = (f"{floor['count']:,} a side",) if say_sizes else ()
        same = Cell(number(floor["value_at_floor_counts"]), sizes)
        ground = Cell(number(floor["median"]), (between(floor["low"], floor["high"]),))
        odds = Cell(chance(floor["chance"]), (words.apart(floor["chance"], floor["splits"]),))
    others = none
    if held:
        others = Cell(
            number(held["synthetic"]),
            (f"training films: {number(held['training'])}", f"{held['count']:,} a side"),
        )
    cells = (
        Cell(number(row["value"]), tuple(filter(None, small))),
        same,
        ground,
        odds,
        others,
        Cell("", (), against_floor(row)),
    )
    return Row(head, cells, row["reason"] or "")
