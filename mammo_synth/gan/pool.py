"""Pools: the images of many seeds in a folder, as Parquet, single PNG files or one zip."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mammo_synth.configurations import LABEL_VALUES
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import write_json
from mammo_synth.manifest import Input, is_current, read_manifest, relative_input, write_manifest
from mammo_synth.progress import SILENT, Progress

from .drawing import cores
from .pool_files import (
    aside,
    clear_aside,
    finished_seeds,
    remove_leftovers,
    seeds_aside,
    store,
    write_shard,
    write_zip,
)
from .sample import LoadedGenerator, sample
from .seeds import format_seeds

KIND = "pool"
FORMATS = ("png", "parquet", "zip")
ABOUT = "pool.json"
SHARD_ROWS = 1000
ENCODERS = 8
"""Most threads that encode PNG beside an accelerator; where the processor draws there is one."""


@dataclass(frozen=True)
class PoolResult:
    """A pool on disk: how many images it holds and how many of them were drawn now."""

    folder: Path
    images: int
    drawn: int


def draw_pool(
    generator: LoadedGenerator,
    seeds: Sequence[int],
    folder: Path,
    *,
    truncation: float = 1.0,
    truncation_cutoff: int | None = None,
    noise: str = "const",
    label: str | None = None,
    format_name: str = "parquet",
    batch: int = 16,
    workers: int | None = None,
    devices: Sequence[torch.device] = (),
    progress: Progress = SILENT,
    clock: Callable[[], float] | None = None,
) -> PoolResult:
    """Draw the images of ``seeds`` into ``folder``; seeds that are there already are kept.

    Every file is written whole or not at all and images wait in a hidden folder for their shard or
    archive, so a call that was interrupted or killed is simply repeated. Memory is bounded by
    ``batch`` images and one shard, whatever the number of seeds. Arguments not named here are
    those of :func:`~mammo_synth.gan.sample.sample`.

    Args:
        format_name: ``png`` (a file per seed), ``parquet`` or ``zip``.
        progress: Receives one step per image.
        clock: Seconds, for the images/s in the progress; ``None``: not shown.

    Raises:
        BadInput: The folder holds something else: another generator's pool, another truncation,
            another format, or other files; or as ``sample``.
    """
    if format_name not in FORMATS:
        raise BadInput(
            f"There is no format '{format_name}'.", hint=did_you_mean(format_name, FORMATS)
        )
    draw = partial(
        sample,
        generator,
        truncation=truncation,
        truncation_cutoff=truncation_cutoff,
        noise=noise,
        label=label,
        batch=batch,
        workers=workers,
        devices=devices,
    )
    draw([])  # checks the numbers
    about: dict[str, Any] = {
        "format": "mammo-synth/pool/1",
        "as": format_name,
        "generator": generator.sha256,
        "label": label or generator.label,
        "resolution": generator.resolution,
        "truncation": truncation,
        "noise": noise,
        "simulated": generator.simulated,
        "source": generator.source,
        # What is not usual is said; older pools do not have these keys.
        **({} if truncation_cutoff is None else {"truncation_cutoff": truncation_cutoff}),
        **({} if generator.precision == "fp32" else {"precision": generator.precision}),
    }
    _claim(folder, about)
    remove_leftovers(folder)
    present = finished_seeds(folder, format_name)
    missing = [seed for seed in seeds if seed not in present]
    drawn = 0
    if missing:
        progress.start("Images drawn", len(missing))
        row = {
            "label": LABEL_VALUES.get(label or generator.label),
            "generator": generator.sha256,
            "truncation": truncation,
        }
        encoders = 1 if generator.device.type == "cpu" else min(ENCODERS, cores())
        write = partial(store, encoders=encoders, waiting=batch)
        counted = _Counted(progress, clock)
        step = SHARD_ROWS if format_name == "parquet" else len(missing)
        for first in range(0, len(missing), step):
            part = missing[first : first + step]
            drawn += _fill(folder, format_name, part, lambda s, at: write(draw(s), at), counted)
            if format_name == "parquet":
                write_shard(folder, part, row)
            elif format_name == "zip":
                write_zip(folder, part)
            clear_aside(folder, part)
        progress.finish()
    clear_aside(folder, present)  # of a process killed between a shard and its clearing
    everything = set(seeds) | present
    settings = {**about, "seeds": format_seeds(everything)}
    inputs = (_input(generator, folder),)
    if missing or not is_current(folder, KIND, settings=settings, inputs=inputs):
        facts = {"images": len(everything), "terms": generator.metadata.get("licence", "")}
        write_manifest(folder, KIND, settings=settings, inputs=inputs, facts=facts)
    return PoolResult(folder, len(everything), drawn)


def _fill(
    folder: Path,
    format_name: str,
    seeds: Sequence[int],
    write: Callable[[Sequence[int], Path], Iterable[int]],
    counted: _Counted,
) -> int:
    """Draw those of ``seeds`` that do not wait aside already; return how many."""
    single = format_name == "png"
    waiting = set() if single else seeds_aside(folder)
    wanted = [seed for seed in seeds if seed not in waiting]
    counted.there_already(len(seeds) - len(wanted))
    for _ in write(wanted, folder if single else aside(folder)):
        counted.one_more()
    return len(wanted)


class _Counted:
    """Reports images, and how many of them a second were drawn in this call."""

    def __init__(self, progress: Progress, clock: Callable[[], float] | None) -> None:
        self._progress, self._clock = progress, clock
        self._began, self._drawn = clock() if clock else 0.0, 0

    def there_already(self, count: int) -> None:
        self._progress.advance(count)

    def one_more(self) -> None:
        self._drawn += 1
        note = ""
        if self._clock is not None:
            rate = self._drawn / max(self._clock() - self._began, 1e-9)
            note = f"{rate:.3g} images/s"
        self._progress.advance(1, note)


def _input(generator: LoadedGenerator, folder: Path) -> Input:
    run = generator.path.parent
    try:
        manifest = read_manifest(run, "generator-run")
    except BadInput:
        return relative_input("file", generator.path, folder)
    if manifest.facts.get("generator_sha256") != generator.sha256:
        return relative_input("file", generator.path, folder)
    return relative_input("generator-run", run, folder)


def _claim(folder: Path, about: dict[str, Any]) -> None:
    """Make sure that ``folder`` is empty or holds a pool like ``about``, and mark it."""
    path = folder / ABOUT
    if path.is_file():
        try:
            before = dict(json.loads(path.read_text()))
        except ValueError as error:
            raise BadInput(
                f"'{path}' is not valid JSON; it was changed by hand.",
                hint="Choose another --out.",
            ) from error
        for key in {**about, **before}:
            if before.get(key) != about.get(key):
                raise BadInput(
                    f"'{folder}' holds a pool with {key} {before.get(key)!r}; {about.get(key)!r} "
                    "was expected.",
                    hint="Choose another --out: one pool has one generator, truncation and format.",
                )
        return
    if folder.exists() and not folder.is_dir():
        raise BadInput(
            f"'{folder}' is a file; a folder was expected.", hint="Choose another --out."
        )
    others = (
        [p.name for p in folder.iterdir() if not p.name.startswith(".")] if folder.exists() else []
    )
    if others:
        raise BadInput(
            f"'{folder}' holds other files ('{min(others)}', ...); an empty folder or a pool was "
            "expected.",
            hint="Choose another --out.",
        )
    write_json(path, about)
