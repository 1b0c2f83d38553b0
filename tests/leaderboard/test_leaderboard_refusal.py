"""Nothing is taken on trust: tampered, missing and misplaced files; the command's exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mammo_synth.bench.predictions import write_predictions
from mammo_synth.cli.leaderboard import app
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard.check import check
from mammo_synth.leaderboard.render import FILES, render
from tests.leaderboard.board_factory import Cell, World, edit_record, write_cell

SMALL = World(patients=20, test_size=20, epochs=2)
runner = CliRunner()


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A RESULTS folder of two records."""
    write_cell(tmp_path / "results", SMALL, Cell("50-50-90syn"))
    write_cell(tmp_path / "results", SMALL, Cell("50-50-95syn"))
    return tmp_path / "results"


def record(results: Path) -> Path:
    return next(results.glob("*/50-50-90syn/*/*/record.json"))


def test_a_changed_number_is_refused_with_its_file(one: Path, tmp_path: Path) -> None:
    def better(value: dict) -> None:
        value["evaluations"]["real_test"]["metrics"]["auroc"]["value"] = 0.999

    edit_record(record(one), better)
    with pytest.raises(BadInput, match=r"50-50-90syn.*auroc.*0\.999") as caught:
        render(one, tmp_path / "out")
    assert "record.json" in caught.value.message
    assert not (tmp_path / "out").exists(), "nothing is written beside a refusal"


def test_changed_predictions_are_refused(one: Path, tmp_path: Path) -> None:
    truth = SMALL.real_test()
    better = 0.1 + 0.8 * truth.label
    write_predictions(
        record(one).with_name("predictions-real_test.parquet"), truth.image_id, better
    )
    with pytest.raises(BadInput, match="predictions-real_test"):
        render(one, tmp_path / "out")


def test_a_changed_test_set_is_refused(one: Path, tmp_path: Path) -> None:
    sets = sorted((one / "test-sets").glob("*.parquet"))
    shutil.copy(sets[0], sets[1])
    shutil.copy(sets[0], sets[2])
    with pytest.raises(BadInput, match="cannot stand on a leaderboard"):
        render(one, tmp_path / "out")


def test_missing_predictions_are_refused(one: Path, tmp_path: Path) -> None:
    record(one).with_name("predictions-test.parquet").unlink()
    with pytest.raises(BadInput, match="predictions-test"):
        render(one, tmp_path / "out")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "other/1"}', "NaN"])
def test_a_broken_record_is_refused(one: Path, tmp_path: Path, content: str) -> None:
    record(one).write_text(content)
    with pytest.raises(BadInput, match=r"record\.json"):
        render(one, tmp_path / "out")


def test_a_record_outside_the_layout_is_named_not_dropped(one: Path, tmp_path: Path) -> None:
    stray = one / "elsewhere" / "record.json"
    stray.parent.mkdir()
    shutil.copy(record(one), stray)
    with pytest.raises(BadInput, match="outside the layout"):
        render(one, tmp_path / "out")


def test_a_record_in_another_records_place_is_refused(one: Path, tmp_path: Path) -> None:
    shutil.copytree(record(one).parent, record(one).parent.with_name("replicate-1"))
    with pytest.raises(BadInput, match="belongs in"):
        render(one, tmp_path / "out")


def test_empty_and_absent_folders_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no record"):
        render(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(BadInput, match="no results folder"):
        render(tmp_path / "absent", tmp_path / "out")


def test_out_with_other_files_is_refused(one: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"thesis\.txt"):
        render(one, tmp_path / "out")
    with pytest.raises(BadInput, match="other files"):
        render(one, one)
    with pytest.raises(BadInput, match="is a file"):
        render(one, tmp_path / "out" / "thesis.txt")


def test_check_is_sound_on_sound_results(one: Path) -> None:
    found = check(one)
    assert found.sound
    assert found.records == 2


def test_check_names_every_discrepancy_and_goes_on(one: Path) -> None:
    def change(value: dict) -> None:
        value["evaluations"]["real_test"]["confusion"]["tp"] += 1
        value["evaluations"]["real_test"]["metrics"]["f1"]["value"] = 0.123
        value["shortcut_gap"]["value"] = 0.0

    edit_record(record(one), change)
    other = next(one.glob("*/50-50-95syn/*/*/record.json"))
    other.write_text("{}")
    found = check(one)
    messages = [p.message for p in found.problems if "50-50-90syn" in p.path]
    assert len(messages) == 3
    for word in ("confusion.tp", "metrics.f1.value", "shortcut_gap"):
        assert sum(word in message for message in messages) == 1
    assert any("50-50-95syn" in p.path for p in found.problems)


def test_check_command_exit_codes(one: Path) -> None:
    assert runner.invoke(app, ["check", str(one)]).exit_code == 0
    edit_record(record(one), lambda v: v["operating_point"].update(threshold=0.9))
    result = runner.invoke(app, ["check", str(one), "--json"])
    assert result.exit_code == 1
    value = json.loads(result.stdout)
    assert not value["sound"]
    assert value["problems"]
    plain = runner.invoke(app, ["check", str(one)])
    assert plain.exit_code == 1
    assert f"{len(value['problems'])} problems" in plain.stdout


def test_render_command_prints_the_table_or_json(one: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = runner.invoke(app, ["render", str(one), "--out", str(out)])
    assert result.exit_code == 0
    assert "positive class: cancer" in result.stdout
    assert {path.name for path in out.iterdir()} == {*FILES, "manifest.json"}
    result = runner.invoke(app, ["render", str(one), "--out", str(out), "--json"])
    assert json.loads(result.stdout) == json.loads((out / "leaderboard.json").read_text())
    bad = runner.invoke(app, ["render", str(tmp_path / "absent"), "--out", str(out)])
    assert isinstance(bad.exception, BadInput)


def test_nan_scores_are_refused(one: Path) -> None:
    truth = SMALL.real_test()
    path = record(one).with_name("predictions-real_test.parquet")
    write_predictions(path, truth.image_id, np.full(len(truth.label), np.nan))
    assert not check(one).sound
