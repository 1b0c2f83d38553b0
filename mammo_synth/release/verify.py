"""Checks a release against its own promises, from the stored bytes alone.

Digests, schema, labels, counts by the rule, prefixes, seeds, card, and the lines that must not be
crossed: no image and no patient in train and test, no real_test patient anywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from mammo_synth.configurations import CELLS, CONFIGURATIONS, SYNTHETIC, Cell
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.manifest import check_folder
from mammo_synth.png import decode_png
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.card import render_card
from mammo_synth.release.folder import Release
from mammo_synth.release.plan import seeds
from mammo_synth.release.schema import arrow_schema

MOST_PROBLEMS = 50


def verify_release(release: Release, *, progress: Progress = SILENT) -> list[str]:
    """One sentence per broken promise; an empty list is a sound release.

    At most `MOST_PROBLEMS` are named; a tampered file is always among the first.
    """
    problems = check_folder(release.folder)
    if problems:
        # Every later check would only repeat in other words that the bytes are not the ones made.
        return problems[:MOST_PROBLEMS]
    problems += _check_card(release)
    problems += _check_counts(release)
    problems += list(_check_rows(release, progress))
    return problems[:MOST_PROBLEMS]


def _check_card(release: Release) -> list[str]:
    expected = render_card(release.manifest.settings, release.manifest.facts)
    if (release.folder / "README.md").read_text(encoding="utf-8") != expected:
        return ["README.md is not the card that the manifest gives."]
    return []


def _check_counts(release: Release) -> list[str]:
    """Every configuration has the counts of the rule, as a prefix of every cell."""
    problems = []
    by_path = {entry["path"]: entry for entry in release.manifest.facts["shards"]}
    for name in release.configurations:
        expected = CONFIGURATIONS[name].counts(release.size)
        held: Counter[Cell] = Counter()
        for split in ("train", "test"):
            for path in release.shards(name, split):
                entry = by_path[path]
                cell = Cell(entry["split"], entry["label"], entry["origin"])
                if entry["start"] != held[cell]:
                    problems.append(f"{name}: {path} leaves a gap in its cell's prefix.")
                held[cell] += entry["rows"]
        for cell in CELLS:
            if held[cell] != expected[cell]:
                problems.append(
                    f"{name}: cell {cell.name} has {held[cell]} images, the rule says "
                    f"{expected[cell]}."
                )
    return problems


def _check_rows(release: Release, progress: Progress) -> Iterator[str]:
    entries = release.manifest.facts["shards"]
    progress.start("stored images", sum(entry["rows"] for entry in entries))
    ids: dict[str, str] = {}
    pixels: dict[str, tuple[str, str]] = {}
    patients: dict[str, str] = {}
    strict = release.protocol == "strict"
    for entry in entries:
        path, split = entry["path"], entry["split"]
        table = pq.read_table(release.folder / path)
        if not table.schema.equals(arrow_schema(), check_metadata=True):
            yield f"{path} has another schema than the release."
            continue
        if table.num_rows != entry["rows"]:
            yield f"{path} has {table.num_rows} rows, the manifest says {entry['rows']}."
        for number, row in enumerate(table.to_pylist()):
            progress.advance()
            where = f"{path}, row {number} ({row['image_id']})"
            yield from (f"{where}: {what}" for what in _row_problems(row, entry, number, release))
            if strict and row["image_id"] in ids:
                yield f"{where}: the same id stands in {ids[row['image_id']]}."
            ids[row["image_id"]] = path
            digest = sha256_bytes(row["image"]["bytes"])
            other = pixels.setdefault(digest, (split, row["image_id"]))
            if strict and other[0] != split:
                yield f"{where}: the same picture stands in {other[0]} as {other[1]}."
            patient = row["patient_id"]
            if strict and patient and patients.setdefault(patient, split) != split:
                yield f"{where}: patient {patient} stands in {patients[patient]} too."
    progress.finish()


def _row_problems(
    row: dict[str, Any], entry: dict[str, Any], number: int, release: Release
) -> Iterator[str]:
    """What is wrong with one row by itself."""
    if row["label"] != entry["label"] or row["origin"] != entry["origin"]:
        yield "its label or origin is not that of its cell."
    try:
        shape = decode_png(row["image"]["bytes"]).shape
    except (OSError, SyntaxError, ValueError, BadInput):
        yield "its image does not decode."
        return
    if shape != (release.image_size, release.image_size):
        yield f"its image is {shape[1]} x {shape[0]} px, not {release.image_size} px square."
    if entry["origin"] == SYNTHETIC:
        cell = Cell(entry["split"], entry["label"], entry["origin"])
        start = entry["start"]
        expected = seeds(cell, start + number, start + number + 1)[0]
        if row["seed"] != expected:
            yield f"its seed is {row['seed']}, its place has seed {expected}."
        if row["patient_id"] is not None:
            yield "a synthetic image has a patient."
    elif row["patient_id"] is None:
        yield "a real film has no patient."
