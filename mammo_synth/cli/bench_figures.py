"""``mammo-synth bench figures``: every figure of a results folder, with an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

EPILOG = "Example: mammo-synth bench figures results --out figures --format png,pdf"


def figures(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="Results folder of bench run, grid or score."),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write; new, empty, or of earlier figures.")
    ],
    form: Annotated[
        str, typer.Option("--format", help="Some of png, svg, pdf, separated by commas.")
    ] = "png,svg",
    config: Annotated[str | None, typer.Option(help="Only this configuration.")] = None,
    classifier: Annotated[str | None, typer.Option(help="Only this classifier.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a program to read.")
    ] = False,
) -> None:
    """Draw the study's question, configurations side by side, ROC and precision-recall, confusion
    matrices, reliability and training curves.

    Numbers come from the stored predictions; cancer is the positive class. Run it again to go on
    where it was stopped. Open index.html to see all.
    """
    from mammo_synth.bench.figures.folder import write_figures

    done = write_figures(
        results,
        out,
        formats=[one.strip() for one in form.split(",") if one.strip()],
        configuration=config,
        classifier=classifier,
        progress=console.ConsoleProgress(),
    )
    if as_json:
        console.print_json(
            {
                "index": str(done.index),
                "figures": list(done.figures),
                "notes": list(done.notes),
                "skipped": done.skipped,
            }
        )
        return
    for note in done.notes:
        console.out().print(note, markup=False)
    made = "there already" if done.skipped else "written"
    console.out().print(f"{len(done.figures)} figures {made}: {done.index}", markup=False)
