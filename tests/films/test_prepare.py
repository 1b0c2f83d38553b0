"""Preparing films: what a set holds, resume, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mammo_synth.errors import BadInput, NoSpace
from mammo_synth.files import TEMPORARY_PREFIX
from mammo_synth.films import staging
from mammo_synth.films.audit import find_copies, render_page
from mammo_synth.films.inspect import inspect_films
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.record import label_of
from mammo_synth.films.sheet import draw_sheet
from mammo_synth.films.sources.folder import FolderSource
from mammo_synth.films.split import SplitSettings
from mammo_synth.films.split_file import read_split
from mammo_synth.manifest import check_folder
from mammo_synth.png import decode_png
from mammo_synth.progress import SILENT
from tests.conftest import fake_film, write_film_folder

SMALL = PrepareSettings(32)


def test_labels_by_protocol() -> None:
    assert [label_of(f, "strict") for f in ("normal", "benign", "malignant")] == [0, None, 1]
    assert [label_of(f, "study") for f in ("normal", "benign", "malignant")] == [0, 1, 1]


def test_the_study_keeps_the_whole_film_unless_told_otherwise() -> None:
    assert PrepareSettings(protocol="study").framing == "film"
    assert PrepareSettings(protocol="study", frame="breast").framing == "breast"
    assert PrepareSettings().framing == "breast"


def test_a_prepared_set_holds_what_it_says(prepared_set: PreparedSet) -> None:
    assert check_folder(prepared_set.folder) == []
    facts = prepared_set.manifest.facts
    assert facts["films"]["train"] == {"cancer": 12, "normal": 60}
    pixels, ids = prepared_set.images("train", 1)
    assert pixels.shape == (12, 32, 32) and pixels.dtype == np.uint8 and len(set(ids)) == 12
    table = prepared_set.table.to_pylist()
    assert len(table) == 120
    roles: dict[str, set[str]] = {}
    for row in table:
        roles.setdefault(row["patient_id"], set()).add(row["role"])
        assert "patient" not in row["patient_id"] and row["image_id"].startswith("folder-")
    assert all(len(seen) == 1 for seen in roles.values())
    assert {(row["file"]["format"], row["file"]["bits"]) for row in table} == {("png", 8)}
    with pytest.raises(BadInput, match="no role"):
        prepared_set.images("valid", 1)


def test_the_split_and_the_audit_stand_beside_the_films(prepared_set: PreparedSet) -> None:
    folder = prepared_set.folder
    with (folder / "split.csv").open() as stream:
        rows = {row["image_id"]: row for row in csv.DictReader(stream)}
    table = prepared_set.table.to_pylist()
    assert {r["image_id"]: (r["patient_id"], r["role"]) for r in table} == {
        key: (row["patient_id"], row["role"]) for key, row in rows.items()
    }
    assert read_split(folder / "split.csv").given is not None
    found = json.loads((folder / "audit.json").read_text())
    assert found["films"] == 120 and "shortcut" in found
    page = (folder / "audit.html").read_text()
    assert "<html" in page and "http://" not in page and "https://" not in page
    assert not (folder / ".seen").exists()


def test_a_given_split_is_used(
    prepared_set: PreparedSet, film_folder: Path, tmp_path: Path
) -> None:
    split = read_split(prepared_set.folder / "split.csv")
    again = prepare(FolderSource(film_folder), tmp_path / "again", PrepareSettings(32, split=split))
    roles = [(r["image_id"], r["role"]) for r in prepared_set.table.to_pylist()]
    assert [(r["image_id"], r["role"]) for r in again.table.to_pylist()] == roles


def test_workers_interruptions_and_reruns_give_the_same_bytes(
    film_folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(staging, "SHARD_FILMS", 40)
    source = FolderSource(film_folder)
    whole = prepare(source, tmp_path / "whole", SMALL, workers=2)

    real, calls = staging.stage_film, []

    def stop_at_90(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 90:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(staging, "stage_film", stop_at_90)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "cut", SMALL)
    assert not (tmp_path / "cut").exists()
    again = prepare(source, tmp_path / "cut", SMALL)
    assert again.manifest.sha256 == whole.manifest.sha256
    assert len(calls) == 90 + 40  # two of three shards were kept

    before = (tmp_path / "cut" / "manifest.json").stat().st_mtime_ns
    prepare(source, tmp_path / "cut", SMALL)
    assert (tmp_path / "cut" / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(BadInput, match="other settings"):
        prepare(source, tmp_path / "cut", PrepareSettings(64))


def test_a_shard_is_written_and_read_in_groups(film_folder: Path, tmp_path: Path) -> None:
    source = FolderSource(film_folder)
    records = source.list().records[:40]
    folder = tmp_path / staging.FOLDER
    folder.mkdir()
    (folder / f"{TEMPORARY_PREFIX}half").touch()  # of a run that was killed
    arguments = (source, records, tmp_path, 32, "strict", "breast")
    (path,) = staging.stage_films(*arguments, workers=1, progress=SILENT)
    assert [p.name for p in folder.iterdir()] == [path.name]
    groups = list(staging.staged_groups(path, ["image_id", "thumb"]))
    assert [len(group) for group in groups] == [16, 16, 8]
    with pq.ParquetFile(path) as file:
        assert [file.metadata.row_group(k).num_rows for k in range(3)] == [16, 16, 8]
    looks = staging.staged_looks([path])
    assert [look.image_id for look in looks] == [record.image_id for record in records]
    thumbs = staging.StagedThumbs([path], looks)
    for row in (row for group in groups for row in group):
        assert thumbs[row["image_id"]] == row["thumb"]
        assert decode_png(row["thumb"]).shape == (128, 128)
    assert len(thumbs) == 40 and "nobody" not in thumbs and list(thumbs)[3] == looks[3].image_id


def test_what_is_held_of_a_film_does_not_grow_with_its_pixels(
    film_folder: Path, tmp_path: Path
) -> None:
    source = FolderSource(film_folder)
    records = source.list().records
    sizes = []
    for size in (32, 256):
        arguments = (source, records, tmp_path / str(size), size, "strict", "breast")
        paths = staging.stage_films(*arguments, workers=1, progress=SILENT)
        tracemalloc.start()
        looks = staging.staged_looks(paths)
        thumbs = staging.StagedThumbs(paths, looks)
        assert find_copies(looks, thumbs, tmp_path) == ()
        sizes.append(tracemalloc.get_traced_memory()[0] / len(looks))
        tracemalloc.stop()
    assert max(sizes) < 2000 + 16 * 32 * 8192 / len(records)  # and the groups that are kept


def test_a_film_that_may_not_be_read_is_refused(
    film_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FolderSource(film_folder)
    record = source.list().records[5]
    real = FolderSource.digest

    def digest(self: FolderSource, film: Any) -> str:
        if film == record:
            raise PermissionError(13, "Permission denied")
        return real(self, film)

    monkeypatch.setattr(FolderSource, "digest", digest)
    prepared = prepare(source, tmp_path / "out", SMALL)
    assert prepared.manifest.facts["refused"] == {
        record.image_id: "its file cannot be read (Permission denied)"
    }
    (refused,) = json.loads((tmp_path / "out" / "audit.json").read_text())["refused"]
    assert refused["kind"] == "unreadable"


def test_a_killed_command_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 400)
    command = [sys.executable, "-m", "mammo_synth", "films", "prepare", "folder", str(folder)]
    command += ["--size", "32", "--workers", "2", "--out"]
    whole = subprocess.run([*command, str(tmp_path / "whole")], capture_output=True, check=True)
    assert b"Prepared set" in whole.stdout
    process = subprocess.Popen([*command, str(tmp_path / "cut")], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".cut.*/.seen/00000.parquet")):  # until the first part is written
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cut").exists()
    subprocess.run([*command, str(tmp_path / "cut")], capture_output=True, check=True)
    names = sorted(p.name for p in (tmp_path / "whole").iterdir())
    assert names == sorted(p.name for p in (tmp_path / "cut").iterdir())
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


@pytest.fixture()
def bad_folder(tmp_path: Path) -> Path:
    """A film folder in which one film is cut short."""
    folder = write_film_folder(tmp_path / "films", 12)
    film = folder / "004L.png"
    film.write_bytes(film.read_bytes()[:200])
    return folder


def test_a_film_that_does_not_decode_is_listed_and_the_rest_goes_on(
    bad_folder: Path, tmp_path: Path
) -> None:
    prepared = prepare(FolderSource(bad_folder), tmp_path / "out", SMALL)
    refused = prepared.manifest.facts["refused"]
    assert len(refused) == 1 and "004L.png" in next(iter(refused.values()))
    assert prepared.table.num_rows == 23
    assert "004L.png" in (tmp_path / "out" / "audit.html").read_text()


def test_or_stops_everything_with_strict_files(bad_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"004L\.png.*does not decode"):
        prepare(FolderSource(bad_folder), tmp_path / "out", PrepareSettings(32, strict_files=True))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["films"]


def test_one_patient_under_two_names_is_one_patient(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 24)
    shutil.copy(folder / "001L.png", folder / "002L.png")
    prepared = prepare(FolderSource(folder), tmp_path / "out", SMALL)
    rows = prepared.table.to_pylist()
    assert len(rows) == 47  # the copy is left out
    assert len({row["patient_id"] for row in rows}) == 23
    (reason,) = prepared.manifest.facts["refused"].values()
    assert "copy" in reason
    assert any("one patient" in remark for remark in prepared.manifest.facts["remarks"])
    with pytest.raises(BadInput, match="copy"):
        prepare(FolderSource(folder), tmp_path / "s", PrepareSettings(32, strict_files=True))


def test_one_film_with_two_findings_is_refused_in_both_places(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 24)
    shutil.copy(folder / "000L.png", folder / "001L.png")  # malignant, and now also normal
    prepared = prepare(FolderSource(folder), tmp_path / "out", SMALL)
    assert prepared.table.num_rows == 46
    assert len(prepared.manifest.facts["refused"]) == 2
    assert all("conflict" in why for why in prepared.manifest.facts["refused"].values())


def test_a_cancer_film_that_is_also_listed_as_benign_is_refused(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 24)
    shutil.copy(folder / "000L.png", folder / "extra.png")
    with (folder / "metadata.csv").open("a") as stream:
        stream.write("extra.png,benign,somebody else,MLO,L\n")
    prepared = prepare(FolderSource(folder), tmp_path / "out", SMALL)
    (reason,) = prepared.manifest.facts["refused"].values()
    assert "conflict" in reason and "benign" in reason
    assert prepared.table.num_rows == 47


def test_films_that_do_not_suffice_are_said_before_any_is_decoded(
    film_folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(staging, "stage_film", None)
    with pytest.raises(BadInput, match="50-50-90syn") as caught:
        prepare(FolderSource(film_folder), tmp_path / "out", SMALL, for_size=24_000)
    assert "largest --size" in (caught.value.hint or "")


def test_a_changed_tree_is_not_taken_for_the_same(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 12)
    prepare(FolderSource(folder), tmp_path / "out", SMALL)
    (folder / "003R.png").unlink()  # the table is the same
    with pytest.raises(BadInput, match="other settings, inputs"):
        prepare(FolderSource(folder), tmp_path / "out", SMALL)


def test_sixteen_bits_and_eight_become_the_same_films(tmp_path: Path) -> None:
    deep, flat = tmp_path / "deep", write_film_folder(tmp_path / "flat", 12)
    shutil.copytree(flat, deep)
    for path in deep.glob("*.png"):
        pixels = np.asarray(Image.open(path)).astype(np.uint16) * 200 + 77
        Image.fromarray(pixels).save(path)
    tables = [
        prepare(FolderSource(folder), tmp_path / f"out-{folder.name}", SMALL)
        for folder in (deep, flat)
    ]
    a, b = (s.images("train", 0)[0].astype(int) for s in tables)
    assert np.abs(a - b).max() <= 1
    rows = pq.read_table(tables[0].shards[0], columns=["file"]).to_pylist()
    assert {row["file"]["bits"] for row in rows} == {16}


def test_inspect_names_what_is_wrong_and_what_fits(bad_folder: Path) -> None:
    settings = PrepareSettings(split=SplitSettings(34, 33, 33))
    found = inspect_films(FolderSource(bad_folder), settings)
    facts = found.as_dict()
    assert (facts["films"], facts["patients"]) == (24, 12)
    assert len(found.problems) == 1 and found.problems[0].startswith("004L.png (folder-")
    assert facts["findings"] == {"normal": 20, "malignant": 4}
    assert found.largest_size > 0 and found.split is not None
    json.dumps(facts, allow_nan=False)


def test_an_inspection_leaves_nothing_behind_but_the_pictures_of_its_page(
    bad_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(bad_folder / "001L.png", bad_folder / "002L.png")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(work))
    found = inspect_films(FolderSource(bad_folder), PrepareSettings())
    assert list(work.iterdir()) == []
    shown = {copy.first for copy in found.audit.copies} | {r.film for r in found.audit.refused}
    assert shown == set(found.thumbs) and len(shown) == 3
    page = render_page(found.audit, found.looks, found.thumbs, "Films", found.files)
    assert page.count("<img") == 3 and page.count("no picture") == 1
    kinds = {refused["kind"] for refused in found.as_dict()["refused"]}
    assert kinds == {"unreadable", "copy"}
    work.rmdir()
    with pytest.raises(NoSpace, match="temporary folder") as caught:
        inspect_films(FolderSource(bad_folder), PrepareSettings())
    assert "TMPDIR" in (caught.value.hint or "")


def test_the_contact_sheet_shows_outlines_and_what_became_of_them(film_folder: Path) -> None:
    source = FolderSource(film_folder)
    found = inspect_films(source, PrepareSettings())
    sheet = np.asarray(draw_sheet(source, found.looks, most=8))
    red = (sheet[..., 0] > 200) & (sheet[..., 1] < 120) & (sheet[..., 2] < 120)
    green = (sheet[..., 1] > 200) & (sheet[..., 0] < 120)
    assert red.sum() > 500 and green.sum() > 500
    with pytest.raises(BadInput, match="none can be used"):
        draw_sheet(source, [])


def test_bad_settings() -> None:
    with pytest.raises(BadInput, match="100 px"):
        PrepareSettings(100)
    with pytest.raises(BadInput, match="no protocol"):
        PrepareSettings(64, "loose")
    with pytest.raises(BadInput, match="no frame"):
        PrepareSettings(64, frame="breasts")


def test_a_tiny_film_is_refused(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 12)
    Image.fromarray(fake_film(0, "normal", shape=(4, 4))).save(folder / "001R.png")
    prepared = prepare(FolderSource(folder), tmp_path / "out", SMALL)
    assert "4 x 4" in next(iter(prepared.manifest.facts["refused"].values()))
