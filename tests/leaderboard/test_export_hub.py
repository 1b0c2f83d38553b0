"""Exports for the Hub, read back by the Hub's own client: eval.yaml, eval results, model-index."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from typer.testing import CliRunner

from mammo_synth.bench.published import load_published
from mammo_synth.cli.leaderboard import app
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard import export_files, hub_export, words
from mammo_synth.leaderboard.board import build
from mammo_synth.leaderboard.hub_export_card import model_card, model_results
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.model import METRICS, Board, Row, Table
from tests.leaderboard.board_factory import HOSTILE, Cell, World, write_cells

PHANTOM = World(patients=20, test_size=20, epochs=2)
STUDY = World("mammo-study", "mias", False, "study", patients=20, test_size=20, epochs=2)
DATASET, MODEL, LINK = "org/mammo-synth", "org/vgg16-mammo", "https://example.org/board"
runner = CliRunner()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantom: vgg16 on two configurations (one never says cancer) and short of a replicate on a
    third, TRTR, a control, a second classifier; and one record of a study release."""
    folder = tmp_path_factory.mktemp("hub") / "results"
    silent = Cell("30-70-90syn", scores=lambda truth: 0.1 + 0.2 * truth.label)
    short = Cell("70-30-100syn")
    control = Cell("50-50-90syn", "background-only", role="control", skill=0, weights="none")
    cells = [Cell(), Cell(replicate=1), silent, replace(silent, replicate=1), short]
    cells += [Cell("real", skill=2), control]
    write_cells(folder, PHANTOM, [*cells, Cell(classifier="small-cnn", weights="random")])
    write_cells(folder, STUDY, [Cell()])
    return folder


@pytest.fixture(scope="module")
def board(results: Path) -> Board:
    return build(load(results), load_published(), resamples=200)


@pytest.fixture(scope="module")
def phantom(board: Board) -> Table:
    return next(table for table in board.tables if table.simulated)


@pytest.fixture(scope="module")
def study(board: Board) -> Table:
    return next(table for table in board.tables if table.protocol == "study")


@pytest.fixture(scope="module")
def rows(phantom: Table) -> tuple[Row, ...]:
    return hub_export.choose_series(phantom, "vgg16")


def row_of(rows: tuple[Row, ...], configuration: str) -> Row:
    return next(row for row in rows if row.configuration == configuration)


def test_eval_yaml_has_a_task_for_each_configuration_and_metric(phantom: Table) -> None:
    value = yaml.safe_load(hub_export.eval_yaml(phantom))
    assert set(value) == {"name", "description", "evaluation_framework", "tasks"}
    ids = [task["id"] for task in value["tasks"]]
    assert len(ids) == len(set(ids)) == 9 * len(hub_export.EXPORTED)
    assert {task["config"] for task in value["tasks"]} == set(CONFIGURATIONS)
    assert {task["split"] for task in value["tasks"]} == {"real_test"}
    assert all(re.fullmatch(r"[a-z0-9_-]+", one) for one in ids)
    for sentence in (words.PHANTOM, words.NOTICE, words.POSITIVE, words.chance_rule(phantom)):
        assert sentence in value["description"]
    only = yaml.safe_load(hub_export.eval_yaml(phantom, ("f1",)))
    assert [task["id"] for task in only["tasks"]] == [f"{name}_f1" for name in CONFIGURATIONS]


def test_eval_yaml_says_the_protocol(study: Table) -> None:
    text = yaml.safe_load(hub_export.eval_yaml(study))["description"]
    assert words.STUDY_PROTOCOL in text
    assert words.PHANTOM not in text


