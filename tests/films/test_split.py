"""The split by patient: shares, numbers, a given file, and whether films suffice for a release."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.configurations import CANCER, CELLS, CONFIGURATIONS, NORMAL, REAL
from mammo_synth.errors import BadInput
from mammo_synth.films.enough import available_films, too_few_films
from mammo_synth.films.record import ROLES, FilmRecord
from mammo_synth.films.split import SplitSettings, count_films, parse_shares, split_by_patient
from mammo_synth.films.split_file import COLUMNS, read_split, render_split


def records(cancer: int, normal: int) -> list[FilmRecord]:
    made = []
    for k in range(cancer + normal):
        for side in "LR":
            finding = "malignant" if k < cancer and side == "L" else "normal"
            made.append(FilmRecord(f"i{k}{side}", f"p{k}", finding, "MLO", side, None, ""))
    return made


@given(st.integers(3, 40), st.integers(3, 40), st.integers(0, 5))
def test_every_patient_has_one_role_and_every_role_both_classes(a: int, b: int, seed: int) -> None:
    films = records(a, b)
    roles = split_by_patient(films, "strict", SplitSettings(seed=seed))
    assert set(roles) == {r.patient_id for r in films}
    for role in ROLES:
        findings = {r.finding for r in films if roles[r.patient_id] == role}
        assert findings == {"normal", "malignant"}
    assert roles == split_by_patient(films[::-1], "strict", SplitSettings(seed=seed))


def test_shares_are_kept() -> None:
    roles = split_by_patient(records(100, 200), "strict", SplitSettings(60, 10, 30))
    counts = [list(roles.values()).count(r) for r in ROLES]
    assert counts == [180, 30, 90]


@given(st.integers(3, 60), st.integers(3, 60), st.data())
def test_numbers_of_patients_are_kept_exactly(a: int, b: int, data: st.DataObject) -> None:
    wanted: list[int] = []
    for left in (2, 1, 0):
        wanted.append(data.draw(st.integers(2, a + b - sum(wanted) - 2 * left)))
    settings = SplitSettings(*wanted, unit="patients")
    films = records(a, b)
    roles = split_by_patient(films, "strict", settings)
    assert [list(roles.values()).count(role) for role in ROLES] == wanted
    counts = count_films(films, roles, "strict")
    assert all(n > 0 for by_label in counts.values() for n in by_label.values())
    for role, n in zip(ROLES, wanted, strict=True):  # in each role as in all
        if n >= 10:
            assert abs(counts[role]["cancer"] - n * a / (a + b)) <= max(1.5, 0.5 * n)


def test_more_patients_than_there_are_is_an_error_that_counts_them() -> None:
    with pytest.raises(BadInput, match=r"40 patients were asked for.*there are 30: 10 with"):
        split_by_patient(records(10, 20), "strict", SplitSettings(20, 10, 10, unit="patients"))


def test_too_few_patients_are_counted() -> None:
    with pytest.raises(BadInput, match="2 patients with cancer and 9 without"):
        split_by_patient(records(2, 9), "strict", SplitSettings())


@pytest.mark.parametrize("text", ["", "60,40", "a,b,c", "60,10,31", "100,0,0", "-10,60,50"])
def test_bad_shares(text: str) -> None:
    with pytest.raises(BadInput, match=r"60,10,30"):
        parse_shares(text, 0)
    with pytest.raises(BadInput, match="400,60,200"):
        parse_shares(text.replace("60,10,31", "1,2,3"), 0, "patients")


def rows(films: list[FilmRecord], roles: dict[str, str]) -> list[dict[str, object]]:
    return [
        {
            "image_id": r.image_id,
            "patient_id": r.patient_id,
            "role": roles[r.patient_id],
            "label": int(r.finding == "malignant"),
            "finding": r.finding,
            "view": r.view,
            "laterality": None,
        }
        for r in films
    ]


def test_a_split_that_was_written_gives_the_same_roles_back(tmp_path: Path) -> None:
    films = records(12, 20)
    roles = split_by_patient(films, "strict", SplitSettings(seed=4))
    text = render_split(rows(films, roles))
    table = list(csv.DictReader(io.StringIO(text)))
    assert tuple(table[0]) == COLUMNS and len(table) == len(films)
    assert [r["image_id"] for r in table] == sorted(r["image_id"] for r in table)
    (tmp_path / "split.csv").write_text(text)
    given = read_split(tmp_path / "split.csv")
    assert split_by_patient(films, "strict", given) == roles
    assert given.as_dict() == {"file_sha256": given.given_sha256}
    # Patients that it does not name have no role.
    more = [*films, FilmRecord("x", "y", "normal", None, None, None, "")]
    assert split_by_patient(more, "strict", given) == roles


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patient_id,role\np1,trian\n", "no role 'trian'"),
        ("patient_id,role\np1,train\np1,val\n", "line 3: patient 'p1' is in val and in train"),
        ("patient_id\np1\n", "no column 'role'"),
        ("patient_id,role\n", "names no patient"),
    ],
)
def test_a_bad_split_file_is_one_error(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(BadInput, match=words):
        read_split(tmp_path / "s.csv")


def test_a_split_file_of_other_films_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("patient_id,role\nnobody,train\n")
    with pytest.raises(BadInput, match="names 0 of 6 patients"):
        split_by_patient(records(3, 3), "strict", read_split(tmp_path / "s.csv"))


@given(st.integers(20, 3000), st.lists(st.integers(0, 400), min_size=4, max_size=4))
def test_the_error_of_too_few_films_says_what_is_short_and_what_fits(
    size: int, there: list[int]
) -> None:
    keys = [(split, label) for split in ("train", "test") for label in (CANCER, NORMAL)]
    available = dict(zip(keys, there, strict=True))
    error = too_few_films(size, available)
    needs = {
        key: max(
            c.counts(size)[cell]
            for c in CONFIGURATIONS.values()
            for cell in CELLS
            if (cell.split, cell.label, cell.origin) == (*key, REAL)
        )
        for key in keys
    }
    enough = all(available[key] >= needs[key] for key in keys)
    assert (error is None) == enough
    if error is not None:
        assert "50-50-90syn" in error.message and "there are" in error.message
        numbers = [int(word) for word in error.hint.replace(".", " ").split() if word.isdigit()]
        for fits in numbers[:1]:
            assert fits < size and too_few_films(fits, available) is None


def test_each_configuration_s_needs_are_listed() -> None:
    error = too_few_films(24_000, dict.fromkeys(
        [(s, c) for s in ("train", "test") for c in (CANCER, NORMAL)], 100))  # fmt: skip
    assert error is not None
    assert "30-70-90syn 504/1176/216/504" in error.message
    assert "train needs 1176 real cancer films (role train), there are 100" in error.message


def test_films_of_val_fill_the_test_split() -> None:
    by_role = {role: {"cancer": n, "normal": 10 * n} for n, role in enumerate(ROLES, start=1)}
    assert available_films(by_role) == {
        ("train", CANCER): 1,
        ("train", NORMAL): 10,
        ("test", CANCER): 2,
        ("test", NORMAL): 20,
    }
