"""The table as CSV and as a data set, and the Space: read back by csv, `datasets` and the Hub's
client."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from huggingface_hub import DatasetCard, SpaceCard
from hypothesis import given
from typer.testing import CliRunner

from mammo_synth.bench.published import load_published
from mammo_synth.cli.leaderboard import app
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard import (
    csv_export,
    dataset_view,
    dataset_view_rows,
    export_files,
    space,
    words,
)
from mammo_synth.leaderboard.board import build
from mammo_synth.leaderboard.dataset_view_rows import COLUMNS, rows
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.model import Board
from mammo_synth.leaderboard.submission import Submission
from mammo_synth.leaderboard.tiers import TIER_NAMES
from mammo_synth.manifest import check_folder, verify_chain
from tests.hub.fixtures import LoopbackHub
from tests.leaderboard.board_factory import HOSTILE, Cell, World, write_cells

PHANTOM = World(patients=20, test_size=20, epochs=2)
REAL = World("mammo-synth", "mias", simulated=False, patients=20, test_size=20, epochs=2)
STUDY = World("mammo-study", "mias", False, "study", patients=20, test_size=20, epochs=2)
runner = CliRunner()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("view") / "results"
    control = Cell("50-50-90syn", "background-only", role="control", skill=0, weights="none")
    write_cells(folder, PHANTOM, [Cell(), Cell(replicate=1), Cell("real", skill=2), control])
    silent = Cell("30-70-90syn", scores=lambda truth: 0.1 + 0.2 * truth.label)
    write_cells(folder, REAL, [silent])
    write_cells(folder, STUDY, [Cell()])
    return folder


@pytest.fixture(scope="module")
def board(results: Path) -> Board:
    return build(load(results), load_published(), resamples=200)


@pytest.fixture(scope="module")
def folder(board: Board, results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dataset") / "table"
    files = dataset_view.files(board)
    export_files.write_folder(out, "leaderboard-dataset", files, board, results, {})
    return out


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_are_the_lines_of_the_tables_and_what_is_missing(board: Board) -> None:
    every = rows(board)
    assert all(list(row) == list(COLUMNS) for row in every)
    assert {row["positive_class"] for row in every} == {"cancer"}
    phantom = [row for row in every if row["simulated"]]
    kinds = [row["kind"] for row in phantom]
    assert kinds.count("ranked") == kinds.count("chance") == kinds.count("baseline") == 1
    assert kinds.count("control") == 1
    assert kinds.count("missing") == 8 + 1, "eight of the nine, and the twin"
    (chance,) = [row for row in phantom if row["kind"] == "chance"]
    assert (chance["auroc"], chance["balanced_accuracy"]) == (0.5, 0.5)
    assert chance["shortcut_gap"] is None
    for row in phantom:
        if row["kind"] == "missing":
            assert row["auroc"] is row["rank"] is row["replicates"] is row["records"] is None
            assert row["classifier"] == "vgg16"


def test_numbers_are_those_of_the_board(board: Board) -> None:
    table = next(table for table in board.tables if table.simulated)
    (ranked,) = table.of_kind("ranked")
    (row,) = [row for row in rows(board) if row["simulated"] and row["kind"] == "ranked"]
    for name, estimate in ranked.metrics.items():
        assert row[name] == pytest.approx(estimate.value, abs=1e-6)
        assert row[f"{name}_low"] == pytest.approx(estimate.low, abs=1e-6)
    assert (row["rank"], row["tied"], row["replicates"]) == (1, False, 2)
    assert row["tier"] == TIER_NAMES[ranked.tier]
    assert (row["class_ratio"], row["synthetic_percent"]) == ("50-50", 90)
    assert (row["threshold_low"], row["threshold_high"]) == (0.5, 0.51)
    assert row["date"] == "2026-01-02"
    assert row["records"].split("; ") == [run.path for run in ranked.runs]
    assert row["records_sha256"].split("; ") == [run.sha256 for run in ranked.runs]


def test_what_submitters_say_and_what_brought_predictions_do_not(
    board: Board, tmp_path: Path
) -> None:
    table = next(table for table in board.tables if table.simulated)
    (ranked,) = table.of_kind("ranked")
    said = [Submission("Lab A", "https://a.org/code", "https://a.org/weights", None)]
    said.append(replace(said[0], weights=None))
    runs = tuple(replace(run, submission=one) for run, one in zip(ranked.runs, said, strict=True))
    others = tuple(row for row in table.rows if row != ranked)
    posted = replace(table, rows=(replace(ranked, runs=runs), *others))
    (row,) = [one for one in dataset_view_rows.table_rows(posted) if one["kind"] == "ranked"]
    assert (row["submitter"], row["code"]) == ("Lab A", "https://a.org/code")
    assert row["weights_link"] == "https://a.org/weights; none"
    assert row["other_mammograms"] == "none"
    assert (row["weights"], row["recipe"]) == ("imagenet", "keras-vgg16")

    brought = Cell("50-50-90syn", "densenet", brought=True, weights="none")
    write_cells(tmp_path, PHANTOM, [brought])
    (table,) = build(load(tmp_path), load_published(), resamples=20).tables
    (row,) = [one for one in dataset_view_rows.table_rows(table) if one["kind"] == "ranked"]
    assert row["weights"] is row["recipe"] is row["weights_link"] is None


def test_csv_leaves_undefined_and_missing_empty(board: Board) -> None:
    text = csv_export.document(board)
    assert csv_export.document(board) == text
    found = read_csv(text)
    assert len(found) == len(rows(board))
    (silent,) = [
        row
        for row in found
        if row["source"] == "mias" and row["protocol"] == "strict" and row["kind"] == "ranked"
    ]
    assert silent["precision"] == "", "no predicted cancer: undefined, not 0"
    assert silent["recall"] == "0.0"
    missing = [row for row in found if row["kind"] == "missing"]
    assert missing
    assert {row[name] for row in missing for name in ("auroc", "f1", "rank", "tied")} == {""}
    gaps = [row["shortcut_gap"] for row in found if row["shortcut_gap"].startswith("-")]
    assert all(float(gap) < 0 for gap in gaps), "a negative number is no formula"


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", " =1", "\t=1", "＝1", "\n=2"]
)
def test_no_cell_begins_like_a_formula(name: str) -> None:
    shown = csv_export.cell(name)
    assert shown.startswith("'")
    assert shown.isprintable()


@given(st.text(max_size=30))
def test_cells_are_harmless_and_come_back(text: str) -> None:
    shown = csv_export.cell(text)
    assert not shown.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    assert all(c.isprintable() for c in shown)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(["a", shown, "b"])
    assert list(csv.reader(io.StringIO(stream.getvalue()))) == [["a", shown, "b"]]


@pytest.mark.parametrize("value", [-0.5, 0.0, 3, True, None])
def test_numbers_stay_numbers(value: Any) -> None:
    shown = csv_export.cell(value)
    assert shown == ("" if value is None else "true" if value is True else str(value))


def test_datasets_loads_every_configuration(folder: Path, board: Board, offline: Any) -> None:
    names = offline.get_dataset_config_names(str(folder))
    assert names == ["mias-strict", "mias-study", "phantom-strict", dataset_view.PUBLISHED]
    expected = rows(board)
    for name, table in dataset_view.configurations(board).items():
        data = offline.load_dataset(str(folder), name, split="train")
        assert data.to_list() == [row for row in expected if row["table"] == table.title]
        assert data.features["rank"].dtype == "int64"
        assert data.features["simulated"].dtype == "bool"
        assert set(data["simulated"]) == {table.simulated}, "never one ranking with phantom"
        assert set(data["protocol"]) == {table.protocol}
    default = offline.load_dataset(str(folder), split="train")
    assert default["table"][0] == board.tables[0].title


def test_datasets_streams_and_reads_the_published_rows(folder: Path, offline: Any) -> None:
    stream = offline.load_dataset(str(folder), "phantom-strict", split="train", streaming=True)
    assert next(iter(stream))["positive_class"] == "cancer"
    published = offline.load_dataset(str(folder), dataset_view.PUBLISHED, split="train")
    assert published["configuration"][0] == "30-70-100syn"
    assert published["printed_accuracy_of_normal"][0] == 0.546
    assert published["reread_recall_of_cancer"][0] == pytest.approx(0.410, abs=5e-4)
    assert published["duplicate_of"][-1] == "30-70-90syn"


def test_a_changed_table_is_not_served_from_the_cache(
    folder: Path, results: Path, offline: Any, tmp_path: Path
) -> None:
    """What `datasets` does with a folder whose Parquet alone changes; see the card's digests."""
    out = tmp_path / "table"
    for resamples in (20, 40):
        board = build(load(results), load_published(), resamples=resamples)
        files = dataset_view.files(board)
        export_files.write_folder(out, "leaderboard-dataset", files, board, results, {})
        data = offline.load_dataset(str(out), "phantom-strict", split="train")
        assert data.to_list() == [row for row in rows(board) if row["simulated"]]


