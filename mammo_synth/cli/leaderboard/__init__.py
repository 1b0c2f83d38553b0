"""``mammo-synth leaderboard``: one module for each verb."""

from __future__ import annotations

import typer

from mammo_synth.cli.leaderboard import check, compare, export, render, serve, submit

app = typer.Typer(
    help="Rank records: Markdown, JSON, a figure and one self-contained page.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command(epilog=render.EPILOG)(render.render)
app.command(epilog=check.EPILOG)(check.check)
app.command(epilog=export.EPILOG)(export.export)
app.command(epilog=serve.EPILOG)(serve.serve)
app.command(epilog=compare.EPILOG)(compare.compare)
app.command(epilog=submit.EPILOG)(submit.submit)
