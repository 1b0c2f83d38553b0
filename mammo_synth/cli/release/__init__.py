"""``mammo-synth release``: one module for each verb."""

from __future__ import annotations

import typer

from mammo_synth.cli.release import build, download, export, publish, rehydrate, verify

app = typer.Typer(
    help="Build the nine data sets, check, publish, fetch and export them.", no_args_is_help=True
)
app.command(epilog=build.EPILOG)(build.build)
app.command(epilog=verify.EPILOG)(verify.verify)
app.command(epilog=rehydrate.EPILOG)(rehydrate.rehydrate)
app.command(epilog=export.EPILOG)(export.export)
app.command(epilog=publish.EPILOG)(publish.publish)
app.command(epilog=download.EPILOG)(download.download)
