"""Options that several verbs of ``mammo-synth leaderboard`` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Results = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="Folder of records, as `bench grid` leaves it.")
]
RecordsUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where the files of RESULTS lie on the web, for links to them: for a clone of a "
        "repository of results https://HUB/datasets/ORG/NAME/resolve/main",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
