"""Beside the training: stopping, the best generator, warnings, full disks, breakdowns."""

from __future__ import annotations

import errno
import os
import queue
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mammo_synth.errors import NoSpace
from mammo_synth.files import sha256_file
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.gan import loop
from mammo_synth.gan.checkpoint import read_checkpoint
from mammo_synth.gan.measures import MEASURES, Measure, floor
from mammo_synth.gan.parallel import _Messages, _pass_on
from mammo_synth.gan.rows import Row, read_rows
from mammo_synth.gan.sample import load_generator
from mammo_synth.gan.train import TrainingDiverged, train_run
from mammo_synth.gan.watch import Memory
from tests.gan.gan_runs import ORIGIN, TINY, blobs, run

SHORT = replace(TINY, kimg=0.072, snapshot_kimg=0.024, tick_kimg=0.012)


pytestmark = pytest.mark.usefixtures("one_thread")


class Listener:
    """Progress that notes what is said, and stops the run after some iterations."""

    def __init__(self, stop_after: int = 0) -> None:
        self.left, self.said, self.notes = stop_after, [], []

    def start(self, what: str, total: int) -> None: ...

    def advance(self, n: int = 1, note: str = "") -> None:
        self.notes += [note] if note else []
        self.left -= n > 0
        if n and self.left == 0:
            raise KeyboardInterrupt

    def finish(self) -> None: ...

    def say(self, text: str) -> None:
        self.said.append(text)


def rows_of(folder: Path) -> list[Row]:
    return read_rows(folder / "stats.jsonl")


def files_of(folder: Path) -> dict[str, str]:
    paths = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in paths}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    run(folder, SHORT)
    return folder


def test_every_snapshot_is_measured(finished):
    measured = [row for row in rows_of(finished) if "texture" in row]
    assert [row["kimg"] for row in measured] == [0.024, 0.048, 0.072]
    assert all(row["texture"] > row["floor"] > 0 for row in measured)
    assert all(0 < row["variety"] < 3 for row in measured)
    assert len(rows_of(finished)) == 6 and all("warnings" in row for row in rows_of(finished))
    films = MEASURES["texture"].features(blobs())
    assert measured[0]["floor"] < 3 * floor(MEASURES["texture"], films)
    for name in ("curve.png", "evolution.png", "evolution.gif"):
        # All of this run is the first kimg: its grids have one name.
        assert (finished / name).is_file() == (name == "curve.png")


def test_best_generator_says_when_and_how_good(finished):
    measured = [row for row in rows_of(finished) if "texture" in row]
    best = min(measured, key=lambda row: row["texture"])
    generator = load_generator(finished / "best.safetensors")
    assert generator.kimg == best["kimg"]
    assert float(generator.metadata["measure_value"]) == pytest.approx(best["texture"], rel=1e-5)
    assert generator.metadata["measure"] == "texture"
    assert "measure" not in load_generator(finished).metadata
    memory = Memory.from_json(
        read_checkpoint(finished / "checkpoint.safetensors").metadata["watch"]
    )
    assert (memory.best, memory.best_kimg) == (best["texture"], best["kimg"])


def test_interrupted_run_leaves_the_same_folder(finished, tmp_path):
    """No jump in the curve: rows, events, figures and generators are those of an uninterrupted
    run. That the films are mapped from a file now makes no difference."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", SHORT, progress=Listener(14))
    np.save(tmp_path / "films.npy", blobs())
    mapped = np.load(tmp_path / "films.npy", mmap_mode="r")
    train_run(mapped, SHORT, tmp_path / "run", ORIGIN)
    assert files_of(tmp_path / "run") == files_of(finished)


def test_measuring_does_not_touch_the_training(finished, tmp_path):
    run(tmp_path / "run", replace(SHORT, measure="none", keep_snapshots=0))
    blind, seen = load_generator(tmp_path / "run"), load_generator(finished)
    weights = seen.network.state_dict()
    assert all(torch.equal(v, weights[k]) for k, v in blind.network.state_dict().items())
    assert not (tmp_path / "run" / "best.safetensors").exists()
    assert not list((tmp_path / "run").glob("snapshots/*"))
    assert all("texture" not in row for row in rows_of(tmp_path / "run"))
    assert any("variety" in row for row in rows_of(tmp_path / "run"))


@pytest.fixture
def _flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure that never improves."""
    texture = MEASURES["texture"]
    flat = Measure("texture", "flat", texture.features, lambda real, fake: 7.0)
    monkeypatch.setitem(MEASURES, "texture", flat)


@pytest.mark.usefixtures("_flat")
def test_run_stops_where_nothing_improves_also_after_a_resume(tmp_path):
    patient = replace(SHORT, kimg=5.0, patience_kimg=0.048)
    listener = Listener()
    result = run(tmp_path / "whole", patient, progress=listener)
    assert result.kimg == 0.072
    assert listener.said == [
        "Stopped at 0.072 kimg: texture has not improved since 0.024 kimg.",
        "Best at 0.024 kimg (texture 7, 7 between films): best.safetensors.",
    ]
    assert load_generator(tmp_path / "whole" / "best.safetensors").kimg == 0.024
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", patient, progress=Listener(14))
    assert run(tmp_path / "cut", patient).kimg == 0.072
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")
    assert run(tmp_path / "cut", patient).skipped
    # More patience goes on from there.
    assert run(tmp_path / "cut", replace(patient, patience_kimg=0.06)).kimg == 0.096


