"""Reading a folder: nothing outside of it, nothing that is no file, nothing that stops the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.films import tree as tree_module
from mammo_synth.films.tree import inside, is_film_file, read_tree


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_lists_by_suffix_sorted_and_passes_over_hidden_files(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.PNG", "b/1.png", "a.png", "a.txt", ".hidden.png", ".git/x.png")
    touch(tmp_path, "__MACOSX/b/._1.png", "b/._1.png", "ü/é.png")
    tree = read_tree(tmp_path, (".png",))
    assert tree.files == ("a.png", "b/1.png", "b/2.PNG", "ü/é.png")
    assert tree.refused == ()
    assert tree.named("2.png", "A.PNG") == ["a.png", "b/2.PNG"]
    assert read_tree(tmp_path).ending(".txt") == ["a.txt"]


def test_loops_of_links_and_links_out_of_the_folder(tmp_path: Path) -> None:
    root = touch(tmp_path / "films", "a/1.png")
    touch(tmp_path, "secret/2.png")
    (root / "a" / "again").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "folder.png").symlink_to(tmp_path / "secret")
    (root / "linked.png").symlink_to(tmp_path / "secret" / "2.png")
    (root / "self.png").symlink_to(root / "self.png")
    tree = read_tree(root, (".png",))
    assert tree.files == ("a/1.png", "linked.png")
    assert [r.film for r in tree.refused] == ["self.png"]
    with pytest.raises(BadInput, match="points outside"):
        inside(root, "linked.png")
    with pytest.raises(BadInput, match="points outside"):
        inside(root, "self.png/x")
    assert not is_film_file(root / "self.png")


def test_pipes_and_broken_links_are_no_films(tmp_path: Path) -> None:
    touch(tmp_path, "1.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    tree = read_tree(tmp_path, (".png",))
    assert tree.files == ("1.png",)
    assert [r.film for r in tree.refused] == ["broken.png", "pipe.png"]
    assert "no file of data" in tree.refused[0].reason


def test_names_that_are_no_text(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "no\u00a0break.png", "new\nline.png")
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    (tmp_path / os.fsdecode(b"d\xfe")).mkdir()
    (tmp_path / os.fsdecode(b"d\xfe") / "2.png").write_bytes(b"x")
    tree = read_tree(tmp_path, (".png",))
    assert tree.files == ("1.png", "no\u00a0break.png")
    assert {r.film: r.reason.split(":")[0] for r in tree.refused} == {
        "\\xff.png": "its name is not UTF-8",
        "d\\xfe/2.png": "its name is not UTF-8",
        "new\\nline.png": "its name holds a control character or a line break",
    }


def test_a_folder_that_may_not_be_read_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "1.png", "locked/2.png")
    scan = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(tree_module.os, "scandir", scandir)
    tree = read_tree(tmp_path)
    assert tree.files == ("1.png",)
    assert tree.refused[0].film == "locked" and "Permission denied" in tree.refused[0].reason
    with pytest.raises(BadInput, match="cannot be read"):
        read_tree(tmp_path / "locked")


def test_no_folder(tmp_path: Path) -> None:
    touch(tmp_path, "1.png")
    with pytest.raises(BadInput, match="does not exist"):
        read_tree(tmp_path / "none")
    with pytest.raises(BadInput, match="is a file"):
        read_tree(tmp_path / "1.png")
    with pytest.raises(BadInput, match=r"cannot be read|does not exist"):
        read_tree(Path("a\x00b"))


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "MAX_FILES", 2)
    touch(tmp_path, "1.png", "2.png", "3.txt")
    assert len(read_tree(tmp_path, (".png",)).files) == 2
    with pytest.raises(BadInput, match="more than 2 files"):
        read_tree(tmp_path)


def test_a_deep_tree(tmp_path: Path) -> None:
    depth = 1_500  # deeper than Python's own recursion goes
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(depth):
            Path("d").mkdir()
            os.chdir("d")
        Path("deep.png").write_bytes(b"x")
        tree = read_tree(tmp_path, (".png",))
    finally:
        # Taken down from its end: what clears temporary folders later would go too deep.
        while Path.cwd() != tmp_path:
            Path("deep.png").unlink(missing_ok=True)
            os.chdir("..")
            Path("d").rmdir()
        os.chdir(here)
    assert tree.files == (f"{'d/' * depth}deep.png",)


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/etc/passwd", "..\\x.png", "\\etc\\passwd", "x\x00.png"]
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="points outside"):
        inside(tmp_path, name)


def test_names_that_stay_inside(tmp_path: Path) -> None:
    for name in ("a/b.png", "a\\b.png", "a/../a/b.png"):
        assert inside(tmp_path, name).resolve() == (tmp_path / "a" / "b.png").resolve()


@given(st.text(alphabet=st.sampled_from("./\\a\x00~:\ud800"), max_size=20) | st.text(max_size=40))
def test_no_name_leads_out(name: str) -> None:
    root = Path(__file__).parent
    try:
        path = inside(root, name)
    except BadInput:
        return
    assert path.resolve().is_relative_to(root)
    is_film_file(path)
