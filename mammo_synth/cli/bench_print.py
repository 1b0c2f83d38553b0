"""What ``mammo-synth bench`` shows: plans, records and grids. The positive class is cancer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo_synth.cli import console
from mammo_synth.cli.bench_groups import print_normal_positive, print_subgroups
from mammo_synth.configurations import LABELS, ORIGINS, REAL_ONLY, SYNTHETIC_REDUCED

if TYPE_CHECKING:
    from mammo_synth.bench.classifiers.base import Options
    from mammo_synth.bench.grid import Cell, Failure, Outcome
    from mammo_synth.bench.record import Record
    from mammo_synth.bench.run import Bench
    from mammo_synth.release.folder import Release


_SPLITS = ("train", "test")
_COUNTED = ("cancer", "normal", "synthetic", "real")


def print_plan(
    release: Release,
    bench: Bench,
    cells: list[Cell],
    as_json: bool,
    options: Options | None = None,
) -> None:
    """What would run, what is there, the settings, and with ``options`` what would be kept."""
    from mammo_synth.bench.cache_plan import cache_plans

    for cell in cells:
        bench.check(cell)
    plan = [
        {
            "configuration": cell.configuration,
            "classifier": cell.recipe.classifier,
            "recipe": cell.recipe.name,
            "recipe_sha256": cell.recipe.sha256,
            "replicate": cell.replicate,
            "seed": cell.seed,
            "folder": str(bench.folder(cell)),
            "finished": bench.finished(cell) is not None,
        }
        for cell in cells
    ]
    settings = {cell.recipe.name: cell.recipe.plain for cell in cells}
    names = list(dict.fromkeys(cell.configuration for cell in cells))
    images = {name: {s: _images(release, name, s) for s in _SPLITS} for name in names}
    caches = cache_plans(release, cells, options) if options is not None else []
    if as_json:
        document = {"dry_run": True, "cells": plan, "images": images, "settings": settings}
        console.print_json(document | {"cache": [vars(kept) for kept in caches]})
        return
    columns = ("configuration", "classifier", "replicate", "seed", "finished")
    console.print_table(
        f"What would run on {release.name} {release.version} (dry run)",
        list(columns),
        [
            ["yes" if row[k] is True else "no" if row[k] is False else row[k] for k in columns]
            for row in plan
        ],
    )
    console.print_table(
        "Training images (the validation part is split off them)",
        ["configuration", *_COUNTED],
        [[name, *(images[name]["train"][key] for key in _COUNTED)] for name in names],
    )
    for line in _fewer_than_real(release, names):
        console.out().print(line, markup=False)
    for kept in caches:
        console.out().print(kept.words, markup=False)
    for name, values in settings.items():
        console.print_table(
            f"Recipe {name}", ["setting", "value"], [[k, v] for k, v in values.items()]
        )


def _images(release: Release, name: str, split: str) -> dict[str, int]:
    """Images of a configuration's split by label and by origin, as the manifest has them."""
    images = dict.fromkeys(_COUNTED, 0)
    for cell, n in release.counts(name, split).items():
        images[LABELS[cell.label]] += n
        images[ORIGINS[cell.origin]] += n
    return images


def _fewer_than_real(release: Release, names: Sequence[str]) -> list[str]:
    """What the twin of the real-only baseline lacks, where a release has too few synthetic
    images for the same counts."""
    if SYNTHETIC_REDUCED not in names:
        return []
    lines = []
    for split in _SPLITS:
        twin, real = (_images(release, name, split) for name in (SYNTHETIC_REDUCED, REAL_ONLY))
        for label in LABELS:
            if twin[label] < real[label]:
                lines.append(
                    f"{SYNTHETIC_REDUCED} has {twin[label]} of {real[label]} {label} images in "
                    f"{split}: the release has no more synthetic ones, so its count is not that "
                    f"of {REAL_ONLY}."
                )
    return lines


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def print_record(record: Record, path: Path, skipped: bool, as_json: bool) -> None:
    """One record as a table."""
    if as_json:
        console.print_json({"path": str(path), "skipped": skipped, "record": record})
        return
    from mammo_synth.bench.metrics import METRICS

    evaluations: dict[str, Any] = dict(record["evaluations"])
    title = f"{record['configuration']}, {record['classifier']['name']} (positive class: cancer)"
    rows = []
    for metric in METRICS:  # a file has them by the alphabet
        row = [metric.replace("_", " ")]
        for evaluation in evaluations.values():
            value = evaluation["metrics"][metric]
            span = f"{_number(value['low'])} to {_number(value['high'])}"
            row += [_number(value["value"]), "none" if value["low"] is None else span]
        rows.append(row)
    heads = [head for split in evaluations for head in (split, "95 % interval")]
    console.out().print(title, style="bold", markup=False)
    for line in console.aligned([["metric", *heads], *rows], left=(0,)):
        console.out().print(line, markup=False)
    real = evaluations["real_test"]
    counts = ", ".join(f"{key} {real['confusion'][key]}" for key in ("tp", "fp", "fn", "tn"))
    console.out().print(
        f"real_test: {real['n']} films ({real['cancer']} cancer) of {real['patients']} patients; "
        f"{counts} at threshold {real['threshold']:.3f}. Balanced accuracy and AUROC of a guess: "
        f"0.5."
    )
    print_subgroups(real["subgroups"])
    print_normal_positive(evaluations)
    gap = record["shortcut_gap"]
    if gap is not None and gap["value"] is not None:
        console.out().print(
            f"Shortcut gap (test minus real_test, balanced accuracy): {gap['value']:+.3f}."
        )
    if record["release"]["simulated"]:
        console.out().print("Made from simulated films: says nothing about real mammograms.")
    console.out().print(f"{'Was there already' if skipped else 'Written'}: {path}", markup=False)


def print_grid(results: Sequence[Outcome | Failure], out: Path, as_json: bool) -> None:
    """All cells; ends with exit code 1 if one failed."""
    from mammo_synth.bench.grid import Outcome
    from mammo_synth.errors import CheckFailed

    done = [result for result in results if isinstance(result, Outcome)]
    failed = [result for result in results if not isinstance(result, Outcome)]
    if as_json:
        console.print_json(
            {
                "positive_class": "cancer",
                "cells": [{"path": str(r.path), "skipped": r.skipped} for r in done],
                "failed": [{"cell": r.cell.name, "error": r.error} for r in failed],
            }
        )
    else:
        rows = []
        for result in done:
            metrics = result.record["evaluations"]["real_test"]["metrics"]
            values = [_number(metrics[k]["value"]) for k in ("balanced_accuracy", "auroc")]
            cell = result.cell
            rows.append([cell.configuration, cell.recipe.classifier, cell.replicate, *values])
        console.print_table(
            "On real_test (positive class: cancer)",
            ["configuration", "classifier", "replicate", "balanced accuracy", "AUROC"],
            rows,
        )
        console.out().print(f"Next: mammo-synth leaderboard render {out} --out board", markup=False)
    if failed:
        raise CheckFailed(
            f"{len(failed)} of {len(results)} cells failed: "
            + "; ".join(f"{result.cell.name} ({result.error})" for result in failed),
            hint="The others are kept; mend the cause and run the same command again.",
        )
