"""The split as a file that others can use: one row per film, who she is and which role she has."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_file
from mammo_synth.films.record import ROLES
from mammo_synth.films.split import SplitSettings
from mammo_synth.films.tables import read_table

NAME = "split.csv"
COLUMNS = ("image_id", "patient_id", "role", "label", "finding", "view", "laterality")


def render_split(rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV text of rows that have `COLUMNS`, sorted by image_id."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in sorted(rows, key=lambda r: str(r["image_id"])):
        writer.writerow(["" if row[name] is None else row[name] for name in COLUMNS])
    return text.getvalue()


def read_split(path: Path) -> SplitSettings:
    """The split that a file gives: any table with ``patient_id`` and ``role``, as `NAME` has.

    Raises:
        BadInput: No such table, an unknown role, or a patient with two roles.
    """
    given: dict[str, str] = {}
    for row in read_table(path, {"patient_id": ("patient_id",), "role": ("role",)}):
        patient, role = row["patient_id"], row["role"]
        if role not in ROLES:
            raise BadInput(
                f"'{path}', line {row.line}: there is no role '{role[:40]}'.",
                hint=did_you_mean(role, ROLES),
            )
        if given.setdefault(patient, role) != role:
            raise BadInput(
                f"'{path}', line {row.line}: patient '{patient[:60]}' is in {role} and in "
                f"{given[patient]}.",
                hint="A patient has one role: all her films are on one side of every line.",
            )
    if not given:
        raise BadInput(f"'{path}' names no patient.", hint="Check that it is a split file.")
    return SplitSettings(given=given, given_sha256=sha256_file(path))
