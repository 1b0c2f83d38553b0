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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .data import to_uint8
from .latents import latents
from .networks import Generator

__all__ = [
    "Drawing",
    "Lanes",
    "cores",
    "draw",
    "draw_rows",
    "draw_styles",
    "map_latents",
    "map_ws",
    "micro_batch",
    "noise_maps",
    "open_lanes",
]

_T = TypeVar("_T")
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


def map_ws(network: Generator, z: Tensor, settings: Drawing, device: torch.device) -> Tensor:
    """Truncated latents ``[N, num_ws, w_dim]`` of ``z [N, z_dim]``."""
    c = None
    if settings.classes:
        c = torch.tensor([settings.classes], device=device).expand(len(z), -1)
    ws: Tensor = network.mapping(
        z.to(device),
        c,
        truncation_psi=settings.truncation,
        truncation_cutoff=settings.truncation_cutoff,
        update_w_avg=False,
    )
    return ws


def _padded(rows: Tensor, size: int) -> Tensor:
    """``rows`` and copies of the last one, ``size`` in all."""
    return torch.cat([rows, rows[-1:].expand(size - len(rows), *rows.shape[1:])])


def _draw_seeds(
    network: Generator,
    device: torch.device,
    seeds: Sequence[int],
    size: int,
    settings: Drawing,
) -> NDArray[np.uint8]:
    """Images of at most ``size`` seeds; the network sees exactly ``size``."""
    padded = [*seeds, *[seeds[-1]] * (size - len(seeds))]
    with torch.inference_mode():
        ws = map_ws(network, latents(padded, network.z_dim), settings, device)
        drawn = noise_maps(network, padded, device) if settings.noise == "random" else ()
        images = network.synthesis(ws, noise_mode=settings.noise, drawn=drawn)
        return to_uint8(images)[: len(seeds)]


def draw_rows(
    network: Generator, device: torch.device, ws: Tensor, size: int, noise: str
) -> NDArray[np.uint8]:
    """Images of at most ``size`` rows of ``ws``; the network sees exactly ``size``."""
    with torch.inference_mode():
        images = network.synthesis(_padded(ws, size).to(device), noise_mode=noise)
        return to_uint8(images)[: len(ws)]


def _map(
    network: Generator, device: torch.device, z: Tensor, size: int, settings: Drawing
) -> Tensor:
    """``ws`` of at most ``size`` rows of ``z``, as :func:`_draw_seeds` has them."""
    with torch.no_grad():
        return map_ws(network, _padded(z, size), settings, device)[: len(z)].cpu()


class Lanes:
    """Threads that draw: one for each accelerator, or ``workers`` on the processor."""

    def __init__(self, network: Generator, devices: Sequence[torch.device], workers: int) -> None:
        first = next(network.parameters()).device
        self._waiting: queue.SimpleQueue[tuple[Generator, torch.device]] = queue.SimpleQueue()
        self.count = 0
        for device in devices:
            for _ in range(workers if device.type == "cpu" else 1):
                own = network if device == first else deepcopy(network).to(device)
                own.synthesis.prepare()
                self._waiting.put((own, device))
                self.count += 1
        self._threads_before = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.count, "draw", torch.set_num_threads, (1,))

    def submit(self, work: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """``work(network, device, *arguments)`` on the next free network."""
        return self._pool.submit(self._run, work, *arguments)

    def _run(self, work: Callable[..., _T], *arguments: Any) -> _T:
        # As many networks as threads, so there is always one free.
        network, device = self._waiting.get()
        try:
            return work(network, device, *arguments)
        finally:
            self._waiting.put((network, device))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        # A thread sets its own number, but also the one that later threads begin with.
        torch.set_num_threads(self._threads_before)


@contextmanager
def open_lanes(
    network: Generator, devices: Sequence[torch.device], workers: int | None, tasks: int
) -> Iterator[Lanes]:
    """Threads that compute on copies of ``network``, at most ``tasks``; closed at the end."""
    lanes = Lanes(network, devices, max(1, min(workers or cores(), tasks)))
    # Kernels of an accelerator that are chosen by timing, or round to TF32, change images.
    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    try:
        with flags:
            yield lanes
    finally:
        lanes.close()


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
    pending: deque[tuple[Sequence[int], Future[NDArray[np.uint8]]]] = deque()
    with open_lanes(network, devices, workers, -(-len(seeds) // size)) as lanes:
        ahead = lanes.count + max(1, batch // size)
        for part in parts:
            pending.append((part, lanes.submit(_draw_seeds, part, size, settings)))
            if len(pending) >= ahead:
                yield from _taken(*pending.popleft())
        while pending:
            yield from _taken(*pending.popleft())


def _taken(
    seeds: Sequence[int], images: Future[NDArray[np.uint8]]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    yield from zip(seeds, images.result(), strict=True)


def map_latents(
    network: Generator, z: Tensor, settings: Drawing, *, device: torch.device
) -> Tensor:
    """``ws [N, num_ws, w_dim]`` of ``z [N, z_dim]`` on the processor; of a seed's z bit for bit
    those that :func:`draw` uses."""
    size = micro_batch(network.resolution, device)
    with open_lanes(network, (device,), 1, 1) as lanes:
        parts = [lanes.submit(_map, part, size, settings) for part in z.split(size)]
        return torch.cat([part.result() for part in parts])


def draw_styles(
    network: Generator,
    ws: Tensor,
    *,
    device: torch.device,
    noise: str = "const",
    workers: int | None = None,
) -> NDArray[np.uint8]:
    """Images uint8 ``[N, R, R]`` of the latents ``ws [N, num_ws, w_dim]``, as :func:`draw` would
    draw them. ``noise``: ``const`` or ``none``."""
    size = micro_batch(network.resolution, device)
    with open_lanes(network, (device,), workers, -(-len(ws) // size)) as lanes:
        parts = [lanes.submit(draw_rows, part, size, noise) for part in ws.split(size)]
        return np.concatenate([part.result() for part in parts])
