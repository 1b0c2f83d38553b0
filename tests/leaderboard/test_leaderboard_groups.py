"""The subgroups of a record on the page: who, how many, how they scored, or why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mammo_synth.bench.record import Record, read_record
from mammo_synth.bench.subgroups import DENSITY_CLASSES, NO_SUBGROUPS, NO_SUBGROUPS_THEN
from mammo_synth.bench.truth import TestSet, make_test_set
from mammo_synth.leaderboard import page
from mammo_synth.leaderboard.groups import groups
from mammo_synth.leaderboard.render import read_board
from tests.leaderboard.board_factory import HOSTILE, Cell, World, write_cell
from tests.leaderboard.test_leaderboard_output import page_data


@dataclass(frozen=True)
class Dense(World):
    """A world of one view whose patients have a density: the first class of six patients alone."""

    classes: tuple[str, ...] = ("D", "A", "B")

    def real_test(self) -> TestSet:
        films = [film for film in super().real_test().films if film.view == "CC"]
        rest = self.classes[1:]
        return make_test_set(
            [
                replace(film, density=self.classes[0] if i < 6 else rest[i % len(rest)])
                for i, film in enumerate(films)
            ]
        )


@pytest.fixture()
def record(tmp_path: Path) -> Record:
    return read_record(write_cell(tmp_path, Dense(test_size=20, epochs=2), Cell()))


def test_the_page_shows_each_group_with_its_interval_or_why_there_is_none(
    record: Record, tmp_path: Path
) -> None:
    html = page.document(read_board(tmp_path))
    data = page_data(html)
    assert "By subgroup of real_test (positive class: cancer" in data["say"]["subgroups"]
    found = record["evaluations"]["real_test"]["subgroups"]
    assert found is not None and [g["group"] for g in found] == ["A", "B", "D"]
    (row,) = data["rows"].values()
    (run,) = row["t"]
    for group, (column, name, *rest) in zip(found, run["g"], strict=True):
        assert (column, name) == ("density", group["group"])
        assert rest[:3] == [group["n"], group["cancer"], group["patients"]]
    scored = found[0]["metrics"]["auroc"]
    expected = [round(float(f"{scored[end]:.3f}") * 1000) for end in ("value", "low", "high")]
    assert run["g"][0][5][0] == expected
    assert run["g"][2][5] == "fewer than 10 patients"
    assert data["shared"][run["k"]] == DENSITY_CLASSES


def test_a_record_without_groups_says_so(record: Record) -> None:
    assert groups([]).note == NO_SUBGROUPS
    assert groups(None).note == NO_SUBGROUPS_THEN
    found = record["evaluations"]["real_test"]["subgroups"]
    assert found is not None
    views = [dict(group, column="view") for group in found]
    assert groups(views).note == ""  # type: ignore[arg-type]
    nameless = groups([{**found[0], "group": None}])
    assert nameless.rows[0].name == "not said"


def test_a_hostile_density_stays_text(tmp_path: Path) -> None:
    world = Dense(test_size=20, epochs=2, classes=("D", HOSTILE, "B"))
    write_cell(tmp_path, world, Cell())
    html = page.document(read_board(tmp_path))
    assert HOSTILE in [
        group[1] for row in page_data(html)["rows"].values() for group in row["t"][0]["g"]
    ]
    assert "<script>alert" not in html and "<img" not in html
