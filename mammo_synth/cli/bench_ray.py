"""``mammo-synth bench grid --engine ray``: its options, and what Ray may print meanwhile."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mammo_synth.cli import console

if TYPE_CHECKING:
    from mammo_synth.bench.grid import Cell, Failure, Outcome
    from mammo_synth.bench.run import Bench
    from mammo_synth.progress import Progress

ENGINES = ("local", "ray")
Engine = Annotated[
    str,
    typer.Option(
        help="local: one cell after the other in this process. ray: many at once, on the cores or "
        'GPUs of this machine or of a Ray cluster (pip install "mammo-synth[ray]"). The release, '
        "--out and all files of recipes must then lie on a file system that every machine sees by "
        "the same path."
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="With --engine ray: HOST:PORT of a Ray cluster that this machine has joined, or auto "
        "to find it; local (the default) starts Ray on this machine for this grid."
    ),
]
CpusPerCell = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="With --engine ray: CPU cores of a cell (1). More of them: fewer cells at once, less "
        "memory.",
    ),
]
GpusPerCell = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="With --engine ray: GPUs of a cell, or a share such as 0.5 (1 where the cluster has "
        "GPUs, else 0).",
    ),
]


def results(
    bench: Bench,
    cells: Sequence[Cell],
    engine: str,
    address: str | None,
    cpus: int | None,
    gpus: float | None,
) -> Iterator[Outcome | Failure]:
    """Results of ``cells`` from the engine that was asked for.

    Raises:
        BadInput: No such engine, or an option of Ray without it.
    """
    from mammo_synth.bench.ray_engine import RaySettings, grid_on_ray
    from mammo_synth.errors import BadInput, did_you_mean

    if engine not in ENGINES:
        raise BadInput(f"There is no engine '{engine}'.", hint=did_you_mean(engine, ENGINES))
    if engine == "ray":
        settings = RaySettings(address, cpus or 1, gpus)
        progress = console.ConsoleProgress()
        with contextlib.redirect_stdout(RayMessages(progress)):  # stdout is for results
            yield from grid_on_ray(bench, cells, settings, progress)
        return
    options = {"--address": address, "--cpus-per-cell": cpus, "--gpus-per-cell": gpus}
    for name, value in options.items():
        if value is not None:
            raise BadInput(
                f"{name} is for --engine ray.", hint=f"Add --engine ray, or drop {name}."
            )
    yield from bench.grid(cells)


class RayMessages(io.TextIOBase):
    """Takes what Ray prints: a paragraph on every worker that died. Says its first sentence."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def write(self, text: str) -> int:
        """Say the first sentence of a message; logs of Ray that follow it stay in Ray's files."""
        for line in text.strip().splitlines()[:1]:
            plain = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
            words = re.sub(r"^\([^)]*\)\s*", "", plain)
            self._progress.say(f"Ray: {re.split(r'(?<=[.!?]) ', words)[0]}")
        return len(text)