UPLOAD = """
import json, sys
from huggingface_hub import HfApi
kind, name, folder = sys.argv[1:]
sdk = {"space_sdk": "static"} if kind == "space" else {}
HfApi().create_repo(name, repo_type=kind, **sdk)
HfApi().upload_folder(repo_id=name, repo_type=kind, folder_path=folder)
print(json.dumps(HfApi().list_repo_files(name, repo_type=kind)))
"""
LOAD = """
import json
from datasets import get_dataset_config_names, load_dataset
name = "clinic/board"
first = next(iter(load_dataset(name, split="train", streaming=True)))
table = load_dataset(name, "phantom-strict", split="train").to_list()
print(json.dumps([get_dataset_config_names(name), first, table]))
"""


def test_both_folders_are_uploaded_as_they_stand_and_load_from_the_hub(
    hub: LoopbackHub, folder: Path, board: Board, results: Path, tmp_path: Path
) -> None:
    page = tmp_path / "space"
    files = space.files(board, "clinic/films")
    export_files.write_folder(page, "leaderboard-space", files, board, results, {})
    for kind, name, local in (("dataset", "board", folder), ("space", "board-page", page)):
        done = hub.run(["-c", UPLOAD, kind, f"clinic/{name}", str(local)], tmp_path / "author")
        there = set(json.loads(done.stdout.splitlines()[-1]))
        here = {path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file()}
        assert here <= there <= here | {".gitattributes"}
    loaded = hub.run(LOAD, tmp_path / "reader", token=None).stdout.splitlines()[-1]
    names, first, table = json.loads(loaded)
    assert names == [*dataset_view.configurations(board), dataset_view.PUBLISHED]
    assert first["table"] == board.tables[0].title
    assert table == [row for row in rows(board) if row["simulated"]]


