"""The Croissant file: valid for its own library, and a way to the rows without any network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.files import sha256_file
from mammo_synth.png import decode_png
from mammo_synth.release.croissant import croissant, render_croissant
from mammo_synth.release.folder import Release
from mammo_synth.release.forms import held_shards
from mammo_synth.release.schema import COLUMNS
from tests.release.variants import FORMS, QUALITY, facts_in, write_release

mlcroissant = pytest.importorskip("mlcroissant")


def dated(release: Release, facts: dict[str, Any]) -> dict[str, Any]:
    return croissant({**release.manifest.settings, "date": "2026-01-31"}, facts)


@pytest.mark.parametrize("form", FORMS)
def test_its_own_library_has_no_error_and_no_warning(small_release: Release, form: str) -> None:
    facts = facts_in(small_release, form, quality=QUALITY if form == "open" else None)
    metadata = mlcroissant.Dataset(dated(small_release, facts)).metadata
    assert not metadata.ctx.issues.errors and not metadata.ctx.issues.warnings
    assert metadata.version == "1.0.0" and metadata.name == "mammo-synth"
    for field in (
        "data_collection",
        "data_biases",
        "data_limitations",
        "data_use_cases",
        "data_annotation_protocol",
        "data_preprocessing_protocol",
        "data_social_impact",
        "data_release_maintenance_plan",
        "personal_sensitive_information",
    ):
        assert getattr(metadata, field), field
    text = json.dumps(croissant(small_release.manifest.settings, facts), ensure_ascii=False)
    assert ("films behind this release are simulated" in text) == (form in ("phantom", "study"))
    assert ("KID × 1000, cancer: 12.345, floor 1.25" in text) == (form == "open")
    assert "Out of scope: Diagnosis" in text and "Never for diagnosis" in text


def test_without_a_date_of_publication_that_alone_is_missed(small_release: Release) -> None:
    facts = facts_in(small_release, "open")
    issues = mlcroissant.Dataset(croissant(small_release.manifest.settings, facts)).metadata.ctx
    assert not issues.issues.errors
    (warning,) = issues.issues.warnings
    assert "datePublished" in warning


@pytest.mark.parametrize("form", ["open", "referenced"])
def test_it_lists_every_shard_in_the_folder(small_release: Release, form: str) -> None:
    facts = facts_in(small_release, form)
    document = croissant(small_release.manifest.settings, facts)
    files = {f["contentUrl"]: f for f in document["distribution"] if "contentUrl" in f}
    assert set(files) == held_shards(facts)
    for path, file in files.items():
        stored = small_release.folder / path
        assert file["sha256"] == sha256_file(stored)
        assert file["contentSize"] == f"{stored.stat().st_size} B"
    splits = ("train", "test") if form == "referenced" else ("train", "test", "real_test")
    names = [name for name in CONFIGURATIONS if form == "open" or "100syn" in name]
    record_sets = [one["@id"] for one in document["recordSet"] if "/" in one["@id"]]
    assert record_sets == [f"{name}/{split}" for name in names for split in splits]


def test_records_are_the_rows_of_the_shards(
    small_release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network is not needed")

    monkeypatch.setattr(socket, "create_connection", refuse)
    facts = facts_in(small_release, "phantom")
    folder = write_release(small_release, facts, tmp_path)
    data = mlcroissant.Dataset(folder / "croissant.json")
    name = "50-50-90syn"
    for split in ("train", "test", "real_test"):
        rows = {
            row["image_id"]: row
            for path in facts["configurations"][name]["splits"][split]["shards"]
            for row in pq.read_table(folder / path).to_pylist()
        }
        seen = 0
        for record in data.records(f"{name}/{split}"):
            values = {key.rsplit("/", 1)[1]: value for key, value in record.items()}
            assert set(values) == {"split", *COLUMNS}
            assert values.pop("split").decode() == split
            row = rows[values["image_id"].decode()]
            picture = values.pop("image")
            assert isinstance(picture, Image.Image) and picture.mode == "L"
            assert np.array_equal(np.asarray(picture), decode_png(row["image"]["bytes"]))
            for column, value in values.items():
                assert (value.decode() if isinstance(value, bytes) else value) == row[column]
            seen += 1
        assert seen == len(rows) == facts["configurations"][name]["splits"][split]["rows"]
    assert [list(record.values()) for record in data.records("labels")] == [
        ["normal", 0],
        ["cancer", 1],
    ]


def test_the_same_release_has_the_same_bytes(small_release: Release) -> None:
    settings, facts = small_release.manifest.settings, facts_in(small_release, "open")
    text = render_croissant(settings, facts)
    again = json.loads(json.dumps(facts, sort_keys=True))
    assert render_croissant(settings, again) == text
    assert json.loads(text) == croissant(settings, facts)


def test_what_a_reader_does_to_one_file_is_not_in_the_next(small_release: Release) -> None:
    settings, facts = small_release.manifest.settings, small_release.manifest.facts
    first = croissant(settings, facts)
    before = render_croissant(settings, facts)
    first["@context"]["@base"] = "changed by a reader"
    assert render_croissant(settings, facts) == before
