"""Manifests, atomic writes and steps: nothing half-written, everything walked back."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from mammo_synth import files
from mammo_synth import manifest as m
from mammo_synth.errors import BadInput, NoSpace, did_you_mean
from mammo_synth.step import step_folder, unfinished_folder


def make(folder: Path, **extra: Any) -> m.Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.txt").write_text("one")
    return m.write_manifest(folder, "pool", settings={"x": 1}, seed=3, **extra)


def test_round_trip_and_digest(tmp_path: Path) -> None:
    made = make(tmp_path / "p", facts={"n": 2})
    read = m.read_manifest(tmp_path / "p", "pool")
    assert read == made and read.sha256 == files.sha256_file(tmp_path / "p" / m.MANIFEST_NAME)
    assert read.files["a.txt"].sha256 == files.sha256_bytes(b"one")
    assert m.check_folder(tmp_path / "p") == []


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    assert make(tmp_path / "p").sha256 == make(tmp_path / "q").sha256


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_a_changed_folder_is_named(tmp_path: Path, change: str) -> None:
    make(tmp_path)
    if change == "edit":
        (tmp_path / "a.txt").write_text("two")
    elif change == "remove":
        (tmp_path / "a.txt").unlink()
    else:
        (tmp_path / "b.txt").write_text("new")
    problems = m.check_folder(tmp_path)
    assert len(problems) == 1 and ("b.txt" if change == "add" else "a.txt") in problems[0]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1}', '{"format": 99}', '{"format": 1, "kind": 1}']
)
def test_an_invalid_manifest_is_bad_input(tmp_path: Path, text: str) -> None:
    (tmp_path / m.MANIFEST_NAME).write_text(text)
    with pytest.raises(BadInput, match=r"manifest|format"):
        m.read_manifest(tmp_path)


def test_wrong_kind_and_missing_folder(tmp_path: Path) -> None:
    make(tmp_path / "p")
    with pytest.raises(BadInput, match="is a pool folder; a release folder was expected"):
        m.read_manifest(tmp_path / "p", "release")
    with pytest.raises(BadInput, match="no folder"):
        m.read_manifest(tmp_path / "none")


def test_is_current_compares_settings_inputs_and_sizes(tmp_path: Path) -> None:
    make(tmp_path)
    assert m.is_current(tmp_path, "pool", settings={"x": 1}, seed=3)
    assert not m.is_current(tmp_path, "pool", settings={"x": 2}, seed=3)
    assert not m.is_current(tmp_path, "pool", settings={"x": 1}, seed=4)
    other = (m.Input("file", "elsewhere", "0" * 64),)
    assert not m.is_current(tmp_path, "pool", settings={"x": 1}, seed=3, inputs=other)
    (tmp_path / "a.txt").write_text("longer")
    assert not m.is_current(tmp_path, "pool", settings={"x": 1}, seed=3)


def test_atomic_path_leaves_the_old_file_on_error(tmp_path: Path) -> None:
    target = tmp_path / "f"
    target.write_text("old")
    with pytest.raises(RuntimeError), files.atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_full_disk_is_one_sentence_and_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match="disk is full"), files.atomic_path(tmp_path / "f"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_verify_chain_walks_to_the_inputs(tmp_path: Path) -> None:
    films, release = tmp_path / "films", tmp_path / "release"
    make(films)
    release.mkdir()
    make(release, inputs=(m.relative_input("pool", films, release),))
    links = m.verify_chain(release)
    assert [link.path.name for link in links] == ["release", "films"]
    assert not any(link.problems for link in links)
    (films / "a.txt").write_text("changed")
    assert any("sha256 differs" in p for link in m.verify_chain(release) for p in link.problems)
    for path in films.iterdir():
        path.unlink()
    films.rmdir()
    assert [link.found for link in m.verify_chain(release)] == [True, False]


def test_a_step_appears_whole_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt), step_folder(out, "plan") as work:
        (work / "part").write_text("1")
        raise KeyboardInterrupt
    assert not out.exists()
    assert (unfinished_folder(out, "plan") / "part").exists()
    (unfinished_folder(out, "plan") / f"{files.TEMPORARY_PREFIX}x").write_text("half a file")
    with step_folder(out, "plan") as work:
        assert (work / "part").read_text() == "1"
    assert [p.name for p in out.iterdir()] == ["part"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_bad_input_in_a_step_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput), step_folder(tmp_path / "out", "plan") as work:
        (work / "part").write_text("1")
        raise BadInput("no")
    assert list(tmp_path.iterdir()) == []


def test_a_step_does_not_touch_foreign_folders(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(BadInput, match="not empty"), step_folder(tmp_path, "plan"):
        pass
    make(tmp_path / "done")
    with pytest.raises(BadInput, match="other settings"), step_folder(tmp_path / "done", "plan"):
        pass
    another = step_folder(tmp_path / "done", "plan", replace="another-kind")
    with pytest.raises(BadInput, match="another-kind folder was expected"), another:
        pass
    kind = m.read_manifest(tmp_path / "done").kind
    with step_folder(tmp_path / "done", "plan", replace=kind) as work:
        (work / "new").write_text("1")
    assert [p.name for p in (tmp_path / "done").iterdir()] == ["new"]
    assert (tmp_path / "mine").read_text() == "keep"


def test_hint_for_an_unknown_name() -> None:
    assert "Did you mean 'mias'?" in did_you_mean("mais", ["mias", "phantom"])
    assert did_you_mean("xyz", ["mias", "phantom"]) == "Known: mias, phantom."