def test_eval_results_are_read_back_by_the_client(phantom: Table, rows: tuple[Row, ...]) -> None:
    tasks = {task["id"] for task in yaml.safe_load(hub_export.eval_yaml(phantom))["tasks"]}
    files = hub_export.eval_results(phantom, rows, DATASET, source_url=LINK)
    assert set(files) == {
        ".eval_results/org-mammo-synth_50-50-90syn.yaml",
        ".eval_results/org-mammo-synth_30-70-90syn.yaml",
    }
    text = files[".eval_results/org-mammo-synth_50-50-90syn.yaml"]
    entries = parse_eval_result_entries(yaml.safe_load(text))
    row = row_of(rows, "50-50-90syn")
    assert entries == hub_export.result_entries(phantom, row, DATASET, source_url=LINK)
    assert [entry.task_id for entry in entries] == [
        f"50-50-90syn_{metric}" for metric in hub_export.EXPORTED
    ]
    for metric, entry in zip(hub_export.EXPORTED, entries, strict=True):
        assert entry.value == pytest.approx(row.metrics[metric].value, abs=1e-6)
        assert entry.task_id in tasks
        assert entry.dataset_id == DATASET
        assert entry.source_url == LINK
        assert entry.date == "2026-01-02T12:00:00Z", "the newest replicate"
        for sentence in (words.POSITIVE, words.PHANTOM, "Never for diagnosis", "2 replicates"):
            assert sentence in (entry.notes or "")
    assert "chance 0.500" in (entries[0].notes or "")


def test_what_is_undefined_has_no_entry(phantom: Table, rows: tuple[Row, ...]) -> None:
    silent = row_of(rows, "30-70-90syn")
    assert silent.metrics["precision"].value is None
    entries = hub_export.result_entries(phantom, silent, DATASET)
    assert "30-70-90syn_precision" not in [entry.task_id for entry in entries]
    assert len(entries) == len(hub_export.EXPORTED) - 1
    assert all(entry.value is not None for entry in entries)
    assert not any(
        result.metric_type == "precision" for result in model_results(phantom, [silent], DATASET)
    )
    (note,) = hub_export.undefined([silent], hub_export.EXPORTED)
    assert "Precision is undefined" in note


def test_only_rows_with_a_rank_are_exported(phantom: Table, rows: tuple[Row, ...]) -> None:
    assert {row.configuration for row in rows} == {"50-50-90syn", "30-70-90syn"}
    assert {row.kind for row in rows} == {"ranked"}
    with pytest.raises(BadInput, match="no ranked classifier 'background-only'"):
        hub_export.choose_series(phantom, "background-only")
    with pytest.raises(BadInput, match="no row with a rank of configuration '70-30-100syn'"):
        hub_export.choose_series(phantom, "vgg16", ["70-30-100syn"])


@pytest.mark.parametrize(
    ("revision", "kept"), [("ab" * 20, "ab" * 20), ("v1.0.0", None), (None, None)]
)
def test_revision_is_given_where_it_is_a_commit(
    phantom: Table, rows: tuple[Row, ...], revision: str | None, kept: str | None
) -> None:
    table = replace(phantom, release={**phantom.release, "revision": revision})
    entries = hub_export.result_entries(table, rows[0], DATASET)
    assert {entry.dataset_revision for entry in entries} == {kept}


def test_model_index_is_read_back_by_the_client(
    phantom: Table, rows: tuple[Row, ...], tmp_path: Path
) -> None:
    text = model_card(phantom, rows, DATASET, MODEL, source_url=LINK)
    (tmp_path / "README.md").write_text(text, "utf-8")
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.model_name == "vgg16-mammo"
    assert card.data.datasets == [DATASET]
    assert card.data.eval_results == model_results(phantom, rows, DATASET, source_url=LINK)
    assert card.data.eval_results is not None
    named = {(one.dataset_config, one.metric_type): one for one in card.data.eval_results}
    assert len(named) == 2 * len(METRICS) - 1, "precision of one row is undefined"
    one = named["50-50-90syn", "f1"]
    assert one.metric_value == pytest.approx(
        row_of(rows, "50-50-90syn").metrics["f1"].value, abs=1e-6
    )
    assert one.dataset_split == "real_test"
    assert one.dataset_args["simulated"] is True
    assert one.metric_args["positive_class"] == "cancer"
    assert one.metric_args["low"] <= one.metric_value <= one.metric_args["high"]
    for sentence in (words.NOTICE, words.PHANTOM, words.chance_rule(phantom)):
        assert sentence in card.text


