"""A cell that is killed goes on after its last finished epoch, to the same record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.classifiers.checkpoint import (
    STATE_NAME,
    TrainingState,
    read_state,
    state_to_go_on_from,
    state_writer,
    write_state,
)
from mammo_synth.bench.grid import Cell
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.bench.run import Bench
from mammo_synth.bench.unfinished import unfinished
from mammo_synth.errors import BadInput, CheckFailed, NoSpace
from mammo_synth.progress import SILENT
from mammo_synth.release.folder import Release

SETTINGS = {"input_size": 32, "epochs": 4, "head": [32, 16], "batch_size": 16, "patience": 9}
KILLED = """
import os, signal, sys
from pathlib import Path
from mammo_synth.bench.run import Bench
from mammo_synth.progress import SILENT
from mammo_synth.release.folder import Release
from tests.bench.test_resume import cell

class Killed(type(SILENT)):
    def advance(self, n=1, note=""):
        if note.startswith("epoch 3"):
            os.kill(os.getpid(), signal.SIGKILL)

bench = Bench(Release.open(Path(sys.argv[1])), Path(sys.argv[2]), now=lambda: "", progress=Killed())
bench.run(cell())
"""


def cell(**settings: Any) -> Cell:
    return Cell("50-50-90syn", load_recipe("vgg16-demo", SETTINGS | settings), 0, 0)


class Heard(type(SILENT)):  # type: ignore[misc]
    """Remembers what was said and which epochs were trained."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.notes: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, n: int = 1, note: str = "") -> None:
        self.notes.append(note.partition(",")[0])


def test_a_killed_cell_goes_on_to_the_same_record(small_release: Release, tmp_path: Path) -> None:
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(small_release.folder), str(killed)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    heard = Heard()
    bench = Bench(small_release, killed, now=lambda: "2026-01-31T12:00:00Z", progress=heard)
    folder = bench.folder(cell())
    assert (folder / STATE_NAME).is_file()
    assert not (folder / "record.json").exists()
    (folder / ".writing-dead").write_bytes(b"half of")
    record = bench.run(cell()).record
    assert "Training goes on after epoch 2." in heard.said
    assert {note for note in heard.notes if note} == {"epoch 3", "epoch 4"}
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["predictions-real_test.parquet", "predictions-test.parquet", "record.json"]

    other = Bench(small_release, straight, now=lambda: "2026-01-31T12:00:00Z")
    other._classifiers = bench._classifiers  # building the network takes seconds
    expected = other.run(cell()).record
    for name in left[:2]:
        ours, theirs = (b.folder(cell()) / name for b in (bench, other))
        assert ours.read_bytes() == theirs.read_bytes()
    for one in (record, expected):
        assert one["training"] is not None
        one["training"]["seconds"] = 0.0
    assert record == expected

    # the images are in the cache: a second replicate passes none of them through again
    heard.said.clear()
    again = Cell("50-50-90syn", cell().recipe, 1, 0)
    assert bench.run(again).record["evaluations"] == record["evaluations"]
    assert not [text for text in heard.said if "Activations" in text]


def state(epoch: int = 3, best_epoch: int = 1) -> TrainingState:
    generator = np.random.default_rng(epoch)

    def arrays() -> list[Any]:
        return [generator.normal(size=(3, 2)).astype(np.float32), np.array(epoch, np.int64)]

    made = TrainingState(epoch, arrays(), arrays(), [np.array([1, 2], np.uint32)], 0.1 + 0.2)
    made.best_epoch, made.best_weights = best_epoch, arrays()
    if best_epoch == epoch:
        made.best_weights = made.weights
    return made


@pytest.mark.parametrize("best_epoch", [1, 3])
def test_a_state_comes_back_to_the_bit(tmp_path: Path, best_epoch: int) -> None:
    path = tmp_path / STATE_NAME
    assert read_state(path, "d") is None
    made = state(best_epoch=best_epoch)
    write_state(path, made, "d")
    assert read_state(path, "of another run") is None
    found = read_state(path, "d")
    assert found is not None
    assert (found.epoch, found.best, found.best_epoch) == (3, made.best, best_epoch)
    for group in ("weights", "optimizer", "random", "best_weights"):
        for ours, theirs in zip(getattr(found, group), getattr(made, group), strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)
    made.best = float("inf")
    write_state(path, made, "d")
    found = read_state(path, "d")
    assert found is not None
    assert found.best == float("inf")


def test_a_damaged_state_is_said_and_training_begins_anew(tmp_path: Path) -> None:
    path, heard = tmp_path / STATE_NAME, Heard()
    write_state(path, state(), "d")
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(CheckFailed):
        read_state(path, "d")
    assert state_to_go_on_from(path, "d", heard).epoch == -1
    assert "Training starts anew" in heard.said[0]
    lost = bytearray(data)
    lost[-100:] = bytes(100)  # a page that the disk never had
    path.write_bytes(lost)
    with pytest.raises(CheckFailed, match="is damaged"):
        read_state(path, "d")
    path.write_bytes(data.replace(b'"state":', b'"stale":'))
    with pytest.raises(CheckFailed, match="not a training state"):
        read_state(path, "d")


def test_a_full_disk_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, tries = Heard(), []

    def full(*args: Any) -> None:
        tries.append(1)
        raise NoSpace("The disk is full.")

    monkeypatch.setattr("mammo_synth.bench.classifiers.checkpoint.write_state", full)
    write = state_writer(tmp_path / STATE_NAME, "d", heard)
    assert write is not None
    write(state())
    write(state())
    assert len(tries) == 1
    assert heard.said == ["The disk is full. If this run is interrupted, it begins anew."]
    assert state_writer(None, "d", heard) is None


def test_one_process_keeps_the_state_of_a_cell(tmp_path: Path) -> None:
    heard = Heard()
    folder = tmp_path / "results" / "release" / "50-50-90syn" / "vgg16" / "replicate-0"
    with unfinished(folder, SILENT) as first, unfinished(folder, heard) as second:
        assert first == folder / STATE_NAME
        assert second is None
        assert "Another process measures" in heard.said[0]
    assert list((tmp_path / "results").iterdir()) == []  # nothing is left of a cell without state
    with pytest.raises(ZeroDivisionError), unfinished(folder, SILENT) as state_file:
        assert state_file is not None
        state_file.write_bytes(b"epoch 1")
        raise ZeroDivisionError
    assert (folder / STATE_NAME).read_bytes() == b"epoch 1"
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"), unfinished(tmp_path / "file", SILENT):
        pass
