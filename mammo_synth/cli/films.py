"""``mammo-synth films``: inspect and prepare films."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.cli import film_options as o

if TYPE_CHECKING:
    from mammo_synth.films.inspect import Inspection

app = typer.Typer(help="Look at films and prepare them.", no_args_is_help=True)


@app.command(epilog="Example: mammo-synth films inspect mias all-mias --page films.html")
@o.takes_films
def inspect(
    films: o.FilmOptions,
    page: Annotated[
        Path | None, typer.Option(help="Also write one HTML page with everything refused and why.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Also draw a contact sheet (PNG) with outlines of breasts and crops."),
    ] = None,
) -> None:
    """Say what is there, what would be used and what is wrong. Exit code 1 if anything is."""
    from mammo_synth.files import write_text
    from mammo_synth.films.audit import render_page
    from mammo_synth.films.inspect import SIZE, inspect_films
    from mammo_synth.films.sheet import write_sheet

    settings, chosen = films.settings(SIZE), films.open(SIZE)
    progress = console.ConsoleProgress()
    found = inspect_films(chosen, settings, workers=films.processes, progress=progress)
    if page is not None:
        title = f"Films of {chosen.name}"
        write_text(page, render_page(found.audit, found.looks, found.thumbs, title, found.files))
    if sheet is not None:
        write_sheet(chosen, found.looks, sheet, frame=settings.framing, progress=progress)
    if films.as_json:
        console.print_json(found.as_dict())
    else:
        _print(found, films.protocol)
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
@o.takes_films
def prepare(
    films: o.FilmOptions,
    out: Annotated[Path, typer.Option(help="Folder of the prepared set.")],
    size: Annotated[int, typer.Option(help="Side of the prepared films in px.")] = 512,
    for_size: Annotated[
        int | None,
        typer.Option(help="Images of the release to come: say at once if the films are too few."),
    ] = None,
    strict_files: Annotated[
        bool,
        typer.Option("--strict-files", help="Stop at films that cannot be used; do not skip them."),
    ] = False,
) -> None:
    """Decode, crop, orient, resize, judge and split films into a prepared set."""
    from mammo_synth.films.prepare import prepare as prepare_films

    settings, chosen = films.settings(size, strict_files=strict_files), films.open(size)
    prepared = prepare_films(
        chosen,
        out,
        settings,
        for_size=for_size,
        workers=films.processes,
        progress=console.ConsoleProgress(),
    )
    facts = prepared.manifest.facts
    if films.as_json:
        console.print_json({"folder": str(out), "sha256": prepared.manifest.sha256, **facts})
        return
    rows = [
        [role, facts["patients"][role], n["cancer"], n["normal"]]
        for role, n in facts["films"].items()
    ]
    console.print_table(
        f"Prepared set {out}, {size} px, {films.protocol} protocol",
        ["role", "patients", "cancer", "normal"],
        rows,
    )
    for line in describe_left_out(facts):
        console.out().print(f"  {line}", markup=False)
    console.out().print(f"  Every film that was looked at: {out / 'audit.html'}", markup=False)


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
