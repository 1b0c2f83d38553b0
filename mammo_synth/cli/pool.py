"""``mammo-synth pool assess``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.errors import BadInput

if TYPE_CHECKING:
    from mammo_synth.quality.pools import Pool
    from mammo_synth.quality.report import QualityReport

app = typer.Typer(
    help="Say how good, how varied and how new synthetic films are.", no_args_is_help=True
)
EPILOG = "Example: mammo-synth pool assess pool-cancer prepared --also pool-normal --out quality"
DEFAULT_EXTRACTORS = ("radiomics", "pixels")


@app.callback()
def _noun() -> None:
    """Say how good, how varied and how new synthetic films are."""


@app.command(epilog=EPILOG)
def assess(
    pool: Annotated[Path, typer.Argument(help="A pool (generator sample), or a whole release.")],
    prepared: Annotated[Path, typer.Argument(help="The prepared set that it was trained on.")],
    out: Annotated[Path, typer.Option(help="Folder of the report.")],
    also: Annotated[
        Path | None, typer.Option(help="The pool of the other label, into the same report.")
    ] = None,
    extractor: Annotated[
        list[str] | None,
        typer.Option(
            help="What describes images; may be given several times, the first gives the card's "
            "numbers. radiomics, pixels, inception, squeezenet, radimagenet, dino, keras:NAME, "
            "hf:ORG/NAME, timm:NAME. Default: radiomics and pixels, which need no weights."
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FILE: learned weights of an extractor, such as inception=FILE."),
    ] = None,
    measures: Annotated[
        str | None, typer.Option(help="Names of measures, with commas; default: all.")
    ] = None,
    resamples: Annotated[
        int | None, typer.Option(help="Draws for each interval and each floor; default: 30 to 100.")
    ] = None,
    generator: Annotated[
        list[Path] | None,
        typer.Option(
            help="File of a generator, for montages, where the pool does not lead to it any more."
        ),
    ] = None,
    discriminator: Annotated[
        list[Path] | None,
        typer.Option(
            help="Run folder of a generator: its discriminator is asked which films it knows."
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps features for the next report.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a finished report of other settings.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be compared.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare synthetic images with films: quality, variety, privacy, shortcuts, each number with
    the same between films and films beside it.

    Writes report.html (one page), report.json and montages. Exit code 1: the privacy gate failed,
    and `release publish` will refuse a release that is built with this report. Interrupt it at any
    time: the same command goes on.
    """
    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.quality.assess import (
        AssessSettings,
        Tools,
        assess,
        check_together,
        chosen_measures,
        generator_files,
    )
    from mammo_synth.quality.extractors import make_extractor
    from mammo_synth.quality.measures import MEASURES
    from mammo_synth.quality.pools import open_pools

    names = _once(extractor or DEFAULT_EXTRACTORS)
    files = _weights(weights or [], names)
    films = PreparedSet.open(prepared)
    pools = open_pools([pool] if also is None else [pool, also])
    wanted = (
        tuple(MEASURES) if measures is None else tuple(name.strip() for name in measures.split(","))
    )
    settings = AssessSettings(wanted, resamples, seed)
    chosen = chosen_measures(wanted, films.size)
    generators = _by_label(generator or [], pools, _generator_digests)
    origins = check_together(pools, films, generator_files(pools, generators))
    tools = Tools(
        tuple(make_extractor(name, device=device, weights=files.get(name)) for name in names),
        cache,
        generators,
        {
            label: run / "checkpoint.safetensors"
            for label, run in _by_label(discriminator or [], pools, _run_digests).items()
        },
        device,
    )
    if dry_run:
        for label, one in pools.items():
            console.out().print(
                f"{len(one):,} synthetic {label} images of {one.images.side} px in '{one.folder}', "
                f"whose generator learned from {origins[label].films}",
                markup=False,
            )
        roles = ", ".join(
            f"{sum(films.count(role, value) for value in (0, 1)):,} {role}"
            for role in ("train", "val", "real_test")
        )
        console.out().print(f"against films: {roles}", markup=False)
        console.out().print(
            f"by {', '.join(names)}; {len(chosen)} measures. Nothing was written.", markup=False
        )
        return
    report = assess(
        pools, films, out, settings, tools, replace=replace, progress=console.ConsoleProgress()
    )
    if as_json:
        console.print_json(_facts(report, out))
    else:
        _print(report, out)
    if not report.passed:
        raise typer.Exit(1)


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _weights(given: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Weights by extractor, from NAME=FILE; a name may hold ``=`` no more than once."""
    found = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals or not file:
            raise BadInput(
                f"--weights '{text}' names no file; NAME=FILE was expected.",
                hint="For example --weights inception=weights.pth.",
            )
        if name not in names:
            raise BadInput(
                f"--weights names the extractor '{name}', which was not asked for.",
                hint=f"Add --extractor {name}, or name one of {', '.join(names)}.",
            )
        found[name] = file
    return found


def _by_label(given: Sequence[Path], pools: Mapping[str, Pool], digests: Any) -> dict[str, Path]:
    """The label of each file or run: that of the pool whose generator is among its digests."""
    found: dict[str, Path] = {}
    for path in given:
        known = digests(path)
        labels = [label for label, pool in pools.items() if pool.generator in known]
        if not labels:
            raise BadInput(
                f"'{path}' is not what the images were sampled from (their generators: "
                f"{', '.join(pool.generator[:16] for pool in pools.values())}).",
                hint="Give the generator of the pool, or its run folder.",
            )
        found.update(dict.fromkeys(labels, path))
    return found


def _generator_digests(path: Path) -> set[str]:
    from mammo_synth.files import sha256_file
    from mammo_synth.gan.sample import generator_path

    file = generator_path(path)
    if not file.is_file():
        raise BadInput(f"There is no file '{path}'.", hint="Give a generator's file.")
    return {sha256_file(file)}


def _run_digests(run: Path) -> set[str]:
    from mammo_synth.manifest import read_manifest

    manifest = read_manifest(run, "generator-run")
    if not (run / "checkpoint.safetensors").is_file():
        raise BadInput(
            f"The run '{run}' has no checkpoint.safetensors, which holds its discriminator.",
            hint="Leave --discriminator away.",
        )
    return {entry.sha256 for entry in manifest.files.values()}


def _facts(report: QualityReport, out: Path) -> dict[str, Any]:
    """What a program would read first; the rest is in report.json."""
    content = report.content
    return {
        "folder": str(out),
        "sha256": report.manifest.sha256,
        "passed": report.passed,
        "reasons": content["verdict"]["reasons"],
        "warnings": content["verdict"]["warnings"],
        "shortcuts": (content["shortcuts"] or {}).get("warnings", []),
        "remarks": content["remarks"],
        "card": content["card"],
    }


def _print(report: QualityReport, out: Path) -> None:
    from mammo_synth.quality.assess import PAGE_NAME

    content, console_out = report.content, console.out()
    console_out.print(
        f"Quality by {content['extractors'][0]['name']}: synthetic images against films, and films "
        "against films at the same counts",
        style="bold",
        markup=False,
    )
    heads = ("measure", "of", "synthetic", "films", "(range)", "better")
    rows = [
        (
            row["name"],
            row["label"],
            _number(row["value"]),
            _number(row["floor"]),
            f"({_number(row['low'])} to {_number(row['high'])})",
            row["better"],
        )
        for row in content["card"]
    ]
    for line in console.aligned([heads, *rows], left=(0, 1, 5)):
        console_out.print(line, markup=False)
    for label, found in content["privacy"].items():
        copies, images = found["copies"], found["images"]
        console_out.print(
            f"{label}: {images['synthetic']:,} synthetic images against {images['training']:,} "
            f"training films: {copies['exact']} exact and {copies['near']} near copies.",
            markup=False,
        )
    for sentence in content["remarks"]:
        console_out.print(f"Note: {sentence}", markup=False)
    for sentence in [
        *content["verdict"]["warnings"],
        *(content["shortcuts"] or {}).get("warnings", []),
    ]:
        console_out.print(f"Warning: {sentence}", markup=False)
    console_out.print(
        "Privacy gate: passed." if report.passed else "Privacy gate: FAILED.", markup=False
    )
    for sentence in report.reasons:
        console_out.print(f"  {sentence}", markup=False)
    console_out.print(f"The whole report: {out / PAGE_NAME}. {console.NOTICE}", markup=False)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
