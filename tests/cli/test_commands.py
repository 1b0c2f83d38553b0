"""The command as a user meets it: help, JSON, errors in one line, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from mammo_synth import __version__
from mammo_synth.cli import main as command
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.release.folder import Release
from tests.conftest import Command, assert_friendly, write_film_folder


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, as the words that call it."""
    for name, entry in group.commands.items():
        if hasattr(entry, "commands"):
            yield from leaves(entry, (*path, name))
        else:
            yield (*path, name)


LEAVES = sorted(leaves(typer.main.get_command(command.app)))


@pytest.mark.parametrize("leaf", LEAVES, ids=" ".join)
def test_every_command_has_help_with_an_example(
    leaf: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        command.main([*leaf, "--help"])
    assert done.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"Example: mammo-synth {' '.join(leaf)}" in text


def test_help_and_import_load_no_heavy_library() -> None:
    heavy = ("torch", "tensorflow", "keras", "sklearn", "matplotlib", "datasets", "pandas")
    code = (
        "import sys; sys.argv = ['mammo-synth', '--help']\n"
        "from mammo_synth.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"sys.exit(str([m for m in {heavy} if m in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_torchvision_is_not_needed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import torchvision"], capture_output=True, check=False
    )
    assert done.returncode != 0, "the suite must pass where torchvision is absent"


def test_version_and_configs_as_json(run: Command) -> None:
    assert run("--version").stdout.strip() == f"mammo-synth {__version__}"
    table = json.loads(run("configs", "--json").stdout)
    assert [row["configuration"] for row in table["configurations"]] == list(CONFIGURATIONS)
    assert table["stored_images"] == 33_792


def test_usage_errors_are_short(run: Command) -> None:
    assert_friendly(run("films", "prepare", "mias"), "Missing option '--out'")
    assert_friendly(run("confgs"), "No such command")
    assert_friendly(run("configs", "--size", "many"), "valid integer")
    assert_friendly(run("configs", "--size", "3"), "too small", "To do:")


def test_wrong_sources_and_paths(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert_friendly(run("films", "prepare", "mais", "x", "--out", out), "Did you mean 'mias'?")
    assert_friendly(run("films", "prepare", "mias", "--out", out), "needs the folder")
    assert_friendly(run("films", "prepare", "mias", "gone", "--out", out), "no folder 'gone'")
    assert_friendly(run("films", "prepare", "phantom", "x", "--out", out), "takes no folder")
    assert_friendly(
        run("films", "prepare", "phantom", "--patients", "2", "--size", "32", "--out", out),
        "needs at least 3 of each",
    )
    assert list(tmp_path.iterdir()) == []


def test_prepare_inspect_and_verify(run: Command, film_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    made = run("films", "prepare", "folder", film_folder, "--out", out, "--size", "32", "--json")
    assert made.code == 0, made.stderr
    assert json.loads(made.stdout)["films"]["train"] == {"cancer": 12, "normal": 60}
    look = run("films", "inspect", "folder", film_folder, "--json")
    assert look.code == 0 and json.loads(look.stdout)["films"] == 120
    assert run("verify", out).code == 0
    (out / "films-00000.parquet").write_bytes(b"x")
    changed = run("verify", out)
    assert changed.code == 1 and "films-00000.parquet" in changed.stdout


def test_inspect_ends_with_1_where_something_is_wrong(run: Command, tmp_path: Path) -> None:
    folder = write_film_folder(tmp_path / "films", 12)
    (folder / "001L.png").write_bytes(b"no film")
    look = run("films", "inspect", "folder", folder)
    assert look.code == 1 and "001L.png" in look.stdout


def test_release_verify_and_wrong_folders(
    run: Command, small_release: Release, prepared_set: PreparedSet, tmp_path: Path
) -> None:
    sound = run("release", "verify", small_release.folder)
    assert sound.code == 0 and "is sound" in sound.stdout
    assert_friendly(
        run("release", "verify", prepared_set.folder), "a prepared-set folder; a release folder"
    )
    assert_friendly(run("release", "verify", tmp_path), "has no manifest.json")
    build = ("release", "build", "--prepared", prepared_set.folder, "--out", tmp_path / "r")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(b"\x10\x00\x00")
    assert_friendly(run(*build, "--cancer", cut, "--normal", cut), "cut.safetensors", "generator")
    assert not (tmp_path / "r").exists()


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m mammo_synth configs --json | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr and "Error" not in done.stderr


def test_demo_dry_run_writes_nothing(run: Command, tmp_path: Path) -> None:
    dry = run("demo", "--dry-run", cwd=tmp_path)
    assert dry.code == 0 and "[6/6]" in dry.stdout
    assert list(tmp_path.iterdir()) == []
