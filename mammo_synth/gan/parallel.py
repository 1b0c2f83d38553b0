"""Several training runs side by side, one process and one thread each.

Small networks gain little from a second thread, but two runs on two cores take the time of one.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_synth.manifest import Input
from mammo_synth.processes import worker_pool
from mammo_synth.progress import SILENT, Progress

from .measures.choice import Choice
from .settings import TrainSettings
from .train import Origin, TrainResult, train_run


@dataclass(frozen=True)
class Job:
    """The arguments of one :func:`~mammo_synth.gan.train.train_run`.

    ``measure``: where it has weights or a cache of its own; the process that trains makes it.
    """

    images: NDArray[np.uint8]
    settings: TrainSettings
    folder: Path
    origin: Origin
    inputs: tuple[Input, ...] = ()
    start: Path | None = None
    measure: Choice | None = None


def train_runs(
    jobs: Sequence[Job],
    *,
    processes: int | None = None,
    device: str = "cpu",
    progress: Progress = SILENT,
    clock: Callable[[], float] | None = None,
) -> list[TrainResult]:
    """Run all ``jobs``; results in their order, equal to those of one after the other with one
    thread.

    ``processes``: at most so many at a time (default: one a core). On an accelerator the runs
    follow one another, as they share it.

    Raises:
        BadInput, TrainingDiverged: As ``train_run``, for the first job that fails.
    """
    workers = min(processes or os.cpu_count() or 1, len(jobs))
    if workers <= 1 or torch.device(device).type != "cpu":
        return [_run(job, device, progress, clock) for job in jobs]
    context = multiprocessing.get_context("spawn")  # forked threads of torch would hang
    messages: Queue[Any] = context.Queue()
    total = sum(_images_of(job) for job in jobs)
    progress.start("Training images shown", total)
    with worker_pool(workers, _begin_worker, (messages,)) as pool:
        running = [pool.submit(_run_in_worker, job, device, clock) for job in jobs]
        while not all(future.done() for future in running):
            # A run that failed ends the others: together they are one step.
            for future in running:
                if future.done():
                    future.result()
            with contextlib.suppress(queue.Empty):
                _pass_on(messages.get(timeout=0.2), progress)
        with contextlib.suppress(queue.Empty):
            while True:  # what was sent last is still on its way
                _pass_on(messages.get(timeout=0.05), progress)
        results = [future.result() for future in running]
    progress.finish()
    return results


def _run(
    job: Job, device: str, progress: Progress, clock: Callable[[], float] | None
) -> TrainResult:
    return train_run(
        job.images,
        job.settings,
        job.folder,
        job.origin,
        inputs=job.inputs,
        device=device,
        start=job.start,
        measure=job.measure.make(device) if job.measure else None,
        progress=progress,
        clock=clock,
    )


def _pass_on(message: tuple[int, str, bool], progress: Progress) -> None:
    count, text, stays = message
    if stays:
        progress.say(text)
    else:
        progress.advance(count, text)


class _Messages:
    """Progress of a worker: sent to the parent about once per hundred images."""

    def __init__(self, messages: Queue[Any], name: str, total: int) -> None:
        self._messages, self._name, self._total = messages, name, total
        self._waiting = 0

    def start(self, what: str, total: int) -> None:
        """The parent has begun already; what an earlier process did counts as done."""
        self._waiting += self._total - total

    def advance(self, n: int = 1, note: str = "") -> None:
        """Collect, and send now and then."""
        self._waiting += n
        if self._waiting >= 100:
            self._messages.put((self._waiting, note, False))
            self._waiting = 0

    def finish(self) -> None:
        """Send the rest."""
        self._messages.put((self._waiting, "", False))
        self._waiting = 0

    def say(self, text: str) -> None:
        """Send a remark, with the name of the run: several speak at once."""
        self._messages.put((0, f"{self._name}: {text}", True))


_worker_messages: list[Queue[Any]] = []  # set once, when a worker process begins


def _begin_worker(messages: Queue[Any]) -> None:
    torch.set_num_threads(1)
    _worker_messages.append(messages)


def _run_in_worker(job: Job, device: str, clock: Callable[[], float] | None) -> TrainResult:
    messages = _Messages(_worker_messages[0], job.folder.name, _images_of(job))
    return _run(job, device, messages, clock)


def _images_of(job: Job) -> int:
    return math.ceil(job.settings.kimg * 1000)
