"""Real pixels that may not be passed on: references in their place, and the user's own films."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mammo_synth.configurations import CANCER, CONFIGURATIONS, REAL, Cell
from mammo_synth.errors import BadInput
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.sources.folder import FolderSource
from mammo_synth.manifest import check_folder
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.folder import Release
from mammo_synth.release.forms import REFERENCED, REHYDRATED, loadable, may_be_passed_on
from mammo_synth.release.references import SCHEMA, read_references
from mammo_synth.release.rehydrate import PreparedFilms, SourceFilms, open_films, rehydrate
from tests.conftest import Command, assert_friendly, fake_generators, write_film_folder

SYNTHETIC_ONES = ["30-70-100syn", "50-50-100syn", "70-30-100syn"]


@pytest.fixture(scope="module")
def referenced(prepared_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of films that may not be passed on; do not write to it."""
    folder = tmp_path_factory.mktemp("referenced")
    return build_release(
        prepared_set,
        fake_generators(prepared_set, folder),
        folder / "mammo-synth",
        ReleaseSettings(120),
    )


@pytest.fixture()
def bare(referenced: Release, tmp_path: Path) -> Release:
    """A copy of it."""
    return Release.open(shutil.copytree(referenced.folder, tmp_path / "mammo-synth"))


def test_no_real_pixel_is_in_a_referenced_release(
    referenced: Release, prepared_set: PreparedSet
) -> None:
    facts = referenced.manifest.facts
    assert facts["real"] == REFERENCED and may_be_passed_on(facts)
    films = [row["image"]["bytes"] for role in ("train", "val", "real_test") for label in (0, 1)
             for row in prepared_set.rows(role, label)]  # fmt: skip
    for path in referenced.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(film in data for film in films), path
    assert not list(referenced.folder.glob("data/*/*-real"))
    assert loadable(facts) == dict.fromkeys(SYNTHETIC_ONES, ("train", "test"))
    table = read_references(referenced.folder, Cell("real_test", CANCER, REAL), facts)
    assert table.num_rows == facts["films"]["real_test"]["cancer"] and table.schema == SCHEMA


def test_what_can_be_loaded_without_films_loads_whole(referenced: Release, offline: Any) -> None:
    folder = str(referenced.folder)
    data = offline.load_dataset(folder)
    assert set(data) == {"train", "test"} and data["train"].num_rows == 84
    with pytest.raises(ValueError, match="50-50-90syn"):
        offline.load_dataset(folder, "50-50-90syn")
    with pytest.raises(BadInput, match="holds references") as refusal:
        referenced.rows("50-50-90syn", "train")
    assert "release rehydrate" in str(refusal.value.hint)
    with pytest.raises(BadInput, match="real_test"):
        referenced.rows("50-50-100syn", "real_test")


def test_films_as_distributed_and_prepared_ones_fill_in_the_same_bytes(
    bare: Release,
    referenced: Release,
    prepared_set: PreparedSet,
    film_folder: Path,
    tmp_path: Path,
    offline: Any,
) -> None:
    elsewhere = Path(shutil.copytree(film_folder, tmp_path / "films"))
    filled = rehydrate(bare, open_films(bare, elsewhere, {}))
    assert filled.manifest.facts["real"] == REHYDRATED and check_folder(filled.folder) == []
    assert not may_be_passed_on(filled.manifest.facts)
    other = Release.open(shutil.copytree(referenced.folder, tmp_path / "b" / "mammo-synth"))
    again = rehydrate(other, open_films(other, prepared_set.folder, {}))
    assert again.manifest.files == filled.manifest.files
    for name, one in CONFIGURATIONS.items():
        data = offline.load_dataset(str(filled.folder), name)
        assert data["train"].num_rows + data["test"].num_rows == sum(one.counts(120).values())
        assert data["real_test"].num_rows > 0
    # Once more changes nothing.
    before = (filled.folder / "manifest.json").stat().st_mtime_ns
    rehydrate(filled, PreparedFilms(prepared_set))
    assert (filled.folder / "manifest.json").stat().st_mtime_ns == before


def test_a_film_is_found_by_its_bytes_under_another_name(
    bare: Release, film_folder: Path, tmp_path: Path
) -> None:
    films = Path(shutil.copytree(film_folder, tmp_path / "films"))
    text = (films / "metadata.csv").read_text()
    for path in sorted(films.glob("*.png")):
        path.rename(films / f"film-{path.name}")
        text = text.replace(f"\n{path.name}", f"\nfilm-{path.name}")
    (films / "metadata.csv").write_text(text)
    assert rehydrate(bare, open_films(bare, films, {})).manifest.facts["real"] == REHYDRATED


