"""INbreast: the tree as distributed, what its BI-RADS categories mean, and what is refused."""

from __future__ import annotations

import csv
import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openpyxl
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from mammo_synth.errors import BadInput
from mammo_synth.films.sources.inbreast import InbreastSource
from tests.conftest import fake_film
from tests.films.label_rows import listing_or_sentence

HEADER = [
    *("Patient ID", "Patient age", "Laterality", "View", "Acquisition date", "File Name"),
    *("ACR", "Bi-Rads"),
]
WOMAN, OTHER, THIRD = "6c613a14b80a8591", "b6a4f750c6df4f90", "8d0b9620c53c0268"


@dataclass(frozen=True)
class Row:
    """One film: a row of the table, and a file."""

    number: int
    patient: str
    side: str
    view: str
    birads: str
    density: str = "2"

    @property
    def stem(self) -> str:
        view = "ML" if self.view == "MLO" else self.view  # as the distribution's files are called
        return f"{self.number}_{self.patient}_MG_{self.side}_{view}_ANON"

    @property
    def cells(self) -> list[str]:
        who = ["removed", "removed", self.side, self.view, "201001"]
        return [*who, str(self.number), self.density, self.birads]


ROWS = (
    Row(20586908, WOMAN, "R", "CC", "1"),
    Row(20586934, WOMAN, "L", "CC", "5"),
    Row(20586960, WOMAN, "R", "MLO", "1"),
    Row(20586986, WOMAN, "L", "MLO", "6"),
    Row(20587054, OTHER, "R", "CC", "2"),
    Row(20587080, OTHER, "R", "MLO", "3", density="     "),  # blank in the distribution too
    Row(20587106, OTHER, "L", "CC", "4a"),
    Row(20587132, OTHER, "L", "MLO", "4c"),
    Row(20588190, THIRD, "L", "CC", "0"),
    Row(20588216, THIRD, "R", "FB", "1"),  # from below
)
STRICT = {
    "inbreast-20586908": "normal",
    "inbreast-20586934": "malignant",
    "inbreast-20586960": "normal",
    "inbreast-20586986": "malignant",
    "inbreast-20587054": "benign",
    "inbreast-20587080": "benign",
}


