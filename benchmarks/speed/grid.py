"""The grid of nine configurations with kept activations against nine runs without, in CPU time.

VGG16 with random weights; every run has the same epochs, no early stopping. Each measurement is a
process of its own, whose whole CPU time counts: start, building the network, reading images, all
scores and intervals. One after the other, on one machine:

    one       one cell, activations kept (empty cache)
    separate  nine cells without, a process each; the first of them is compared with `one`
    grid      the nine cells in one process, activations kept (empty cache)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammo_synth.configurations import CANCER, CONFIGURATIONS, NORMAL


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", type=Path, help="instead of a phantom release made for this")
    parser.add_argument("--images", type=int, default=280, help="of each configuration")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--size", type=int, default=64, help="input size in px")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--cells", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kept", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cells:
        run_cells(given)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        release = given.release or make_release(folder, given.images)
        measured = measure(release, folder, given)
    print(table(measured))
    if given.json:
        given.json.write_text(json.dumps(measured, indent=2) + "\n")


def make_release(folder: Path, images: int) -> Path:
    """A phantom release at 128 px with the generators that come with the package."""
    from mammo_synth.films.phantom import PhantomSettings
    from mammo_synth.films.prepare import PrepareSettings, prepare
    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.films.sources.phantom import PhantomSource
    from mammo_synth.films.split import SplitSettings
    from mammo_synth.release.build import ReleaseSettings, build_release
    from mammo_synth.release.generators import GeneratorFile

    source = PhantomSource(120, 0, PhantomSettings(height=192, cancer_patients=0.5))
    settings = PrepareSettings(128, split=SplitSettings(60, 10, 30, seed=0))
    prepare(source, folder / "prepared", settings, workers=2)
    generators = {
        CANCER: GeneratorFile.open(Path("phantom-cancer"), "cpu"),
        NORMAL: GeneratorFile.open(Path("phantom-normal"), "cpu"),
    }
    prepared = PreparedSet.open(folder / "prepared")
    out = folder / "mammo-synth"
    build_release(prepared, generators, out, ReleaseSettings(images))
    return out


def run_cells(given: argparse.Namespace) -> None:
    """In a process of its own: measure ``--cells`` of ``--release`` into ``--out``."""
    from mammo_synth.bench.classifiers.base import Options
    from mammo_synth.bench.grid import Failure, grid_cells
    from mammo_synth.bench.recipes import load_recipe
    from mammo_synth.bench.run import Bench
    from mammo_synth.release.folder import Release

    changes = {"input_size": given.size, "epochs": given.epochs, "batch_size": 64}
    recipe = load_recipe("vgg16-demo", changes | {"early_stopping": False})
    bench = Bench(
        Release.open(given.release),
        given.out,
        now=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        options=Options(device="cpu", cache_features=given.kept),
    )
    for outcome in bench.grid(grid_cells(given.cells, [recipe], 1, 0)):
        if isinstance(outcome, Failure):
            sys.exit(f"{outcome.cell.name}: {outcome.error}")


@dataclass(frozen=True)
class Taken:
    """Seconds of one process."""

    cpu: float
    wall: float


def measure(release: Path, folder: Path, given: argparse.Namespace) -> dict[str, float | str]:
    """CPU seconds of all candidates, and how far their scores are apart."""
    names = list(CONFIGURATIONS)

    def process(cells: list[str], out: Path, *flags: str) -> Taken:
        command = [sys.executable, __file__, "--release", str(release), "--out", str(out), *flags]
        command += ["--epochs", str(given.epochs), "--size", str(given.size), "--cells", *cells]
        threads = {
            name: str(given.threads)
            for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "OPENBLAS_NUM_THREADS")
        }
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, env={**os.environ, **threads})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        taken = Taken(cpu, time.perf_counter() - began)
        print(f"{out.name}: {taken.cpu:.0f} s CPU, {taken.wall:.0f} s", file=sys.stderr, flush=True)
        return taken

    one = process(names[:1], folder / "one", "--kept")
    grid = process(names, folder / "grid", "--kept")
    separate = [process([name], folder / "separate") for name in names]
    apart = differences(folder / "separate", folder / "grid")
    cache = sum(p.stat().st_size for p in (folder / "grid" / ".cache").rglob("*.safetensors"))
    return {
        "machine": machine(given.threads),
        "one_kept": one.cpu,
        "one_without": separate[0].cpu,
        "grid_kept": grid.cpu,
        "grid_kept_wall": grid.wall,
        "separate_without": sum(taken.cpu for taken in separate),
        "separate_without_wall": sum(taken.wall for taken in separate),
        "cache_mib": cache / 2**20,
        "largest_score_difference": float(np.abs(apart[0]).max()),
        "median_score_difference": float(np.median(np.abs(apart[0]))),
        "largest_auroc_difference": float(np.abs(apart[1]).max()),
    }


def differences(ours: Path, theirs: Path) -> tuple[np.ndarray, np.ndarray]:
    """Of all scores of the real test films, and of the AUROC of each configuration."""
    from mammo_synth.bench.predictions import read_predictions

    scores, areas = [], []
    for path in sorted(ours.rglob("record.json")):
        pair = [path.parent, theirs / path.parent.relative_to(ours)]
        p = [read_predictions(f / "predictions-real_test.parquet").p_cancer for f in pair]
        scores.append(np.asarray(p[0]) - np.asarray(p[1]))
        records = [json.loads((f / "record.json").read_text()) for f in pair]
        a, b = (r["evaluations"]["real_test"]["metrics"]["auroc"]["value"] for r in records)
        areas.append(a - b)
    return np.concatenate(scores), np.array(areas)


def machine(threads: int) -> str:
    """The machine in words."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return f"{named[0] if named else 'unknown processor'}, {threads} threads"


def table(measured: dict[str, float | str]) -> str:
    """The numbers as a Markdown table."""

    def row(what: str, without: str, kept: str) -> str:
        a, b = float(measured[without]), float(measured[kept])
        return f"| {what} | {a:.0f} s | {b:.0f} s | {a / b:.1f} |"

    return "\n".join(
        [
            str(measured["machine"]),
            "",
            "| CPU time | without | kept | times less |",
            "|---|---|---|---|",
            row("one cell", "one_without", "one_kept"),
            row("nine configurations", "separate_without", "grid_kept"),
            "",
            f"Wall time of the nine: {measured['separate_without_wall']:.0f} s and "
            f"{measured['grid_kept_wall']:.0f} s. Cache: {measured['cache_mib']:.1f} MiB.",
            f"Scores of the real test films differ by at most "
            f"{measured['largest_score_difference']:.4f} (median "
            f"{measured['median_score_difference']:.5f}), AUROC by at most "
            f"{measured['largest_auroc_difference']:.4f}.",
        ]
    )


if __name__ == "__main__":
    main()