def test_several_releases_and_classifiers_must_be_named(board: Board, phantom: Table) -> None:
    with pytest.raises(BadInput, match="2 tables") as caught:
        hub_export.choose_table(board)
    names = re.findall(r"[a-z-]+-1\.0\.0-[0-9a-f]{8}", caught.value.hint or "")
    assert len(names) == 2
    assert [hub_export.choose_table(board, name) for name in names] == list(board.tables)
    with pytest.raises(BadInput, match="no record of the release 'phantom'"):
        hub_export.choose_table(board, "phantom")
    with pytest.raises(BadInput, match="2 classifiers"):
        hub_export.choose_series(phantom)
    with pytest.raises(BadInput, match="no row with a rank of configuration '70-30-90syn'"):
        hub_export.choose_series(phantom, "vgg16", ["70-30-90syn"])
    with pytest.raises(BadInput, match="no metric 'auc'"):
        hub_export.check_metrics(["auc"])


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    world = World(source=HOSTILE, patients=10, test_size=10, epochs=1)
    write_cells(tmp_path, world, [Cell(recipe=HOSTILE, rule=HOSTILE)])
    (table,) = build(load(tmp_path), load_published(), resamples=20).tables
    rows = hub_export.choose_series(table)
    value = yaml.safe_load(hub_export.eval_yaml(table))
    assert set(value) == {"name", "description", "evaluation_framework", "tasks"}
    for text in hub_export.eval_results(table, rows, DATASET).values():
        assert len(parse_eval_result_entries(yaml.safe_load(text))) == len(hub_export.EXPORTED)
    card = model_card(table, rows, DATASET, MODEL)
    body = card.split("\n---\n", 1)[1]
    assert "<script" not in body.replace(r"\<", "")
    (tmp_path / "README.md").write_text(card, "utf-8")
    assert ModelCard.load(tmp_path / "README.md").data.eval_results


def test_files_of_others_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", "utf-8")
    files = {".eval_results/a.yaml": b"a", "README.md": b"new"}
    with pytest.raises(BadInput, match=r"README\.md' is there already"):
        export_files.write_files(tmp_path, files)
    assert not (tmp_path / ".eval_results").exists(), "nothing is written beside a refusal"
    assert (tmp_path / "README.md").read_text() == "mine"
    export_files.write_files(tmp_path, files, replace=True)
    export_files.write_files(tmp_path, files)
    assert (tmp_path / "README.md").read_text() == "new"


def test_the_command_writes_and_refuses(results: Path, tmp_path: Path) -> None:
    def call(form: str, *more: str) -> object:
        named = ["--format", form, "--out", str(tmp_path / form)]
        return runner.invoke(app, ["export", str(results), *named, *more])

    release = next(path.name for path in results.iterdir() if path.name.startswith("phantom"))
    rest = ["--release", release, "--classifier", "vgg16", "--dataset-id", DATASET]
    done = call("eval-results", *rest, "--config", "50-50-90syn", "--metric", "f1")
    assert done.exit_code == 0, done.output
    (written,) = (tmp_path / "eval-results" / ".eval_results").iterdir()
    (entry,) = parse_eval_result_entries(yaml.safe_load(written.read_text("utf-8")))
    assert entry.task_id == "50-50-90syn_f1"

    done = call("eval-yaml", "--release", release)
    assert "has to be added there" in " ".join(done.output.split())
    assert "until then the push may be refused" in " ".join(done.output.split())
    assert yaml.safe_load((tmp_path / "eval-yaml/eval.yaml").read_text("utf-8"))["tasks"]

    for arguments, said in (
        (("spaces",), "no format 'spaces'"),
        (("eval-results", *rest[:4]), "needs --dataset-id"),
        (("model-index", *rest), "needs --model-id"),
        (("model-index", *rest, "--model-id", "just-a-name"), "ORG/NAME"),
        (("eval-results", *rest[:4], "--dataset-id", "a/b/c"), "'a/b/c'"),
        (("eval-results", *rest, "--source-url", "javascript:alert(1)"), "--source-url"),
    ):
        done = call(*arguments)
        assert isinstance(done.exception, BadInput), done.output
        assert said in done.exception.message
