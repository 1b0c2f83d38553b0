"""What a run writes beside its networks: rows, TensorBoard events, times, snapshots, pictures."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mammo_synth.errors import NoSpace
from mammo_synth.gan import events
from mammo_synth.gan.curve import save_curve
from mammo_synth.gan.figures import GAP, grid, save_evolution, save_grid, spread
from mammo_synth.gan.meter import Meter, note
from mammo_synth.gan.rows import append_row, read_rows, write_rows
from mammo_synth.gan.snapshots import (
    drop_beyond,
    prune,
    sample_grids,
    samples_path,
    snapshot_path,
)

ROWS = [
    {"kimg": 0.02, "hours": 0.5, "p": 0.25, "loss_d": 1.5, "sec_per_kimg": None, "warnings": []},
    {"kimg": 400.004, "hours": 1.5, "p": 0.5, "texture": 3.0, "floor": 0.1, "warnings": ["x"]},
]


def test_rows_are_read_back_up_to_an_image(tmp_path):
    path = tmp_path / "stats.jsonl"
    assert read_rows(path) == []
    write_rows(path, ROWS[:1])
    append_row(path, ROWS[1])
    with path.open("a") as stream:
        stream.write('{"kimg": 401, "los')  # a killed process
    assert read_rows(path) == ROWS
    assert read_rows(path, 400_004) == ROWS and read_rows(path, 400_003) == ROWS[:1]
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_row(path, {"kimg": 1.0, "loss_d": float("nan")})


def test_checksum_is_that_of_the_standard():
    """CRC-32C of "123456789" is 0xE3069283 (RFC 3720); TFRecord rotates and shifts it."""
    plain = 0xE3069283
    masked = ((plain >> 15 | plain << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert events.masked_crc(b"123456789") == masked
    record = events.record(b"abc")
    assert record[:8] == struct.pack("<Q", 3) and record[12:15] == b"abc" and len(record) == 19


def test_events_are_what_tensorflow_reads(tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    events.begin(tmp_path, ROWS[:1])
    events.append(tmp_path, ROWS[1])
    read = tensorflow.compat.v1.train.summary_iterator(str(tmp_path / events.NAME))
    first, *found = list(read)
    assert first.file_version == "brain.Event:2"
    assert [event.step for event in found] == [20, 400_004]
    assert [event.wall_time for event in found] == [1800, 5400]
    values = [{v.tag: v.simple_value for v in event.summary.value} for event in found]
    assert values[0] == {"run/hours": 0.5, "augmentation/p": 0.25, "loss/loss_d": 1.5}
    assert values[1]["measure/texture"] == 3 and "measure/warnings" not in values[1]


def test_events_beyond_the_checkpoint_are_cut_off(tmp_path):
    path = tmp_path / events.NAME
    events.begin(tmp_path, ROWS)
    whole = path.read_bytes()
    inode = path.stat().st_ino
    events.begin(tmp_path, ROWS[:1])
    assert whole.startswith(path.read_bytes()) and len(path.read_bytes()) < len(whole)
    assert path.stat().st_ino == inode  # a TensorBoard that has it open sees it
    events.append(tmp_path, ROWS[1])
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-5])
    events.begin(tmp_path, ROWS)
    assert path.read_bytes() == whole
    events.begin(tmp_path, [])
    assert len(path.read_bytes()) < 60


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_full_disk_is_one_clear_error(tmp_path):
    for name, act in (("stats.jsonl", append_row), (events.NAME, None)):
        path = tmp_path / name
        path.symlink_to("/dev/full")
        with pytest.raises(NoSpace, match="disk is full") as refusal:
            if act:
                act(path, ROWS[0])
            else:
                events.append(tmp_path, ROWS[0])
        assert "goes on" in refusal.value.hint


def test_meter_counts_hours_over_resumes_and_speed_without_pauses():
    now = [100.0]
    meter = Meter(lambda: now[0], torch.device("cpu"), hours=2.0)
    meter.restart(4000)
    now[0] += 30
    first = meter.read(6000)
    assert first["sec_per_kimg"] == 15 and first["hours"] == pytest.approx(2 + 30 / 3600, rel=1e-5)
    now[0] += 1000  # measuring and saving
    meter.restart(6000)
    now[0] += 8
    assert meter.read(7000)["sec_per_kimg"] == 8
    assert 0.05 < first["memory_gb"] < 50
    silent = Meter(None, torch.device("cpu"), hours=2.0)
    assert set(silent.read(10).values()) == {None} and silent.hours == 2.0
    assert note({"sec_per_kimg": 12.345, "memory_gb": 0.51, "p": 0.1}) == (
        "12.3 s/kimg, 0.5 GB, p 0.10"
    )


def test_memory_grows_with_what_is_held():
    # In a process of its own: one that has run many tests has freed memory to spare.
    code = (
        "import numpy as np\n"
        "from mammo_synth.gan.meter import resident_bytes\n"
        "before = resident_bytes()\n"
        "held = np.ones(80_000_000, np.uint8)\n"
        "print((resident_bytes() - before) / held.nbytes)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.8 < float(done.stdout) < 1.2


def test_snapshots_are_pruned_to_the_newest(tmp_path):
    (tmp_path / "snapshots").mkdir()
    kept = tmp_path / "snapshots" / "mine.safetensors"
    kept.touch()
    for kimg in (0, 50, 100, 1000, 999_999, 1_000_000):
        snapshot_path(tmp_path, kimg * 1000).touch()
        samples_path(tmp_path, kimg * 1000 + 7).touch()
    assert snapshot_path(tmp_path, 50_999).name == "generator-000050.safetensors"
    prune(tmp_path, 5)
    prune(tmp_path, 5)
    assert not snapshot_path(tmp_path, 0).exists() and snapshot_path(tmp_path, 50_000).exists()
    drop_beyond(tmp_path, 1_000_500)
    assert [kimg for kimg, _ in sample_grids(tmp_path)] == [0, 50, 100, 1000]
    prune(tmp_path, 1)
    names = sorted(p.name for p in (tmp_path / "snapshots").iterdir())
    assert names == ["generator-001000.safetensors", kept.name]
    prune(tmp_path, 0)
    assert [p.name for p in (tmp_path / "snapshots").iterdir()] == [kept.name]


def test_evolution_shows_seeds_over_time_and_stays_small(tmp_path):
    size = 16
    for kimg in range(60):
        levels = np.full((36, size, size), 4 * kimg, np.uint8)
        levels[1] = 255 - 4 * kimg  # the second seed goes another way
        save_grid(samples_path(tmp_path, kimg * 1000), levels)
    save_evolution(tmp_path, sample_grids(tmp_path), size)
    strip = np.asarray(Image.open(tmp_path / "evolution.png"))
    assert strip.shape == (18 + 6 * (size + GAP) - GAP, 10 * (size + GAP) - GAP)
    middle = 18 + size // 2
    columns = [strip[middle, i * (size + GAP) + 8] for i in range(10)]
    assert columns == [4 * kimg for kimg in spread(60, 10)] and columns[-1] == 4 * 59
    second = strip[middle + size + GAP, [8, strip.shape[1] - 8]]
    assert list(second) == [255, 255 - 4 * 59]
    with Image.open(tmp_path / "evolution.gif") as moving:
        assert moving.n_frames == 40 and moving.info["loop"] == 0
        assert moving.size == (6 * (size + GAP) - GAP, 6 * (size + GAP) - GAP + 18)
        moving.seek(39)
        assert moving.info["duration"] == 2000


def test_evolution_of_large_images_is_bounded(tmp_path):
    rng = np.random.default_rng(0)
    for kimg in (0, 1):
        save_grid(samples_path(tmp_path, kimg * 1000), rng.integers(0, 256, (36, 256, 256), "u1"))
    save_evolution(tmp_path, sample_grids(tmp_path), 256)
    assert Image.open(tmp_path / "evolution.png").size == (2 * 162 - 2, 18 + 6 * 162 - 2)
    assert max(Image.open(tmp_path / "evolution.gif").size) == 640 + 18


def test_one_grid_is_no_evolution(tmp_path):
    save_grid(samples_path(tmp_path, 0), np.zeros((36, 8, 8), np.uint8))
    save_evolution(tmp_path, sample_grids(tmp_path), 8)
    assert not (tmp_path / "evolution.gif").exists()


@pytest.mark.parametrize(("count", "most"), [(1, 10), (10, 10), (11, 10), (1000, 40)])
def test_spread_has_first_and_last(count, most):
    chosen = spread(count, most)
    assert chosen[0] == 0 and chosen[-1] == count - 1
    assert len(chosen) == min(count, most) and chosen == sorted(set(chosen))


def test_grid_places_images_row_by_row():
    sheet = grid(np.arange(5, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2))
    assert sheet.shape == (10, 16) and sheet[0, 0] == 0 and sheet[6, 6] == 4 and sheet[0, 4] == 128


@pytest.mark.parametrize("measure", ["texture", None])
def test_curve_is_drawn_from_rows(tmp_path, measure):
    rows = []
    for k in range(12):
        row = {"kimg": k / 2, "hours": k / 10, "p": k / 20, "loss_d": 1.0, "loss_g": 1.2}
        row |= {"sign_real": 0.5, "sign_fake": -0.5, "warnings": []}
        if k % 3 == 2 and measure:
            row |= {"texture": 9.0 / k, "floor": 0.2, "variety": 0.9}
        rows.append(row)
    path = tmp_path / "curve.png"
    save_curve(path, rows[:1], measure, "distance")
    assert not path.exists()
    save_curve(path, rows, measure, "distance")
    with Image.open(path) as image:
        assert image.size == ((800, 780) if measure else (800, 560))
    untimed = [{**row, "hours": None} for row in json.loads(json.dumps(rows))]
    save_curve(tmp_path / "other.png", untimed, measure, "distance")
    assert (tmp_path / "other.png").read_bytes() != path.read_bytes()
