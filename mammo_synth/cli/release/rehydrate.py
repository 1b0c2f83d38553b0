"""``mammo-synth release rehydrate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson, Folder

EPILOG = "Example: mammo-synth release rehydrate mammo-synth --films all-mias"


def rehydrate(
    folder: Folder,
    films: Annotated[
        Path, typer.Option(help="The films as their source distributes them, or a prepared set.")
    ],
    table: Annotated[
        Path | None, typer.Option(help="Source folder: table with path, finding, patient_id.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; 0: one for each core.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Put your own films in place of the references of a release, each one checked."""
    from mammo_synth.release.folder import Release
    from mammo_synth.release.forms import held_shards, loadable
    from mammo_synth.release.rehydrate import open_films, rehydrate
    from mammo_synth.step import put_back

    put_back(folder)
    release = Release.open(folder)
    before = held_shards(release.manifest.facts)
    chosen = open_films(release, films, {"table": table}, workers or os.cpu_count() or 1)
    filled = rehydrate(release, chosen, progress=console.ConsoleProgress())
    facts = filled.manifest.facts
    new = held_shards(facts) - before
    count = sum(entry["rows"] for entry in facts["shards"] if entry["path"] in new)
    if as_json:
        names = list(loadable(facts))
        console.print_json({"folder": str(folder), "films": count, "configurations": names})
        return
    if not new:
        console.out().print(f"{folder} has its films already.", markup=False)
        return
    console.out().print(
        f"{count} films are in place, each checked; all {len(loadable(facts))} configurations "
        f"load from {folder}. Keep this folder to yourself: the terms of {filled.source} do not "
        "let its films be passed on.",
        markup=False,
    )
