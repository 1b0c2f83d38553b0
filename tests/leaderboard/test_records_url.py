"""--records-url: the address of the files, not of a page about them; what is said of dead links."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from mammo_synth.bench.results import posted_folder
from mammo_synth.cli.leaderboard import app
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.records_url import check_records_url, files_of
from tests.leaderboard.board_factory import Cell, World, write_cell

WORLD = World(patients=10, test_size=10, epochs=1)
HUB = f"{constants.ENDPOINT}/datasets"
FILES = f"{HUB}/lab/results/resolve/main"
runner = CliRunner()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("local") / "results"
    write_cell(folder, WORLD, Cell())
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a repository of results names the folders of records."""
    folder = tmp_path_factory.mktemp("clone") / "results"
    record = write_cell(folder, WORLD, Cell())
    record.parent.rename(posted_folder(record.parent, sha256_file(record)))
    return folder


@pytest.mark.parametrize(
    "url",
    [
        FILES,
        f"{FILES}/",
        "https://example.org/datasets/a/b",
        "https://example.org/tree/main",
        "http://127.0.0.1:8000/results",
    ],
)
def test_addresses_of_files_are_taken(url: str) -> None:
    assert check_records_url(url) == url


@pytest.mark.parametrize(
    "page",
    ["/lab/results", "/lab/results/", "/lab/results/tree/main", "/lab/results/blob/main/README.md"],
)
def test_a_page_about_the_files_is_refused_with_their_address(page: str) -> None:
    with pytest.raises(BadInput, match="a page about the files") as caught:
        check_records_url(HUB + page)
    assert (caught.value.hint or "").endswith(f" {FILES}")


def test_the_revision_of_the_page_is_kept() -> None:
    with pytest.raises(BadInput) as caught:
        check_records_url(f"{HUB}/lab/results/tree/v2")
    assert (caught.value.hint or "").endswith("/lab/results/resolve/v2")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "results", "", "https://a b.org"])
def test_what_is_no_link_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(BadInput, match="--records-url") as caught:
        check_records_url(url)
    assert files_of("ORG/NAME") in (caught.value.hint or "")


def _export(results: Path, out: Path, *more: str) -> str:
    arguments = ["export", str(results), "--format", "space", "--out", str(out), *more]
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_a_space_says_what_becomes_of_its_links(local: Path, clone: Path, tmp_path: Path) -> None:
    without = _export(clone, tmp_path / "a")
    assert "without links" in without
    assert f"--records-url {HUB}/ORG/NAME/resolve/main" in without
    assert 'target="_blank" rel' not in (tmp_path / "a/index.html").read_text("utf-8")
    wrong = _export(local, tmp_path / "b", "--records-url", FILES)
    assert "1 of 1 records have another folder name here" in wrong
    assert "'replicate-0'" in wrong
    right = _export(clone, tmp_path / "c", "--records-url", FILES)
    assert "links" not in right
    assert f'href="{FILES}/phantom-demo' in (tmp_path / "c/index.html").read_text("utf-8")
    elsewhere = _export(local, tmp_path / "d", "--records-url", "https://example.org/files")
    assert "links" not in elsewhere


def test_a_rendered_board_may_stand_apart_from_its_records(local: Path, tmp_path: Path) -> None:
    out = tmp_path / "board"
    done = runner.invoke(
        app, ["render", str(local), "--out", str(out), "--records-url", "https://example.org/r"]
    )
    assert done.exit_code == 0, done.output
    for name in ("index.html", "index.es.html"):
        html = (out / name).read_text("utf-8")
        assert 'href="https://example.org/r/phantom-demo-1.0.0-' in html
        assert 'href="../' not in html
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["settings"]["records_url"] == "https://example.org/r"
    done = runner.invoke(
        app, ["render", str(local), "--out", str(tmp_path / "x"), "--records-url", f"{HUB}/a/b"]
    )
    assert isinstance(done.exception, BadInput)
    assert not (tmp_path / "x").exists(), "found before any record is read"


def test_help_says_when_a_reproduced_row_still_reads_schema_valid() -> None:
    said = " ".join(runner.invoke(app, ["render", "--help"]).output.split())
    assert 'a row\'s tier is "schema valid" until then, also where somebody reproduced it' in said
    assert "needs --records-url" in said
