"""Draws images of seeds on every core or accelerator, equal bit for bit however it is done.

Arithmetic on floats depends on its order, and kernels choose that order by the shape of their input
and by the number of threads. So the network always sees batches of one shape
(:func:`micro_batch`, the last one padded), and on the processor each of them is computed by one
thread; several threads draw several of them at once. Within such a batch the position of an image
and its companions change nothing (measured, and tested). So on one kind of device the image of a
seed is the same bit for bit whatever the order, the number of seeds, the threads and the memory
given; another kind of device, precision or version of torch may differ by one grey level in single
pixels.
"""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .data import to_uint8
from .latents import latents
from .networks import Generator

__all__ = ["Drawing", "cores", "draw", "draw_ws", "micro_batch", "noise_maps"]

_PROCESSOR = {64: 8, 128: 4, 256: 2}
_ACCELERATOR = {64: 64, 128: 64, 256: 32, 512: 16}


@dataclass(frozen=True)
class Drawing:
    """What decides an image, beside generator and seed.

    Attributes:
        truncation: psi; w moves towards its average: 1 is none, 0 the average itself.
        truncation_cutoff: Only the first so many layers are truncated; ``None``: all.
        noise: ``const`` (stored maps), ``none``, or ``random`` (maps drawn from the seed).
        label: Name of the class that a conditional generator is asked for.
        classes: Its one-hot row.
    """

    truncation: float = 1.0
    truncation_cutoff: int | None = None
    noise: str = "const"
    label: str | None = None
    classes: tuple[float, ...] = ()


def micro_batch(resolution: int, device: torch.device) -> int:
    """Images that the network sees at once: constant for a resolution and kind of device."""
    sizes = _PROCESSOR if device.type == "cpu" else _ACCELERATOR
    return next(
        (n for most, n in sizes.items() if resolution <= most), 1 if sizes is _PROCESSOR else 8
    )


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def noise_maps(network: Generator, seeds: Sequence[int], device: torch.device) -> list[Tensor]:
    """Random noise of all layers, ``[N, 1, r, r]`` each: a function of each seed alone.

    The maps of a seed are drawn on the processor, whatever the device, by torch's generator with
    that seed, from the lowest layer to the highest; latents come from another generator (numpy's),
    so the two are independent.
    """
    processor = torch.device("cpu")
    rows = []
    for seed in seeds:
        rng = torch.Generator(processor).manual_seed(seed)
        rows.append(network.synthesis.draw_noise(1, processor, rng))
    return [torch.cat(maps).to(device) for maps in zip(*rows, strict=True)]


def draw_ws(
    network: Generator, seeds: Sequence[int], settings: Drawing, device: torch.device
) -> Tensor:
    """Truncated latents ``[N, num_ws, w_dim]`` of ``seeds``."""
    z = latents(seeds, network.z_dim).to(device)
    c = None
    if settings.classes:
        c = torch.tensor([settings.classes], device=device).expand(len(seeds), -1)
    ws: Tensor = network.mapping(
        z,
        c,
        truncation_psi=settings.truncation,
        truncation_cutoff=settings.truncation_cutoff,
        update_w_avg=False,
    )
    return ws


def _draw_batch(
    network: Generator, seeds: Sequence[int], size: int, settings: Drawing, device: torch.device
) -> NDArray[np.uint8]:
    """Images of at most ``size`` seeds; the network sees exactly ``size``."""
    padded = [*seeds, *[seeds[-1]] * (size - len(seeds))]
    with torch.inference_mode():
        ws = draw_ws(network, padded, settings, device)
        drawn = noise_maps(network, padded, device) if settings.noise == "random" else ()
        images = network.synthesis(ws, noise_mode=settings.noise, drawn=drawn)
        return to_uint8(images)[: len(seeds)]


class _Lanes:
    """Threads that draw: one for each accelerator, or ``workers`` on the processor."""

    def __init__(self, network: Generator, devices: Sequence[torch.device], workers: int) -> None:
        first = next(network.parameters()).device
        self._waiting: queue.SimpleQueue[tuple[Generator, torch.device]] = queue.SimpleQueue()
        count = 0
        for device in devices:
            for _ in range(workers if device.type == "cpu" else 1):
                own = network if device == first else deepcopy(network).to(device)
                self._waiting.put((own, device))
                count += 1
        self.count = count
        self._threads_before = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(count, "draw", torch.set_num_threads, (1,))

    def submit(
        self, seeds: Sequence[int], size: int, settings: Drawing
    ) -> Future[NDArray[np.uint8]]:
        return self._pool.submit(self._run, seeds, size, settings)

    def _run(self, seeds: Sequence[int], size: int, settings: Drawing) -> NDArray[np.uint8]:
        # As many networks as threads, so there is always one free.
        network, device = self._waiting.get()
        try:
            return _draw_batch(network, seeds, size, settings, device)
        finally:
            self._waiting.put((network, device))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        # A thread sets its own number, but also the one that later threads begin with.
        torch.set_num_threads(self._threads_before)


def draw(
    network: Generator,
    seeds: Sequence[int],
    settings: Drawing,
    *,
    devices: Sequence[torch.device],
    workers: int | None = None,
    batch: int = 16,
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield ``(seed, image uint8 [R, R])`` for each seed, in order.

    Args:
        network: On the first of ``devices``.
        seeds: Whole numbers from 0 to 2^32 - 1.
        settings: What decides the images.
        devices: Where to draw; each has its own copy of the network. All of one kind, or images
            may differ by a grey level.
        workers: Threads on the processor (default: all cores).
        batch: Finished images that may wait to be taken, for the bound on memory; at least one
            batch of the network for each thread or device is always in work.
    """
    if not seeds:
        return
    size = micro_batch(network.resolution, devices[0])
    parts = (seeds[first : first + size] for first in range(0, len(seeds), size))
    lanes = _Lanes(network, devices, min(workers or cores(), -(-len(seeds) // size)))
    ahead = lanes.count + max(1, batch // size)
    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    pending: deque[tuple[Sequence[int], Future[NDArray[np.uint8]]]] = deque()
    try:
        with flags:
            for part in parts:
                pending.append((part, lanes.submit(part, size, settings)))
                if len(pending) >= ahead:
                    yield from _taken(*pending.popleft())
            while pending:
                yield from _taken(*pending.popleft())
    finally:
        lanes.close()


def _taken(
    seeds: Sequence[int], images: Future[NDArray[np.uint8]]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    yield from zip(seeds, images.result(), strict=True)
