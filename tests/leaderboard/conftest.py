"""One fabricated RESULTS folder for the tests that only read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_synth.leaderboard.model import Board, Run, Table
from mammo_synth.leaderboard.render import Rendered, render
from mammo_synth.leaderboard.verified import HOME
from tests.leaderboard.board_factory import Cell, World, whole, write_cells

PHANTOM = World(patients=40, test_size=30, epochs=4)
REAL = World("mammo-synth", "mias", simulated=False, patients=40, test_size=30, film_prefix="mdb")
STUDY = World("mammo-study", "mias", simulated=False, protocol="study", patients=40, test_size=30)
MISSING = [("30-70-95syn", "small-cnn"), ("70-30-90syn", "small-cnn")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What commands remember as verified stays in the test."""
    monkeypatch.setenv(HOME, str(tmp_path / "cache-of-user"))
    return tmp_path / "cache-of-user"


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantom: two classifiers, nine configurations, two replicates, TRTR and its twin, a
    control, two cells missing. Real films: one strict cell and one study cell."""
    folder = tmp_path_factory.mktemp("board") / "results"
    write_cells(folder, PHANTOM, whole(PHANTOM, leave_out=MISSING))
    write_cells(folder, REAL, [Cell("50-50-90syn", skill=0.0, scores=lambda t: 0.4 + 0 * t.label)])
    write_cells(folder, STUDY, [Cell("50-50-90syn", skill=1.0), Cell("real", skill=2.0)])
    return folder


@pytest.fixture(scope="session")
def rendered(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """The whole leaderboard of `results`."""
    return render(results, tmp_path_factory.mktemp("rendered") / "board")


@pytest.fixture(scope="session")
def board(rendered: Rendered) -> Board:
    """Its board."""
    return rendered.board


@pytest.fixture(scope="session")
def phantom(board: Board) -> Table:
    """Its phantom table."""
    return next(table for table in board.tables if table.simulated)


@pytest.fixture(scope="session")
def runs(board: Board) -> tuple[Run, ...]:
    """Its verified runs."""
    return tuple(run for table in board.tables for row in table.rows for run in row.runs)
