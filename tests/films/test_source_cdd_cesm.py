"""CDD-CESM: the low-energy images, in the layout and with the table of the publication."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.sources.cdd_cesm import CddCesmSource, parse_name
from tests.conftest import fake_film
from tests.films.label_rows import changed, check_refused_alone, listing_or_sentence, write_csv

COLUMNS = [
    "Image_name",
    "Patient_ID",
    "Side",
    "Type",
    "Age",
    "Breast density (ACR)",
    "BIRADS",
    "Findings",
    "View",
    "Tags",
    "Machine",
    "Pathology Classification/ Follow up",
]
LOW = "Low energy images of CDD-CESM"
SUBTRACTED = "Subtracted images of CDD-CESM"
TABLE = "Radiology-manual-annotations"


def row(name: str, pathology: str, **values: str) -> list[str]:
    """A row of the table as it is published; both kinds of an image have one each."""
    parsed = parse_name(name)
    assert parsed is not None
    given = {
        "Image_name": name,
        "Patient_ID": str(parsed.patient),
        "Side": parsed.side,
        "Type": "DM" if parsed.low_energy else "CESM",
        "Age": "51",
        "Breast density (ACR)": "C" if parsed.low_energy else "_",
        "BIRADS": "4$2",
        "Findings": "Mass",
        "View": parsed.projection,
        "Tags": "",
        "Machine": "1",
        "Pathology Classification/ Follow up": pathology,
    }
    return [{**given, **values}[column] for column in COLUMNS]


def both(name: str, pathology: str) -> list[list[str]]:
    return [row(name, pathology), row(name.replace("_DM_", "_CM_"), pathology)]


ROWS = [
    *both("P1_L_DM_MLO", "Malignant"),
    *both("P1_L_DM_CC", "Malignant"),
    *both("P1_R_DM_MLO", "Normal"),
    *both("P2_R_DM_CC", "Benign"),
]


def write_table(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    write_csv(folder / f"{TABLE}.csv", COLUMNS, rows)


def write_xlsx(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    """The published workbook: sheet ``all``, then sheets of single findings."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "all"
    for values in [COLUMNS, *rows]:
        sheet.append([int(v) if v.isdigit() else v for v in values])
    book.create_sheet("mass_description").append(["Image_name", "Mass shape"])
    book.save(folder / f"{TABLE}.xlsx")


def write_films(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    for name in {values[0].strip() for values in rows}:
        where = folder / (LOW if "_DM_" in name else SUBTRACTED)
        where.mkdir(exist_ok=True, parents=True)
        (where / f"{name}.jpg").touch()


@pytest.fixture()
def cesm(tmp_path: Path) -> Path:
    """Two patients in the layout of the publication."""
    write_xlsx(tmp_path, ROWS)
    write_films(tmp_path / "PKG - CDD-CESM" / "CDD-CESM", ROWS)
    return tmp_path


def findings(folder: Path) -> Mapping[str, str]:
    return {r.image_id: r.finding for r in CddCesmSource(folder).list().records}


def test_low_energy_images_only(cesm: Path) -> None:
    assert findings(cesm) == {
        "cdd_cesm-P1_L_DM_CC": "malignant",
        "cdd_cesm-P1_L_DM_MLO": "malignant",
        "cdd_cesm-P1_R_DM_MLO": "normal",  # the healthy breast of a patient with cancer
        "cdd_cesm-P2_R_DM_CC": "benign",
    }
    listing = CddCesmSource(cesm).list()
    assert {r.patient_id for r in listing.records} == {"cdd_cesm-p1", "cdd_cesm-p2"}
    film = listing.records[0]
    assert (film.view, film.laterality, film.density) == ("CC", "L", "C")
    assert film.locator == f"PKG - CDD-CESM/CDD-CESM/{LOW}/P1_L_DM_CC.jpg"
    assert listing.remarks == (
        "4 subtracted images left aside: they show contrast, and are no mammograms.",
    )
    assert listing.refused == ()


def test_the_csv_says_the_same_and_the_workbook_goes_first(cesm: Path) -> None:
    from_workbook = CddCesmSource(cesm).list()
    write_table(cesm, ROWS[:2])
    assert CddCesmSource(cesm).list() == from_workbook
    (cesm / f"{TABLE}.xlsx").unlink()
    assert list(findings(cesm)) == ["cdd_cesm-P1_L_DM_MLO"]


def test_stray_spaces_and_case_in_the_table_and_in_file_names(tmp_path: Path) -> None:
    rows = [list(values) for values in ROWS]
    rows[0][0] = " P1_L_DM_MLO "
    rows[2][0] = "p1_l_dm_cc.jpg"
    rows[4][11] = "normal "
    write_table(tmp_path, rows)
    write_films(tmp_path, ROWS)
    film = tmp_path / LOW / "P1_R_DM_MLO.jpg"
    film.rename(film.with_name("P1_R_DM_MLO .JPG"))
    assert len(findings(tmp_path)) == 4


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("P1_L_DM_MLO", "P1_L_DM_MLO"),
        (" p12_r_cm_cc .jpg", "P12_R_CM_CC"),
        ("P7_L_DM_MLO_2.JPG", "P7_L_DM_MLO_2"),
        ("P1_B_DM_MLO", None),
        ("1_L_DM_MLO", None),
        ("P1_L_DM", None),
        ("../P1_L_DM_MLO", None),
        ("=P1_L_DM_MLO", None),
        ("", None),
    ],
)
def test_names(text: str, name: str | None) -> None:
    parsed = parse_name(text)
    assert (parsed.text if parsed else None) == name


