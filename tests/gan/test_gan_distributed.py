"""Several processes train as one: losses, weights, resuming, and how they end together."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mammo_synth.errors import BadInput
from mammo_synth.gan.augment import PIPELINES, draw
from mammo_synth.gan.distributed import ALONE, Share, Team, team_of
from mammo_synth.gan.iteration import share_of_draws
from mammo_synth.manifest import check_folder
from tests.gan.gan_runs import TINY, run, start_processes

# Enough images for every phase several times; measuring is the leader's alone and tested elsewhere.
BATCH = {"batch": 8, "measure": "none", "snapshot_kimg": 0.048}
KIMG = 0.096


def _end(processes: list[subprocess.Popen[str]], seconds: float = 90) -> list[tuple[int, str]]:
    """Exit code and stderr of each; none is left behind."""
    try:
        said = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    folder = tmp_path_factory.mktemp("alone")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    run(folder, replace(TINY, kimg=KIMG, **BATCH))
    torch.set_num_threads(before)
    return folder


def _rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]


def _compare(folder: Path, other: Path, tolerance: float = 1e-4) -> None:
    """Equal rows and close weights; everything that is not rounded is equal to the bit."""
    ours, theirs = _rows(folder), _rows(other)
    assert len(ours) == len(theirs) > 3
    for a, b in zip(ours, theirs, strict=True):
        assert set(a) == set(b)
        for name in ("loss_g", "loss_d", "sign_real", "sign_fake", "p", "kimg"):
            assert a[name] == pytest.approx(b[name], abs=tolerance, rel=tolerance), name
        for name in set(a) & {"r1_penalty", "path_length"}:
            assert a[name] == pytest.approx(b[name], rel=10 * tolerance), name
    ours, theirs = (load_file(f / "checkpoint.safetensors") for f in (folder, other))
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], atol=2e-3, rtol=1e-3, msg=name)
        if name.startswith(("sampler.", "rng", "signs")):
            assert torch.equal(ours[name], theirs[name]), name


def test_two_processes_train_as_one_and_go_on_after_a_kill(alone, tmp_path):
    folder = tmp_path / "two"
    processes = start_processes(2, folder, kimg=KIMG, **BATCH)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and processes[0].poll() is None:
        if (folder / "checkpoint.safetensors").exists():
            break
        time.sleep(0.005)
    processes[1].send_signal(signal.SIGKILL)
    (first, said), (second, _) = _end(processes)
    assert second == -signal.SIGKILL
    assert first == 1 and "Another process of this run ended" in said
    assert not (folder / "manifest.json").exists()
    ended = _end(start_processes(2, folder, kimg=KIMG, **BATCH))
    assert [code for code, _ in ended] == [0, 0], ended
    assert check_folder(folder) == []
    _compare(folder, alone)


def test_parts_of_a_batch_train_as_the_whole(alone, tmp_path):
    run(tmp_path / "parts", replace(TINY, kimg=KIMG, batch_gpu=4, **BATCH))
    _compare(tmp_path / "parts", alone)


def test_an_error_in_one_process_ends_all_and_is_said_once(tmp_path):
    folder = tmp_path / "run"
    ended = _end(start_processes(2, folder, fail_in_second=True, **BATCH))
    assert [code for code, _ in ended] == [2, 2]
    assert "seed is -1" in ended[0][1] and "Process 1 of 2" in ended[0][1]
    assert ended[1][1] == "" and not folder.exists()


def test_shares_are_every_nth_image_of_all_draws():
    rng = torch.Generator().manual_seed(0)
    draws = draw(PIPELINES["bgcfnc"], (6, 1, 8, 8), 0.8, rng=rng)
    parts = [share_of_draws(draws, Share(index, 3)) for index in range(3)]
    assert parts[1].noise.shape == (2, 1, 8, 8)
    assert torch.equal(torch.stack([p.scale for p in parts], dim=1).flatten(), draws.scale)
    values = torch.arange(12)
    assert Share(1, 4).of(values).tolist() == [1, 5, 9]


def test_gradients_that_overflowed_become_finite():
    parameter = torch.nn.Parameter(torch.zeros(4))
    parameter.grad = torch.tensor([float("nan"), float("inf"), -float("inf"), 2.0])
    ALONE.sum_gradients([parameter], finite=True)
    assert parameter.grad.tolist() == [0.0, 1e5, -1e5, 2.0]


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"RANK": "0", "WORLD_SIZE": "two"}, "not a number"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "MASTER_ADDR"),
    ],
)
def test_environments_that_do_not_describe_a_team_are_refused(environment, word):
    with pytest.raises(BadInput, match=word) as refusal:
        team_of(environment)
    assert "torchrun" in refusal.value.hint


def test_team_is_read_from_the_environment():
    assert team_of({}) == ALONE and ALONE.leads
    found = team_of(
        {
            "RANK": "5",
            "WORLD_SIZE": "8",
            "LOCAL_RANK": "1",
            "MASTER_ADDR": "a",
            "MASTER_PORT": "1",
        }
    )
    assert found == Team(5, 8, 1) and not found.leads
    assert np.isclose(float(ALONE.sum_(torch.tensor(3.0))), 3.0)
