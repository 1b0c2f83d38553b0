"""Seconds of a leaderboard of many records: read, verified, resampled, drawn and written.

    python benchmarks/speed/board.py [--patients 150] [--own-test 300] [--no-full]

Records are made by the benchmark's own writers from random scores: ten classifiers, eleven
configurations and a control, four replicates, 500 in all. Each round renders in a process of its
own, first with an empty cache of verified records (``cold``), then after every record was checked
in full (``warm``). Seconds are of the whole process, its start included, from the folder of
records to Markdown, JSON, CSV, both pages, figure and manifest.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mammo_synth.bench.evaluation import evaluate
from mammo_synth.bench.metrics import RESAMPLES
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.leaderboard import load as loading
from mammo_synth.leaderboard.verified import HOME, Verified
from tests.leaderboard import board_factory
from tests.leaderboard.board_factory import Cell, World

CLASSIFIERS = 10
REPLICATES = 4
CONTROLS = 5


def cells(classifiers: int = CLASSIFIERS, replicates: int = REPLICATES) -> list[Cell]:
    """Every configuration, TRTR and its twin by every classifier; then controls; 500 records
    with the defaults."""
    found = []
    for i in range(classifiers):
        for j, configuration in enumerate((*CONFIGURATIONS, "real", "synthetic-reduced")):
            for k in range(replicates):
                skill = 0.1 * i + 0.08 * j
                found.append(Cell(configuration, f"net-{i:02d}", k, skill=skill))
    for i in range(CONTROLS):
        for configuration in list(CONFIGURATIONS)[:3]:
            for k in range(replicates):
                found.append(
                    Cell(
                        configuration, f"control-{i}", k, skill=0.0, role="control", weights="none"
                    )
                )
    return found


def make(folder: Path, world: World, every: Sequence[Cell], resamples: int, processes: int) -> None:
    """Write the records of ``every`` cell."""
    # One record first: the others find their test set there.
    _write(folder, world, resamples, every[0])
    with ProcessPoolExecutor(processes) as pool:
        write = functools.partial(_write, folder, world, resamples)
        list(pool.map(write, every[1:], chunksize=4))


def _write(folder: Path, world: World, resamples: int, cell: Cell) -> None:
    board_factory.evaluate = functools.partial(evaluate, resamples=resamples)  # type: ignore[attr-defined]
    board_factory.write_cell(folder, world, cell)


def main() -> None:
    """Make the records, render them in turn, and print one row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=150, help="of real_test, two films each")
    parser.add_argument("--own-test", type=int, default=300, help="images of each own test split")
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="behind stored intervals")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many rounds")
    parser.add_argument("--no-full", action="store_true", help="leave the full verification out")
    parser.add_argument("--folder", type=Path, help="make the records here, or find them here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = arguments.folder or Path(name) / "results"
        if not results.exists():
            world = World(patients=arguments.patients, test_size=arguments.own_test, epochs=20)
            make(results, world, cells(), arguments.resamples, os.cpu_count() or 1)
        compare(results, Path(name), arguments.rounds, full=not arguments.no_full)


def compare(results: Path, scratch: Path, rounds: int, *, full: bool) -> None:
    """Render with nothing verified before and, if ``full``, with everything verified."""
    memory, out = scratch / "cache", scratch / "board"
    load = os.getloadavg()[0]
    _row("cold", [_render(results, out, memory) for _ in range(rounds)])
    if full:
        began = time.perf_counter()
        loading.load(results, full=True, verified=Verified(memory / "verified"))
        print(f"full verification: {time.perf_counter() - began:.0f} s")
        _row("warm", [_render(results, out, memory) for _ in range(rounds)])
    for path in sorted(out.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    print(f"load of the machine before: {load:.1f} on {os.cpu_count()} cores")


def _render(results: Path, out: Path, memory: Path) -> dict[str, float]:
    once = Path(__file__).with_name("board_once.py")
    words = [sys.executable, str(once), str(results), str(out)]
    environment = {**os.environ, HOME: str(memory), "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    return {"seconds": time.perf_counter() - began, **json.loads(done.stdout)}


def _row(name: str, rounds: list[dict[str, float]]) -> None:
    middle = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    print(
        f"{name}: {middle['seconds']:.1f} s ({min(one['seconds'] for one in rounds):.1f} at best), "
        f"processor {middle['cpu']:.1f} s and {middle['helper']:.1f} s in the second process, "
        f"{middle['mb']:.0f} MB, {middle['verified']:.0f} of {middle['records']:.0f} verified in "
        f"full"
    )


if __name__ == "__main__":
    main()
