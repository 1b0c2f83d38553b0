"""The RSNA screening films: the layout of the challenge, its labels, and what contradicts them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Listing, label_of
from mammo_synth.films.sources.rsna import RsnaSource
from tests.conftest import fake_film
from tests.films.label_rows import changed, check_refused_alone, listing_or_sentence, write_csv

PUBLISHED = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,"
    "density,machine_id,difficult_negative_case"
)
COLUMNS = PUBLISHED.split(",")


def row(patient: int, image: int, side: str = "L", view: str = "CC", **values: str) -> list[str]:
    """A row of train.csv as it is published."""
    given = {
        "site_id": "2",
        "patient_id": str(patient),
        "image_id": str(image),
        "laterality": side,
        "view": view,
        "age": "61.0",
        "cancer": "0",
        "biopsy": "0",
        "invasive": "0",
        "BIRADS": "",
        "implant": "0",
        "density": "C",
        "machine_id": "49",
        "difficult_negative_case": "False",
    }
    return [{**given, **values}[column] for column in COLUMNS]


CANCER = {"cancer": "1", "biopsy": "1", "invasive": "1", "BIRADS": "0.0"}
ROWS = [
    row(10006, 462822612),
    row(10006, 1459541791, view="MLO"),
    row(10006, 1864590858, "R", "MLO", BIRADS="0.0"),
    row(10130, 388811999, **CANCER),
    row(10130, 613462606, view="MLO", **CANCER),
    row(10130, 1672636630, "R", biopsy="1", BIRADS="0.0"),
    row(10130, 1360338805, "R", "AT", biopsy="1"),
    row(10226, 461614796, implant="1"),
]


def write_table(folder: Path, rows: Sequence[Sequence[str]], name: str = "train.csv") -> None:
    write_csv(folder / name, COLUMNS, rows)


def write_films(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    """Empty files where the DICOM files are: a listing reads none of them."""
    for values in rows:
        path = folder / "train_images" / values[1] / f"{values[2]}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture()
def rsna(tmp_path: Path) -> Path:
    """Four patients in the layout of the challenge, with its test films and tables."""
    write_table(tmp_path, ROWS)
    write_films(tmp_path, ROWS)
    (tmp_path / "test.csv").write_text("site_id,patient_id,image_id\n2,10008,736471439\n")
    unlabelled = tmp_path / "test_images" / "10008"
    unlabelled.mkdir(parents=True)
    (unlabelled / "736471439.dcm").touch()
    return tmp_path


def findings(listing: Listing) -> Mapping[str, str]:
    return {record.image_id: record.finding for record in listing.records}


def test_labels_are_of_the_breast(rsna: Path) -> None:
    listing = RsnaSource(rsna).list()
    assert findings(listing) == {
        "rsna-10006-462822612": "normal",
        "rsna-10006-1459541791": "normal",
        "rsna-10006-1864590858": "normal",  # recalled, and no cancer
        "rsna-10130-388811999": "malignant",
        "rsna-10130-613462606": "malignant",
        "rsna-10130-1672636630": "benign",  # biopsied, and no cancer
    }
    assert [r.image_id for r in listing.records] == sorted(findings(listing))
    assert {r.patient_id for r in listing.records} == {"rsna-p10006", "rsna-p10130"}
    film = listing.records[0]
    assert (film.view, film.laterality, film.density) == ("MLO", "L", "C")
    assert film.locator == "train_images/10006/1459541791.dcm"
    assert listing.refused == ()


def test_strict_counts_no_biopsied_non_cancer(rsna: Path) -> None:
    labels = [label_of(f, "strict") for f in findings(RsnaSource(rsna).list()).values()]
    assert labels.count(1) == 2 and labels.count(0) == 3 and labels.count(None) == 1


def test_what_is_left_aside_is_counted(rsna: Path) -> None:
    projections, implants, recalled, unlabelled = RsnaSource(rsna).list().remarks
    assert projections == "1 film of other projections (AT 1) left aside."
    assert implants.startswith("1 film of patients with implants left aside")
    assert recalled.startswith("1 normal film of breasts that were recalled (BIRADS 0)")
    assert unlabelled.startswith("1 image file without a row in train.csv")


def test_conversions_are_taken_under_both_names_and_dicom_goes_first(rsna: Path) -> None:
    for image in ("462822612", "1459541791"):
        (rsna / "train_images/10006" / f"{image}.dcm").unlink()
    small = rsna / "png_512"
    (small / "10006").mkdir(parents=True)
    film = fake_film(1, "normal")
    Image.fromarray(film).save(small / "10006" / "462822612.png")
    Image.fromarray(film).save(small / "10006_1459541791.png")
    Image.fromarray(film).save(small / "10130_388811999.png")  # and its DICOM file is there
    source = RsnaSource(rsna)
    records = {r.image_id: r for r in source.list().records}
    assert records["rsna-10006-462822612"].locator == "png_512/10006/462822612.png"
    assert records["rsna-10006-1459541791"].locator == "png_512/10006_1459541791.png"
    assert records["rsna-10130-388811999"].locator.endswith(".dcm")
    assert (source.read(records["rsna-10006-462822612"]).pixels == film).all()


def test_two_files_of_one_film_are_no_choice_of_ours(rsna: Path) -> None:
    (rsna / "train_images/10006/462822612.dcm").unlink()
    for folder in ("512", "1024"):
        (rsna / folder).mkdir()
        (rsna / folder / "10006_462822612.png").touch()
    listing = RsnaSource(rsna).list()
    assert "rsna-10006-462822612" not in findings(listing)
    assert "line 2: it has 2 files: 1024/10006_462822612.png" in listing.refused[0].reason


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"cancer": "1", "biopsy": "0"}, "cancer 1 and biopsy 0"),
        ({"invasive": "1"}, "invasive 1 and cancer 0"),
        ({"cancer": ""}, "cancer '' is neither 0 nor 1"),
        ({"cancer": "=1+0"}, "cancer '=1+0' is neither"),
        ({"laterality": "B"}, "laterality 'B' is neither L nor R"),
        ({"view": "LATERAL"}, "view 'LATERAL' is none of CC, MLO, AT"),
        ({"patient_id": "../../etc"}, "is not an identifier"),
        ({"image_id": "/etc/passwd"}, "is not an identifier"),
        ({"image_id": ""}, "is not an identifier"),
        ({"image_id": "999"}, "there is no file '10006/999.dcm'"),
        ({"patient_id": "10226"}, "there is no file '10226/462822612.dcm'"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_rest_goes_on(
    rsna: Path, values: Mapping[str, str], says: str
) -> None:
    write_table(rsna, changed(ROWS, 0, COLUMNS, values))
    check_refused_alone(RsnaSource(rsna).list(), 2, says, films=5)


def test_films_of_a_breast_that_disagree_are_all_refused(rsna: Path) -> None:
    write_table(rsna, [*ROWS[:4], row(10130, 613462606, view="MLO"), *ROWS[5:]])
    listing = RsnaSource(rsna).list()
    assert [f for f in findings(listing).values() if f == "malignant"] == []
    assert [r.reason for r in listing.refused] == [
        "line 5: the rows of this breast say malignant and normal",
        "line 6: the rows of this breast say malignant and normal",
    ]


def test_a_film_twice(rsna: Path) -> None:
    again = row(10006, 462822612, view="MLO")
    write_table(rsna, [*ROWS, ROWS[3], again])
    listing = RsnaSource(rsna).list()
    assert "rsna-10006-462822612" not in findings(listing)  # CC in one row, MLO in the other
    assert findings(listing)["rsna-10130-388811999"] == "malignant"
    assert [r.reason.split(":")[0] for r in listing.refused] == ["line 10", "line 2", "line 11"]
    assert "twice (line 5)" in listing.refused[0].reason
    assert "(view CC or MLO)" in listing.refused[1].reason


def test_without_table_labels_or_films(tmp_path: Path, rsna: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        RsnaSource(tmp_path / "none").list()
    (rsna / "train.csv").rename(rsna / "labels.csv")
    with pytest.raises(BadInput, match=r"has no 'train\.csv'"):
        RsnaSource(rsna).list()
    (rsna / "test.csv").rename(rsna / "train.csv")
    with pytest.raises(BadInput, match="no column 'laterality'"):
        RsnaSource(rsna).list()
    write_table(rsna, [])
    with pytest.raises(BadInput, match="a header but no films"):
        RsnaSource(rsna).list()
    write_table(rsna, [row(1, 2), row(3, 4, view="ML")])
    with pytest.raises(BadInput, match=r"1 refused \(1/2: line 2: there is no file.*1 left aside"):
        RsnaSource(rsna).list()
    (rsna / "train.csv").write_bytes(b"patient_id\xff\xfe")
    with pytest.raises(BadInput, match="UTF-8"):
        RsnaSource(rsna).list()


def test_a_table_deeper_down_is_found_unless_there_are_two(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    write_table(tmp_path / "one", ROWS)
    write_films(tmp_path / "one", ROWS)
    assert len(RsnaSource(tmp_path).list().records) == 6
    write_table(tmp_path / "two", ROWS)
    with pytest.raises(BadInput, match="2 label tables"):
        RsnaSource(tmp_path).list()


def test_settings_follow_the_table_and_hold_no_path(rsna: Path) -> None:
    before = RsnaSource(rsna).settings
    assert before["source"] == "rsna" and str(rsna) not in str(before)
    write_table(rsna, ROWS[:-1])
    assert RsnaSource(rsna).settings != before
    assert not RsnaSource(rsna).terms.redistributable


def test_links_lead_neither_round_nor_out(
    rsna: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (rsna / "train_images" / "round").symlink_to(rsna, target_is_directory=True)
    film = rsna / "train_images/10006/462822612.dcm"
    film.unlink()
    film.symlink_to(film)
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    Image.new("L", (9, 9)).save(outside)
    (rsna / "train_images/10006/1459541791.dcm").unlink()
    (rsna / "train_images/10006/1459541791.dcm").symlink_to(outside)
    source = RsnaSource(rsna)
    listing = source.list()
    assert "rsna-10006-462822612" not in findings(listing)
    assert {r.film for r in listing.refused} == {
        "10006/462822612",
        "train_images/10006/462822612.dcm",
    }
    (linked,) = (r for r in listing.records if r.image_id == "rsna-10006-1459541791")
    with pytest.raises(BadInput, match="points outside"):
        source.read(linked)


def test_a_name_that_is_no_text_is_refused(rsna: Path) -> None:
    with open(os.fsencode(rsna) + b"/train_images/10006/1\xff.dcm", "wb"):
        pass
    (refused,) = RsnaSource(rsna).list().refused
    assert "not UTF-8" in refused.reason and "\\xff" in refused.film


def test_a_large_set_is_listed_in_seconds(tmp_path: Path) -> None:
    rows = [
        row(patient, 10 * patient + n, "LR"[n % 2], ("CC", "MLO")[n // 2])
        for patient in range(1, 1501)
        for n in range(4)
    ]
    write_table(tmp_path, rows)
    write_films(tmp_path, rows)
    start = time.process_time()
    assert len(RsnaSource(tmp_path).list().records) == 6000
    assert time.process_time() - start < 3  # 60,000 films took 2.8 s; this is a tenth of them


@given(
    st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=20), max_size=14),
    st.integers(0, len(ROWS) - 1),
)
def test_any_text_in_any_cell_gives_a_listing_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, values: Mapping[str, str], at: int
) -> None:
    folder = tmp_path_factory.mktemp("rsna")
    write_table(folder, changed(ROWS, at, COLUMNS, values))
    write_films(folder, ROWS)
    listing = listing_or_sentence(RsnaSource(folder))
    if listing is None:
        return
    assert all(r.image_id.startswith("rsna-") for r in listing.records)
    assert len(listing.records) + len(listing.refused) <= len(ROWS)
