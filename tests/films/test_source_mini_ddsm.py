"""Mini-DDSM: its folders and its spreadsheet, contours as findings, and what contradicts them."""

from __future__ import annotations

import csv
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.record import FilmRecord, Listing, label_of
from mammo_synth.films.sources import open_source
from mammo_synth.films.sources.mini_ddsm import MiniDdsmSource
from tests.conftest import fake_film
from tests.films.test_source_ddsm import SEQUENCES, overlay_text

COLUMNS = (
    "fullPath",
    "fileName",
    "View",
    "Side",
    "Status",
    "Tumour_Contour",
    "Tumour_Contour2",
    "Age",
    "Density",
)
CONTOURED = {
    "Cancer/A_1932": ("LEFT_CC", "LEFT_MLO"),
    "Cancer/C_0001": ("RIGHT_MLO",),
    "Benign/C_0029": ("LEFT_CC",),
    "Normal/A_0202": (),
}
Row = dict[str, str]


def make_row(status: str, case: str, sequence: str, contours: int = 0, **values: str) -> Row:
    """A row as the spreadsheet has it: other separators, the JPEG export's extension."""
    stem = f"{case}_1.{sequence}"
    place = f"{status}\\{case[2:]}\\{stem}"
    masks = [f"{place}_Mask{n or ''}.jpg" for n in (0, 2, 3)][:contours]
    side, view = sequence.split("_")
    row = {
        "fullPath": f"{place}.jpg",
        "fileName": f"{stem}.jpg",
        "View": view,
        "Side": side,
        "Status": status,
        "Tumour_Contour": masks[0] if masks else "-",
        "Tumour_Contour2": masks[1] if len(masks) > 1 else "-",
        "Age": "56",
        "Density": "3",
    }
    return {**row, **values}


def all_rows() -> list[Row]:
    return [
        make_row(*where.split("/"), sequence, contours=int(sequence in marked))
        for where, marked in CONTOURED.items()
        for sequence in SEQUENCES
    ]


