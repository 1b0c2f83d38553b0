"""A user's own folder: with a table, or sorted into class folders."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.films.sources.folder import FolderSource
from tests.conftest import fake_film, write_film_folder
from tests.films.label_rows import changed, check_refused_alone, listing_or_sentence, write_csv

COLUMNS = ("path", "finding", "patient_id", "view", "laterality")


def edit(folder: Path, old: str, new: str) -> FolderSource:
    table = folder / "metadata.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    return FolderSource(folder)


def write_table(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    write_csv(folder / "metadata.csv", COLUMNS, rows)


def write_film(path: Path, number: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(fake_film(number, "normal")).save(path)


def test_terms_are_the_owners_word(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", patients=2)
    unknown = FolderSource(folder)
    assert not unknown.terms.redistributable and unknown.terms.licence_id == "unknown"
    open_ = FolderSource(
        folder, licence="CC-BY-4.0", citation="Films of a clinic.", may_be_passed_on=True
    )
    assert open_.terms.redistributable and open_.terms.licence_id == "cc-by-4.0"
    assert open_.terms.citation == "Films of a clinic."
    assert open_.settings != unknown.settings
    kept = FolderSource(folder, licence="for our hospital only")
    assert (kept.terms.redistributable, kept.terms.licence_id) == (False, "other")
    with pytest.raises(BadInput, match="not under which licence") as refusal:
        FolderSource(folder, may_be_passed_on=True)
    assert "--licence" in str(refusal.value.hint)


def test_films_of_a_table(tmp_path: Path) -> None:
    source = FolderSource(write_film_folder(tmp_path / "films", 2))
    listing = source.list()
    assert len(listing.records) == 4 and listing.remarks == () and listing.refused == ()
    films = {r.locator: r for r in listing.records}
    film = films["000L.png"]
    assert film.image_id == f"folder-{sha256_bytes(b'000L.png')[:12]}"
    assert film.patient_id == f"folder-p{sha256_bytes(b'patient 0')[:12]}"
    assert (film.finding, film.view, film.laterality) == ("malignant", "MLO", "L")
    assert films["000R.png"].patient_id == film.patient_id != films["001L.png"].patient_id
    assert (source.read(film).pixels == fake_film(0, "malignant")).all()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("000L.png,malignant", "000L.png,cancer", "finding 'cancer' is none of"),
        ("000L.png,malignant", "000L.png,=1+1", "finding '=1+1' is none of"),
        ("000L.png", "gone.png", "there is no file 'gone.png'"),
        ("000L.png", "../secret.png", "points outside"),
        ("000L.png", "a/../../secret.png", "points outside"),
        ("000L.png", "..\\secret.png", "points outside"),
        ("000L.png", "/etc/passwd", "points outside"),
        ("000L.png", "a\x07b.png", "control characters"),
        ("000L.png", "", "'path' is empty"),
        ("patient 0", "", "'patient_id' is empty"),
        ("MLO", "LATERAL", "view 'LATERAL' is none of"),
        ("MLO,L", "MLO,B", "laterality 'B' is none of"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_rest_goes_on(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "secret.png")
    listing = edit(write_film_folder(tmp_path / "films", 2), old, new).list()
    check_refused_alone(listing, 2, says, films=3)
    assert str(tmp_path) not in listing.refused[0].reason


def test_a_link_out_of_the_folder(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 2)
    Image.new("L", (9, 9)).save(tmp_path / "secret.png")
    (folder / "out").symlink_to(tmp_path, target_is_directory=True)
    (folder / "000R.png").unlink()
    (folder / "000R.png").symlink_to(tmp_path / "secret.png")
    source = edit(folder, "000L.png", "out/secret.png")
    listing = source.list()
    assert "points outside" in listing.refused[0].reason
    (linked,) = (r for r in listing.records if r.locator == "000R.png")
    with pytest.raises(BadInput, match="points outside"):
        source.read(linked)


def test_a_film_twice_with_equal_values_stays_once(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 2)
    for again in ("000L.png", "./000L.png", "x/../000L.png"):
        with (folder / "metadata.csv").open("a") as stream:
            stream.write(f"{again},malignant,patient 0,MLO,L\n")
    listing = FolderSource(folder).list()
    assert len(listing.records) == 4
    assert [r.reason for r in listing.refused] == [
        f"line {line}: the film stands in the table twice (line 2)" for line in (6, 7, 8)
    ]


@pytest.mark.parametrize(
    "row", ["000L.png,normal,patient 0,MLO,L", "000L.png,malignant,patient 1,MLO,L"]
)
def test_a_film_under_two_findings_or_patients_is_not_used(tmp_path: Path, row: str) -> None:
    folder = write_film_folder(tmp_path / "films", 2)
    with (folder / "metadata.csv").open("a") as stream:
        stream.write(f"{row}\n000L.png,malignant,patient 0,MLO,L\n")
    listing = FolderSource(folder).list()
    assert "000L.png" not in {r.locator for r in listing.records} and len(listing.records) == 3
    assert [r.reason.split(":")[0] for r in listing.refused] == ["line 2", "line 6", "line 7"]
    assert listing.refused[0].reason.startswith("line 2: line 6 says something else")


def test_a_second_row_that_cannot_be_read_spoils_the_film(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 2)
    with (folder / "metadata.csv").open("a") as stream:
        stream.write("000L.png,benin,patient 0,MLO,L\n")
    listing = FolderSource(folder).list()
    assert len(listing.records) == 3
    assert "Did you mean 'benign'?" in listing.refused[0].reason
    assert listing.refused[1].reason == "line 2: line 6 of this film cannot be used"


def test_excel_and_parquet_say_the_same_as_csv(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 2)
    from_csv = FolderSource(folder).list()
    with (folder / "metadata.csv").open() as stream:
        rows = list(csv.reader(stream))
    (folder / "metadata.csv").unlink()
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / "metadata.xlsx")
    assert FolderSource(folder).list() == from_csv
    columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    pq.write_table(pa.table({k: list(v) for k, v in columns.items()}), folder / "metadata.parquet")
    with pytest.raises(BadInput, match="2 tables"):
        FolderSource(folder).list()
    assert FolderSource(folder, table=folder / "metadata.parquet").list() == from_csv


def test_density_is_a_word_and_no_story(tmp_path: Path) -> None:
    write_film(tmp_path / "a.png")
    write_film(tmp_path / "b.png", 1)
    (tmp_path / "metadata.csv").write_text(
        "path,finding,patient_id,density\n"
        'a.png,normal,1,BI-RADS 2\nb.png,normal,2,"Jane Doe, born 1950"\n'
    )
    listing = FolderSource(tmp_path).list()
    assert [r.density for r in listing.records] == ["BI-RADS 2"]
    assert "density" in listing.refused[0].reason


def test_without_table_columns_or_films(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        FolderSource(tmp_path / "gone").list()
    with pytest.raises(BadInput, match=r"no table.*--each-file-a-patient.*leak") as error:
        FolderSource(tmp_path).list()
    assert "--table" in str(error.value)
    table = tmp_path / "metadata.csv"
    table.write_text("path,finding,patient_id\n")
    with pytest.raises(BadInput, match="a header but no films"):
        FolderSource(tmp_path).list()
    table.write_text("path,diagnosis,patient_id\na,b,c\n")
    with pytest.raises(BadInput, match="no column 'finding'"):
        FolderSource(tmp_path).list()
    table.write_text("path,finding,patient_id\na.png,normal,1\nb.png,normal,2\n")
    with pytest.raises(BadInput, match=r"2 refused \(a\.png: line 2: there is no file"):
        FolderSource(tmp_path).list()
    table.write_bytes(b"\xff\xfe path")
    with pytest.raises(BadInput, match="UTF-8"):
        FolderSource(tmp_path).list()


def test_files_that_the_table_does_not_name(tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 2)
    write_film(folder / "extra.png")
    with open(os.fsencode(folder) + b"/\xff.png", "wb"):
        pass
    (folder / "round").symlink_to(folder, target_is_directory=True)
    listing = FolderSource(folder).list()
    assert listing.remarks == ("1 image files are not in the table, left aside.",)
    assert [r.reason for r in listing.refused] == ["its name is not UTF-8: rename it"]


@pytest.fixture()
def classes(tmp_path: Path) -> Path:
    """Films in class folders, some deeper, some under the other name of malignant."""
    for number, name in enumerate(
        ["Normal/a.png", "normal/site 2/a.png", "BENIGN/b.png", "Cancer/c.png", "x/malignant/d.png"]
    ):
        write_film(tmp_path / name, number)
    return tmp_path


def test_class_folders_where_each_file_is_a_patient(classes: Path) -> None:
    listing = FolderSource(classes, each_file_a_patient=True).list()
    assert {r.locator: r.finding for r in listing.records} == {
        "Normal/a.png": "normal",
        "normal/site 2/a.png": "normal",
        "BENIGN/b.png": "benign",
        "Cancer/c.png": "malignant",
        "x/malignant/d.png": "malignant",
    }
    assert len({r.patient_id for r in listing.records}) == 5
    assert {r.view for r in listing.records} == {None}
    assert "on the user's word" in listing.remarks[0] and len(listing.remarks) == 1
    assert [r.image_id for r in listing.records] == sorted(r.image_id for r in listing.records)


def test_class_folders_are_not_guessed_at(classes: Path) -> None:
    with pytest.raises(BadInput, match="--each-file-a-patient"):
        FolderSource(classes).list()
    write_table(classes, [["Normal/a.png", "normal", "1", "", ""]])
    with pytest.raises(BadInput, match=r"but the table .* names patients"):
        FolderSource(classes, each_file_a_patient=True).list()
    assert len(FolderSource(classes).list().records) == 1


def test_class_folders_that_contradict_each_other(classes: Path) -> None:
    write_film(classes / "normal" / "cancer" / "e.png", 7)
    write_film(classes / "f.png", 8)
    listing = FolderSource(classes, each_file_a_patient=True).list()
    assert len(listing.records) == 5
    (refused,) = listing.refused
    assert refused.film == "normal/cancer/e.png" and "malignant and normal" in refused.reason
    assert listing.remarks[1] == "1 image file in no class folder, left aside."


def test_no_class_folder(tmp_path: Path) -> None:
    write_film(tmp_path / "films" / "a.png")
    with pytest.raises(BadInput, match="below folders named normal, benign, malignant, cancer"):
        FolderSource(tmp_path, each_file_a_patient=True).list()


def test_settings_follow_what_decides_the_films(classes: Path) -> None:
    source = FolderSource(classes, each_file_a_patient=True)
    before = source.settings
    assert before["each_file_a_patient"] is True and str(classes) not in str(before)
    write_film(classes / "normal" / "new.png", 9)
    assert source.settings != before
    write_table(classes, [["Normal/a.png", "normal", "1", "", ""]])
    by_table = FolderSource(classes).settings
    write_table(classes, [["Normal/a.png", "benign", "1", "", ""]])
    assert FolderSource(classes).settings != by_table
    assert not source.terms.redistributable


@given(st.lists(st.tuples(*(st.text(max_size=12) for _ in COLUMNS)), max_size=4))
def test_any_text_in_any_cell_gives_a_listing_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("films")
    write_film(folder / "a.png")
    good = ("a.png", "normal", "1", "CC", "L")
    write_table(folder, [good, *rows])
    listing = listing_or_sentence(FolderSource(folder))
    if listing is None:
        return
    assert [r.locator for r in listing.records] == ["a.png"]
    assert len(listing.refused) <= len(rows)


@given(
    st.fixed_dictionaries(
        {},
        optional={column: st.text(max_size=12) for column in COLUMNS},
    )
)
def test_any_text_beside_good_values(
    tmp_path_factory: pytest.TempPathFactory, values: Mapping[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("films")
    write_film(folder / "a.png")
    good = ("a.png", "normal", "1", "CC", "L")
    write_table(folder, changed([good], 0, COLUMNS, values))
    listing = listing_or_sentence(FolderSource(folder))
    if listing is None:
        return
    (film,) = listing.records
    assert film.finding in ("normal", "benign", "malignant") and film.locator == "a.png"
