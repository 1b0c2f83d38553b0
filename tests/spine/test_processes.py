"""Worker processes end with their parent: on Ctrl-C, on a kill of the parent alone, on an error."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mammo_synth.errors import MammoSynthError
from mammo_synth.processes import map_in_processes, worker_pool


def test_results_come_back_and_no_worker_is_left() -> None:
    with worker_pool(2) as pool:
        assert list(pool.map(abs, [-1, -2, 3])) == [1, 2, 3]
    assert multiprocessing.active_children() == []


def test_an_error_stops_workers_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(RuntimeError), worker_pool(2) as pool:
        pool.submit(time.sleep, 60)
        pool.submit(abs, 1).result()
        raise RuntimeError
    assert time.monotonic() - began < 30
    assert multiprocessing.active_children() == []


def test_many_items_are_shared_and_keep_their_order() -> None:
    items = list(range(-40, 0))
    assert list(map_in_processes(abs, items, each=10)) == [abs(item) for item in items]
    here = os.getpid()
    assert set(map_in_processes(_process, items[:19], each=10)) == {here}
    if (os.cpu_count() or 1) > 1:
        assert here not in set(map_in_processes(_process, items, each=10))
    assert list(map_in_processes(abs, [], each=10)) == []
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(MammoSynthError, match="ended from outside") as caught:
        list(map_in_processes(_end, list(range(8)), each=2))
    assert "a file that cannot be read safely" in caught.value.message
    assert "folders one by one" in (caught.value.hint or "")


def _process(_: int) -> int:
    return os.getpid()


def _end(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def start_preparing(out: Path) -> subprocess.Popen[str]:
    """A long `films prepare` with workers, well under way."""
    arguments = ["films", "prepare", "phantom", "--patients", "5000", "--size", "64"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mammo_synth", *arguments, "--workers", "2", "--out", out],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while not list(out.parent.glob(".out.*/.seen/00000.parquet")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    return process


def ends(group: int, seconds: float = 30) -> bool:
    """Whether every process of the group is gone within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("whole_group", [True, False])
def test_an_interrupted_command_says_so_and_leaves_nothing_behind(
    tmp_path: Path, whole_group: bool
) -> None:
    process = start_preparing(tmp_path / "out")
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors and "run the same command again" in errors
    assert not (tmp_path / "out").exists()
    assert ends(process.pid)


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    process = start_preparing(tmp_path / "out")
    process.kill()
    process.wait()
    assert ends(process.pid)
