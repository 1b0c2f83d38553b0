"""Holm's correction of the tie groups, and that the same records give the same board."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo_synth.bench.comparison import bootstrap_p_value
from mammo_synth.leaderboard import render as rendering
from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.model import Board, Estimate, Row, Run, Table
from mammo_synth.leaderboard.rank import LEVEL, Drawn, p_value, rank
from mammo_synth.leaderboard.render import Rendered, read_board, render
from tests.leaderboard.board_factory import World, whole, write_cells


@pytest.fixture
def row(phantom: Table) -> Row:
    return phantom.of_kind("ranked")[0]


def drawn(row: Row, name: str, value: float, auroc: np.ndarray) -> Drawn:
    metrics = {**row.metrics, "auroc": Estimate(value)}
    return Drawn(replace(row, configuration=name, metrics=metrics, rank=None, tied=False), auroc)


def below(share: float, resamples: int = 1000) -> np.ndarray:
    """AUROC that beats 0.7 in a ``share`` of the resamples."""
    better = np.arange(resamples) < share * resamples
    return np.where(better, 0.71, 0.69)


def ranks(rows: list[Row]) -> dict[str, str]:
    return {row.configuration: row.rank_text for row in rows}


def test_more_comparisons_ask_for_more(row: Row) -> None:
    """p = 0.022 tells two rows apart; beside two rows that tie, Holm asks for 0.05 / 3."""
    best, other = np.full(1000, 0.7), below(0.010)
    assert bootstrap_p_value(best - other) == pytest.approx(0.022, abs=1e-4)
    two = [drawn(row, "a", 0.7, best), drawn(row, "b", 0.69, other)]
    assert ranks(rank(two)) == {"a": "1", "b": "2"}
    tied = [drawn(row, name, 0.695, below(0.4)) for name in ("c", "d")]
    assert set(ranks(rank([*two, *tied])).values()) == {"1="}


def test_a_row_is_compared_with_the_opener_of_its_group_alone(row: Row) -> None:
    """``b`` ties with the best, ``c`` does not: it opens a group, though ``b`` is near."""
    rows = [
        drawn(row, "a", 0.70, np.full(1000, 0.7)),
        drawn(row, "b", 0.695, below(0.3)),
        drawn(row, "c", 0.69, below(0.0)),
        drawn(row, "d", 0.689, below(0.0) - 0.0001 * (np.arange(1000) % 2)),
    ]
    assert ranks(rank(rows)) == {"a": "1=", "b": "1=", "c": "3=", "d": "3="}
    assert ranks(rank(rows[::-1])) == ranks(rank(rows)), "the order of the rows changes nothing"


def test_rows_far_apart_are_told_apart_in_a_long_table(row: Row) -> None:
    """The smallest p value that resamples can have, times 150 comparisons, would tie them all."""
    rng = np.random.RandomState(0)
    rows = [drawn(row, "best", 0.9, 0.9 + 0.01 * rng.normal(size=1000))]
    for i in range(150):
        auroc = 0.6 + 0.01 * rng.normal(size=1000)
        rows.append(drawn(row, f"r{i:03d}", 0.6 - i * 1e-6, auroc))
    assert LEVEL < 2 / 1001 * 150
    assert rank(rows)[0].rank_text == "1"


def test_p_value_is_of_the_bootstrap_until_its_floor() -> None:
    rng = np.random.RandomState(1)
    near = 0.01 + 0.01 * rng.normal(size=1000)
    assert p_value(near) == bootstrap_p_value(near)
    far = 0.1 + 0.01 * rng.normal(size=1000)
    z = far.mean() / far.std()
    assert p_value(far) == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert p_value(-far) == p_value(far)
    assert p_value(np.full(1000, 0.1)) == pytest.approx(2 / 1001), "no spread, no curve"
    assert p_value(np.zeros(1000)) == 1
    assert p_value(np.where(np.arange(1000) < 100, np.nan, 0.1)) is None


def test_rows_without_a_p_value_tie(row: Row) -> None:
    unknown = np.where(np.arange(1000) < 100, np.nan, 0.1)
    rows = [drawn(row, "a", 0.7, np.full(1000, 0.7)), drawn(row, "b", 0.1, unknown)]
    assert ranks(rank(rows)) == {"a": "1=", "b": "1="}
    nothing = drawn(row, "c", 0.0, unknown)
    nothing = replace(
        nothing, row=replace(nothing.row, metrics={**row.metrics, "auroc": Estimate(None)})
    )
    assert rank([nothing, *rows])[-1].rank is None


def test_the_same_records_give_the_same_board(runs: tuple[Run, ...], board: Board) -> None:
    from mammo_synth.leaderboard.board import build

    again = build(runs[::-1], board.published)
    for one, other in zip(board.tables, again.tables, strict=True):
        assert [(r.name, r.rank_text, r.metrics, r.gap) for r in one.rows] == [
            (r.name, r.rank_text, r.metrics, r.gap) for r in other.rows
        ]


def test_the_rule_of_ties_is_said(tmp_path: Path) -> None:
    world = World(patients=20, test_size=20, epochs=2)
    write_cells(tmp_path, world, whole(world, (("net", 0.5),), replicates=1)[:2])
    said = words.tie_rule(read_board(tmp_path).resamples)
    for part in ("paired bootstrap", "Holm", "10,000", "0.05"):
        assert part in said


def test_a_second_process_changes_no_byte(
    results: Path, rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_MANY", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    out = rendered.files["index.html"].parent.with_name("again")
    again = render(results, out)
    for name, path in again.files.items():
        assert path.read_bytes() == rendered.files[name].read_bytes(), name
