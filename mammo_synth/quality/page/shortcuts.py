"""Shortcuts: what a small classifier tells without looking at the disease."""

from __future__ import annotations

from collections.abc import Sequence

from . import words
from .charts import auroc
from .model import LABEL_NAMES, Cell, Content, Row, Table
from .numbers import between, count, number

ORIGIN, CLASS, FILMS, SYNTHETIC = "origin", "class", "films", "synthetic"


def tables(found: Content) -> tuple[Table, Table]:
    """Cancer from normal on synthetic images, beside films; and synthetic images from films."""
    probes = found["probes"]
    films = {probe["by"]: probe for probe in probes if _is(probe, CLASS, FILMS)}
    of_class = [
        _row(probe["by"], probe, _beside(films.get(probe["by"])))
        for probe in probes
        if _is(probe, CLASS, SYNTHETIC)
    ]
    of_origin = [
        _row(
            f"{LABEL_NAMES.get(probe['of'], probe['of'])}, by {probe['by']}",
            probe,
            Cell("0.5", ("chance",)),
        )
        for probe in probes
        if probe["question"] == ORIGIN
    ]
    return (
        Table(
            "Cancer (positive) or normal, from this alone:",
            ("Seen by the classifier", "AUROC, synthetic images", "AUROC, films (the floor)",
             "In words", "Images"),
            tuple(of_class),
        ),
        Table(
            "Synthetic image (positive) or film?",
            ("Images and what is seen of them", "AUROC", "If nothing tells them apart", "In words",
             "Images"),
            tuple(of_origin),
        ),
    )  # fmt: skip


def _is(probe: Content, question: str, of: str) -> bool:
    return bool(probe["question"] == question and probe["of"] == of)


def _row(head: str, probe: Content, beside: Cell) -> Row:
    low, high = probe["low"], probe["high"]
    counts = [
        count(probe[key], what)
        for key, what in (("images", "synthetic image"), ("films", "film"))
        if probe[key]
    ]
    return Row(
        Cell(head),
        (
            _value(probe),
            beside,
            Cell(words.against_chance(low, high) or "not measured"),
            Cell(counts[0] if counts else "none", tuple(counts[1:])),
        ),
        probe["reason"] or "",
    )


def _beside(probe: Content | None) -> Cell:
    if probe is None:
        return Cell("not measured")
    cell = _value(probe)
    why: Sequence[str] = (probe["reason"],) if probe["reason"] else ()
    return Cell(cell.main, (*cell.small, *why), cell.drawing)


def _value(probe: Content) -> Cell:
    low, high = probe["low"], probe["high"]
    return Cell(
        number(probe["auroc"]),
        tuple(filter(None, (between(low, high),))),
        auroc(probe["auroc"], low, high),
    )
