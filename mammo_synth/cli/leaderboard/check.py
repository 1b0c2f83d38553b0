"""``mammo-synth leaderboard check``."""

from __future__ import annotations

import typer

from mammo_synth.cli import console

from .options import Json, Results

EPILOG = "Example: mammo-synth leaderboard check results"


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
