"""Breast density: from the source's table to the rows, the cards, the exports and the records; and
releases that were built before they had it."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mammo_synth.bench.predictions import write_predictions
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.results import Stored, differences, read_scored
from mammo_synth.bench.score import Brought, score
from mammo_synth.bench.truth import test_set_of as truth_of
from mammo_synth.configurations import CANCER, NORMAL, REAL, Cell
from mammo_synth.errors import BadInput
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.sources.folder import FolderSource
from mammo_synth.films.sources.phantom import PhantomSource
from mammo_synth.films.split import SplitSettings
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.card import render_card
from mammo_synth.release.croissant import croissant
from mammo_synth.release.export import NOTHING, export_release
from mammo_synth.release.folder import Release, Rows
from mammo_synth.release.references import read_references
from mammo_synth.release.rehydrate import PreparedFilms, rehydrate
from mammo_synth.release.schema import COLUMNS, arrow_schema, columns_of
from mammo_synth.release.verify import verify_release
from tests.conftest import FILM_PATIENTS, Command, fake_generators, write_film_folder
from tests.release.older import COLUMNS as OLDER
from tests.release.older import older
from tests.release.tampering import first, rewrite
from tests.release.test_release import reseal

NAME = "50-50-90syn"


def density_of(patient: int) -> str:
    """The class that the table of films states: 1 to 3, or nothing."""
    return ("1", "2", "3", "")[patient // 3 % 4]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """The fake films, with a class of density for three patients in four."""
    folder = write_film_folder(tmp_path_factory.mktemp("dense") / "films")
    with (folder / "metadata.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (folder / "metadata.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, [*rows[0], "density"])
        table.writeheader()
        for row in rows:
            table.writerow(row | {"density": density_of(int(row["patient_id"].split()[1]))})
    out = tmp_path_factory.mktemp("prepared") / "prepared"
    return prepare(FolderSource(folder), out, PrepareSettings(32, split=SplitSettings()))


@pytest.fixture(scope="module")
def referenced(films: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of them without their pixels; do not write to it."""
    folder = tmp_path_factory.mktemp("referenced")
    generators = fake_generators(films, folder)
    return build_release(films, generators, folder / "mammo-synth", ReleaseSettings(120))


@pytest.fixture(scope="module")
def release(
    referenced: Release, films: PreparedSet, tmp_path_factory: pytest.TempPathFactory
) -> Release:
    """The same with the films in place; do not write to it."""
    out = tmp_path_factory.mktemp("release") / "mammo-synth"
    bare = Release.open(Path(shutil.copytree(referenced.folder, out)))
    return rehydrate(bare, PreparedFilms(films))


def _scores(rows: Rows) -> Floats:
    return (0.2 + 0.6 * rows.label).astype(np.float64)


def said_of(films: PreparedSet) -> dict[str, str | None]:
    columns = (films.table[name].to_pylist() for name in ("image_id", "density"))
    return dict(zip(*columns, strict=True))


def test_every_real_row_has_the_density_of_its_film_and_no_synthetic_one_has_any(
    release: Release, films: PreparedSet, offline: Any
) -> None:
    said = said_of(films)
    assert Counter(said.values())[None] == FILM_PATIENTS // 4 * 2  # two films a patient
    assert list(COLUMNS)[list(COLUMNS).index("laterality") + 1] == "density"
    data = offline.load_dataset(str(release.folder), NAME)
    for split in ("train", "test", "real_test"):
        rows = release.rows(NAME, split)
        expected = [
            said[film] if origin == REAL else None
            for film, origin in zip(rows.image_id, rows.origin, strict=True)
        ]
        assert rows.density == expected == data[split]["density"]
    assert set(rows.density) == {"1", "2", "3", None}
    assert verify_release(release) == []


