"""The grid on Ray: the same records as here, though a worker is killed in the middle of a cell."""

from __future__ import annotations

import importlib.util
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mammo_synth.bench import ray_cluster, ray_engine
from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.classifiers.checkpoint import STATE_NAME
from mammo_synth.bench.grid import Cell, Failure, Outcome
from mammo_synth.bench.ray_cluster import Machine, Share, share_of
from mammo_synth.bench.ray_engine import Job, RaySettings, grid_on_ray
from mammo_synth.bench.recipes import load_recipe, parse_overrides
from mammo_synth.bench.run import Bench
from mammo_synth.bench.unfinished import LOCK_NAME
from mammo_synth.cli import bench_ray
from mammo_synth.errors import BadInput
from mammo_synth.files import TEMPORARY_PREFIX
from mammo_synth.progress import Silent
from mammo_synth.release.folder import Release
from tests.conftest import Command, assert_friendly

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray (the extra 'ray') is not installed"
)
CONFIGURATION = "50-50-90syn"
SETTINGS = ["input_size=32", "epochs=12", "head=[32, 16]", "batch_size=16", "patience=20"]
SETTINGS += ["validation_share=0.3"]
ROOT = Path(__file__).parents[2]
NOW = "2026-01-31T12:00:00Z"


class Heard(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def holders(path: Path) -> list[int]:
    """The processes that have ``path`` open."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if entry.readlink() == path:
                found.append(int(entry.parts[2]))
        except OSError:  # it ended, or is not ours
            continue
    return found


def kill_when_an_epoch_is_kept(folder: Path, grid: subprocess.Popen[str]) -> int:
    """SIGKILL the worker that measures the cell in ``folder``, in the middle of its training."""
    while not (folder / STATE_NAME).exists():
        assert grid.poll() is None, grid.communicate()
        time.sleep(0.002)
    (worker,) = holders(folder / LOCK_NAME)
    assert worker != grid.pid
    os.kill(worker, signal.SIGKILL)
    assert not (folder / "record.json").exists()
    return worker


def comparable(record: Any) -> Any:
    """``record`` without when and how fast it was made."""
    training = record["training"] | {"seconds": 0.0}
    return record | {"created": "", "training": training}


@needs_ray
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds the worker in /proc")
def test_a_grid_with_a_killed_worker_gives_the_records_of_the_local_engine(
    small_release: Release, tmp_path: Path
) -> None:
    overrides = parse_overrides(SETTINGS)
    network = load_recipe("vgg16-demo", overrides)
    floor = load_recipe("logistic-regression", {"input_size": 32, "validation_share": 0.3})
    prior = load_recipe("prior", {"validation_share": 0.3})
    cells = [Cell(CONFIGURATION, recipe, 0, 0) for recipe in (network, floor, prior)]
    here = Bench(small_release, tmp_path / "here", now=lambda: NOW, options=Options("cpu"))
    there = Bench(small_release, tmp_path / "there", now=lambda: NOW)

    command = [sys.executable, "-m", "mammo_synth", "bench", "grid", str(small_release.folder)]
    command += ["--out", "there", "--engine", "ray", "--device", "cpu"]  # a relative folder
    command += ["--configs", CONFIGURATION, "--classifiers", "vgg16-demo,logistic-regression,prior"]
    command += ["--replicates", "1", *(part for text in SETTINGS for part in ("--set", text))]
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as grid:
        kill_when_an_epoch_is_kept(there.folder(cells[0]), grid)
        stdout, stderr = grid.communicate(timeout=120)
    assert grid.returncode == 0, stderr
    assert "Traceback" not in stderr
    assert "Ray: 1 machine" in stderr
    assert f"{cells[0].name}: Training goes on after epoch" in stderr
    assert "Ray: A worker died or was killed" in stderr
    assert "(raylet)" not in stdout + stderr
    assert sorted(line.partition("]")[0] for line in stderr.splitlines() if line[0] == "[") == [
        f"[{i}/3" for i in (1, 2, 3)
    ]

    expected = [result for result in here.grid(cells) if isinstance(result, Outcome)]
    assert len(expected) == len(cells)
    found = [result for result in there.grid(cells) if isinstance(result, Outcome)]
    assert [result.skipped for result in found] == [True] * len(cells)
    for ours, theirs in zip(found, expected, strict=True):
        assert comparable(ours.record) == comparable(theirs.record)
        for split in ("real_test", "test"):
            name = f"predictions-{split}.parquet"
            assert (ours.path.parent / name).read_bytes() == (
                theirs.path.parent / name
            ).read_bytes()
    assert not list((tmp_path / "there").rglob(f"{TEMPORARY_PREFIX}*"))
    assert not list((tmp_path / "there").rglob(STATE_NAME))


@pytest.fixture()
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.fixture()
def prior(small_release: Release, tmp_path: Path) -> tuple[Bench, Cell]:
    recipe = load_recipe("prior", {"validation_share": 0.3})
    bench = Bench(small_release, tmp_path / "results", now=lambda: NOW)
    return bench, Cell(CONFIGURATION, recipe, 0, 0)


def test_what_is_finished_needs_no_cluster(without_ray: None, prior: tuple[Bench, Cell]) -> None:
    bench, cell = prior
    bench.run(cell)
    other, unknown = replace(cell, seed=5), replace(cell, configuration="50-50-85syn")
    done, refused, missing = grid_on_ray(bench, [cell, other, unknown], RaySettings())
    assert isinstance(done, Outcome)
    assert done.skipped
    assert isinstance(refused, Failure)
    assert "other settings" in refused.error
    assert isinstance(missing, Failure)
    with pytest.raises(BadInput, match="Ray is not installed") as raised:
        list(grid_on_ray(bench, [replace(cell, replicate=1)], RaySettings()))
    assert raised.value.hint is not None
    assert 'pip install "mammo-synth[ray]"' in raised.value.hint


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@needs_ray
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "HOST:PORT, auto or local was expected"),
        ("ray://127.0.0.1:10001", "HOST:PORT, auto or local was expected"),
        ("127.0.0.1:70000", "HOST:PORT, auto or local was expected"),
        ("127.0.0.1:FREE", "No Ray cluster answers"),
        ("no-such-host.invalid:6379", "No Ray cluster answers"),
    ],
)
def test_a_wrong_address_is_one_clear_error(
    prior: tuple[Bench, Cell], address: str, words: str
) -> None:
    address = address.replace("FREE", str(free_port()))
    began = time.monotonic()
    with pytest.raises(BadInput, match=words):
        list(grid_on_ray(prior[0], [prior[1]], RaySettings(address)))
    assert time.monotonic() - began < 20


@needs_ray
def test_a_server_that_is_no_cluster_is_given_up(
    prior: tuple[Bench, Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "ANSWER_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BadInput, match="No Ray cluster answers"):
            list(grid_on_ray(prior[0], [prior[1]], RaySettings(address)))


SMALL, BIG = Machine("a", "small", 2, 0), Machine("b", "big", 16, 4)


@pytest.mark.parametrize(
    ("asked", "expected", "at_once"),
    [
        ((1, None, "auto"), Share(1, 1, "auto", (BIG,)), 4),
        ((1, 0.5, "cuda"), Share(1, 0.5, "cuda", (BIG,)), 8),
        ((8, 0.5, "cuda"), Share(8, 0.5, "cuda", (BIG,)), 2),
        ((1, None, "cpu"), Share(1, 0, "cpu", (SMALL, BIG)), 18),
        ((1, 0, "auto"), Share(1, 0, "cpu", (SMALL, BIG)), 18),
        ((3, None, "cpu"), Share(3, 0, "cpu", (BIG,)), 5),
    ],
)
def test_what_a_cell_gets(asked: tuple[int, Any, str], expected: Share, at_once: int) -> None:
    share = share_of([SMALL, BIG], *asked)
    assert share == expected
    assert share.at_once == at_once


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((1, 8, "auto"), "No machine of the Ray cluster has 1 CPU and 8 GPU"),
        ((17, None, "cpu"), "small: 2 CPU, 0 GPU; big: 16 CPU, 4 GPU"),
        ((1, 1.5, "auto"), "a whole number were expected"),
        ((0, None, "auto"), "1 core or more"),
        ((1, 0, "cuda"), "--device cuda with 0 GPUs"),
        ((1, 1, "cpu"), "--device cpu with 1 GPU"),
    ],
)
def test_what_no_machine_has_is_refused(asked: tuple[int, Any, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        share_of([SMALL, BIG], *asked)


def test_cuda_without_a_gpu_is_refused_and_auto_is_cpu() -> None:
    assert share_of([SMALL], 1, None, "auto").device == "cpu"
    with pytest.raises(BadInput, match="1 CPU and 1 GPU"):
        share_of([SMALL], 1, None, "cuda")


@pytest.fixture()
def job(prior: tuple[Bench, Cell], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(ray_engine, "APPEARS_S", 0.0)
    with ray_engine._job(prior[0], Share(1, 0, "cpu", (SMALL,))) as made:
        yield made


def test_a_machine_that_sees_all_is_able(job: Job) -> None:
    assert ray_engine.obstacle(job) is None
    assert [path.name for path in job.results.iterdir()] == [job.marker.name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"release": Path("/nowhere")}, "does not find the release"),
        ({"release_sha256": "0"}, "is another release"),
        ({"token": "other"}, "does not see the results folder"),
        ({"version": "0.0.0"}, "started with 0.0.0"),
    ],
)
def test_a_machine_that_does_not_see_all_says_so(
    job: Job, prior: tuple[Bench, Cell], change: dict[str, Any], words: str
) -> None:
    changed = replace(job, **({"token": f"of {words}"} | change))
    changed.marker.touch() if "token" not in change else None
    found = ray_engine.obstacle(changed)
    assert found is not None
    assert words in found
    result, said = ray_engine.measure(changed, prior[1])
    assert isinstance(result, Failure)
    assert words in result.error
    assert said == []
    changed.marker.unlink(missing_ok=True)


def test_results_that_cannot_be_written_are_said(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    found = ray_engine.obstacle(job)
    assert found is not None
    assert "cannot write" in found


def test_options_of_ray_are_refused_without_it(
    run: Command, small_release: Release, prior: tuple[Bench, Cell], tmp_path: Path
) -> None:
    arguments = ("bench", "grid", small_release.folder, "--out", tmp_path / "out")
    arguments += ("--classifiers", "prior", "--engine", "local", "--address", "127.0.0.1:6379")
    assert_friendly(run(*arguments), "--address is for --engine ray")
    for given in ((None, 2, None), (None, None, 1.0)):
        with pytest.raises(BadInput, match="per-cell is for --engine ray"):
            list(bench_ray.results(prior[0], [prior[1]], "local", *given))
    with pytest.raises(BadInput, match="no engine 'rey'") as raised:
        list(bench_ray.results(prior[0], [prior[1]], "rey", None, None, None))
    assert raised.value.hint is not None
    assert "Did you mean 'ray'?" in raised.value.hint


def test_what_ray_prints_becomes_one_short_line() -> None:
    heard = Heard()
    messages = bench_ray.RayMessages(heard)
    told = "\x1b[33m(raylet)\x1b[0m A worker died by an unexpected error. See the logs."
    print(f"{told}\nLast lines of the log:\n [I] ...", file=messages)
    assert heard.said == ["Ray: A worker died by an unexpected error."]


class InProcess:
    """Ray's calls that the engine makes, carried out here one after the other."""

    def __init__(self, failing: str = "") -> None:
        names = ("RayError", "GetTimeoutError", "OutOfMemoryError", "WorkerCrashedError")
        kinds: dict[str, Any] = {"RayError": type("RayError", (Exception,), {})}
        for name in (*names[1:], "NodeDiedError", "RayTaskError"):
            kinds[name] = type(name, (kinds["RayError"],), {})
        self.exceptions = SimpleNamespace(**kinds)
        near = SimpleNamespace(NodeAffinitySchedulingStrategy=lambda node, soft: (node, soft))
        self.util = SimpleNamespace(scheduling_strategies=near)
        self.failing, self.asked, self.cancelled = failing, [], []  # type: ignore[var-annotated]

    def is_initialized(self) -> bool:
        return True

    def nodes(self) -> list[dict[str, Any]]:
        resources = {"CPU": 2.0}
        alive = {"NodeID": "a", "Alive": True, "NodeManagerAddress": "h", "Resources": resources}
        return [alive, alive | {"NodeID": "b", "Alive": False}]

    def remote(self, **asked: Any) -> Any:
        def of(function: Any) -> Any:
            self.asked.append(asked)
            task = SimpleNamespace(remote=lambda *a: (function, pickle.dumps(a), object()))
            task.options = lambda **_: task
            return task

        return of

    def wait(self, references: list[Any], num_returns: int, timeout: float = 0) -> Any:
        return references[:num_returns], references[num_returns:]

    def get(self, reference: Any, timeout: float = 0) -> Any:
        function, arguments, _ = reference
        if self.failing and function is ray_engine.measure:
            raise getattr(self.exceptions, self.failing)("first line\nlast line")
        return function(*pickle.loads(arguments))

    def cancel(self, reference: Any) -> None:
        self.cancelled.append(reference)


def clock() -> str:
    """Found by its name in another process."""
    return NOW


@pytest.fixture()
def three(prior: tuple[Bench, Cell], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A bench and three cells; the environment of this process comes back afterwards."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    bench, cell = prior
    ray_engine._bench.cache_clear()
    yield (
        Bench(bench.release, tmp_path / "on-ray", now=clock),
        [replace(cell, replicate=k) for k in range(3)],
    )
    ray_engine._bench.cache_clear()


def test_a_connection_that_is_there_is_used(three: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, cells = three
    ray, heard = InProcess(), Heard()
    monkeypatch.setitem(sys.modules, "ray", ray)
    done = list(grid_on_ray(bench, cells, RaySettings(), heard))
    assert [result.cell for result in done] == cells
    assert all(isinstance(result, Outcome) and not result.skipped for result in done)
    assert [r.path for r in done if isinstance(r, Outcome)] == [
        bench.folder(cell) / "record.json" for cell in cells
    ]
    assert heard.said == ["Ray: 1 machine, 2 cells at once (each 1 CPU)."]
    # a worker with a GPU must not end after each cell, and a cell must outlive its worker
    assert ray.asked[1] == {"num_cpus": 1, "num_gpus": 0.0, "max_retries": 3, "max_calls": 0}
    assert ray_engine._bench.cache_info().misses == 1
    assert not list(bench.results.glob(f"{TEMPORARY_PREFIX}*"))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("WorkerCrashedError", "Its worker died"),
        ("OutOfMemoryError", "raise --cpus-per-cell"),
        ("RayTaskError", "last line"),
        ("RayError", "RayError: first line"),
        ("GetTimeoutError", "in time"),
    ],
)
def test_a_cell_without_a_result_is_a_failure_and_the_rest_goes_on(
    three: Any, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    bench, cells = three
    monkeypatch.setitem(sys.modules, "ray", InProcess(kind))
    done = list(grid_on_ray(bench, cells, RaySettings()))
    assert [result.cell for result in done] == cells
    for result in done:
        assert isinstance(result, Failure)
        assert words in result.error


def test_an_interrupted_grid_cancels_what_is_left(
    three: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, cells = three
    ray = InProcess()
    monkeypatch.setitem(sys.modules, "ray", ray)
    results = grid_on_ray(bench, cells, RaySettings())
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(ray.cancelled) == 2
    assert not list(bench.results.glob(f"{TEMPORARY_PREFIX}*"))
    skipped = [getattr(r, "skipped", None) for r in grid_on_ray(bench, cells, RaySettings())]
    assert skipped == [True, False, False]


def test_a_machine_that_sees_nothing_ends_the_grid_at_once(
    three: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, cells = three
    monkeypatch.setitem(sys.modules, "ray", InProcess())
    monkeypatch.setattr(ray_engine, "obstacle", lambda job: "it sees nothing.")
    with pytest.raises(BadInput, match=r"The machine h of the Ray cluster .* it sees nothing"):
        list(grid_on_ray(bench, cells, RaySettings()))
