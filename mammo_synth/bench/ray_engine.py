"""The cells of a grid on Ray: on all cores or GPUs of one machine, or on many machines.

Each cell is one task. Ray places them, runs a cell again whose worker died, and keeps a worker for
the next cell, so that networks, features and rows stay in it. All state lies in the results folder:
a cell that runs again goes on after its last finished epoch, as one does after any other end of its
process. Release, results and all files that a recipe names must therefore lie where every machine
of the cluster finds them by the same path; that is checked before the first cell.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mammo_synth import __version__
from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.grid import Cell, Failure, Outcome
from mammo_synth.bench.ray_cluster import Share, connected, machines, reason, share_of
from mammo_synth.bench.results import RECORD_NAME
from mammo_synth.bench.run import Bench
from mammo_synth.errors import BadInput, MammoSynthError
from mammo_synth.files import TEMPORARY_PREFIX
from mammo_synth.progress import SILENT, Progress, Silent
from mammo_synth.release.folder import Release

RETRIES = 3
"""How often a cell is tried again whose worker or machine died."""
CHECK_S = 120.0
"""Seconds in which every machine must have said that it sees the release and the results."""
APPEARS_S = 10.0
"""Seconds until a new file must be seen on all machines: a network file system has a delay."""
CANCEL_S = 10.0
"""Seconds that running cells get to end when the grid is interrupted."""


@dataclass(frozen=True)
class RaySettings:
    """Where a grid runs, and what each cell gets.

    Attributes:
        address: ``host:port`` of a running cluster that this machine belongs to, ``auto`` to look
            for it on this machine; None or ``local`` starts Ray on this machine for this grid.
        cpus_per_cell: Processor cores of a cell: its threads, and how many cells run at once.
        gpus_per_cell: GPUs of a cell, a share such as 0.5 too; None is 1 where the cluster has
            GPUs and the device is not ``cpu``, else 0.
    """

    address: str | None = None
    cpus_per_cell: int = 1
    gpus_per_cell: float | None = None


@dataclass(frozen=True)
class Job:
    """What a worker must know of a grid; two are equal if they are of the same grid."""

    token: str
    release: Path = field(compare=False)
    release_sha256: str = field(compare=False)
    results: Path = field(compare=False)
    options: Options = field(compare=False)
    overwrite: bool = field(compare=False)
    now: Callable[[], str] = field(compare=False)
    share: Share = field(compare=False)
    keras_backend: str | None = field(compare=False)
    version: str = field(default=__version__, compare=False)

    @property
    def marker(self) -> Path:
        """An empty file in the results folder while the grid runs: who sees it sees the folder."""
        return self.results / f"{TEMPORARY_PREFIX}{self.token}"


def grid_on_ray(
    bench: Bench, cells: Sequence[Cell], settings: RaySettings, progress: Progress = SILENT
) -> Iterator[Outcome | Failure]:
    """Measure ``cells`` on Ray, as `Bench.grid` does here; results come as cells end.

    Cells whose record is there come first, and if that is all of them, no cluster is needed. When
    the iterator is closed or interrupted, running cells are stopped; the same call goes on later.

    Args:
        bench: Release, results and options; it measures nothing itself.
        cells: What to measure.
        settings: Where.
        progress: Receives what workers say, each line with the name of its cell.

    Raises:
        BadInput: Ray is not installed or no cluster answers, no machine has what a cell needs, or
            one does not see the release or the results.
    """
    left = []
    for cell in cells:
        found = _found(bench, cell)
        if found is None:
            left.append(cell)
        else:
            yield found
    if not left:
        return
    with connected(settings.address) as ray:
        share = share_of(
            machines(ray), settings.cpus_per_cell, settings.gpus_per_cell, bench.options.device
        )
        progress.say(share.words)
        with _job(bench, share) as job:
            _check_machines(ray, job)
            yield from _measured(ray, bench, job, left, progress)


def _found(bench: Bench, cell: Cell) -> Outcome | Failure | None:
    """The result of a cell that needs no worker."""
    try:
        bench.check(cell)
        record = bench.finished(cell)
    except MammoSynthError as error:
        return Failure(cell, str(error))
    if record is None:
        return None
    return Outcome(cell, bench.folder(cell) / RECORD_NAME, record, skipped=True)


@contextlib.contextmanager
def _job(bench: Bench, share: Share) -> Iterator[Job]:
    """The job of ``bench``, whose marker lies in the results folder meanwhile."""
    options = replace(
        bench.options,
        device=share.device,
        weights_file=_absolute(bench.options.weights_file),
        cache_folder=_absolute(bench.options.cache_folder),
    )
    job = Job(
        token=uuid.uuid4().hex,
        release=bench.release.folder.absolute(),
        release_sha256=bench.release.sha256,
        results=bench.results.absolute(),
        options=options,
        overwrite=bench.overwrite,
        now=bench.now,
        share=share,
        keras_backend=os.environ.get("KERAS_BACKEND"),
    )
    try:
        job.results.mkdir(parents=True, exist_ok=True)
        job.marker.touch()
    except OSError as error:
        raise BadInput(
            f"'{bench.results}' cannot be written ({error.strerror}).",
            hint="Choose another --out folder, or change its permissions.",
        ) from error
    try:
        yield job
    finally:
        job.marker.unlink(missing_ok=True)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _check_machines(ray: Any, job: Job) -> None:
    """Ask every machine that can take cells whether it sees what it needs."""
    ask = ray.remote(num_cpus=0, max_retries=1)(obstacle)
    near = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    asked = {
        ask.options(scheduling_strategy=near(node.node_id, soft=False)).remote(job): node
        for node in job.share.machines
    }
    ended = time.monotonic() + CHECK_S
    for answer, node in asked.items():
        try:
            found = ray.get(answer, timeout=max(0.1, ended - time.monotonic()))
        except (ray.exceptions.RayError, ImportError) as error:
            found = reason(ray, error)
        if found is not None:
            raise BadInput(
                f"The machine {node.name} of the Ray cluster cannot measure cells: {found}",
                hint="Release, results (--out) and all files of a recipe must lie on a file system "
                "that every machine sees by the same path, and all need the same mammo-synth.",
            )


def obstacle(job: Job) -> str | None:
    """Why this machine cannot measure cells of ``job``; None if it can."""
    if __version__ != job.version:
        return f"it has mammo-synth {__version__}; the grid was started with {job.version}."
    try:
        release = Release.open(job.release)
    except (MammoSynthError, OSError) as error:
        return f"it does not find the release. {error}"
    if release.sha256 != job.release_sha256:
        return f"its '{job.release}' is another release than that of the grid."
    ended = time.monotonic() + APPEARS_S
    while not job.marker.exists():
        if time.monotonic() > ended:
            return f"it does not see the results folder '{job.results}' of the grid."
        time.sleep(0.1)
    try:
        with tempfile.NamedTemporaryFile(dir=job.results, prefix=TEMPORARY_PREFIX):
            return None
    except OSError as error:
        return f"it cannot write to '{job.results}' ({error.strerror})."


def _measured(
    ray: Any, bench: Bench, job: Job, cells: Sequence[Cell], progress: Progress
) -> Iterator[Outcome | Failure]:
    """Results of ``cells`` as they come."""
    # A worker serves any number of cells; without max_calls Ray would end those with a GPU.
    task = ray.remote(
        num_cpus=job.share.cpus, num_gpus=job.share.gpus, max_retries=RETRIES, max_calls=0
    )(measure)
    pending = {task.options(name=cell.name).remote(job, _portable(cell)): cell for cell in cells}
    try:
        while pending:
            (ended, *_), _ = ray.wait(list(pending), num_returns=1)
            cell = pending.pop(ended)
            try:
                result, said = ray.get(ended)
            except (ray.exceptions.RayError, ImportError) as error:
                yield Failure(cell, reason(ray, error))
                continue
            for line in said:
                progress.say(f"{cell.name}: {line}")
            if isinstance(result, Outcome):
                yield replace(result, cell=cell, path=bench.folder(cell) / RECORD_NAME)
            else:
                yield replace(result, cell=cell)
    finally:
        if pending:
            for reference in pending:
                ray.cancel(reference)
            ray.wait(list(pending), num_returns=len(pending), timeout=CANCEL_S)


def _portable(cell: Cell) -> Cell:
    """``cell`` with paths that mean the same in another folder."""
    files = {name: path.absolute() for name, path in cell.recipe.files.items()}
    return replace(cell, recipe=replace(cell.recipe, files=files))


class _Lines(Silent):
    """Keeps what is said, for whoever asks for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keep one line."""
        self.lines.append(text)


def measure(job: Job, cell: Cell) -> tuple[Outcome | Failure, list[str]]:
    """In a worker: the result of one cell, and what was said on the way."""
    try:
        bench, heard = _bench(job)
    except MammoSynthError as error:
        return Failure(cell, str(error)), []
    heard.lines.clear()
    (result,) = bench.grid([cell])
    return result, list(heard.lines)


@functools.lru_cache(maxsize=1)
def _bench(job: Job) -> tuple[Bench, _Lines]:
    """The bench of this worker, made at its first cell of a grid and kept for the next ones."""
    found = obstacle(job)
    if found is not None:
        raise BadInput(f"The machine {platform.node()} cannot measure it: {found}")
    # Read when the frameworks are imported, which happens at the first fit. As many threads as
    # Ray lent cores: TensorFlow would take all of the machine for each cell.
    os.environ.pop("KERAS_BACKEND", None)
    if job.keras_backend is not None:
        os.environ["KERAS_BACKEND"] = job.keras_backend
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, str(job.share.cpus))
    if job.share.gpus == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    heard = _Lines()
    bench = Bench(
        Release.open(job.release),
        job.results,
        now=job.now,
        options=job.options,
        progress=heard,
        overwrite=job.overwrite,
    )
    return bench, heard
