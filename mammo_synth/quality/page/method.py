"""What was assessed, what came out in short, and how it was measured."""

from __future__ import annotations

from . import words
from .model import LABEL_NAMES, LABELS, Cell, Content, Row, Table, labels_of, plain_table
from .numbers import DASH, between, count, number, sentence, shortened

PREFIX = 12  # digits of a sha256 where the whole stands further below


def assessed(content: Content) -> Table:
    """The pools and the films that they were compared with."""
    heads = (
        "Label", "Synthetic images", "Seeds", "Truncation psi", "Generator", "It learned from",
        "Training films", "Held-out films",
    )  # fmt: skip
    rows = []
    for label in labels_of(content["pools"]):
        pool, films = content["pools"][label], content["films"].get(label)
        counted = [_films(films[role]) if films else Cell(DASH) for role in ("train", "held_out")]
        rows.append(
            Row(
                Cell(LABEL_NAMES[label]),
                (
                    Cell(count(pool["images"])),
                    Cell(shortened(pool["seeds"])),
                    Cell(number(pool["truncation"])),
                    Cell(pool["generator"][:PREFIX]),
                    Cell(pool["learned_from"]),
                    *counted,
                ),
            )
        )
    return Table("Pools and generators, and the films beside them.", heads, tuple(rows))


def _films(found: Content) -> Cell:
    return Cell(count(found["films"], "film"), (f"of {count(found['patients'], 'patient')}",))


def in_short(card: list[Content]) -> Table:
    """The rows that a data set's card shows."""
    rows = [
        Row(
            Cell(sentence(row["measure"]), (words.BETTER[row["better"]],)),
            (
                Cell(LABEL_NAMES[row["label"]]),
                Cell(number(row["value"])),
                Cell(
                    number(row["floor"]),
                    tuple(filter(None, (between(row.get("low"), row.get("high")),))),
                ),
            ),
        )
        for row in sorted(card, key=lambda row: LABELS.index(row["label"]))
    ]
    return Table(
        "The numbers in short: synthetic images against films, and films against films at the same "
        "counts.",
        ("Measure", "Label", "Synthetic images", "Films (the floor)"),
        tuple(rows),
    )


def extractors(found: list[Content]) -> Table:
    """What described the images."""
    rows = [
        (
            one["name"],
            count(one["dimension"]),
            _weights(one["weights"]),
            one["digest"],
        )
        for one in found
    ]
    return plain_table(
        "Extractors: what turned each image into numbers.",
        ("Name", "Numbers per image", "Learned weights", "Digest (sha256)"),
        rows,
    )


def _weights(weights: Content) -> str:
    if not weights:
        return "none"
    return "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in weights.items())


def digests(content: Content) -> list[tuple[str, str]]:
    """What the report was made from, by sha256."""
    pools = content["pools"]
    return [
        ("Manifest of the prepared set", content["prepared_manifest"]),
        *(
            (f"Generator, {LABEL_NAMES[label].lower()}", pools[label]["generator"])
            for label in labels_of(pools)
        ),
    ]


def draws(measures: list[Content]) -> list[str]:
    """How many draws intervals and floors took, where the report says it."""
    found = []
    intervals = [row["interval"] or {} for row in measures]
    replicates = {one["replicates"] for one in intervals if "replicates" in one}
    if replicates:
        found.append(f"Draws of each side for an interval: {_listed(replicates)}.")
    splits = {row["floor"]["splits"] for row in measures if row["floor"]}
    if splits:
        found.append(f"Splits of the films for a floor: {_listed(splits)}.")
    return found


def _listed(values: set[int]) -> str:
    return " or ".join(f"{value:,}" for value in sorted(values))