@pytest.mark.parametrize("order", [1, -1])
def test_several_rows_of_an_image_the_worst_wins(cesm: Path, order: int) -> None:
    mixed = [row("P2_R_DM_CC", "Malignant"), *ROWS, row("P2_R_DM_CC", "Normal")]
    write_xlsx(cesm, mixed[::order])
    assert findings(cesm)["cdd_cesm-P2_R_DM_CC"] == "malignant"


def test_an_image_milder_than_its_breast_is_left_aside(cesm: Path) -> None:
    rows = [list(values) for values in ROWS]
    rows[4][11] = "Benign"  # P1_R_DM_MLO; its subtracted image says Normal
    rows[7][11] = "Malignant"  # the subtracted image of P2_R_DM_CC, which says Benign
    rows[0][11] = "Normal"  # P1_L_DM_MLO in a breast with cancer
    write_xlsx(cesm, rows)
    assert findings(cesm) == {
        "cdd_cesm-P1_L_DM_CC": "malignant",
        "cdd_cesm-P1_R_DM_MLO": "benign",
    }
    assert CddCesmSource(cesm).list().remarks[1] == (
        "2 films left aside: another image of the same breast has a worse class."
    )


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("Image_name", "P1 left", "'P1 left' is no name of this set"),
        ("Image_name", "../../P1_L_DM_MLO", "is no name of this set"),
        ("Patient_ID", "3", "its patient '3' is not that of its name"),
        ("Side", "R", "its side 'R' is not"),
        ("Type", "CESM", "its type 'CESM' is not"),
        ("View", "CC", "its view 'CC' is not"),
        (COLUMNS[-1], "Suspicious", "the pathology 'Suspicious' is none of Normal"),
        (COLUMNS[-1], "", "the pathology '' is none of"),
        (COLUMNS[-1], "=1+1", "the pathology '=1+1' is none of"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_rest_goes_on(
    tmp_path: Path, column: str, value: str, says: str
) -> None:
    write_table(tmp_path, changed(ROWS, 0, COLUMNS, {column: value}))
    write_films(tmp_path, ROWS)
    check_refused_alone(CddCesmSource(tmp_path).list(), 2, says, films=3)


def test_an_unread_row_spoils_its_image(tmp_path: Path) -> None:
    write_table(tmp_path, [*ROWS, row("P2_R_DM_CC", "Malignnt")])
    write_films(tmp_path, ROWS)
    assert "cdd_cesm-P2_R_DM_CC" not in findings(tmp_path)
    reasons = [r.reason for r in CddCesmSource(tmp_path).list().refused]
    assert "'Malignnt'" in reasons[0] and "line 10 of this film" in reasons[1]


def test_files_that_are_missing_double_or_in_the_wrong_folder(cesm: Path) -> None:
    low = cesm / "PKG - CDD-CESM" / "CDD-CESM" / LOW
    (low / "P1_L_DM_CC.jpg").unlink()
    (low / "P1_L_DM_MLO.png").touch()
    (low / "P1_R_DM_MLO.jpg").rename(low.with_name(SUBTRACTED) / "P1_R_DM_MLO.jpg")
    (low / "P9_L_DM_CC.jpg").touch()
    listing = CddCesmSource(cesm).list()
    assert [r.image_id for r in listing.records] == ["cdd_cesm-P2_R_DM_CC"]
    refused = {r.film: r.reason for r in listing.refused}
    assert "there is no file 'P1_L_DM_CC.jpg'" in refused["P1_L_DM_CC"]
    assert "it has 2 files" in refused["P1_L_DM_MLO"]
    assert "among the subtracted images" in refused["P1_R_DM_MLO"]
    assert "1 low-energy image without a row in the table, left aside." in listing.remarks


def test_other_projections_are_left_aside(cesm: Path) -> None:
    write_xlsx(cesm, [*ROWS, row("P2_R_DM_ML", "Benign")])
    assert "1 film of other projections (ML 1) left aside." in CddCesmSource(cesm).list().remarks


def test_without_table_columns_or_films(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no 'Radiology-manual-annotations\.xlsx'"):
        CddCesmSource(tmp_path).list()
    write_table(tmp_path, ROWS)
    with pytest.raises(BadInput, match=r"4 refused \(P1_L_DM_MLO: line 2: there is no file"):
        CddCesmSource(tmp_path).list()
    (tmp_path / f"{TABLE}.csv").write_text("Image_name,BIRADS\nP1_L_DM_CC,4\n")
    with pytest.raises(BadInput, match="no column 'Pathology Classification/ Follow up'"):
        CddCesmSource(tmp_path).list()
    (tmp_path / f"{TABLE}.xlsx").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(BadInput, match="Save it again"):
        CddCesmSource(tmp_path).list()


def test_a_film_is_read_and_may_be_passed_on(cesm: Path) -> None:
    film = cesm / "PKG - CDD-CESM" / "CDD-CESM" / LOW / "P1_L_DM_CC.jpg"
    Image.fromarray(fake_film(4, "malignant")).save(film, quality=95)
    source = CddCesmSource(cesm)
    read = source.read(source.list().records[0])
    assert read.format == "jpeg" and read.pixels.shape == (48, 40)
    assert source.terms.redistributable and source.terms.licence_id == "cc-by-4.0"
    assert str(cesm) not in str(source.settings)


def test_odd_names_links_and_an_open_workbook(cesm: Path) -> None:
    (cesm / "round").symlink_to(cesm, target_is_directory=True)
    (cesm / f"~${TABLE}.xlsx").write_bytes(b"lock")
    with open(os.fsencode(cesm) + b"/P3_L_DM_CC\xff.jpg", "wb"):
        pass
    listing = CddCesmSource(cesm).list()
    assert len(listing.records) == 4
    assert [r.reason for r in listing.refused] == ["its name is not UTF-8: rename it"]


@given(
    st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=20), max_size=6),
    st.integers(0, len(ROWS) - 1),
)
def test_any_text_in_any_cell_gives_a_listing_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, values: Mapping[str, str], at: int
) -> None:
    folder = tmp_path_factory.mktemp("cesm")
    write_table(folder, changed(ROWS, at, COLUMNS, values))
    write_films(folder, ROWS)
    listing = listing_or_sentence(CddCesmSource(folder))
    if listing is None:
        return
    assert all("_DM_" in r.image_id for r in listing.records)
    assert len(listing.records) <= 4