@pytest.mark.usefixtures("_flat")
def test_another_measure_begins_anew(tmp_path):
    folder = tmp_path / "run"
    run(folder, replace(SHORT, kimg=0.024))
    run(folder, replace(SHORT, kimg=0.048, measure_images=20))
    memory = Memory.from_json(read_checkpoint(folder / "checkpoint.safetensors").metadata["watch"])
    assert memory.images == 20 and memory.best_kimg == 0.048
    assert Memory.from_json(None) == Memory() == Memory.from_json("")


def test_saturated_augmentation_is_said_once(tmp_path):
    eager = replace(SHORT, ada_target=-1.0, ada_kimg=0.03, ada_max=0.5, tick_kimg=0.004)
    listener = Listener()
    run(tmp_path / "run", replace(eager, snapshot_kimg=9.0), progress=listener)
    rows = rows_of(tmp_path / "run")
    assert max(row["p"] for row in rows) == 0.5 == rows[-1]["p"]
    warned = ["augmentation-saturated" in row["warnings"] for row in rows]
    first = warned.index(True)
    assert all(warned[first:]) and rows[first - 7]["p"] == 0.5 > rows[first - 8]["p"]
    (text,) = (text for text in listener.said if "greatest strength" in text)
    assert text.startswith(f"Warning: At {rows[first]['kimg']:g} kimg") and "24 films" in text


def test_times_come_from_the_clock_and_add_up(tmp_path):
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    short = replace(SHORT, kimg=0.048)
    listener = Listener(stop_after=9)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, short, clock=clock, progress=listener)
    before = [row["hours"] for row in rows_of(tmp_path) if row["kimg"] <= 0.024][-1]
    run(tmp_path, short, clock=clock)
    rows = rows_of(tmp_path)
    hours = [row["hours"] for row in rows]
    assert hours == sorted(set(hours)) and before in hours
    assert all(row["sec_per_kimg"] > 0 and row["memory_gb"] > 0.05 for row in rows)
    assert "s/kimg" in listener.notes[0] and "GB" in listener.notes[0]
    header = load_generator(tmp_path).metadata
    assert not any("hours" in name or "sec_per" in name for name in header)


def test_full_disk_at_a_checkpoint_loses_nothing(finished, tmp_path, monkeypatch):
    """Many file systems say only at the end, when data is forced to the disk, that it is full."""
    folder, real = tmp_path / "run", os.fsync
    full = []

    def fsync(handle: int) -> None:
        if (folder / "checkpoint.safetensors").exists() and len(rows_of(folder)) > 3:
            full.append(sha256_file(folder / "checkpoint.safetensors"))
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(NoSpace, match="disk is full") as refusal:
        run(folder, SHORT)
    assert "goes on" in refusal.value.hint
    assert full == [sha256_file(folder / "checkpoint.safetensors")]
    assert not list(folder.rglob(".writing-*"))
    monkeypatch.setattr(os, "fsync", real)
    run(folder, SHORT)
    assert files_of(folder) == files_of(finished)


@pytest.mark.parametrize("poisoned", ["average", "moment"])
def test_weights_that_are_no_numbers_never_reach_a_checkpoint(tmp_path, monkeypatch, poisoned):
    """The losses of this iteration are still finite, but the next ones would not be."""
    real = loop.iterate

    def iterate(state, *rest):
        real(state, *rest)
        if state.seen == 48:
            tensor = next(state.G_ema.parameters()).data
            if poisoned == "moment":
                tensor = next(iter(state.adam_d.state.values()))["exp_avg_sq"]
            tensor.view(-1)[0] = float("inf")

    monkeypatch.setattr(loop, "iterate", iterate)
    with pytest.raises(TrainingDiverged, match=r"0\.048 kimg: a weight"):
        run(tmp_path, SHORT)
    assert read_checkpoint(tmp_path / "checkpoint.safetensors").metadata["seen"] == "24"
    assert load_generator(tmp_path / "best.safetensors").kimg == 0.024
    assert rows_of(tmp_path)[-1]["kimg"] < 0.048


def test_ctrl_c_ends_at_once_and_goes_on(prepared_set: PreparedSet, tmp_path):
    out = tmp_path / "run"
    options = ("--preset", "demo", "--device", "cpu", "--threads", "1", "--channel-base", "64")
    command = [sys.executable, "-m", "mammo_synth", "generator", "train"]
    command += [str(prepared_set.folder), "--label", "cancer", "--out", str(out), *options]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and so would everything that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and not (out / "stats.jsonl").exists():
            time.sleep(0.05)
        time.sleep(0.5)  # in the midst of an iteration
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert time.monotonic() - began < 20
    assert "Traceback" not in said and "run the same command again" in said
    assert not (out / "manifest.json").exists()


def test_remarks_of_runs_side_by_side_carry_their_names():
    messages: queue.Queue = queue.Queue()
    sender = _Messages(messages, "cancer", 500)
    sender.start("Training images shown (after 0.1 kimg)", 400)
    sender.advance(10, "note")
    sender.say("Warning: At 1 kimg: x")
    sender.finish()
    listener = Listener()
    shown = []
    listener.advance = lambda n=1, note="": shown.append((n, note))
    while not messages.empty():
        _pass_on(messages.get(), listener)
    assert shown == [(110, "note"), (0, "")]
    assert listener.said == ["cancer: Warning: At 1 kimg: x"]