def test_the_card_says_what_honesty_asks(folder: Path, board: Board) -> None:
    card = DatasetCard.load(folder / "README.md")
    assert card.data.to_dict()["configs"][0]["default"] is True
    said = (words.NOTICE, words.PHANTOM, words.STUDY_PROTOCOL, words.WHY_AUROC, words.TWIN_RULE)
    for sentence in (*said, words.PUBLISHED_TITLE, words.tie_rule(board.resamples)):
        assert sentence in card.text
    for name in COLUMNS:
        assert f"| `{name}` |" in card.text
    assert check_folder(folder) == []
    assert {link.kind for link in verify_chain(folder)} == {"leaderboard-dataset", "file"}


def test_two_releases_of_one_source_get_names_of_their_own(tmp_path: Path) -> None:
    worlds = [World(version=f"1.{i}.0", patients=10, test_size=10, epochs=1) for i in range(2)]
    for world in worlds:
        write_cells(tmp_path, world, [Cell()])
    names = list(dataset_view.configurations(build(load(tmp_path), load_published(), resamples=20)))
    assert len(set(names)) == 2
    assert all(name.startswith("phantom-strict-1.") for name in names)


def test_hostile_names_are_text_everywhere(tmp_path: Path, offline: Any) -> None:
    world = World(source=f"={HOSTILE}", patients=10, test_size=10, epochs=1)
    cell = Cell(recipe=f"@{HOSTILE}", rule=f"+{HOSTILE}\n\x1b[2J", settings={HOSTILE: HOSTILE})
    write_cells(tmp_path / "r", world, [cell])
    board = build(load(tmp_path / "r"), load_published(), resamples=20)
    found = read_csv(csv_export.document(board))
    (row,) = [row for row in found if row["kind"] == "ranked"]
    assert row["source"] == f"'={HOSTILE}"
    assert row["recipe"] == f"'@{HOSTILE}"
    assert row["operating_point"].startswith("'+")
    assert not any(value.startswith(("=", "+", "@")) for row in found for value in row.values())
    files = dataset_view.files(board)
    assert all(path.count("/") <= 1 and ".." not in path for path in files)
    for card in (files["README.md"].decode(), space.card(board)):
        assert "<script" not in card.split("\n---\n", 1)[1].replace(r"\<", "")
    out = tmp_path / "table"
    export_files.write_folder(out, "leaderboard-dataset", files, board, tmp_path / "r", {})
    name = next(iter(dataset_view.configurations(board)))
    data = offline.load_dataset(str(out), name, split="train")
    assert f"@{HOSTILE}" in data["recipe"], "data keep what the record says"
    for name in space.PAGES.values():
        page = space.files(board)[name].decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_space_is_static_and_whole(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "space"
    arguments = ["export", str(results), "--format", "space", "--out", str(out)]
    arguments += ["--dataset-id", "org/name", "--records-url", "https://example.org/files"]
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0, done.output
    card = SpaceCard.load(out / "README.md")
    assert (card.data.sdk, card.data.app_file) == ("static", "index.html")
    assert card.data.datasets == ["org/name"]
    assert len(card.data["short_description"]) <= 60, "the Hub takes no more"
    for sentence in (words.NOTICE, words.PHANTOM, words.STUDY_PROTOCOL):
        assert sentence in card.text
    pages = [(out / name).read_text("utf-8") for name in ("index.html", "index.es.html")]
    assert words.NOTICE in pages[0]
    assert 'lang="es"' in pages[1]
    assert all('href="https://example.org/files/phantom-demo' in page for page in pages)
    assert read_csv((out / "leaderboard.csv").read_text("utf-8"))
    assert check_folder(out) == []
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert runner.invoke(app, arguments).exit_code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_folders_of_others_are_refused_and_old_tables_removed(
    board: Board, results: Path, tmp_path: Path
) -> None:
    def write(files: dict[str, bytes]) -> None:
        export_files.write_folder(tmp_path / "o", "leaderboard-dataset", files, board, results, {})

    write({"README.md": b"1", "tables/old.parquet": b"2"})
    write({"README.md": b"1", "tables/new.parquet": b"2"})
    assert sorted(p.name for p in (tmp_path / "o/tables").iterdir()) == ["new.parquet"]
    (tmp_path / "o/mine.txt").write_text("mine", "utf-8")
    with pytest.raises(BadInput, match=r"other files \(mine.txt\)"):
        write({"README.md": b"3"})
    with pytest.raises(BadInput, match="leaderboard-space"):
        export_files.write_folder(
            tmp_path / "o", "leaderboard-space", {"README.md": b""}, board, results, {}
        )
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(BadInput, match="is a file"):
        export_files.write_folder(tmp_path / "file", "leaderboard-space", {}, board, results, {})