def _unchanged(release: Release) -> None:
    assert check_folder(release.folder) == []
    assert Release.open(release.folder).sha256 == release.sha256
    assert [path.name for path in release.folder.parent.glob(".mammo-synth*")] == []


def test_other_films_are_refused_and_nothing_changes(
    bare: Release, film_folder: Path, tmp_path: Path
) -> None:
    films = Path(shutil.copytree(film_folder, tmp_path / "films"))
    facts = bare.manifest.facts
    wanted = read_references(bare.folder, Cell("real_test", CANCER, REAL), facts).to_pylist()[0]
    source = FolderSource(films)
    (record,) = [r for r in source.list().records if r.image_id == wanted["image_id"]]
    data = bytearray((films / record.locator).read_bytes())
    (films / record.locator).write_bytes(data + b" ")
    with pytest.raises(BadInput, match="1 films of the release cannot be filled in") as refusal:
        rehydrate(bare, open_films(bare, films, {}))
    assert wanted["image_id"] in refusal.value.message
    _unchanged(bare)
    fewer = write_film_folder(tmp_path / "fewer", patients=12)
    with pytest.raises(BadInput, match=r"not among these films.*more"):
        rehydrate(bare, open_films(bare, fewer, {}))
    _unchanged(bare)
    small = prepare(FolderSource(film_folder), tmp_path / "small", PrepareSettings(64))
    with pytest.raises(BadInput, match="pixels in the prepared set are not those"):
        rehydrate(bare, PreparedFilms(small))
    _unchanged(bare)


def test_pixels_that_come_out_otherwise_are_refused(bare: Release, film_folder: Path) -> None:
    preparation = {**bare.manifest.facts["preparation"], "frame": "film"}
    films = SourceFilms(FolderSource(film_folder), preparation)
    with pytest.raises(BadInput, match="prepares to other pixels"):
        rehydrate(bare, films)
    _unchanged(bare)


def test_a_folder_with_other_files_is_left_alone(bare: Release, prepared_set: PreparedSet) -> None:
    (bare.folder / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"notes\.txt"):
        rehydrate(bare, PreparedFilms(prepared_set))
    assert (bare.folder / "notes.txt").read_text() == "mine"


def test_references_that_were_damaged_are_named(bare: Release, prepared_set: PreparedSet) -> None:
    path = bare.folder / "references/train-cancer-real.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadInput, match=r"train-cancer-real\.parquet"):
        rehydrate(bare, PreparedFilms(prepared_set))
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(BadInput, match="other columns"):
        rehydrate(bare, PreparedFilms(prepared_set))


def test_the_command(bare: Release, film_folder: Path, run: Command, tmp_path: Path) -> None:
    assert_friendly(run("release", "rehydrate", bare.folder, "--films", tmp_path / "no"), "no")
    done = run("release", "rehydrate", bare.folder, "--films", film_folder)
    assert done.code == 0 and "each checked" in done.stdout, done.stderr
    again = run("release", "rehydrate", bare.folder, "--films", film_folder)
    assert again.code == 0 and "already" in again.stdout


def test_a_later_version_says_what_changed(prepared_set: PreparedSet, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    generators = fake_generators(prepared_set, tmp_path)
    first = build_release(prepared_set, generators, tmp_path / "old" / "m", ReleaseSettings(120))
    out = tmp_path / "new" / "m"
    with pytest.raises(BadInput, match=r"1\.0\.1"):
        build_release(
            prepared_set, generators, out, ReleaseSettings(160, version="1.0.1"), after=first
        )
    assert not out.exists()
    settings = ReleaseSettings(160, version="1.1.0")
    later = build_release(prepared_set, generators, out, settings, after=first)
    newest, oldest = later.manifest.facts["history"]
    assert (newest["version"], newest["kind"]) == ("1.1.0", "minor")
    assert any("images added" in sentence or "added" in sentence for sentence in newest["changes"])
    assert not any("removed" in sentence for sentence in newest["changes"])
    assert oldest["version"] == "1.0.0"
    assert "## 1.1.0 (minor)" in (out / "CHANGELOG.md").read_text()
    # A release whose films are in place follows one without them, and the other way round.
    filled = rehydrate(first, PreparedFilms(prepared_set))
    same = build_release(
        prepared_set,
        generators,
        tmp_path / "third" / "m",
        ReleaseSettings(120, version="2.0.0"),
        after=filled,
    )
    assert not any(
        "images" in sentence for sentence in same.manifest.facts["history"][0]["changes"]
    )
