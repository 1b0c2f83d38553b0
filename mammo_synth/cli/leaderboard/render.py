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
    full: Annotated[
        bool | None,
        typer.Option(
            "--full/--quick",
            help="Recompute stored intervals too, or not, of records that were never verified in "
            "full. Default: if there are at most 25 of those.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write LEADERBOARD.md, leaderboard.json and .csv, index.html and leaderboard.png.

    Every number shown is recomputed from the predictions beside each record; a record that does
    not fit its predictions stops the rendering. Stored intervals are recomputed once
    (--full, or leaderboard check), and until then left out.
    """
    from mammo_synth.leaderboard import export, terminal, words
    from mammo_synth.leaderboard.render import render as write
    from mammo_synth.leaderboard.verified import verified_by_user

    done = write(results, out, console.ConsoleProgress(), full=full, verified=verified_by_user())
    if json:
        console.print_json(export.document(done.board))
        return
    console.out().print(terminal.table(done.board), markup=False)
    written = ", ".join(str(path) for path in done.files.values())
    checked = words.verification(done.board.records, done.board.verified)
    console.out().print(f"\n{checked}\nWritten: {written}", markup=False)
