"""``mammo-synth films``: inspect and prepare films."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from mammo_synth.films.record import Source

app = typer.Typer(help="Look at films and prepare them.", no_args_is_help=True)

SourceName = Annotated[str, typer.Argument(help="phantom, mias or folder.", metavar="SOURCE")]
SourcePath = Annotated[
    Path | None, typer.Argument(help="Folder of the films; none for phantom.", metavar="PATH")
]
Protocol = Annotated[
    str, typer.Option(help="strict: cancer is malignant. study: cancer is any tumour.")
]
Split = Annotated[str, typer.Option(help="Percent of patients: train,val,real_test.")]
Seed = Annotated[int, typer.Option(help="Seed of the split.")]
Patients = Annotated[int, typer.Option(help="phantom: number of simulated patients.")]
FilmSeed = Annotated[int, typer.Option(help="phantom: seed of the simulated films.")]
Height = Annotated[int | None, typer.Option(help="phantom: film height in px; default: --size.")]
Conspicuity = Annotated[float, typer.Option(help="phantom: how clearly findings show.")]
CancerShare = Annotated[float, typer.Option(help="phantom: share of patients with cancer.")]
Table = Annotated[Path | None, typer.Option(help="folder: CSV of the films.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEFAULT_SPLIT = "60,10,30"


@app.command(epilog="Example: mammo-synth films inspect mias all-mias")
def inspect(
    source: SourceName,
    path: SourcePath = None,
    protocol: Protocol = "strict",
    split: Split = DEFAULT_SPLIT,
    seed: Seed = 0,
    patients: Patients = 100,
    film_seed: FilmSeed = 0,
    height: Height = None,
    conspicuity: Conspicuity = 1.0,
    cancer_patients: CancerShare = 0.3,
    table: Table = None,
    as_json: AsJson = False,
) -> None:
    """Say what is there, what would be used and what is wrong. Exit code 1 if anything is."""
    from mammo_synth.films.inspect import inspect_films
    from mammo_synth.films.split import parse_shares

    chosen = open_source(
        source, path, table, patients, film_seed, height or 256, conspicuity, cancer_patients
    )
    found = inspect_films(
        chosen, protocol, parse_shares(split, seed), progress=console.ConsoleProgress()
    )
    if as_json:
        console.print_json(found.as_dict())
    else:
        out = console.out()
        out.print(f"{found.films} films of {found.patients} patients ({chosen.name})")
        out.print(f"Terms: {chosen.terms.licence}")
        for title, counts in (
            ("finding", found.findings),
            ("view", found.views),
            ("size", found.sizes),
            ("depth", found.depths),
            ("chest wall", found.chest_walls),
        ):
            out.print(f"  {title}: " + ", ".join(f"{n} {value}" for value, n in counts.items()))
        if found.split:
            rows = [[role, n["cancer"], n["normal"]] for role, n in found.split.items()]
            console.print_table(f"Split, {protocol} protocol", ["role", "cancer", "normal"], rows)
            out.print(f"Largest release these films allow: {found.largest_size} images.")
        for line in (*found.remarks, *(f"Problem: {problem}" for problem in found.problems)):
            out.print(f"  {line}", markup=False)
    if found.problems:
        raise typer.Exit(1)


@app.command(epilog="Example: mammo-synth films prepare mias all-mias --out prepared --size 512")
def prepare(
    source: SourceName,
    out: Annotated[Path, typer.Option(help="Folder of the prepared set.")],
    path: SourcePath = None,
    size: Annotated[int, typer.Option(help="Side of the prepared films in px.")] = 512,
    protocol: Protocol = "strict",
    split: Split = DEFAULT_SPLIT,
    seed: Seed = 0,
    patients: Patients = 100,
    film_seed: FilmSeed = 0,
    height: Height = None,
    conspicuity: Conspicuity = 1.0,
    cancer_patients: CancerShare = 0.3,
    table: Table = None,
    skip_bad_films: Annotated[
        bool, typer.Option("--skip-bad-films", help="Leave out films that do not decode.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes; 0: one for each core.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Decode, orient, pad, resize and split films into a prepared set."""
    from mammo_synth.films.prepare import PrepareSettings
    from mammo_synth.films.prepare import prepare as prepare_films
    from mammo_synth.films.split import parse_shares

    settings = PrepareSettings(size, protocol, parse_shares(split, seed), skip_bad_films)
    chosen = open_source(
        source, path, table, patients, film_seed, height or size, conspicuity, cancer_patients
    )
    prepared = prepare_films(
        chosen,
        out,
        settings,
        workers=workers or os.cpu_count() or 1,
        progress=console.ConsoleProgress(),
    )
    facts = prepared.manifest.facts
    if as_json:
        console.print_json({"folder": str(out), "sha256": prepared.manifest.sha256, **facts})
        return
    rows = [
        [role, facts["patients"][role], n["cancer"], n["normal"]]
        for role, n in facts["films"].items()
    ]
    console.print_table(
        f"Prepared set {out}, {size} px, {protocol} protocol",
        ["role", "patients", "cancer", "normal"],
        rows,
    )
    for line in describe_left_out(facts):
        console.out().print(f"  {line}", markup=False)


def describe_left_out(facts: dict[str, Any]) -> list[str]:
    """One line for each kind of film that a prepared set does not hold."""
    lines = [
        f"left out: {n} {finding} films (neither class under this protocol)"
        for finding, n in facts["left_out"].items()
    ]
    lines += [f"refused: {image_id}: {why}" for image_id, why in facts["refused"].items()]
    return lines + list(facts["remarks"])


def open_source(
    name: str,
    path: Path | None,
    table: Path | None,
    patients: int,
    film_seed: int,
    height: int,
    conspicuity: float,
    cancer_patients: float,
) -> Source:
    """The source that the arguments name.

    Raises:
        BadInput: An unknown source, or a folder missing where one is needed.
    """
    from mammo_synth.films.sources import SOURCES

    if name not in SOURCES:
        raise BadInput(f"There is no source '{name}'.", hint=did_you_mean(name, SOURCES))
    if name == "phantom":
        from mammo_synth.films.phantom import PhantomSettings
        from mammo_synth.films.sources.phantom import PhantomSource

        if path is not None:
            raise BadInput(
                f"Source phantom is simulated and takes no folder; '{path}' was given.",
                hint="Leave the path out, or choose the source mias or folder.",
            )
        phantom = replace(
            PhantomSettings(),
            height=height,
            conspicuity=conspicuity,
            cancer_patients=cancer_patients,
        )
        return PhantomSource(patients, film_seed, phantom)
    if path is None:
        raise BadInput(
            f"Source {name} needs the folder of the films.",
            hint=f"For example: mammo-synth films inspect {name} PATH",
        )
    if name == "mias":
        from mammo_synth.films.sources.mias import MiasSource

        return MiasSource(path)
    from mammo_synth.films.sources.folder import FolderSource

    return FolderSource(path, table=table)
