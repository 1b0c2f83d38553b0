"""The subgroups of a record on the page: who, how many, how they scored, or why not."""

from __future__ import annotations

import re
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
    assert "By subgroup of real_test (positive class: cancer" in html
    found = record["evaluations"]["real_test"]["subgroups"]
    assert found is not None and [g["group"] for g in found] == ["A", "B", "D"]
    lines = re.findall(r'<tr><th scope="row">density <strong>(\w)</strong></th>(.*?)</tr>', html)
    assert [name for name, _ in lines] == ["A", "B", "D"]
    for group, (_, cells) in zip(found, lines, strict=True):
        counts = "".join(f"<td>{group[n]}</td>" for n in ("n", "cancer", "patients"))
        assert cells.startswith(counts)
    scored = found[0]["metrics"]["auroc"]
    assert f'<td>{scored["value"]:.3f}<span class="ci">{scored["low"]:.2f}–' in lines[0][1]
    assert lines[2][1].endswith('<td class="l" colspan="4">fewer than 10 patients</td>')
    assert DENSITY_CLASSES.replace("'", "&#39;") in html


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
    assert "&lt;script&gt;alert" in html
    assert "<script>alert" not in html and "<img" not in html
