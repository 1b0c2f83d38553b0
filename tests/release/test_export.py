"""`release export`: the same bytes as plain files, in a folder or a zip, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mammo_synth.configurations import CANCER, CONFIGURATIONS, LABELS
from mammo_synth.errors import BadInput
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.sources.folder import FolderSource
from mammo_synth.manifest import check_folder
from mammo_synth.release import export as export_module
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.export import FOLDERS, NOTHING, export_release
from mammo_synth.release.folder import Release
from mammo_synth.release.schema import COLUMNS, arrow_schema
from tests.conftest import Command, assert_friendly, build_small_release, fake_generators

CONFIGURATION = "30-70-90syn"


@pytest.fixture()
def copy(small_release: Release, tmp_path: Path) -> Path:
    folder = tmp_path / "mammo-synth"
    shutil.copytree(small_release.folder, folder)
    return folder


def stored(release: Release, split: str) -> dict[str, dict[str, Any]]:
    return {row["image_id"]: row for row in release.records(CONFIGURATION, split)}


def test_a_folder_has_the_bytes_and_all_columns(small_release: Release, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = export_release(small_release, CONFIGURATION, out)
    assert check_folder(out) == []
    for split, folder in FOLDERS.items():
        rows = stored(small_release, split)
        with (out / folder / "metadata.csv").open(newline="") as stream:
            table = {row["image_id"]: row for row in csv.DictReader(stream)}
        assert table.keys() == rows.keys()
        assert len([*(out / folder).rglob("*.png")]) == len(rows)
        for image_id, row in rows.items():
            line = table[image_id]
            assert line["file_name"] == f"{LABELS[row['label']]}/{image_id}.png"
            assert (out / folder / line["file_name"]).read_bytes() == row["image"]["bytes"]
            assert [*line] == ["file_name", *(name for name in COLUMNS if name != "image")]
            assert int(line["label"]) == row["label"] and int(line["origin"]) == row["origin"]
            for column in ("patient_id", "view", "laterality"):
                assert line[column] == (row[column] or NOTHING)
            if row["seed"] is not None:
                assert float(line["seed"]) == row["seed"]
                assert line["generator"] == f"sha256:{row['generator']}"
        assert done.counts[split]["cancer"] == sum(r["label"] == CANCER for r in rows.values())


def test_the_note_says_what_it_is_and_what_it_is_not_for(
    small_release: Release, tmp_path: Path
) -> None:
    terms = small_release.manifest.facts["terms"]
    export_release(small_release, CONFIGURATION, tmp_path / "out")
    note = (tmp_path / "out" / "README.txt").read_text()
    for words in ("Never for diagnosis", "mammo-synth 1.0.0", small_release.sha256, "cancer = 1"):
        assert words in note
    assert "no generator has seen" in note and "Study" not in note
    assert terms["licence"] in note and "keep this copy to" in note
    export_release(small_release, "30-70-100syn", tmp_path / "syn", splits=("train",))
    assert "keep this copy" not in (tmp_path / "syn" / "README.txt").read_text()


def test_the_note_of_a_study_release_promises_nothing(film_folder: Path, tmp_path: Path) -> None:
    films = prepare(
        FolderSource(film_folder), tmp_path / "films", PrepareSettings(32, protocol="study")
    )
    release = build_small_release(films, tmp_path, 40)
    export_release(release, CONFIGURATION, tmp_path / "out")
    note = (tmp_path / "out" / "README.txt").read_text()
    assert "real films may stand in several splits" in note and "no generator" not in note


@pytest.mark.parametrize("configuration", [CONFIGURATION, "50-50-100syn"])
def test_datasets_loads_the_folder_and_never_mixes_held_out_films(
    configuration: str, small_release: Release, tmp_path: Path, offline: Any
) -> None:
    out = tmp_path / "out"
    export_release(small_release, configuration, out)
    data = offline.load_dataset("imagefolder", data_dir=str(out))
    counts = CONFIGURATIONS[configuration].counts(small_release.size)
    assert set(data) == {"train", "test"}
    for split in data:
        wanted = sum(n for cell, n in counts.items() if cell.split == split)
        cancer = sum(n for cell, n in counts.items() if cell.split == split and cell.label)
        assert data[split].num_rows == wanted and sum(data[split]["label"]) == cancer
        ids = {row["image_id"] for row in small_release.records(configuration, split)}
        assert set(data[split]["image_id"]) == ids
    assert data["train"][0]["image"].mode == "L"
    held_out = offline.load_dataset("imagefolder", data_dir=str(out / "realtest"), split="train")
    assert held_out.num_rows == 36 and held_out.features.keys() == data["train"].features.keys()


def test_a_zip_has_the_same_files_stored_as_they_are(
    small_release: Release, tmp_path: Path
) -> None:
    export_release(small_release, CONFIGURATION, tmp_path / "out", splits=("test",))
    export_release(small_release, CONFIGURATION, tmp_path / "a.zip", form="zip", splits=("test",))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        for name in archive.namelist():
            if name.endswith((".png", ".csv")):
                assert archive.read(name) == (tmp_path / "out" / name).read_bytes()
        assert {name.split("/")[0] for name in archive.namelist()} == {"test", "README.txt"}
        table = csv.DictReader(io.StringIO(archive.read("test/metadata.csv").decode()))
        assert len([*table]) == 36
    export_release(small_release, CONFIGURATION, tmp_path / "b.zip", form="zip", splits=("test",))
    assert (tmp_path / "b.zip").read_bytes() == (tmp_path / "a.zip").read_bytes()


@pytest.mark.parametrize("form", ["imagefolder", "zip"])
def test_it_appears_whole_and_is_not_made_twice(
    form: str, small_release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "here" / "out", []
    real = export_module._safe

    def stop_at_50(image_id: str) -> str:
        calls.append(image_id)
        if len(calls) == 50:
            raise KeyboardInterrupt
        return real(image_id)

    monkeypatch.setattr(export_module, "_safe", stop_at_50)
    with pytest.raises(KeyboardInterrupt):
        export_release(small_release, CONFIGURATION, out, form=form)
    assert not out.exists()
    export_release(small_release, CONFIGURATION, out, form=form)
    assert [path.name for path in out.parent.iterdir()] == ["out"], "nothing unfinished is left"
    before = len(calls)
    export_release(small_release, CONFIGURATION, out, form=form)
    assert len(calls) == before, "a finished export is recognised"
    with pytest.raises(BadInput, match="Choose another --out"):
        export_release(small_release, "50-50-90syn", out, form=form)


def test_foreign_places_are_left_alone(small_release: Release, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("keep")
    for out, form in (("mine", "imagefolder"), ("mine", "zip"), ("mine/thesis.txt", "zip")):
        with pytest.raises(BadInput, match="Choose another --out"):
            export_release(small_release, CONFIGURATION, tmp_path / out, form=form)
    for out in (small_release.folder, small_release.folder / "data" / "out"):
        with pytest.raises(BadInput, match=r"inside the release.*Choose another --out"):
            export_release(small_release, CONFIGURATION, out)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "keep"


def reseal(folder: Path) -> Release:
    from mammo_synth.manifest import read_manifest, write_manifest

    old = read_manifest(folder)
    write_manifest(folder, "release", settings=old.settings, inputs=old.inputs, facts=old.facts)
    return Release.open(folder)


def test_an_id_never_leads_out_of_the_folder(copy: Path, tmp_path: Path) -> None:
    shard = next((copy / "data" / "test" / "cancer-real").glob("*.parquet"))
    rows = pq.read_table(shard).to_pylist()
    for evil in ("../../evil", "/evil", "a/b", "..", ".hidden", "a\\b", "", "a\nb"):
        rows[0]["image_id"] = evil
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), shard)
        with pytest.raises(BadInput, match="cannot be the name of a file"):
            export_release(reseal(copy), CONFIGURATION, tmp_path / "x" / "out", splits=("test",))
    assert [*(tmp_path / "x").iterdir()] == []


def test_a_damaged_shard_is_named_and_not_parsed(copy: Path, tmp_path: Path) -> None:
    shard = next((copy / "data" / "test" / "normal-real").glob("*.parquet"))
    data = bytearray(shard.read_bytes())
    data[-20] ^= 255
    shard.write_bytes(data)
    with pytest.raises(BadInput, match=rf"{shard.name}' is damaged.*sha256"):
        export_release(Release.open(copy), CONFIGURATION, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_referenced_release_exports_what_it_has(
    prepared_set: PreparedSet, tmp_path: Path
) -> None:
    release = build_release(
        prepared_set,
        fake_generators(prepared_set, tmp_path),
        tmp_path / "mammo-synth",
        ReleaseSettings(40),
    )
    done = export_release(release, None, tmp_path / "out")
    assert set(done.counts) == {"train", "test"} and done.configuration.endswith("100syn")
    with pytest.raises(BadInput, match="rehydrate"):
        export_release(release, CONFIGURATION, tmp_path / "no")


def test_the_command(run: Command, small_release: Release, tmp_path: Path) -> None:
    arguments = ["release", "export", small_release.folder, "--config", CONFIGURATION]
    done = run(*arguments, "--split", "test", "--out", tmp_path / "out", "--json")
    report = json.loads(done.stdout)
    assert report["images"] == {"test": {"normal": 25, "cancer": 11}}
    assert "images: 36 of 36" in done.stderr
    assert_friendly(
        run(*arguments, "--out", tmp_path / "x", "--format", "tar"), "no format 'tar'", "zip"
    )
    assert_friendly(
        run(*arguments, "--out", tmp_path / "x", "--split", "tets"), "Did you mean 'test'"
    )
