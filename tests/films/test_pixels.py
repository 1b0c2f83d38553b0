"""The pixels of a prepared set, decoded once and mapped from a file."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from mammo_synth.configurations import CANCER, NORMAL
from mammo_synth.errors import BadInput, NoSpace
from mammo_synth.films import pixels as module
from mammo_synth.films.pixels import map_pixels
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.manifest import check_folder


@pytest.fixture
def films(prepared_set: PreparedSet, tmp_path: Path) -> PreparedSet:
    """A set of its own, that may be written to."""
    ignore = shutil.ignore_patterns(".pixels")
    shutil.copytree(prepared_set.folder, tmp_path / "prepared", ignore=ignore)
    return PreparedSet.open(tmp_path / "prepared")


def _map(films: PreparedSet, spare: Path, labels: tuple[int, ...] = (CANCER,)) -> module.Pixels:
    return map_pixels(films, "train", labels, spare=spare)


def test_pixels_are_those_of_the_films_and_decoded_once(films, tmp_path):
    found = _map(films, tmp_path / "run")
    wanted, _ = films.images("train", CANCER)
    assert np.array_equal(found.images, wanted) and set(found.labels) == {CANCER}
    assert isinstance(found.images, np.memmap) and not found.images.flags.writeable
    written = found.path.stat().st_mtime_ns
    assert _map(films, tmp_path / "run").path.stat().st_mtime_ns == written
    assert found.path.parent == films.folder / ".pixels"
    assert check_folder(films.folder) == [] and not (tmp_path / "run").exists()


def test_both_labels_stand_one_after_the_other(films, tmp_path):
    found = _map(films, tmp_path, (NORMAL, CANCER))
    for label in (NORMAL, CANCER):
        wanted, _ = films.images("train", label)
        assert np.array_equal(found.images[found.labels == label], wanted)


def test_damaged_and_stale_files_are_replaced(films, tmp_path):
    path = _map(films, tmp_path).path
    path.write_bytes(path.read_bytes()[:-7])
    earlier, half = path.with_name("0" * 16 + "-train-cancer.npy"), path.with_name(".writing-x")
    earlier.write_bytes(b"x")
    half.write_bytes(b"x")
    assert np.array_equal(_map(films, tmp_path).images, films.images("train", CANCER)[0])
    assert not earlier.exists() and not half.exists()


def test_processes_that_start_at_once_decode_once(films, tmp_path, monkeypatch):
    written = []
    write = module._write
    monkeypatch.setattr(module, "_write", lambda *a: (written.append(1), write(*a)))
    found: list[module.Pixels] = []
    threads = [
        threading.Thread(target=lambda: found.append(_map(films, tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(written) == 1


def test_a_full_disk_moves_the_pixels_and_two_full_ones_are_an_error(films, tmp_path, monkeypatch):
    usage, full = shutil.disk_usage(tmp_path), [films.folder]

    def disk(path: Path) -> object:
        lacks = any(path.is_relative_to(folder) for folder in full)
        return usage._replace(free=1000) if lacks else usage

    monkeypatch.setattr(module.shutil, "disk_usage", disk)
    assert _map(films, tmp_path / "run").path.parent == tmp_path / "run" / ".pixels"
    full.append(tmp_path / "other")
    with pytest.raises(NoSpace, match=r"need 0\.1 GB: the disk of .* has 0\.0 GB free") as refusal:
        _map(films, tmp_path / "other")
    assert "--out" in refusal.value.hint


def test_a_disk_that_fills_while_writing_is_one_error(films, tmp_path, monkeypatch):
    def decoded(*_: object):
        yield films.images("train", CANCER)[0][0]
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(module, "_decoded", decoded)
    with pytest.raises(NoSpace, match="disk is full"):
        _map(films, tmp_path)
    assert [p.name for p in (films.folder / ".pixels").iterdir()] == [".lock"]


def test_missing_labels_and_mixed_sizes_are_refused(films, tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="no cancer film in role real"):
        map_pixels(films, "real", [CANCER], spare=tmp_path)
    monkeypatch.setattr(module, "decode_png", lambda data: np.zeros([16, 32], np.uint8))
    with pytest.raises(BadInput, match="has 32 x 16 px; all films"):
        _map(films, tmp_path)
