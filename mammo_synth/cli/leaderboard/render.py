"""``mammo-synth leaderboard render``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import Json, RecordsUrl, Results

EPILOG = "Example: mammo-synth leaderboard render results --out leaderboard"


def render(
    results: Results,
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder to write, beside RESULTS; new, empty or rendered."),
    ],
    full: Annotated[
        bool | None,
        typer.Option(
            "--full/--quick",
            help="Recompute stored intervals too, or not, of records that were never verified in "
            "full. Default: if there are at most 25 of those.",
        ),
    ] = None,
    records_url: RecordsUrl = None,
    json: Json = False,
) -> None:
    """Write LEADERBOARD.md, leaderboard.json and .csv, index.html and leaderboard.png.

    Every number shown is recomputed from the predictions beside each record; a record that does
    not fit its predictions stops the rendering. Stored intervals are recomputed once
    (--full, or leaderboard check), and until then left out; a row's tier is "schema valid" until
    then, also where somebody reproduced it. Links lead from --out to RESULTS: a page that is
    published without them needs --records-url.
    """
    from mammo_synth.leaderboard import export, terminal, words
    from mammo_synth.leaderboard.records_url import check_records_url, records_url_notes
    from mammo_synth.leaderboard.render import render as write
    from mammo_synth.leaderboard.verified import verified_by_user

    done = write(
        results,
        out,
        console.ConsoleProgress(),
        full=full,
        verified=verified_by_user(),
        records_url=check_records_url(records_url),
    )
    for note in records_url_notes(done.board, records_url) if records_url else ():
        console.err().print(note, markup=False)
    if json:
        console.print_json(export.document(done.board))
        return
    console.out().print(terminal.table(done.board), markup=False)
    written = ", ".join(str(path) for path in done.files.values())
    checked = words.verification(done.board.records, done.board.verified)
    console.out().print(f"\n{checked}\nWritten: {written}", markup=False)
