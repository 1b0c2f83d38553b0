"""The records of this project and their board, as they are in the repository."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mammo_synth.bench.published import load_published
from mammo_synth.bench.results import Stored, number_differences
from mammo_synth.leaderboard import csv_export, export, markdown
from mammo_synth.leaderboard.board import build
from mammo_synth.leaderboard.check_folder import walk
from mammo_synth.leaderboard.check_releases import read_releases, release_problems
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.model import METRICS, Board, Run
from tests.conftest import Command

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RESULTS, BOARD = BENCHMARKS / "results", BENCHMARKS / "leaderboard"

pytestmark = pytest.mark.skipif(
    not RESULTS.is_dir(), reason="benchmarks/results is not here: a source package leaves it out"
)


@pytest.fixture(scope="module")
def runs() -> tuple[Run, ...]:
    return load(RESULTS, full=False)


@pytest.fixture(scope="module")
def board(runs: tuple[Run, ...]) -> Board:
    return build(runs, load_published())


def test_every_record_recomputes_and_is_of_a_known_release(runs: tuple[Run, ...]) -> None:
    """Point metrics of all; `leaderboard check` says the same of intervals, in its own time."""
    assert walk(RESULTS).problems == []
    known = read_releases(RESULTS / "releases.json")
    assert [problem for run in runs for problem in release_problems(run.record, known)] == []
    assert len(runs) == len(walk(RESULTS).records) == 330


def test_intervals_of_some_recompute(runs: tuple[Run, ...]) -> None:
    for run in runs[:: len(runs) // 3]:
        assert number_differences(RESULTS, Stored(RESULTS / run.path, run.record)) == []


def test_every_cell_of_both_grids_is_there(board: Board) -> None:
    assert [(table.source, table.protocol) for table in board.tables] == [
        ("mias", "strict"),
        ("phantom", "strict"),
    ]
    for table in board.tables:
        assert table.missing == ()
        assert {row.due for row in table.rows} == {3}
        assert {row.kind for row in table.rows} == {"ranked", "baseline", "twin", "control"}
        for row in table.of_kind("control"):
            assert row.metrics["auroc"].value == 0.5


def test_the_board_is_that_of_the_records(board: Board) -> None:
    """Rendered again it says the same, but for how many records this machine verified in full."""
    shown = json.loads((BOARD / "leaderboard.json").read_text("utf-8"))
    assert shown["records"] == shown["verified_in_full"] == board.records == 330
    again = json.loads(json.dumps(export.document(board)))
    for there, here in zip(shown["tables"], again["tables"], strict=True):
        _same([_line(line) for line in there["lines"]], [_line(line) for line in here["lines"]])
    said = (BOARD / "LEADERBOARD.md").read_text("utf-8")
    rows = sum(len(table.rows) for table in board.tables)
    assert said.count("recomputed;") == rows == 110
    _same(_rows(said), _rows(markdown.document(board)))
    table = (BOARD / csv_export.NAME).read_text("utf-8")
    _same(_csv(table), _csv(csv_export.document(board)))


def test_the_readme_says_what_the_board_says(board: Board) -> None:
    said = (RESULTS / "README.md").read_text("utf-8")
    assert f"{board.records} records" in said
    for table, above in zip(board.tables, (5, 1), strict=True):
        release, films = table.release, table.test_set
        assert f"{release['name']}-{release['version']}-{release['sha256'][:8]}" in said
        assert f"| {release['size']} | {films.n} ({films.cancer}) |" in said
        ranked = table.of_kind("ranked")
        assert (len(ranked), {row.rank for row in ranked}) == (27, {1})
        assert sum(row.verdict == "above" for row in ranked) == above
        assert {row.series.classifier for row in ranked if row.verdict == "above"} == {
            "logistic-regression" if table.source == "mias" else "vgg16"
        }
    assert "6 of 54" in (BENCHMARKS.parent / "README.md").read_text("utf-8")


def test_the_board_walks_back_to_its_records(run: Command) -> None:
    done = run("verify", BOARD)
    assert done.code == 0, done.stderr


def _line(line: dict[str, Any]) -> list[Any]:
    """What a line of the table says, in a fixed order."""
    names = ("kind", "name", "configuration", "rank", "tied", "reading", "replicates_due", "date")
    measured = [line["metrics"][name] for name in METRICS]
    measured += [line["shortcut_gap"]] if "shortcut_gap" in line else []
    numbers = [one[part] for one in measured for part in ("value", "low", "high")]
    return [*(line.get(name) for name in names), *numbers]


def _rows(text: str) -> list[list[str]]:
    """Cells of all tables of the Markdown, without the tier, numbers apart from what is around."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [re.split(r"([0-9]+[.][0-9]+)", re.sub(r"recomputed|schema valid", "", x)) for x in rows]


def _csv(text: str) -> list[list[str]]:
    rows = list(csv.DictReader(text.splitlines()))
    return [[value for name, value in row.items() if name != "tier"] for row in rows]


def _same(one: list[list[Any]], other: list[list[Any]]) -> None:
    """Equal texts; numbers up to the last digit shown, which another processor may round."""
    assert len(one) == len(other)
    for here, there in zip(one, other, strict=True):
        assert len(here) == len(there)
        for a, b in zip(here, there, strict=True):
            if a != b:
                assert float(a) == pytest.approx(float(b), abs=1.1e-3), (a, b)