def write_image(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".dcm":
        Image.fromarray(pixels).save(path)
        return
    film = pydicom.Dataset()
    film.SOPClassUID, film.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.3"
    film.Rows, film.Columns = pixels.shape
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit, film.SamplesPerPixel, film.PixelRepresentation = 7, 1, 0
    film.PhotometricInterpretation, film.PixelData = "MONOCHROME2", pixels.tobytes()
    film.file_meta = pydicom.dataset.FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.save_as(path, enforce_file_format=True)


def write_table(
    path: Path, rows: tuple[Row, ...] = ROWS, changes: dict[tuple[int, str], str] | None = None
) -> None:
    """INbreast.csv of ``rows``; ``changes``: (row, column) → another value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        table = csv.writer(stream, delimiter=";")
        table.writerow(HEADER)
        for number, row in enumerate(rows):
            own = {c: v for (at, c), v in (changes or {}).items() if at == number}
            table.writerow([own.get(c, v) for c, v in zip(HEADER, row.cells, strict=True)])


def release(
    folder: Path, rows: tuple[Row, ...] = ROWS, name: str = "AllDICOMs", suffix: str = ".dcm"
) -> Path:
    """INbreast Release 1.0 below ``folder``."""
    top = folder / "INbreast Release 1.0"
    write_table(top / "INbreast.csv", rows)
    for row in rows:
        write_image(top / name / f"{row.stem}{suffix}", fake_film(row.number, "normal", row.side))
    (top / "AllXML").mkdir(exist_ok=True)
    (top / "AllXML" / "20586934.xml").write_text("<plist/>")
    return folder


def table_of(folder: Path) -> Path:
    return folder / "INbreast Release 1.0" / "INbreast.csv"


def refused(folder: Path) -> dict[str, str]:
    return {r.film: r.reason for r in InbreastSource(folder).list().refused}


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("AllDICOMs", ".dcm"), ("AllPNGs", ".png"), ("images", ".tif"), ("jpg", ".dcm.jpg")],
)
def test_the_release_and_conversions_that_kept_its_names(
    tmp_path: Path, name: str, suffix: str
) -> None:
    listing = InbreastSource(release(tmp_path, name=name, suffix=suffix)).list()
    assert {r.image_id: r.finding for r in listing.records} == STRICT
    assert listing.refused == ()
    by_id = {r.image_id: r for r in listing.records}
    film = by_id["inbreast-20586960"]
    assert (film.patient_id, film.view, film.laterality) == (f"inbreast-{WOMAN}", "MLO", "R")
    assert film.locator == f"INbreast Release 1.0/{name}/{ROWS[2].stem}{suffix}"
    assert [by_id[i].density for i in sorted(STRICT)] == ["2"] * 5 + [None]


def test_no_date_and_no_age_enters_a_record(tmp_path: Path) -> None:
    folder = release(tmp_path)
    write_table(table_of(folder), changes={(0, "Patient age"): "67", (0, "Patient ID"): "Ana"})
    for record in InbreastSource(folder).list().records:
        assert not {"201001", "67", "Ana"} & set(map(str, (record.image_id, record.patient_id)))
        assert "201001" not in repr(record)


def test_strict_leaves_birads_4_aside_and_says_so(tmp_path: Path) -> None:
    remarks = InbreastSource(release(tmp_path)).list().remarks
    assert "not pathology" in remarks[0] and "4 (2 to 95 % malignant) is neither" in remarks[0]
    assert remarks[1:] == ("4 films left aside: BI-RADS 4 2, BI-RADS 0 1, view FB 1.",)


def test_study_takes_birads_4_as_malignant_and_leaves_2_aside(tmp_path: Path) -> None:
    source = InbreastSource(release(tmp_path), protocol="study")
    listing = source.list()
    assert {r.image_id: r.finding for r in listing.records} == {
        **{k: v for k, v in STRICT.items() if k != "inbreast-20587054"},
        "inbreast-20587106": "malignant",
        "inbreast-20587132": "malignant",
    }
    assert "4 to 6 malignant" in listing.remarks[0]
    assert source.settings != InbreastSource(tmp_path).settings
    with pytest.raises(BadInput, match="no protocol 'loose'"):
        InbreastSource(tmp_path, protocol="loose")


@pytest.mark.parametrize("birads", ["4", "4b", "5", "6"])
@pytest.mark.parametrize("protocol", ["strict", "study"])
def test_no_sure_normal_beside_a_suspicious_film_of_the_same_breast(
    tmp_path: Path, birads: str, protocol: str
) -> None:
    folder = release(tmp_path)
    write_table(table_of(folder), changes={(2, "Bi-Rads"): birads})
    listing = InbreastSource(folder, protocol=protocol).list()
    assert "inbreast-20586908" not in {r.image_id for r in listing.records}
    reasons = {r.film: r.reason for r in listing.refused}
    assert "no sure normal" in reasons[f"INbreast Release 1.0/AllDICOMs/{ROWS[0].stem}.dcm"]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("Laterality", "L", "the table says L CC, the file's name R CC"),
        ("View", "MLO", "the table says R MLO, the file's name R CC"),
        ("Laterality", "both", "laterality 'both' is neither L nor R"),
        ("View", "", "view '' is neither CC nor MLO"),
        ("View", "=1+1", "view '=1+1'"),
        ("Bi-Rads", "7", "BI-RADS '7' is none of 0, 1, 2"),
        ("Bi-Rads", "", "BI-RADS '' is none of"),
        ("Bi-Rads", "=A1", "BI-RADS '=A1'"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, column: str, value: str, says: str
) -> None:
    folder = release(tmp_path)
    write_table(table_of(folder), changes={(0, column): value})
    reason = refused(folder)["20586908"]
    assert reason.startswith("line 2: ") and says in reason
    assert len(InbreastSource(folder).list().records) == len(STRICT) - 1


@pytest.mark.parametrize(
    "number",
    ["2058690", "../../../etc/passwd", "=HYPERLINK(1)", "20586908.dcm", "２０５８６９０８"],
)
def test_what_is_no_number_of_a_film(tmp_path: Path, number: str) -> None:
    folder = release(tmp_path)
    write_table(table_of(folder), changes={(0, "File Name"): number})
    listing = InbreastSource(folder).list()
    assert "is no number of eight digits" in {r.film: r.reason for r in listing.refused}[number]
    assert "1 image file without a row in the table left aside." in listing.remarks


def test_a_row_without_a_film_and_a_film_with_two(tmp_path: Path) -> None:
    folder = release(tmp_path)
    films = folder / "INbreast Release 1.0" / "AllDICOMs"
    (films / f"{ROWS[0].stem}.dcm").unlink()
    shutil.copytree(films, films.parent / "copy")
    assert "there is no file '20586908_" in refused_or_all(folder)
    (films.parent / "copy" / f"{ROWS[1].stem}.dcm").rename(
        films.parent / "copy" / f"{ROWS[1].stem}.png"
    )
    listing = InbreastSource(folder).list()  # the DICOM file before its conversion
    assert [r.image_id for r in listing.records] == ["inbreast-20586934"]
    reasons = {r.film: r.reason for r in listing.refused}
    assert "it has 2 files" in reasons["20586960"]


def refused_or_all(folder: Path) -> str:
    """The reasons, where not one film is left."""
    with pytest.raises(BadInput, match="names no film that can be used") as error:
        InbreastSource(folder).list()
    return str(error.value)


def test_masks_beside_the_films_are_passed_over(tmp_path: Path) -> None:
    folder = release(tmp_path, name="images", suffix=".png")
    mask = np.zeros((9, 9), np.uint8)
    for row in ROWS:
        write_image(tmp_path / "masks" / f"{row.stem}.mask.png", mask)
        write_image(tmp_path / "masks" / f"{row.stem}_mask.png", mask)
    listing = InbreastSource(folder).list()
    assert {r.image_id: r.finding for r in listing.records} == STRICT
    assert all("/images/" in r.locator for r in listing.records)


def test_names_that_have_lost_the_patient(tmp_path: Path) -> None:
    folder = release(tmp_path)
    path = folder / "INbreast Release 1.0" / "AllDICOMs" / f"{ROWS[0].stem}.dcm"
    path.rename(path.with_name("20586908.dcm"))
    assert "has lost the word that tells the patient" in refused(folder)["20586908"]


def test_two_patients_for_one_film(tmp_path: Path) -> None:
    folder = release(tmp_path)
    write_image(tmp_path / "png" / f"{ROWS[0].stem}.png".replace(WOMAN, OTHER), fake_film(1, "x"))
    assert "its files name two patients" in refused(folder)["20586908"]


@pytest.mark.parametrize("second", ["2", "0", "4b", "?"])
def test_two_rows_that_say_different_things_of_one_film(tmp_path: Path, second: str) -> None:
    folder = release(tmp_path)
    for order in (ROWS, ROWS[::-1]):
        again = tuple(Row(r.number, r.patient, r.side, r.view, second) for r in order[:1])
        write_table(table_of(folder), (*again, *order) if order is ROWS else (*order, *again))
        listing = InbreastSource(folder).list()
        assert f"inbreast-{again[0].number}" not in {r.image_id for r in listing.records}


def test_links_out_of_the_folder_are_no_films(tmp_path: Path) -> None:
    folder = release(tmp_path / "films")
    path = folder / "INbreast Release 1.0" / "AllDICOMs" / f"{ROWS[0].stem}.dcm"
    path.rename(tmp_path / "outside.dcm")
    path.symlink_to(tmp_path / "outside.dcm")
    assert "points outside" in refused(folder)["20586908"]


def test_excel_tables(tmp_path: Path) -> None:
    folder = release(tmp_path)
    book = openpyxl.Workbook()
    book.active.append([*HEADER, "Mass ", "Micros"])
    for row in ROWS:
        book.active.append([*row.cells[:5], row.number, row.density.strip() or None, row.birads])
    book.active.append([None] * 7 + [410, 108, 310])  # the totals below the table
    table_of(folder).unlink()
    (folder / "INbreast Release 1.0" / "INbreast.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(BadInput, match=r"INbreast\.xls'.* Save it as INbreast\.xlsx"):
        InbreastSource(folder).list()
    book.save(folder / "INbreast Release 1.0" / "INbreast.xlsx")
    listing = InbreastSource(folder).list()
    assert {r.image_id: r.finding for r in listing.records} == STRICT
    assert listing.refused == ()


def test_trees_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        InbreastSource(tmp_path / "none").list()
    with pytest.raises(BadInput, match=r"has no 'INbreast\.csv'"):
        InbreastSource(tmp_path).list()
    write_table(tmp_path / "INbreast.csv")
    with pytest.raises(BadInput, match="names no film that can be used"):
        InbreastSource(tmp_path).list()
    write_table(tmp_path / "INbreast.csv", ())
    with pytest.raises(BadInput, match="no films"):
        InbreastSource(tmp_path).list()
    (tmp_path / "INbreast.csv").write_text("File Name;Laterality;View\n")
    with pytest.raises(BadInput, match="no column 'Bi-Rads'"):
        InbreastSource(tmp_path).list()


def test_settings_terms_and_reading(tmp_path: Path) -> None:
    source = InbreastSource(release(tmp_path, suffix=".png"))
    first = source.settings
    assert first["birads_protocol"] == "strict" and str(tmp_path) not in str(first)
    write_table(table_of(tmp_path), changes={(0, "Bi-Rads"): "2"})
    assert source.settings != first
    assert not source.terms.redistributable and source.name == "inbreast"
    assert pickle.loads(pickle.dumps(source)) == source
    record = source.list().records[0]
    assert np.array_equal(source.read(record).pixels, fake_film(20586908, "normal", "R"))
    assert len(source.digest(record)) == 64


@given(
    st.integers(0, len(ROWS) - 1),
    st.sampled_from(HEADER),
    st.text(st.characters(codec="utf-8"), max_size=40)
    | st.sampled_from(["", "=cmd()", "..", "L", "CC", "20586934", "1", "5", "nan"]),
)
def test_any_text_in_any_cell_gives_a_listing_or_a_sentence(
    row: int, column: str, text: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "INbreast.csv", changes={(row, column): text})
        for other in ROWS:
            (folder / f"{other.stem}.png").write_bytes(b"no image")
        listing = listing_or_sentence(InbreastSource(folder))
        if listing is None:
            return
        known = {f"inbreast-{r.number}": f"inbreast-{r.patient}" for r in ROWS}
        assert all(known[r.image_id] == r.patient_id for r in listing.records)
        assert all(r.reason.isprintable() for r in listing.refused)
        assert len(listing.records) >= len(STRICT) - 2
