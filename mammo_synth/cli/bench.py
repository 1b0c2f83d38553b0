"""``mammo-synth bench``: train classifiers on a release and score them on real films."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammo_synth.cli import (
    bench_compare,
    bench_figures,
    bench_ray,
    bench_recipes,
    bench_reproduce,
    console,
)
from mammo_synth.cli.bench_print import print_grid, print_plan, print_record
from mammo_synth.cli.bench_recipes import listed, named_setting, prepare

if TYPE_CHECKING:
    from mammo_synth.bench.classifiers.base import Options
    from mammo_synth.bench.grid import Failure, Outcome
    from mammo_synth.bench.run import Bench
    from mammo_synth.release.folder import Release

app = typer.Typer(
    help="Train classifiers on a release and score them on real films (positive class: cancer).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_CONFIG_HELP = (
    "Configuration; 'real': real films only (TRTR); or 'synthetic-reduced': of each label as many "
    "synthetic images as 'real' has films."
)
_Release = Annotated[Path, typer.Argument(help="Release folder.")]
_Out = Annotated[Path, typer.Option(help="Results folder; what is finished there is skipped.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a setting of the recipe: key=value. Repeatable."),
]
_Weights = Annotated[
    str | None, typer.Option(help="First weights: imagenet, random, or a .h5 or .keras file.")
]
_Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
_CLASSIFIER_HELP = (
    "vgg16, vgg16-feature-extraction, vgg16-full, logistic-regression; the controls "
    "prior and background-only; sklearn; keras:EfficientNetB0 (any Keras application); hf:ORG/NAME "
    "or hf:FOLDER (any Hugging Face image classifier); your own, path/to/file.py:MyClassifier "
    "(your code, which is run) or the name of an installed one."
)
_Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
_DryRun = Annotated[bool, typer.Option(help="Check everything, print what would run, stop.")]
_Overwrite = Annotated[bool, typer.Option(help="Replace records of other settings.")]
_Cache = Annotated[
    float,
    typer.Option(
        min=0,
        help="Room in GiB for activations of frozen layers, kept on disk; 0 computes them every "
        "epoch.",
    ),
]
_CacheDir = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder for them (default: .cache in the results folder)."),
]
_CachePrecision = Annotated[
    str,
    typer.Option(help="float16, or float32: twice the size, and scores as without a cache."),
]
_Xla = Annotated[
    bool,
    typer.Option(
        "--xla", help="Compile Keras networks with XLA (GPU): faster, not repeatable to the bit."
    ),
]


@app.command(
    epilog="Example: mammo-synth bench run mammo-synth --config 50-50-90syn --classifier vgg16 "
    "--out results"
)
def run(
    release: _Release,
    config: Annotated[str, typer.Option(help=_CONFIG_HELP)],
    out: _Out,
    classifier: Annotated[str | None, typer.Option(help=_CLASSIFIER_HELP)] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Recipe name or .toml file (default: the classifier's).")
    ] = None,
    set_: _Set = None,
    weights: _Weights = None,
    replicate: Annotated[int, typer.Option(min=0, help="Number of the repetition.")] = 0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed (default: the replicate's number).")
    ] = None,
    device: _Device = "auto",
    cache_gib: _Cache = 4.0,
    cache: _CacheDir = None,
    cache_precision: _CachePrecision = "float16",
    xla: _Xla = False,
    overwrite: _Overwrite = False,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Train one classifier on one configuration and score it on real films."""
    from mammo_synth.bench.grid import Cell
    from mammo_synth.errors import BadInput
    from mammo_synth.release.folder import Release

    opened = Release.open(release)
    name = recipe or classifier
    if name is None:
        raise BadInput("No classifier was named.", hint="Add --classifier vgg16, for example.")
    named = {}
    if recipe is not None and classifier is not None:
        named = named_setting(recipe, classifier)
    (chosen,), options = prepare([name], set_ or [], weights, device, cache_gib, named)
    cell = Cell(config, chosen, replicate, replicate if seed is None else seed)
    options = replace(options, cache_folder=cache, cache_precision=cache_precision, xla=xla)
    bench = _bench(opened, out, options, overwrite)
    if dry_run:
        print_plan(opened, bench, [cell], as_json, options)
        return
    outcome = bench.run(cell)
    print_record(outcome.record, outcome.path, outcome.skipped, as_json)


