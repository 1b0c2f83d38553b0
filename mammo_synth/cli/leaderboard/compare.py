"""``mammo-synth leaderboard compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import Json

EPILOG = (
    "Example: mammo-synth leaderboard compare results/demo-1.0.0-1a2b3c4d/50-50-90syn/vgg16 "
    "results/demo-1.0.0-1a2b3c4d/50-50-100syn/vgg16 --out difference.png"
)
_RECORD = "A record.json, its folder, or the classifier's folder above its replicates."


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help=_RECORD)],
    second: Annotated[Path, typer.Argument(metavar="B", help="The other one, of any kind too.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Figure to write: name.png, .svg or .pdf.")
    ] = None,
    json: Json = False,
) -> None:
    """Say whether two records differ, by how much, with the paired interval.

    Compared in AUROC and balanced accuracy of cancer on the same films of real_test; both records
    are recomputed from their predictions first. Records of different test sets are refused.
    """
    from mammo_synth.bench.figures.style import FORMATS
    from mammo_synth.errors import BadInput
    from mammo_synth.files import write_bytes
    from mammo_synth.leaderboard import compare_figure
    from mammo_synth.leaderboard.compare import compare as paired
    from mammo_synth.leaderboard.compare import document
    from mammo_synth.leaderboard.compare_sides import read_side
    from mammo_synth.leaderboard.compare_words import paragraph

    form = out.suffix[1:].lower() if out else ""
    if out is not None and form not in FORMATS:
        raise BadInput(
            f"'{out.name}' names no kind of figure.", hint="End its name in .png, .svg or .pdf."
        )
    found = paired(read_side(first), read_side(second), progress=console.ConsoleProgress())
    said = paragraph(found)
    if out is not None:
        write_bytes(out, compare_figure.draw(found, form))
    if json:
        figure = None if out is None else str(out)
        console.print_json(document(found, said) | {"figure": figure})
        return
    console.out().print(said, markup=False)
    if out is not None:
        console.out().print(f"\nWritten: {out}", markup=False)
