"""``mammo-synth films``: inspect and prepare films."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.cli import film_options as o

if TYPE_CHECKING:
    from mammo_synth.films.inspect import Inspection

app = typer.Typer(help="Look at films and prepare them.", no_args_is_help=True)


@app.command(epilog="Example: mammo-synth films inspect mias all-mias --page films.html")
def inspect(
    source: o.SourceName,
    path: o.SourcePath = None,
    protocol: o.Protocol = "strict",
    split: o.Split = None,
    split_patients: o.SplitPatients = None,
    split_file: o.SplitFile = None,
    seed: o.Seed = 0,
    frame: o.Frame = None,
    page: Annotated[
        Path | None, typer.Option(help="Also write one HTML page with everything refused and why.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Also draw a contact sheet (PNG) with outlines of breasts and crops."),
    ] = None,
    table: o.Table = None,
    each_file_a_patient: o.EachFile = False,
    for_processing: o.ForProcessing = False,
    patients: o.Patients = None,
    film_seed: o.FilmSeed = None,
    height: o.Height = None,
    conspicuity: o.Conspicuity = None,
    cancer_patients: o.CancerShare = None,
    workers: o.Workers = 0,
    as_json: o.AsJson = False,
) -> None:
    """Say what is there, what would be used and what is wrong. Exit code 1 if anything is."""
    from mammo_synth.files import write_text
    from mammo_synth.films.audit import render_page
    from mammo_synth.films.inspect import inspect_films
    from mammo_synth.films.prepare import PrepareSettings
    from mammo_synth.films.sheet import write_sheet

    settings = PrepareSettings(
        protocol=protocol,
        split=o.choose_split(split, split_patients, split_file, seed),
        frame=frame,
    )
    chosen = o.choose_source(
        source,
        path,
        protocol,
        256,
        table=table,
        each_file=each_file_a_patient,
        for_processing=for_processing,
        patients=patients,
        film_seed=film_seed,
        height=height,
        conspicuity=conspicuity,
        cancer_patients=cancer_patients,
    )
    progress = console.ConsoleProgress()
    found = inspect_films(chosen, settings, workers=_processes(workers), progress=progress)
    if page is not None:
        title = f"Films of {chosen.name}"
        write_text(page, render_page(found.audit, found.looks, title, found.files))
    if sheet is not None:
        write_sheet(chosen, found.looks, sheet, frame=settings.framing, progress=progress)
    if as_json:
        console.print_json(found.as_dict())
    else:
        _print(found, protocol)
    if found.problems:
        raise typer.Exit(1)


def _print(found: Inspection, protocol: str) -> None:
    out = console.out()
    out.print(f"Terms: {found.terms.licence}", markup=False)
    for title, header, rows in found.audit.tables():
        console.print_table(title, header, rows)
    if found.split:
        rows = [[role, str(n["cancer"]), str(n["normal"])] for role, n in found.split.items()]
        console.print_table(f"Split, {protocol} protocol", ["role", "cancer", "normal"], rows)
        out.print(f"Largest release these films allow: {found.largest_size} images.")
    for line in (*found.remarks, *(f"Problem: {problem}" for problem in found.problems)):
        out.print(f"  {line}", markup=False)


@app.command(epilog="Example: mammo-synth films prepare mias all-mias --out prepared --size 512")
def prepare(
    source: o.SourceName,
    out: Annotated[Path, typer.Option(help="Folder of the prepared set.")],
    path: o.SourcePath = None,
    size: Annotated[int, typer.Option(help="Side of the prepared films in px.")] = 512,
    protocol: o.Protocol = "strict",
    split: o.Split = None,
    split_patients: o.SplitPatients = None,
    split_file: o.SplitFile = None,
    seed: o.Seed = 0,
    frame: o.Frame = None,
    for_size: Annotated[
        int | None,
        typer.Option(help="Images of the release to come: say at once if the films are too few."),
    ] = None,
    strict_files: Annotated[
        bool,
        typer.Option("--strict-files", help="Stop at films that cannot be used; do not skip them."),
    ] = False,
    table: o.Table = None,
    each_file_a_patient: o.EachFile = False,
    for_processing: o.ForProcessing = False,
    patients: o.Patients = None,
    film_seed: o.FilmSeed = None,
    height: o.Height = None,
    conspicuity: o.Conspicuity = None,
    cancer_patients: o.CancerShare = None,
    workers: o.Workers = 0,
    as_json: o.AsJson = False,
) -> None:
    """Decode, crop, orient, resize, judge and split films into a prepared set."""
    from mammo_synth.films.prepare import PrepareSettings
    from mammo_synth.films.prepare import prepare as prepare_films

    settings = PrepareSettings(
        size,
        protocol,
        o.choose_split(split, split_patients, split_file, seed),
        strict_files,
        frame,
    )
    chosen = o.choose_source(
        source,
        path,
        protocol,
        size,
        table=table,
        each_file=each_file_a_patient,
        for_processing=for_processing,
        patients=patients,
        film_seed=film_seed,
        height=height,
        conspicuity=conspicuity,
        cancer_patients=cancer_patients,
    )
    prepared = prepare_films(
        chosen,
        out,
        settings,
        for_size=for_size,
        workers=_processes(workers),
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
    console.out().print(f"  Every film that was looked at: {out / 'audit.html'}", markup=False)


def _processes(workers: int) -> int:
    return workers or os.cpu_count() or 1


SHOWN = 20


def describe_left_out(facts: dict[str, Any]) -> list[str]:
    """One line for each kind of film that a prepared set does not hold, and for refused films."""
    lines = [
        f"left out: {n} {finding} films (neither class under this protocol)"
        for finding, n in facts["left_out"].items()
    ]
    if facts["without_role"]:
        lines.append(f"left out: {facts['without_role']} films of patients without a role")
    refused = [f"refused: {film}: {why}" for film, why in facts["refused"].items()]
    if len(refused) > SHOWN:
        more = f"refused: {len(refused) - SHOWN} more films, see audit.html"
        refused = [*refused[:SHOWN], more]
    return lines + refused + list(facts["remarks"])