def test_verify_finds_a_density_that_is_not_the_films(release: Release, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(release.folder, tmp_path / "mammo-synth"))

    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["density"] = "9"

    for cell in ("real_test/cancer-real", "train/normal-synthetic"):
        rewrite(first(copy, cell), change)
    text = "\n".join(verify_release(reseal(copy)))
    assert "its density is 9, the release refers to" in text
    assert "a synthetic image has a density" in text


def test_phantom_patients_have_a_density_in_their_films() -> None:
    """The simulator's own classes: it plans each patient with one, and draws her tissue by it."""
    listing = PhantomSource(40, 3).list().records
    assert {film.density for film in listing} == set("ABCD")
    of_patient: dict[str, set[str | None]] = {}
    for film in listing:
        of_patient.setdefault(film.patient_id, set()).add(film.density)
    assert all(len(classes) == 1 for classes in of_patient.values())


def test_cards_tell_of_the_column_where_it_is(release: Release, tmp_path: Path) -> None:
    settings, facts = release.manifest.settings, release.manifest.facts
    old = {**facts, "columns": list(OLDER)}
    line = f"| `density` | {COLUMNS['density']} |"
    for told, has in ((facts, True), (old, False)):
        card = render_card(settings, told)
        assert (line in card) == ("in the source's own classes" in card) == has
        assert ("breast density and device are not columns" in card) != has
        fields = json.dumps(croissant(settings, told))
        assert ("/density" in fields) == ("laterality, density and patient_id" in fields) == has


def test_an_export_holds_classes_that_no_reader_takes_for_numbers(
    release: Release, films: PreparedSet, tmp_path: Path, offline: Any
) -> None:
    export_release(release, NAME, tmp_path / "out")
    with (tmp_path / "out" / "realtest" / "metadata.csv").open(newline="") as stream:
        found = {row["image_id"]: row["density"] for row in csv.DictReader(stream)}
    said = said_of(films)
    assert found == {i: NOTHING if said[i] is None else f"class {said[i]}" for i in found}
    assert "class A" in (tmp_path / "out" / "README.txt").read_text()
    # Where every film has a class, as in many sources, bare digits would be read as numbers.
    table = (tmp_path / "out" / "realtest" / "metadata.csv").read_text().splitlines()
    (tmp_path / "known.csv").write_text("\n".join([table[0], *(x for x in table if "class" in x)]))
    known = offline.load_dataset("csv", data_files=str(tmp_path / "known.csv"), split="train")
    assert set(known["density"]) == {"class 1", "class 2", "class 3"}


def test_brought_predictions_are_scored_by_density(release: Release, tmp_path: Path) -> None:
    rows = release.rows(NAME, "real_test")
    write_predictions(tmp_path / "p.parquet", rows.image_id, _scores(rows))
    path, record = score(
        tmp_path / "p.parquet",
        release,
        Brought(NAME, "mine"),
        tmp_path / "results",
        created="2026-01-31T12:00:00Z",
    )
    groups = record["evaluations"]["real_test"]["subgroups"]
    assert groups is not None
    by_density = {g["group"]: g["n"] for g in groups if g["column"] == "density"}
    assert by_density == dict(Counter(rows.density))
    stored = Stored(path, record)
    assert differences(tmp_path / "results", stored) == []
    truth = read_scored(tmp_path / "results", stored, "real_test").truth
    assert truth == truth_of(rows)
    assert {film.image_id: film.density for film in truth.films} == dict(
        zip(rows.image_id, rows.density, strict=True)
    )


def test_the_command_prints_the_groups_and_both_conventions(
    release: Release, tmp_path: Path, run: Command
) -> None:
    rows = release.rows(NAME, "real_test")
    write_predictions(tmp_path / "p.parquet", rows.image_id, _scores(rows))
    options = ("--config", NAME, "--classifier-name", "mine", "--out", tmp_path / "results")
    done = run("bench", "score", tmp_path / "p.parquet", "--release", release.folder, *options)
    assert done.code == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[1] for line in lines if line[0] == "density"] == ["1", "2", "3", "not"]
    assert ["real_test", "1.000", "1.000", "1.000", "1.000"] in lines
    for words in ("(positive class: cancer", "(positive class: normal)", "source's own"):
        assert words in done.stdout
    row = next(line for line in lines if line[0] == "auroc")
    assert row[1:] == ["1.000", "1.000", "to", "1.000"], "no number is cut in a pipe"