@app.command(epilog="Example: mammo-synth bench grid mammo-synth --out results --replicates 3")
def grid(
    release: _Release,
    out: _Out,
    configs: Annotated[
        str,
        typer.Option(
            help="Comma-separated; 'all' is every configuration, 'real' (TRTR) and its twin "
            "'synthetic-reduced'."
        ),
    ] = "all",
    classifiers: Annotated[
        str,
        typer.Option(
            help="Comma-separated: recipes by name, .toml files, and all that `bench run "
            "--classifier` takes."
        ),
    ] = "vgg16,logistic-regression,prior,background-only",
    replicates: Annotated[int | None, typer.Option(min=1, help="Repetitions (3).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of replicate 0; the next adds 1.")] = 0,
    set_: _Set = None,
    weights: _Weights = None,
    device: _Device = "auto",
    cache_gib: _Cache = 4.0,
    cache: _CacheDir = None,
    cache_precision: _CachePrecision = "float16",
    xla: _Xla = False,
    engine: bench_ray.Engine = "local",
    address: bench_ray.Address = None,
    cpus_per_cell: bench_ray.CpusPerCell = None,
    gpus_per_cell: bench_ray.GpusPerCell = None,
    overwrite: _Overwrite = False,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Run all configurations × classifiers × replicates. Resumable: run it again to go on."""
    from mammo_synth.bench.grid import REPLICATES, Outcome, grid_cells
    from mammo_synth.configurations import REFERENCES
    from mammo_synth.release.folder import Release

    opened = Release.open(release)
    names = [*opened.configurations, *REFERENCES] if configs == "all" else listed(configs)
    recipes, options = prepare(listed(classifiers), set_ or [], weights, device, cache_gib)
    cells = grid_cells(names, recipes, replicates or REPLICATES, seed)
    options = replace(options, cache_folder=cache, cache_precision=cache_precision, xla=xla)
    bench = _bench(opened, out, options, overwrite)
    for cell in cells:
        bench.check(cell)
    if dry_run:
        print_plan(opened, bench, cells, as_json, options)
        return
    results: list[Outcome | Failure] = []
    measured = bench_ray.results(bench, cells, engine, address, cpus_per_cell, gpus_per_cell)
    for i, result in enumerate(measured, start=1):
        results.append(result)
        if isinstance(result, Outcome):
            note = "was there already" if result.skipped else "done"
        else:
            note = f"FAILED: {result.error}"
        console.err().print(f"[{i}/{len(cells)}] {result.cell.name}: {note}", markup=False)
    results.sort(key=lambda result: cells.index(result.cell))  # Ray gives them as they end
    print_grid(results, out, as_json)


@app.command(
    epilog="Example: mammo-synth bench score mine.csv --release mammo-synth --config 50-50-90syn "
    "--classifier-name my-densenet --out results"
)
def score(
    predictions: Annotated[
        Path, typer.Argument(help="Parquet or CSV: image_id, p_cancer for each real_test film.")
    ],
    release: Annotated[Path, typer.Option(help="Release folder.")],
    config: Annotated[
        str,
        typer.Option(help="What it was trained on: a configuration, real, or synthetic-reduced."),
    ],
    classifier_name: Annotated[str, typer.Option(help="A name of your own.")],
    out: _Out,
    threshold: Annotated[
        float, typer.Option(help="Operating point, chosen without the test films.")
    ] = 0.5,
    replicate: Annotated[int, typer.Option(min=0, help="Number of the repetition.")] = 0,
    overwrite: _Overwrite = False,
    as_json: _Json = False,
) -> None:
    """Score anyone's predictions of the real test films into a record."""
    from mammo_synth.bench.score import Brought
    from mammo_synth.bench.score import score as score_predictions
    from mammo_synth.release.folder import Release

    brought = Brought(config, classifier_name, replicate, threshold)
    path, record = score_predictions(
        predictions, Release.open(release), brought, out, created=_now(), overwrite=overwrite
    )
    print_record(record, path, False, as_json)


app.command(epilog=bench_compare.EPILOG)(bench_compare.compare)
app.command(epilog=bench_figures.EPILOG)(bench_figures.figures)
app.command(epilog=bench_recipes.EPILOG)(bench_recipes.recipes)
app.command(epilog=bench_reproduce.EPILOG)(bench_reproduce.reproduce)


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bench(release: Release, out: Path, options: Options, overwrite: bool) -> Bench:
    from mammo_synth.bench.run import Bench

    return Bench(
        release,
        out,
        now=_now,
        options=options,
        progress=console.ConsoleProgress(),
        overwrite=overwrite,
    )
