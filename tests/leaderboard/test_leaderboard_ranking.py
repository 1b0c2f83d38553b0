"""Ranks, ties, flags, missing cells, and what may stand in one table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mammo_synth.bench.series import series_of
from mammo_synth.configurations import CONFIGURATIONS, REFERENCES
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard import words, words_es
from mammo_synth.leaderboard.board import build, told_apart, verdict
from mammo_synth.leaderboard.completeness import replicates_due
from mammo_synth.leaderboard.fractions import panels
from mammo_synth.leaderboard.hub_export import choose_series
from mammo_synth.leaderboard.lines import lines
from mammo_synth.leaderboard.model import Board, Estimate, Row, Run, Table
from mammo_synth.leaderboard.render import read_board
from tests.leaderboard.board_factory import Cell, World, write_cell, write_cells

SMALL = World(patients=40, test_size=30, epochs=3)


def row(table: Table, configuration: str, classifier: str) -> Row:
    return next(
        r
        for r in table.rows
        if (r.configuration, r.series.classifier) == (configuration, classifier)
    )


def perfect(truth: object) -> np.ndarray:
    return 0.1 + 0.8 * truth.label  # type: ignore[attr-defined]


def test_tables_separate_simulated_from_real_and_strict_from_study(board: Board) -> None:
    keys = [(t.source, t.simulated, t.protocol) for t in board.tables]
    assert keys == [
        ("mias", False, "strict"),
        ("mias", False, "study"),
        ("phantom", True, "strict"),
    ]
    for table in board.tables:
        for one in table.rows:
            for run in one.runs:
                assert run.record["release"]["sha256"] == table.release["sha256"]
    assert sum(len(r.runs) for t in board.tables for r in t.rows) == board.records == 45


def test_releases_of_one_source_and_protocol_do_not_share_a_ranking(tmp_path: Path) -> None:
    write_cell(tmp_path, SMALL, Cell())
    write_cell(tmp_path, World(version="1.1.0", patients=40, test_size=30, epochs=3), Cell())
    tables = read_board(tmp_path).tables
    assert [t.release["version"] for t in tables] == ["1.0.0", "1.1.0"]
    assert [t.title for t in tables] == [
        f"Phantom (simulated films), strict protocol, phantom-demo {version}"
        for version in ("1.0.0", "1.1.0")
    ]


def test_titles_say_as_much_as_tells_tables_apart(board: Board) -> None:
    mias, study, phantom = (replace(table, apart="") for table in board.tables)
    other = replace(phantom, test_set=replace(phantom.test_set, digest="9" * 64))
    rebuilt = replace(phantom, release={**phantom.release, "sha256": "8" * 64})
    found = told_apart([mias, study, phantom, other, rebuilt])
    sha256, digest = phantom.release["sha256"][:8], phantom.test_set.digest[:8]
    assert [table.apart for table in found] == [
        "",
        "",
        f"phantom-demo 1.0.0 ({sha256}), real_test {digest}",
        f"phantom-demo 1.0.0 ({sha256}), real_test 99999999",
        "phantom-demo 1.0.0 (88888888)",
    ]
    assert words_es.title(found[4]) == (
        "Phantom (películas simuladas), protocolo estricto, phantom-demo 1.0.0 (88888888)"
    )


def test_ranks_go_down_with_auroc_and_count_like_a_competition(phantom: Table) -> None:
    ranked = phantom.of_kind("ranked")
    assert len(ranked) == 16
    values = [r.metrics["auroc"].value for r in ranked]
    assert values == sorted(values, reverse=True)
    ranks = [r.rank for r in ranked]
    for place, rank in enumerate(ranks, 1):
        assert rank == min(i for i, other in enumerate(ranks, 1) if other == rank)
        assert rank <= place
    for r in ranked:
        assert r.tied == (ranks.count(r.rank) > 1)


def test_value_is_the_mean_over_replicates(phantom: Table) -> None:
    one = row(phantom, "50-50-90syn", "vgg16")
    assert [run.record["replicate"] for run in one.runs] == [0, 1]
    found = [
        roc_auc_score(run.scored["real_test"].label, run.scored["real_test"].p) for run in one.runs
    ]
    assert found[0] != found[1]
    assert one.metrics["auroc"].value == pytest.approx(np.mean(found), abs=1e-12)
    assert one.metrics["auroc"].low < np.mean(found) < one.metrics["auroc"].high


def test_a_clear_winner_stands_alone_and_twins_tie(tmp_path: Path) -> None:
    def nearly(truth: object) -> np.ndarray:
        p = np.random.RandomState(0).uniform(size=len(truth.label))  # type: ignore[attr-defined]
        return np.clip(p, 0.01, 0.99)

    cells = [
        Cell("50-50-90syn", "best", scores=perfect),
        Cell("50-50-90syn", "twin-a", scores=nearly),
        Cell("50-50-90syn", "twin-b", scores=nearly),
    ]
    write_cells(tmp_path, SMALL, cells)
    found = {r.series.classifier: r for r in read_board(tmp_path).tables[0].of_kind("ranked")}
    assert found["best"].rank_text == "1"
    assert [found[name].rank_text for name in ("twin-a", "twin-b")] == ["2=", "2="]
    assert found["best"].verdict == "above"


def test_the_tie_test_is_paired(tmp_path: Path) -> None:
    """A constant small disadvantage on the same films separates two rows whose own intervals
    overlap widely."""
    world = World(patients=200, test_size=30, epochs=3)
    rng = np.random.RandomState(3)
    noise = rng.normal(size=400)

    def good(truth: object) -> np.ndarray:
        return 1 / (1 + np.exp(-(truth.label + noise)))  # type: ignore[attr-defined]

    def worse(truth: object) -> np.ndarray:
        p = good(truth)
        cancer = np.flatnonzero(truth.label == 1)  # type: ignore[attr-defined]
        p[cancer] = np.maximum(p[cancer] - 0.05, 0)
        return p

    write_cells(
        tmp_path, world, [Cell(classifier="a", scores=good), Cell(classifier="b", scores=worse)]
    )
    a, b = read_board(tmp_path).tables[0].of_kind("ranked")
    assert (a.series.classifier, a.rank, b.rank) == ("a", 1, 2)
    assert b.metrics["auroc"].high > a.metrics["auroc"].low


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.5, 0.7, "chance"),
        (0.4, 0.5, "chance"),
        (0.501, 0.7, "above"),
        (0.3, 0.499, "below"),
        (None, None, "undefined"),
    ],
)
def test_verdict_follows_the_interval(low: float | None, high: float | None, said: str) -> None:
    assert verdict(Estimate(0.5, low, high)) == said


def test_a_constant_score_is_chance(board: Board) -> None:
    one = board.tables[0].rows[0]
    assert one.metrics["auroc"].value == 0.5
    assert one.verdict == "chance"
    assert one.metrics["precision"].value is None, "no predicted cancer: undefined, never zero"


def test_controls_and_baselines_have_no_rank(phantom: Table) -> None:
    (control,) = phantom.of_kind("control")
    assert (control.rank, control.rank_text) == (None, "control")
    assert [r.rank_text for r in phantom.of_kind("baseline")] == ["TRTR", "TRTR"]
    shown = lines(phantom)
    assert shown[-1].kind == "control"
    assert sum(line.kind == "chance" for line in shown) == 1


def test_the_twin_of_the_baseline_stands_beside_it_without_a_rank(phantom: Table) -> None:
    twins = phantom.of_kind("twin")
    assert [r.configuration for r in twins] == ["synthetic-reduced"] * 2
    assert [(r.rank, r.rank_text) for r in twins] == [(None, "twin")] * 2
    for one in twins:
        gap = np.mean([run.record["shortcut_gap"]["value"] for run in one.runs])
        assert one.gap.value == pytest.approx(gap, abs=1e-12), "its own test split is synthetic"
    aurocs = [line.metrics["auroc"].value for line in lines(phantom) if line.kind != "control"]
    assert aurocs == sorted(aurocs, reverse=True), "it stands where its AUROC puts it"


def test_a_control_on_the_twin_stays_a_control(tmp_path: Path) -> None:
    write_cell(tmp_path, SMALL, Cell("synthetic-reduced", "prior", role="control"))
    (only,) = read_board(tmp_path).tables[0].rows
    assert only.kind == "control"


def test_real_films_and_their_twin_are_compared_in_pairs(tmp_path: Path) -> None:
    """Scores that differ by little on the same films: told apart, since the films are shared."""
    world = World(patients=200, test_size=30, epochs=3)
    noise = np.random.RandomState(3).normal(size=400)

    def films(truth: object) -> np.ndarray:
        return 1 / (1 + np.exp(-(truth.label + noise)))  # type: ignore[attr-defined]

    def twin(truth: object) -> np.ndarray:
        p = films(truth)
        return np.where(truth.label == 1, np.maximum(p - 0.05, 0), p)  # type: ignore[attr-defined]

    cells = [
        Cell("real", "a", scores=films),
        Cell("synthetic-reduced", "a", scores=twin),
        Cell("real", "b", scores=films),
        Cell("synthetic-reduced", "b", scores=films),
        Cell("real", "alone", scores=films),
    ]
    write_cells(tmp_path, world, cells)
    (table,) = read_board(tmp_path).tables
    found = {one.series.classifier: one.difference for one in table.image_for_image}
    assert set(found) == {"a", "b"}
    label = world.real_test().label
    expected = [roc_auc_score(label, p(world.real_test())) for p in (films, twin)]
    assert found["a"].value == pytest.approx(expected[0] - expected[1], abs=1e-12)
    a, b = (row(table, name, "a").metrics["auroc"] for name in ("real", "synthetic-reduced"))
    assert a.low < b.high, "their own intervals overlap"
    assert found["a"].low > 0
    assert found["b"] == Estimate(0.0, 0.0, 0.0)
    said = words.image_for_image(table)
    assert said[0].startswith("a: TRTR minus its twin +0.0")
    assert said[0].endswith("real films better") and said[1].endswith("not told apart")
    assert words.missing(table)[1].endswith("synthetic-reduced (the twin of TRTR)")


def test_results_of_before_the_twin_have_a_board_that_says_it_is_missing(tmp_path: Path) -> None:
    write_cells(tmp_path, SMALL, [Cell(name) for name in (*CONFIGURATIONS, "real")])
    (table,) = read_board(tmp_path).tables
    (gap,) = table.missing
    assert gap.configurations == ("synthetic-reduced",)
    assert table.of_kind("twin") == table.image_for_image == ()
    assert len(table.of_kind("ranked")) == 9


def test_chance_line_stands_where_it_belongs(phantom: Table) -> None:
    shown = [line for line in lines(phantom) if line.kind != "control"]
    place = next(i for i, line in enumerate(shown) if line.kind == "chance")
    assert all(line.metrics["auroc"].value >= 0.5 for line in shown[:place])
    assert all(line.metrics["auroc"].value <= 0.5 for line in shown[place + 1 :])
    assert shown[place].metrics["precision"].value == pytest.approx(0.3)
    assert shown[place].metrics["accuracy"].value is None


def test_a_table_without_baseline_says_so(board: Board) -> None:
    shown = lines(board.tables[0])
    assert [(line.kind, line.classifier) for line in shown][-1] == ("absent", "not measured")


def test_missing_cells_are_listed(phantom: Table, board: Board) -> None:
    (gap,) = phantom.missing
    assert gap.series.classifier == "small-cnn"
    assert set(gap.configurations) == {"30-70-95syn", "70-30-90syn"}
    (single,) = board.tables[0].missing
    assert set(single.configurations) == {*CONFIGURATIONS, *REFERENCES} - {"50-50-90syn"}


def test_a_row_that_lacks_replicates_has_no_rank(tmp_path: Path) -> None:
    """Else a classifier would rise by leaving out its worst run."""
    cells = [Cell("50-50-90syn", replicate=k) for k in range(3)]
    cells += [Cell("50-50-95syn", scores=perfect)]
    write_cells(tmp_path, SMALL, cells)
    (table,) = read_board(tmp_path).tables
    (gap,) = table.missing
    assert gap.short == (("50-50-95syn", 1, 3),)
    best, other = (row(table, name, "vgg16") for name in ("50-50-95syn", "50-50-90syn"))
    assert (best.kind, best.rank_text, words.replicates(best)) == (
        "incomplete",
        "incomplete",
        "1 of 3 replicates",
    )
    assert best.metrics["auroc"].value == 1.0 > other.metrics["auroc"].value
    assert (other.rank_text, words.replicates(other)) == ("1", "3 replicates")
    assert [line.kind for line in lines(table)][-2:] == ["absent", "incomplete"]
    (middle,) = (panel for panel in panels(table, "auroc") if panel.class_ratio == "50-50")
    assert [point.estimate for point in middle.lines[0].points] == [other.metrics["auroc"]]
    with pytest.raises(BadInput, match="50-50-95syn"):
        choose_series(table, "vgg16", ["50-50-95syn"])


@pytest.mark.parametrize(
    ("have", "due"),
    [
        ({"30-70-90syn": [0, 2], "50-50-90syn": [0, 1]}, {"30-70-90syn": 3, "50-50-90syn": 2}),
        ({"30-70-90syn": [1]}, {"30-70-90syn": 2}),
        (
            {"30-70-90syn": [0, 1, 2], "50-50-90syn": [0, 1], "70-30-90syn": [0]},
            {"30-70-90syn": 3, "50-50-90syn": 2, "70-30-90syn": 2},
        ),
        # One more run of one configuration does not take the rank of all the others.
        (
            {"30-70-90syn": [0, 1], "50-50-90syn": [0], "70-30-90syn": [0]},
            {"30-70-90syn": 2, "50-50-90syn": 1, "70-30-90syn": 1},
        ),
        # References do not set what configurations owe.
        ({"real": [0, 1, 2], "50-50-90syn": [0]}, {"real": 3, "50-50-90syn": 1}),
        ({"real": [0], "50-50-90syn": [0, 1]}, {"real": 2, "50-50-90syn": 2}),
    ],
)
def test_replicates_due(
    have: dict[str, list[int]], due: dict[str, int], runs: tuple[Run, ...]
) -> None:
    series = series_of(runs[0].record)
    cells = {
        (series, name): tuple(
            replace(runs[0], record={**runs[0].record, "replicate": k}) for k in numbers
        )
        for name, numbers in have.items()
    }
    assert replicates_due(cells) == {(series, name): n for name, n in due.items()}


def test_films_and_their_twin_are_compared_at_the_same_replicates(tmp_path: Path) -> None:
    cells = [Cell("real", replicate=k) for k in range(2)]
    write_cells(tmp_path, SMALL, [*cells, Cell("synthetic-reduced")])
    assert read_board(tmp_path).tables[0].image_for_image == ()
    write_cell(tmp_path, SMALL, Cell("synthetic-reduced", replicate=1))
    assert len(read_board(tmp_path).tables[0].image_for_image) == 1


def test_other_recipe_or_weights_is_another_row(tmp_path: Path) -> None:
    write_cell(tmp_path, SMALL, Cell(replicate=0))
    write_cell(tmp_path, SMALL, Cell(replicate=1, weights="random"))
    write_cell(tmp_path, SMALL, Cell(replicate=2, settings={"batch": 8}))
    (table,) = read_board(tmp_path).tables
    assert [len(r.runs) for r in table.rows] == [1, 1, 1]
    assert len(set(table.series_names().values())) == 3


def test_shortcut_gap_is_own_test_minus_real_test(phantom: Table) -> None:
    one = row(phantom, "50-50-100syn", "vgg16")
    gaps = [run.record["shortcut_gap"]["value"] for run in one.runs]
    assert one.gap.value == pytest.approx(np.mean(gaps), abs=1e-12)
    assert one.gap.low < one.gap.value < one.gap.high
    assert row(phantom, "real", "vgg16").gap.value is None


def test_order_of_records_does_not_matter(runs: tuple[Run, ...], board: Board) -> None:
    again = build(runs[::-1], board.published)
    assert [[(r.name, r.rank, r.metrics) for r in t.rows] for t in again.tables] == [
        [(r.name, r.rank, r.metrics) for r in t.rows] for t in board.tables
    ]


def test_the_same_replicate_twice_is_refused(runs: tuple[Run, ...], board: Board) -> None:
    with pytest.raises(BadInput, match="same replicate 0"):
        build([runs[0], runs[0]], board.published)


def test_no_runs_is_bad_input(board: Board) -> None:
    with pytest.raises(BadInput, match="no record"):
        build([], board.published)
