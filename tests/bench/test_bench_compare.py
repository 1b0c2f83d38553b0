"""``bench compare``: which records meet, and what is shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner, Result

from mammo_synth.bench.contenders import compare_arenas, read_arenas
from mammo_synth.bench.results import read_records, read_scored
from mammo_synth.cli.bench_compare import EPILOG, compare
from mammo_synth.errors import BadInput, CheckFailed
from tests.leaderboard.board_factory import Cell, World, edit_record, write_cells

WORLD = World(patients=40, test_size=20, epochs=2)
OTHER = World("mammo-other", "mias", simulated=False, patients=40, test_size=20)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classifiers on one configuration, two on another; on a second release one alone."""
    folder = tmp_path_factory.mktemp("compare")
    cells = [Cell(classifier="good", replicate=k, skill=2.5) for k in range(3)]
    cells += [Cell(classifier="poor", replicate=k, skill=0.0) for k in range(2)]
    cells += [Cell(classifier="brought", skill=1.0, brought=True)]
    cells += [Cell("30-70-90syn", "good"), Cell("30-70-90syn", "poor", skill=0.0)]
    write_cells(folder, WORLD, cells)
    write_cells(folder, OTHER, [Cell(classifier="good")])
    return folder


def _run(*arguments: str | Path) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=EPILOG)(compare)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_only_the_same_release_and_configuration_meet(results: Path) -> None:
    arenas = read_arenas(results)
    found = [(a.release, a.configuration, [c.name for c in a.contenders]) for a in arenas]
    assert found == [
        ("mammo-other 1.0.0", "50-50-90syn", ["good"]),
        ("phantom-demo 1.0.0", "30-70-90syn", ["good", "poor"]),
        ("phantom-demo 1.0.0", "50-50-90syn", ["brought", "good", "poor"]),
    ]
    assert [c.p.shape for c in arenas[2].contenders] == [(1, 80), (3, 80), (2, 80)]
    pairs = [p for one in compare_arenas(arenas, "auroc", resamples=1000) for p in one.pairs]
    assert len(pairs) == 1 + 3
    # all four are corrected together: the smallest p value is multiplied by 4
    smallest = min(p.p_value or 1.0 for p in pairs)
    assert min(p.p_holm or 1.0 for p in pairs) == pytest.approx(4 * smallest)


def test_values_come_from_predictions(results: Path) -> None:
    document = json.loads(_run(results, "--config", "50-50-90syn", "--json").stdout)
    (comparison,) = document["comparisons"]
    assert comparison["replicates"] == {"brought": 1, "good": 3, "poor": 2}
    assert comparison["simulated"] is True
    assert document["positive_class"] == "cancer"
    assert document["pairs_corrected_over"] == 3
    pair = comparison["pairs"][2]
    assert (pair["first"], pair["second"]) == ("good", "poor")
    expected: dict[str, list[float]] = {"good": [], "poor": []}
    for stored in read_records(results):
        record = stored.record
        if record["configuration"] == "50-50-90syn" and record["release"]["simulated"]:
            scored = read_scored(results, stored, "real_test")
            value = roc_auc_score(scored.truth.label, scored.p_cancer)
            expected.setdefault(record["classifier"]["name"], []).append(value)
    assert pair["first_value"] == pytest.approx(np.mean(expected["good"]))
    assert pair["difference"] == pytest.approx(
        np.mean(expected["good"]) - np.mean(expected["poor"])
    )
    assert pair["low"] > 0
    assert pair["p_holm"] >= pair["p_value"]
    assert pair["delong"]["p_value"] < 0.01


def test_the_table_names_everything(results: Path) -> None:
    done = _run(results)
    assert done.exit_code == 0
    text = done.stdout
    for words in (
        "phantom-demo 1.0.0, 50-50-90syn: auroc on 80 films of real_test",
        "replicates: brought 1, good 3, poor 2",
        "p (DeLong)",
        "Positive class: cancer. Higher is better.",
        "corrected over all 4 pairs",
        "simulated films",
        "Not compared: mammo-other 1.0.0, 50-50-90syn has good alone.",
    ):
        assert words in text
    brier = _run(results, "--metric", "brier").stdout
    assert "Lower is better" in brier
    assert "DeLong" not in brier


def test_recipes_of_one_name_are_told_apart(tmp_path: Path) -> None:
    cells = [
        Cell(classifier="net", replicate=0, settings={"batch": 32}),
        Cell(classifier="net", replicate=1, settings={"batch": 64}, skill=0.2),
    ]
    write_cells(tmp_path, WORLD, cells)
    (arena,) = read_arenas(tmp_path)
    names = [c.name for c in arena.contenders]
    assert len(set(names)) == 2
    assert all(name.startswith("net (recipe ") and name.endswith("imagenet)") for name in names)


def test_what_cannot_be_compared_says_so(results: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no metric 'auc'"):
        compare_arenas(read_arenas(results), "auc")
    with pytest.raises(BadInput, match="configuration '50-50-9syn'") as error:
        read_arenas(results, "50-50-9syn")
    assert "50-50-90syn" in str(error.value.hint)
    with pytest.raises(BadInput, match="no results folder"):
        read_arenas(tmp_path / "none")
    with pytest.raises(BadInput, match="no record in"):
        read_arenas(tmp_path)
    write_cells(tmp_path, WORLD, [Cell(classifier="good")])
    with pytest.raises(BadInput, match="No configuration has two classifiers"):
        compare_arenas(read_arenas(tmp_path), "auroc")


def test_numbers_of_a_record_are_not_used_and_changed_predictions_are_refused(
    tmp_path: Path,
) -> None:
    cells = [Cell(classifier="good", skill=2.0), Cell(classifier="poor", skill=0.0)]
    path, _ = write_cells(tmp_path, WORLD, cells)
    before = compare_arenas(read_arenas(tmp_path), "auroc", resamples=1000)[0].pairs

    edit_record(
        path,
        lambda r: r["evaluations"]["real_test"]["metrics"]["auroc"].update({"value": 0.0}),
    )
    assert compare_arenas(read_arenas(tmp_path), "auroc", resamples=1000)[0].pairs == before
    predictions = path.with_name("predictions-real_test.parquet")
    other = next(tmp_path.glob("*/*/poor/*/predictions-real_test.parquet"))
    predictions.write_bytes(other.read_bytes())
    with pytest.raises(CheckFailed, match="was changed"):
        read_arenas(tmp_path)
