"""``mammo-synth leaderboard``: records in, ranking out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

app = typer.Typer(
    help="Rank records: Markdown, JSON, a figure and one self-contained page.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Results = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="Folder of records, as `bench grid` leaves it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


@app.command(epilog="Example: mammo-synth leaderboard render results --out leaderboard")
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


@app.command(epilog="Example: mammo-synth leaderboard check results")
def check(results: Results, json: Json = False) -> None:
    """Recompute every number from predictions; exit code 1 when one differs."""
    from mammo_synth.leaderboard.check import check as recompute

    found = recompute(results, console.ConsoleProgress())
    if json:
        console.print_json(
            {
                "records": found.records,
                "sound": found.sound,
                "problems": [vars(problem) for problem in found.problems],
            }
        )
    else:
        for problem in found.problems:
            console.out().print(f"{problem.path}: {problem.message}", markup=False)
        console.out().print(
            f"{found.records} records, {len(found.problems)} problems."
            if found.problems
            else f"{found.records} records: every number recomputes from its predictions."
        )
    if not found.sound:
        raise typer.Exit(1)
