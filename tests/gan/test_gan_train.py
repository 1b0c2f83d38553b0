"""Whole tiny training runs: what they leave behind, resuming, kills, refusals."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.files import locked
from mammo_synth.gan.parallel import Job, train_runs
from mammo_synth.gan.sample import load_generator, sample
from mammo_synth.gan.settings import TrainSettings, override
from mammo_synth.gan.state import adapted_p, ema_beta, new_state
from mammo_synth.gan.train import TrainingDiverged, train_run
from mammo_synth.manifest import check_folder, read_manifest
from tests.gan.gan_runs import ORIGIN, TINY, blobs, run, start_processes

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("finished")
    run(folder)
    return folder


def _rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]


def test_run_folder_is_complete(finished):
    assert check_folder(finished) == []
    manifest = read_manifest(finished, "generator-run")
    assert manifest.settings["batch"] == 4 and manifest.seed == 3
    assert {
        "checkpoint.safetensors",
        "generator.safetensors",
        "settings.json",
        "stats.jsonl",
    } < set(manifest.files)
    assert manifest.facts["kimg"] == 0.12
    assert Image.open(finished / "reals.png").mode == "L"
    assert Image.open(finished / "samples-000000.png").size == (6 * 18 - 2, 6 * 18 - 2)
    rows = _rows(finished)
    assert [row["kimg"] for row in rows] == sorted({row["kimg"] for row in rows})
    assert rows[-1]["kimg"] == 0.12
    assert {"loss_g", "loss_d", "sign_real", "sign_fake", "p", "sec_per_kimg"} <= set(rows[0])
    assert any("r1_penalty" in row for row in rows) and any("path_length" in row for row in rows)
    assert all(0 <= row["p"] <= 0.8 for row in rows)
    assert len({row["p"] for row in rows}) > 1


def test_generator_file_says_what_it_is(finished):
    generator = load_generator(finished)
    assert (generator.label, generator.resolution, generator.kimg) == ("cancer", 16, 0.12)
    assert generator.simulated and generator.source == "phantom"
    facts = generator.describe()
    assert facts["prepared_manifest"] == "ab" * 32
    assert facts["training"]["gamma"] == 0.1 and len(facts["init"]) == 64
    images = dict(sample(generator, range(5), batch=2))
    assert sorted(images) == list(range(5)) and images[0].shape == (16, 16)


def test_training_learns_where_the_films_are_bright(tmp_path):
    """After some hundred images the left edge is brighter than the right one, as in the films."""
    folder = tmp_path / "run"
    run(folder, replace(TINY, kimg=0.8, snapshot_kimg=10.0, pl_weight=0.0, learning_rate=0.004))
    generator = load_generator(folder)
    images = np.stack([image for _, image in sample(generator, range(32))]).astype(float)
    assert images[:, 4:12, :4].mean() > images[:, 4:12, 12:].mean() + 40


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"conditional": True, "mirror": True, "subset": 11, "freeze_d": 1, "precision": "bf16"},
    ],
    ids=["plain", "options"],
)
def test_killed_run_ends_in_the_same_bits(finished, tmp_path, options):
    folder = tmp_path / "killed"
    settings = override(TINY, run=options, network={})
    if options:
        finished = run(tmp_path / "finished", settings).folder
    (process,) = start_processes(1, folder, **options)
    with process:
        deadline = time.monotonic() + 60
        # After the first snapshot and some rows that the next one will have to compute again.
        while time.monotonic() < deadline and process.poll() is None:
            if (folder / "checkpoint.safetensors").exists() and len(_lines(folder)) >= 3:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "manifest.json").exists()
    with pytest.raises(BadInput, match=r"no generator.safetensors") as refusal:
        load_generator(folder)
    assert "goes on" in refusal.value.hint
    result = run(folder, settings)
    assert not result.skipped
    for name in ("generator.safetensors", "checkpoint.safetensors", "stats.jsonl"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes(), name
    assert check_folder(folder) == []


def _lines(folder: Path) -> list[str]:
    path = folder / "stats.jsonl"
    return path.read_text().splitlines() if path.exists() else []


class _Interrupt:
    """Progress that stops the run after some iterations, as a person with Ctrl-C would."""

    def __init__(self, after: int) -> None:
        self.left = after

    def start(self, what: str, total: int) -> None: ...

    def advance(self, n: int = 1, note: str = "") -> None:
        self.left -= n > 0
        if self.left == 0:
            raise KeyboardInterrupt

    def finish(self) -> None: ...

    def say(self, text: str) -> None: ...


def test_interrupted_run_goes_on_and_may_be_extended(finished, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(folder, replace(TINY, kimg=0.1), progress=_Interrupt(14))
    assert len(_rows(folder)) == len({row["kimg"] for row in _rows(folder)})
    result = run(folder)
    assert result.sha256 == run(finished).sha256


def test_finished_run_is_left_alone(finished):
    before = {p.name: p.stat().st_mtime_ns for p in finished.iterdir()}
    assert run(finished).skipped
    assert before == {p.name: p.stat().st_mtime_ns for p in finished.iterdir()}


@pytest.mark.parametrize(
    ("change", "word"),
    [({"gamma": 0.2}, "gamma is 0.2"), ({"seed": 4}, "seed is 4"), ({"kimg": 0.05}, "beyond")],
)
def test_other_settings_are_refused(finished, change, word):
    with pytest.raises(BadInput, match=word):
        run(finished, replace(TINY, **change))


def test_other_networks_and_films_are_refused(finished):
    network = replace(TINY.network, channel_max=4)
    with pytest.raises(BadInput, match=r"network\.channel_max is 4"):
        run(finished, replace(TINY, network=network))
    with pytest.raises(BadInput, match=r"origin\.label is 'normal'"):
        train_run(blobs(), TINY, finished, replace(ORIGIN, label="normal"))
    with pytest.raises(BadInput, match="switched off"):
        run(finished, replace(TINY, kimg=0.2), resume=False)


def test_foreign_folder_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"thesis\.txt"):
        run(tmp_path)


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run" / ".lock"), pytest.raises(BadInput, match="Another process"):
        run(tmp_path / "run", replace(TINY, kimg=0.004))
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [".lock"]
    run(tmp_path / "run", replace(TINY, kimg=0.004))


def test_damaged_checkpoint_is_refused(finished, tmp_path):
    data = (finished / "checkpoint.safetensors").read_bytes()
    (tmp_path / "checkpoint.safetensors").write_bytes(data[:-100])
    (tmp_path / "settings.json").write_bytes((finished / "settings.json").read_bytes())
    with pytest.raises(BadInput, match="cut short"):
        run(tmp_path)


@pytest.mark.parametrize("source", ["checkpoint.safetensors", "generator.safetensors"])
def test_transfer_starts_from_the_weights_of_another_run(finished, tmp_path, source):
    result = run(tmp_path / "next", replace(TINY, kimg=0.004, seed=9), start=finished / source)
    header = load_generator(result.generator).metadata
    assert header["init_from"] and header["init"] != load_generator(finished).metadata["init"]
    larger = replace(TINY, network=replace(TINY.network, channel_max=4))
    with pytest.raises(BadInput, match="another architecture"):
        run(tmp_path / "other", larger, start=finished / source)


def test_equal_seeds_start_from_equal_weights_whatever_the_films():
    first, second = (new_state(TINY, torch.device("cpu")).init for _ in range(2))
    other = new_state(replace(TINY, seed=4), torch.device("cpu")).init
    assert first == second != other


def test_breakdown_is_named_and_keeps_the_checkpoint(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(TrainingDiverged, match=r"kimg: .*no longer a number") as failure:
        run(folder, replace(TINY, learning_rate=1e6, gamma=0.0))
    assert "--gamma" in failure.value.hint
    assert not (folder / "generator.safetensors").exists()


@pytest.mark.parametrize(
    ("images", "word"),
    [
        (blobs().astype(np.float32), "float32"),
        (blobs()[:, :8], "square"),
        (blobs()[:1], "1 training films"),
        (blobs(size=32), "32 px"),
    ],
)
def test_unfit_images_are_refused(images, word, tmp_path):
    with pytest.raises(BadInput, match=word):
        train_run(images, TINY, tmp_path, ORIGIN)


def test_augmentation_follows_the_sign_within_its_bounds():
    s: TrainSettings = replace(TINY, ada_target=0.6, ada_kimg=1.0, ada_interval=4, batch=5)
    assert adapted_p(s, 0.5, 0.9) == pytest.approx(0.52)
    assert adapted_p(s, 0.5, 0.1) == pytest.approx(0.48)
    assert adapted_p(s, 0.5, 0.6) == 0.5
    assert adapted_p(s, 0.01, -1.0) == 0.0
    assert adapted_p(s, 0.799, 1.0) == 0.8


def test_average_has_the_given_half_life():
    s = replace(TINY, ema_kimg=1.0, ema_rampup=None, batch=10)
    assert ema_beta(s, 0) ** 100 == pytest.approx(0.5)
    assert ema_beta(replace(s, ema_rampup=0.05), 2000) ** 10 == pytest.approx(0.5)


def test_runs_side_by_side_equal_runs_alone(finished, tmp_path):
    jobs = [
        Job(blobs(), TINY, tmp_path / "a", ORIGIN),
        Job(blobs(), replace(TINY, kimg=0.016), tmp_path / "b", replace(ORIGIN, label="normal")),
    ]
    seen: list[int] = []

    class Count:
        def start(self, what: str, total: int) -> None:
            seen.append(-total)

        def advance(self, n: int = 1, note: str = "") -> None:
            seen.append(n)

        def finish(self) -> None: ...

        def say(self, text: str) -> None: ...

    first, second = train_runs(jobs, processes=2, progress=Count())
    assert first.sha256 == run(finished).sha256
    assert load_generator(second.generator).label == "normal"
    assert seen[0] == -136 and sum(seen[1:]) <= 136


def test_failure_of_a_run_side_by_side_keeps_its_words(tmp_path):
    jobs = [Job(blobs(size=s), TINY, tmp_path / str(s), ORIGIN) for s in (32, 64)]
    with pytest.raises(BadInput, match="32 px") as refusal:
        train_runs(jobs, processes=2)
    assert refusal.value.hint