def write_table(path: Path, rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> Path:
    """The spreadsheet: real Excel for ``.xlsx`` (numbers as numbers), else CSV."""
    if path.suffix != ".xlsx":
        with path.open("w", newline="") as stream:
            table = csv.DictWriter(stream, columns, extrasaction="ignore")
            table.writeheader()
            table.writerows(rows)
        return path
    book = openpyxl.Workbook()
    book.active.title = "Data"
    book.active.append(list(columns))
    for row in rows:
        cells = [row[column] for column in columns]
        book.active.append([int(cell) if cell.isdecimal() else cell for cell in cells])
    book.save(path)
    return path


def film_path(root: Path, status: str, case: str, sequence: str, ending: str = ".png") -> Path:
    return root / status / case[2:] / f"{case}_1.{sequence}{ending}"


def write_film(root: Path, status: str, case: str, sequence: str, ending: str = ".png") -> Path:
    path = film_path(root, status, case, sequence, ending)
    path.parent.mkdir(parents=True, exist_ok=True)
    film = fake_film(int(case[2:]) * 4 + SEQUENCES.index(sequence), "normal")
    values = film if ending == ".jpg" else film.astype(np.uint16) * 200
    Image.fromarray(values).save(path, format="JPEG" if ending == ".jpg" else "PNG")
    return path


def write_films(root: Path, ending: str = ".png") -> Path:
    for where, marked in CONTOURED.items():
        status, case = where.split("/")
        for sequence in SEQUENCES:
            path = write_film(root, status, case, sequence, ending)
            if sequence in marked:
                Image.new("L", (9, 9)).save(path.with_name(f"{path.stem}_Mask{ending}"))
        (root / status / case[2:] / f"{case.replace('_', '-')}-1.ics").write_text("ics_version 1.0")
    return root


@pytest.fixture()
def mini(tmp_path: Path) -> Path:
    """The PNG export with its spreadsheet."""
    root = write_films(tmp_path / "MINI-DDSM-Complete-PNG-16")
    write_table(root / "DataWMask.xlsx", all_rows())
    return root


def retable(root: Path, rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> Path:
    (root / "DataWMask.xlsx").unlink(missing_ok=True)
    return write_table(root / "table.csv", rows, columns)


def by_id(listing: Listing) -> dict[str, FilmRecord]:
    return {record.image_id: record for record in listing.records}


def reasons(listing: Listing) -> dict[str, str]:
    return {r.film: r.reason for r in listing.refused}


def says(listing: Listing, words: str) -> bool:
    return any(words in remark for remark in listing.remarks)


STRICT = {
    "mini_ddsm-A_0202_1_LEFT_CC": "normal",
    "mini_ddsm-A_0202_1_LEFT_MLO": "normal",
    "mini_ddsm-A_0202_1_RIGHT_CC": "normal",
    "mini_ddsm-A_0202_1_RIGHT_MLO": "normal",
    "mini_ddsm-A_1932_1_LEFT_CC": "malignant",
    "mini_ddsm-A_1932_1_LEFT_MLO": "malignant",
    "mini_ddsm-C_0001_1_RIGHT_MLO": "malignant",
    "mini_ddsm-C_0029_1_LEFT_CC": "benign",
}


def test_strict_takes_only_films_that_have_a_contour_themselves(mini: Path) -> None:
    source = MiniDdsmSource(mini)
    listing = source.list()
    films = by_id(listing)
    assert {k: r.finding for k, r in films.items()} == STRICT
    assert list(films) == sorted(films)
    film = films["mini_ddsm-A_1932_1_LEFT_MLO"]
    assert film.patient_id == "mini_ddsm-A_1932"
    assert (film.view, film.laterality, film.density) == ("MLO", "L", "3")
    assert film.locator == "Cancer/1932/A_1932_1.LEFT_MLO.png"
    assert source.read(film).pixels.dtype == np.uint16
    assert listing.refused == ()
    assert says(listing, "5 films without a contour in cancer cases left aside")
    assert says(listing, "3 films without a contour in benign cases left aside")
    assert says(listing, "3 films taken as malignant because of a contour in a cancer case")
    assert says(listing, "hold the same patients")
    assert not says(listing, "Study protocol")


def test_study_takes_every_film_of_a_folder_and_says_so(mini: Path) -> None:
    listing = MiniDdsmSource(mini, protocol="study").list()
    findings = [record.finding for record in listing.records]
    assert [findings.count(f) for f in ("malignant", "benign", "normal")] == [8, 4, 4]
    assert sum(label_of(f, "study") == 1 for f in findings) == 12
    assert says(listing, "Study protocol: every film of the folders Cancer and Benign")
    with pytest.raises(BadInput, match="no protocol 'loose'"):
        MiniDdsmSource(mini, protocol="loose")


@pytest.mark.parametrize("name", ["Data-MoreThanTwoMasks.xlsx", "table.csv", "table.tsv"])
def test_every_table_and_both_exports_give_the_same_films(tmp_path: Path, name: str) -> None:
    root = write_films(tmp_path / "MINI-DDSM-Complete-JPEG-8", ".jpg")
    (root / "Data-MoreThanTwoMasks").mkdir()
    write_table(root / "Data-MoreThanTwoMasks" / name, all_rows())
    listing = MiniDdsmSource(root).list()
    assert {k: r.finding for k, r in by_id(listing).items()} == STRICT
    assert all(record.locator.endswith(".jpg") for record in listing.records)


def test_the_overlay_file_of_a_film_says_which_contour_is_the_cancer(mini: Path) -> None:
    for case, sequence, pathologies in (
        ("A_1932", "LEFT_CC", ("MALIGNANT", "BENIGN")),
        ("A_1932", "LEFT_MLO", ("BENIGN",)),
        ("C_0001", "RIGHT_MLO", ("UNPROVEN",)),
    ):
        overlay = film_path(mini, "Cancer", case, sequence, ".OVERLAY")
        overlay.write_text(overlay_text(*pathologies))
    listing = MiniDdsmSource(mini).list()
    films = by_id(listing)
    assert films["mini_ddsm-A_1932_1_LEFT_CC"].finding == "malignant"
    assert films["mini_ddsm-A_1932_1_LEFT_MLO"].finding == "benign"
    assert "mini_ddsm-C_0001_1_RIGHT_MLO" not in films
    assert says(listing, "1 film left aside: what is marked on them is UNPROVEN")
    assert not says(listing, "taken as malignant")


def test_both_exports_below_one_folder_are_one_set_of_films(tmp_path: Path) -> None:
    write_films(tmp_path / "MINI-DDSM-Complete-JPEG-8", ".jpg")
    write_films(tmp_path / "MINI-DDSM-Complete-PNG-16")
    write_table(tmp_path / "MINI-DDSM-Complete-JPEG-8" / "DataWMask.xlsx", all_rows())
    listing = MiniDdsmSource(tmp_path).list()
    assert {k: r.finding for k, r in by_id(listing).items()} == STRICT
    assert all("PNG-16/" in record.locator for record in listing.records)
    assert says(listing, "16 films lie there in several formats") and listing.refused == ()


def test_one_table_is_expected(mini: Path, tmp_path: Path) -> None:
    (mini / "~$DataWMask.xlsx").write_bytes(b"open in Excel")
    assert len(MiniDdsmSource(mini).list().records) == 8
    other = write_table(mini / "Data-MoreThanTwoMasks.xlsx", all_rows()[:4])
    with pytest.raises(BadInput) as error:
        MiniDdsmSource(mini).list()
    assert "2 tables: Data-MoreThanTwoMasks.xlsx, DataWMask.xlsx" in str(error.value)
    chosen = open_source("mini_ddsm", mini, {"table": mini / "DataWMask.xlsx"})
    assert len(chosen.list().records) == 8
    assert chosen.settings != open_source("mini_ddsm", mini, {"table": other}).settings
    with pytest.raises(BadInput, match="no table"):
        MiniDdsmSource(mini, table=tmp_path / "none.csv").list()
    for path in mini.glob("*.xlsx"):
        path.unlink()
    with pytest.raises(BadInput, match=r"holds no table; Mini-DDSM's DataWMask\.xlsx"):
        MiniDdsmSource(mini).list()


def test_missing_columns_are_named(mini: Path) -> None:
    retable(mini, all_rows(), ["fullPath", "fileName", "View", "Side", "Age"])
    with pytest.raises(BadInput) as error:
        MiniDdsmSource(mini).list()
    assert "no column 'Status', 'Tumour_Contour'; its columns are: fullPath, fileName" in str(
        error.value
    )


def test_age_and_density_may_be_missing_and_age_is_never_read(mini: Path) -> None:
    retable(mini, all_rows(), COLUMNS[:-2])
    records = MiniDdsmSource(mini).list().records
    assert {record.density for record in records} == {None}
    for density, known in (("0", None), ("3.0", "3"), ("", None), ("dense", None)):
        retable(mini, [{**row, "Density": density} for row in all_rows()])
        assert {r.density for r in MiniDdsmSource(mini).list().records} == {known}


def test_no_folders_of_statuses(tmp_path: Path, mini: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        MiniDdsmSource(tmp_path / "none").list()
    empty = tmp_path / "empty"
    write_film(empty, "somewhere", "A_1932", "LEFT_CC")
    write_table(empty / "table.csv", all_rows())
    with pytest.raises(BadInput, match="no films in folders cancer, benign, normal"):
        MiniDdsmSource(empty).list()
    # One of the folders alone is known by its own name.
    write_table(mini / "Normal" / "table.csv", all_rows())
    listing = MiniDdsmSource(mini / "Normal").list()
    assert len(listing.records) == 4 and len(listing.refused) == 12
    with pytest.raises(BadInput, match=r"no film that can be used: 16 refused .*no such film"):
        MiniDdsmSource(
            mini / "Cancer",
            table=retable(mini, [make_row("Normal", f"B_30{n:02d}", "LEFT_CC") for n in range(16)]),
        ).list()


Change = Callable[[Path, list[Row]], None]


def edit(**values: str) -> Change:
    """Change the row of A_1932_1.LEFT_CC."""

    def change(_: Path, rows: list[Row]) -> None:
        rows[0].update(values)

    return change


def drop_film(root: Path, _: list[Row]) -> None:
    film_path(root, "Cancer", "A_1932", "LEFT_CC").unlink()


def move_film(root: Path, _: list[Row]) -> None:
    target = film_path(root, "Benign", "A_1932", "LEFT_CC")
    target.parent.mkdir()
    film_path(root, "Cancer", "A_1932", "LEFT_CC").rename(target)


def film_in_both(root: Path, _: list[Row]) -> None:
    write_film(root, "Benign", "A_1932", "LEFT_CC")


def film_twice(root: Path, _: list[Row]) -> None:
    write_film(root / "copy", "Cancer", "A_1932", "LEFT_CC")


def wrong_case(root: Path, _: list[Row]) -> None:
    film_path(root, "Cancer", "A_1932", "LEFT_CC").rename(
        root / "Cancer" / "0001" / "A_1932_1.LEFT_CC.png"
    )


def other_row(_: Path, rows: list[Row]) -> None:
    rows.append(make_row("Cancer", "A_1932", "LEFT_CC", contours=0))


def mask_without_contour(root: Path, _: list[Row]) -> None:
    path = film_path(root, "Cancer", "A_1932", "RIGHT_CC")
    Image.new("L", (9, 9)).save(path.with_name(f"{path.stem}_MASK2.png"))


def overlay_without_contour(root: Path, _: list[Row]) -> None:
    film_path(root, "Cancer", "A_1932", "RIGHT_CC", ".OVERLAY").write_text(overlay_text("BENIGN"))


def normal_with_contour(_: Path, rows: list[Row]) -> None:
    rows[-1].update(make_row("Normal", "A_0202", "RIGHT_MLO", contours=1))


def normal_with_mask(root: Path, _: list[Row]) -> None:
    path = film_path(root, "Normal", "A_0202", "RIGHT_MLO")
    Image.new("L", (9, 9)).save(path.with_name(f"{path.stem}_Mask.png"))


def malignant_in_benign(root: Path, _: list[Row]) -> None:
    film_path(root, "Benign", "C_0029", "LEFT_CC", ".OVERLAY").write_text(overlay_text("MALIGNANT"))


def damaged_overlay(root: Path, _: list[Row]) -> None:
    film_path(root, "Cancer", "A_1932", "LEFT_CC", ".OVERLAY").write_bytes(b"\x00\xff")


A = "A_1932_1.LEFT_CC"
FULL = "Cancer\\1932\\A_1932_1.LEFT_CC.jpg"


@pytest.mark.parametrize(
    ("change", "film", "reason"),
    [
        (edit(Status="Benign"), FULL, "Status is benign, but its fullPath says Cancer"),
        (edit(Status="Tumour"), FULL, "Status 'Tumour' is none of cancer, benign, normal"),
        (edit(Status=""), FULL, "Status '' is none of"),
        (edit(Side="RIGHT"), FULL, "Side is 'RIGHT', but its name says LEFT"),
        (edit(View="MLO"), FULL, "View is 'MLO', but its name says CC"),
        (edit(fileName="A_1932_1.LEFT_MLO.jpg"), FULL, "but its fullPath says A_1932_1.LEFT_CC"),
        (edit(fullPath="..\\..\\etc\\passwd"), "..\\..\\etc\\passwd", "'passwd' is not the name"),
        (edit(fullPath='=HYPERLINK("http://x")'), '=HYPERLINK("http://x")', "not the name"),
        (edit(fullPath="+cmd|' /C calc'!A0"), "+cmd|' /C calc'!A0", "is not the name"),
        (edit(fullPath=""), "A_1932_1.LEFT_CC.jpg", "'' is not the name"),
        (edit(fullPath="Cancer\\0001\\A_1932_1.LEFT_CC.jpg"), None, "fullPath says case 0001"),
        (edit(Tumour_Contour="=1+1"), FULL, "contour '=1+1' is not of this film"),
        (edit(Tumour_Contour="x\\A_1932_1.LEFT_MLO_Mask.jpg"), FULL, "is not of this film"),
        (edit(fullPath="Cancer\\1932\\A_1932_1.LEFT_CC_Mask.jpg"), None, "is not the name"),
        (drop_film, A, "there is no such film"),
        (move_film, A, "Status is cancer, but it lies in the folder benign"),
        (film_in_both, A, "lies in the folder benign and cancer"),
        (film_twice, A, "2 files of one format"),
        (wrong_case, A, "it lies in '0001', the folder of another case"),
        (other_row, A, "lines 2, 18 say different things of this film"),
        (mask_without_contour, "A_1932_1.RIGHT_CC", "names no contour, but it has a mask"),
        (overlay_without_contour, "A_1932_1.RIGHT_CC", "no contour, but it has an .OVERLAY file"),
        (normal_with_contour, "A_0202_1.RIGHT_MLO", "normal, but the table names a contour"),
        (normal_with_mask, "A_0202_1.RIGHT_MLO", "normal, but it has a mask"),
        (malignant_in_benign, "C_0029_1.LEFT_CC", "benign, but its .OVERLAY file says MALIGNANT"),
        (damaged_overlay, A, ".OVERLAY file says no number of abnormalities"),
    ],
)
def test_one_bad_row_or_film_is_refused_and_the_rest_goes_on(
    mini: Path, change: Change, film: str | None, reason: str
) -> None:
    rows = all_rows()
    change(mini, rows)
    retable(mini, rows)
    listing = MiniDdsmSource(mini).list()
    (refused,) = listing.refused
    assert film in (None, refused.film)
    assert reason in refused.reason and "line " in refused.reason
    # No other film changes; at most the bad one is missing.
    left = {k: r.finding for k, r in by_id(listing).items()}
    assert left.items() <= STRICT.items() and len(left) >= len(STRICT) - 1


def test_a_path_that_leads_out_reads_nothing_outside(mini: Path) -> None:
    """Only names are looked up: a row can name no file that the folder does not hold."""
    rows = all_rows()
    rows[0]["fullPath"] = f"..\\..\\..\\1932\\{A}.jpg"
    retable(mini, rows)
    listing = MiniDdsmSource(mini).list()
    assert by_id(listing)["mini_ddsm-A_1932_1_LEFT_CC"].locator == f"Cancer/1932/{A}.png"


def test_rows_that_repeat_and_films_that_no_row_names(mini: Path) -> None:
    rows = all_rows()
    retable(mini, [*rows, rows[0], rows[0]])
    write_film(mini, "Cancer", "B_3141", "LEFT_CC")
    Image.new("L", (9, 9)).save(mini / "Cancer" / "1932" / "preview.png")
    Image.new("L", (9, 9)).save(mini / "logo.png")
    listing = MiniDdsmSource(mini).list()
    assert {k: r.finding for k, r in by_id(listing).items()} == STRICT
    assert says(listing, "2 rows repeat another row")
    assert says(listing, "1 film that no row of the table names left aside: B_3141_1.LEFT_CC")
    assert says(listing, "2 files without the name of a DDSM film")


def test_other_projections_are_left_aside(mini: Path) -> None:
    path = mini / "Normal" / "0202" / "A_0202_1.LEFT_ML.png"
    Image.new("L", (9, 9)).save(path)
    row = make_row("Normal", "A_0202", "LEFT_ML")
    retable(mini, [*all_rows(), row])
    listing = MiniDdsmSource(mini).list()
    assert len(listing.records) == 8 and listing.refused == ()
    assert says(listing, "1 film of other projections than CC and MLO")


def test_a_case_number_may_come_twice_and_a_case_in_two_folders_is_one_patient(mini: Path) -> None:
    write_film(mini, "Normal", "A_0001", "LEFT_CC")  # the number of C_0001, another hospital
    write_film(mini, "Normal", "C_0029", "RIGHT_CC")  # the case is in Benign, too
    film_path(mini, "Benign", "C_0029", "RIGHT_CC").unlink()
    rows = [r for r in all_rows() if r["fileName"] != "C_0029_1.RIGHT_CC.jpg"]
    rows.append(make_row("Normal", "A_0001", "LEFT_CC"))
    rows.append(make_row("Normal", "C_0029", "RIGHT_CC"))
    retable(mini, rows)
    listing = MiniDdsmSource(mini).list()
    films = by_id(listing)
    assert films["mini_ddsm-A_0001_1_LEFT_CC"].patient_id == "mini_ddsm-A_0001"
    assert films["mini_ddsm-C_0001_1_RIGHT_MLO"].patient_id == "mini_ddsm-C_0001"
    assert films["mini_ddsm-C_0029_1_RIGHT_CC"].patient_id == "mini_ddsm-C_0029"
    assert says(listing, "1 case with films in more than one of the folders")
    assert says(listing, "C_0029")


def test_settings_follow_table_and_overlays_and_hold_no_path(mini: Path) -> None:
    source = MiniDdsmSource(mini)
    before = source.settings
    assert before == source.settings and str(mini) not in str(before)
    assert before != MiniDdsmSource(mini, protocol="study").settings
    film_path(mini, "Cancer", "A_1932", "LEFT_CC", ".OVERLAY").write_text(overlay_text("BENIGN"))
    changed = source.settings
    assert changed["overlays_sha256"] != before["overlays_sha256"]
    retable(mini, all_rows()[:-1])
    assert source.settings["table_sha256"] != before["table_sha256"]


def test_names_that_are_no_utf_8_and_loops_of_links(mini: Path) -> None:
    (mini / "Normal" / "0202" / "A_0202_1.LEFT_CC\udcff.png").write_bytes(b"x")
    (mini / "Normal" / "loop").symlink_to(mini)
    listing = MiniDdsmSource(mini).list()
    assert len(listing.records) == 8
    assert [r.reason for r in listing.refused] == ["its name is not UTF-8: rename it"]


@pytest.mark.parametrize(
    ("data", "says_so"),
    [
        (b"PK\x03\x04 nothing", "not an Excel file"),
        (b"\xd0\xcf\x11\xe0 a password", "not an Excel file"),
    ],
)
def test_a_spreadsheet_that_is_none(mini: Path, data: bytes, says_so: str) -> None:
    (mini / "DataWMask.xlsx").write_bytes(data)
    with pytest.raises(BadInput, match=says_so):
        MiniDdsmSource(mini).list()


def test_an_entity_bomb_in_the_spreadsheet(mini: Path) -> None:
    path = mini / "DataWMask.xlsx"
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = bomb + parts[sheet].replace(b"<sheetData>", b"<sheetData><row>&b;</row>")
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    with pytest.raises(BadInput, match="declares an XML document type"):
        MiniDdsmSource(mini).list()


def test_a_large_export_lists_in_seconds(tmp_path: Path) -> None:
    rows = []
    for number in range(1_000):
        case = f"B_{3000 + number}"
        folder = tmp_path / "Cancer" / case[2:]
        folder.mkdir(parents=True)
        for sequence in SEQUENCES:
            (folder / f"{case}_1.{sequence}.png").touch()
            rows.append(make_row("Cancer", case, sequence, contours=1))
    write_table(tmp_path / "table.csv", rows)
    start = time.perf_counter()
    assert len(MiniDdsmSource(tmp_path).list().records) == 4_000
    assert time.perf_counter() - start < 8  # about 0.3 s


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.integers(0, 15),
    st.sampled_from(COLUMNS),
    st.text(max_size=30) | st.sampled_from(["-", "Cancer", "Normal", A, "../" + A, "nan"]),
)
def test_any_value_anywhere_spoils_at_most_its_own_film(
    mini: Path, at: int, column: str, value: str
) -> None:
    rows = all_rows()
    stem = rows[at]["fileName"].removesuffix(".jpg")
    rows[at][column] = value.replace("\x00", "")
    data = "\n".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in line)
        for line in (COLUMNS, *([row[c] for c in COLUMNS] for row in rows))
    )
    (mini / "DataWMask.xlsx").unlink(missing_ok=True)
    (mini / "table.csv").write_bytes(data.encode("utf-8", "replace"))
    listing = MiniDdsmSource(mini).list()
    own = f"mini_ddsm-{stem.replace('.', '_')}"
    found = {k: r.finding for k, r in by_id(listing).items() if k != own}
    assert found == {k: v for k, v in STRICT.items() if k != own}
