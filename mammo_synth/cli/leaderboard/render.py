"""``mammo-synth leaderboard render``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import Json, Results

EPILOG = "Example: mammo-synth leaderboard render results --out leaderboard"


def render(
    results: Results,
    out: Annotated[Path, typer.Option("--out", help="Folder to write; new, empty or rendered.")],
    json: Json = False,
) -> None:
    """Write LEADERBOARD.md, leaderboard.json, index.html and leaderboard.png.

    Every number is recomputed from the predictions beside each record; a record that does not
    fit its predictions stops the rendering.
    """
    from mammo_synth.leaderboard import export, terminal
    from mammo_synth.leaderboard.render import render as write

    done = write(results, out, console.ConsoleProgress())
    if json:
        console.print_json(export.document(done.board))
        return
    console.out().print(terminal.table(done.board), markup=False)
    written = ", ".join(str(path) for path in done.files.values())
    console.out().print(f"\nWritten: {written}", markup=False)
