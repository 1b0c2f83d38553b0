"""VinDr-Mammo: its layout, what a BI-RADS category is taken for, and what contradicts itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Listing, label_of
from mammo_synth.films.sources.vindr_mammo import VindrMammoSource
from tests.conftest import fake_film
from tests.films.label_rows import changed, check_refused_alone, listing_or_sentence, write_csv

PUBLISHED = (
    "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,"
    "breast_density,split"
)
COLUMNS = PUBLISHED.split(",")
TABLE = "breast-level_annotations.csv"


def code(text: str) -> str:
    """An identifier as the set has them: 32 hexadecimal digits."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def study(name: str, left: int, right: int) -> list[list[str]]:
    """The four rows of an examination; ``left`` and ``right`` are BI-RADS categories."""
    return [
        [
            code(name),
            code(f"{name} series"),
            code(f"{name} {side} {view}"),
            side,
            view,
            "3518",
            "2800",
            f"BI-RADS {birads}",
            "DENSITY C",
            "training",
        ]
        for side, birads in (("L", left), ("R", right))
        for view in ("CC", "MLO")
    ]


ROWS = [*study("a", 1, 2), *study("b", 3, 4), *study("c", 5, 1)]


def write_table(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    write_csv(folder / TABLE, COLUMNS, rows)


def write_films(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    """Empty files where the DICOM files are: a listing reads none of them."""
    for values in rows:
        path = folder / "images" / values[0] / f"{values[2]}.dicom"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture()
def vindr(tmp_path: Path) -> Path:
    """Three examinations in the layout of the publication."""
    write_table(tmp_path, ROWS)
    write_films(tmp_path, ROWS)
    (tmp_path / "finding_annotations.csv").write_text("study_id,image_id,finding_birads\n")
    (tmp_path / "metadata.csv").write_text("SOP Instance UID\n")
    return tmp_path


def counts(listing: Listing) -> dict[str, int]:
    findings = [record.finding for record in listing.records]
    return {finding: findings.count(finding) for finding in sorted(set(findings))}


def test_strict_takes_no_suspicion_for_cancer(vindr: Path) -> None:
    listing = VindrMammoSource(vindr).list()
    assert counts(listing) == {"benign": 4, "malignant": 2, "normal": 4}  # BI-RADS 4 is open
    cancers = {r.patient_id for r in listing.records if label_of(r.finding, "strict") == 1}
    assert cancers == {f"vindr_mammo-p{code('c')}"}
    film = next(r for r in listing.records if r.finding == "malignant" and r.view == "MLO")
    assert film.image_id == f"vindr_mammo-{code('c L MLO')}"
    assert (film.laterality, film.density) == ("L", "C")
    assert film.locator == f"images/{code('c')}/{code('c L MLO')}.dicom"
    assert [r.image_id for r in listing.records] == sorted(r.image_id for r in listing.records)


def test_study_takes_any_tumour_and_leaves_benign_findings_aside(vindr: Path) -> None:
    listing = VindrMammoSource(vindr, protocol="study").list()
    assert counts(listing) == {"benign": 2, "malignant": 4, "normal": 4}
    cancer = {r.patient_id for r in listing.records if label_of(r.finding, "study") == 1}
    assert cancer == {f"vindr_mammo-p{code(name)}" for name in "bc"}


def test_the_remarks_say_what_was_assumed(vindr: Path) -> None:
    assessment, patients, aside = VindrMammoSource(vindr).list().remarks
    assert "not pathology; strict protocol: 1 normal, 2 benign, 3 benign, 4 left" in assessment
    assert "each study is taken for one" in patients
    assert aside.startswith("2 films left aside") and "(BI-RADS 4 2)" in aside
    (vindr / "images" / code("a") / "extra.dicom").touch()
    write_table(vindr, [*ROWS, [*ROWS[0][:2], code("spot"), "L", "ML", *ROWS[0][5:]]])
    remarks = VindrMammoSource(vindr).list().remarks
    assert remarks[3] == "1 film of other projections (ML 1) left aside."
    assert remarks[4].startswith("1 image file without a row")


def test_conversions_are_taken_under_both_names(vindr: Path) -> None:
    film = fake_film(3, "malignant")
    images = vindr / "png"
    images.mkdir()
    for row, name in ((ROWS[0], ROWS[0][2]), (ROWS[1], f"{ROWS[1][0]}_{ROWS[1][2]}")):
        (vindr / "images" / row[0] / f"{row[2]}.dicom").unlink()
        Image.fromarray(film).save(images / f"{name}.png")
    source = VindrMammoSource(vindr)
    records = {r.image_id: r for r in source.list().records}
    assert len(records) == 10
    first = records[f"vindr_mammo-{ROWS[0][2]}"]
    assert first.locator == f"png/{ROWS[0][2]}.png"
    assert (source.read(first).pixels == film).all()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("breast_birads", "BI-RADS 0", "'BI-RADS 0' is none of BI-RADS 1 to 5"),
        ("breast_birads", "BI-RADS 15", "none of BI-RADS"),
        ("breast_birads", '=HYPERLINK("x")', "none of BI-RADS"),
        ("laterality", "both", "'both' is neither L nor R"),
        ("view_position", "", "'' is no projection"),
        ("study_id", "..", "is not an identifier"),
        ("image_id", "../../../etc/passwd", "is not an identifier"),
        ("image_id", code("gone"), "there is no file"),
        ("study_id", code("z"), "is under another study"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_rest_goes_on(
    vindr: Path, column: str, value: str, says: str
) -> None:
    write_table(vindr, changed(ROWS, 0, COLUMNS, {column: value}))
    check_refused_alone(VindrMammoSource(vindr).list(), 2, says, films=9)


def test_a_breast_with_two_categories_is_refused(vindr: Path) -> None:
    rows = [list(row) for row in ROWS]
    rows[8][7] = "BI-RADS 1"  # one of the two films of the breast with BI-RADS 5
    write_table(vindr, rows)
    listing = VindrMammoSource(vindr).list()
    assert "malignant" not in counts(listing)
    assert {r.reason.partition(": ")[2] for r in listing.refused} == {
        "the rows of this breast say BI-RADS 1 and 5"
    }


def test_a_film_twice(vindr: Path) -> None:
    other = [code("d"), *ROWS[1][1:]]  # the same image under another study
    write_table(vindr, [*ROWS, ROWS[0], other])
    listing = VindrMammoSource(vindr).list()
    assert "twice (line 2)" in listing.refused[0].reason
    assert "is under another study" in listing.refused[1].reason
    assert "line 15 of this film cannot be used" in listing.refused[2].reason
    assert len(listing.records) == 9


def test_without_table_or_films(tmp_path: Path, vindr: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        VindrMammoSource(tmp_path / "none").list()
    with pytest.raises(BadInput, match="no protocol 'loose'"):
        VindrMammoSource(vindr, protocol="loose")
    write_table(vindr, study("gone", 1, 4))
    with pytest.raises(BadInput, match=r"2 refused \(.*there is no file.*2 left aside"):
        VindrMammoSource(vindr).list()
    (vindr / TABLE).write_text("study_id,image_id\n1,2\n")
    with pytest.raises(BadInput, match="no column 'laterality'"):
        VindrMammoSource(vindr).list()
    (vindr / TABLE).unlink()
    with pytest.raises(BadInput, match=r"has no 'breast-level_annotations\.csv'"):
        VindrMammoSource(vindr).list()


def test_settings_and_terms(vindr: Path) -> None:
    strict, study = (VindrMammoSource(vindr, protocol=p) for p in ("strict", "study"))
    assert strict.settings != study.settings and str(vindr) not in str(strict.settings)
    assert strict.settings["table_sha256"] == study.settings["table_sha256"]
    assert not strict.terms.redistributable


def test_odd_names_and_links(vindr: Path) -> None:
    (vindr / "images" / "round").symlink_to(vindr, target_is_directory=True)
    with open(os.fsencode(vindr) + b"/images/1\xff.dicom", "wb"):
        pass
    listing = VindrMammoSource(vindr).list()
    assert len(listing.records) == 10
    assert [r.reason for r in listing.refused] == ["its name is not UTF-8: rename it"]


@given(
    st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=20), max_size=10),
    st.integers(0, len(ROWS) - 1),
    st.sampled_from(["strict", "study"]),
)
def test_any_text_in_any_cell_gives_a_listing_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, values: Mapping[str, str], at: int, protocol: str
) -> None:
    folder = tmp_path_factory.mktemp("vindr")
    write_table(folder, changed(ROWS, at, COLUMNS, values))
    write_films(folder, ROWS)
    listing = listing_or_sentence(VindrMammoSource(folder, protocol=protocol))
    if listing is None:
        return
    assert all(r.view in ("CC", "MLO") for r in listing.records)
    assert len(listing.records) + len(listing.refused) <= len(ROWS)