@pytest.mark.parametrize("columns", [list(OLDER), None], ids=["named", "not named"])
def test_a_release_from_before_the_column_is_whole_and_its_density_unknown(
    release: Release, tmp_path: Path, offline: Any, columns: list[str] | None
) -> None:
    old = older(release, tmp_path, columns=columns)
    assert columns_of(old.manifest.facts) == OLDER
    assert verify_release(old) == []
    rows = old.rows(NAME, "real_test")
    assert set(rows.density) == {None} and set(rows.laterality) == {"L", "R"}
    assert list(offline.load_dataset(str(old.folder), NAME)["train"].features) == list(OLDER)
    export_release(old, NAME, tmp_path / "out", splits=("real_test",))
    with (tmp_path / "out" / "realtest" / "metadata.csv").open(newline="") as stream:
        assert "density" not in next(csv.reader(stream))
    write_predictions(tmp_path / "p.parquet", rows.image_id, _scores(rows))
    _, record = score(
        tmp_path / "p.parquet",
        old,
        Brought(NAME, "mine"),
        tmp_path / "results",
        created="2026-01-31T12:00:00Z",
    )
    groups = record["evaluations"]["real_test"]["subgroups"]
    assert groups and "density" not in {g["column"] for g in groups}


def test_films_fill_a_release_from_before_the_column_as_it_was(
    referenced: Release, films: PreparedSet, tmp_path: Path
) -> None:
    old = older(referenced, tmp_path)
    table = read_references(old.folder, Cell("real_test", CANCER, REAL), old.manifest.facts)
    assert set(table["density"].to_pylist()) == {None}
    filled = rehydrate(old, PreparedFilms(films))
    assert verify_release(filled) == []
    shard = pq.read_schema(first(filled.folder, "real_test/cancer-real"))
    assert shard.equals(arrow_schema(OLDER), check_metadata=True)
    assert "density" not in shard.names


def test_a_release_with_the_column_follows_one_without_it_as_a_minor_version(
    referenced: Release, films: PreparedSet, tmp_path: Path
) -> None:
    old = older(referenced, tmp_path)
    generators = fake_generators(films, tmp_path)
    with pytest.raises(BadInput, match="minor step"):
        build_release(
            films,
            generators,
            tmp_path / "new",
            ReleaseSettings(120, version="1.0.1"),
            after=old,
        )
    new = build_release(
        films, generators, tmp_path / "new", ReleaseSettings(120, version="1.1.0"), after=old
    )
    newest = new.manifest.facts["history"][0]
    assert newest["kind"] == "minor"
    (change,) = newest["changes"]
    assert change.startswith("Columns: ") and "laterality, density," in change


@pytest.mark.parametrize(
    "columns",
    [[*COLUMNS, "age"], [name for name in COLUMNS if name != "view"], [*COLUMNS][::-1], 5, "image"],
)
def test_columns_of_no_known_version_are_refused(release: Release, columns: Any) -> None:
    with pytest.raises(BadInput, match="The release has the columns") as refusal:
        columns_of({**release.manifest.facts, "columns": columns})
    assert "later version" in str(refusal.value.hint)


def test_a_table_of_references_without_the_column_is_no_table_of_a_release_that_has_it(
    referenced: Release, tmp_path: Path
) -> None:
    copy = Release.open(Path(shutil.copytree(referenced.folder, tmp_path / "mammo-synth")))
    path = copy.folder / "references/real_test-normal-real.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["density"]), path)
    with pytest.raises(BadInput, match="other columns"):
        read_references(copy.folder, Cell("real_test", NORMAL, REAL), copy.manifest.facts)
