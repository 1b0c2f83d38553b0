"""A release as a version before the column of density wrote it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mammo_synth.manifest import read_manifest, write_manifest
from mammo_synth.release.documents import documents
from mammo_synth.release.facts import planned_shards, shard_facts
from mammo_synth.release.folder import Release
from mammo_synth.release.schema import arrow_schema

COLUMNS = (
    "image",
    "label",
    "origin",
    "image_id",
    "patient_id",
    "source",
    "view",
    "laterality",
    "generator",
    "seed",
    "truncation",
)


def older(release: Release, folder: Path, **facts: Any) -> Release:
    """A copy of ``release`` in ``folder/mammo-synth`` without the column, with other ``facts``."""
    out = Path(shutil.copytree(release.folder, folder / "mammo-synth"))
    for path in out.rglob("*.parquet"):
        table = pq.read_table(path).drop_columns(["density"])
        if "image" in table.column_names:
            table = table.cast(arrow_schema(COLUMNS))
        pq.write_table(table, path, compression="none")
    old = read_manifest(out)
    shards = planned_shards(old.facts)
    columns = {"columns": list(COLUMNS)}
    found = {**old.facts, **columns, **facts, **shard_facts(out, shards, old.settings["size"])}
    if found["columns"] is None:
        del found["columns"]
    for name, text in documents(old.settings, found).items():
        (out / name).write_text(text, encoding="utf-8")
    write_manifest(out, "release", settings=old.settings, inputs=old.inputs, facts=found)
    return Release.open(out)
