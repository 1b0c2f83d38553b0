"""``mammo-synth bench reproduce``: run a record again and say whether it agrees."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

EPILOG = (
    "Example: mammo-synth bench reproduce "
    "results/mammo-synth-1.0.0-1a2b3c4d/50-50-90syn/vgg16/replicate-0 --release mammo-synth"
)


def reproduce(
    record: Annotated[
        Path,
        typer.Argument(metavar="RECORD", help="A record.json in a results folder, or its folder."),
    ],
    release: Annotated[Path, typer.Option(help="The release it was measured on.")] = Path(
        "mammo-synth"
    ),
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("reproductions"),
    by: Annotated[
        str | None, typer.Option(help="Who reproduces (default: your login name); is published.")
    ] = None,
    classifier: Annotated[
        str | None,
        typer.Option(
            help="Where the recipe names a file: path/to/file.py:MyClassifier (your own copy of "
            "the code, which is run) or hf:FOLDER."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="First weights, where the recipe says they are of a file.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    dry_run: Annotated[bool, typer.Option(help="Check everything, say what would run.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a program to read.")
    ] = False,
) -> None:
    """Run a record's cell again: same recipe, replicate and seed on the same release.

    Writes reproduction.json, which may be laid beside the record. The runs agree when the 95 %
    intervals of their differences in AUROC and balanced accuracy lie within 0.05 of 0, and differ,
    with exit code 1, when one lies beyond it. Where the films are too few to tell, it says so.
    """
    import getpass

    from mammo_synth.bench.classifiers.base import Options
    from mammo_synth.bench.reproduce import cell_of, check_release
    from mammo_synth.bench.reproduce import reproduce as run_again
    from mammo_synth.bench.reproduction import sentences
    from mammo_synth.bench.results import RECORD_NAME
    from mammo_synth.release.folder import Release

    opened = Release.open(release)
    if dry_run:
        from mammo_synth.bench.record import read_record

        said = read_record(record / RECORD_NAME if record.is_dir() else record)
        check_release(said, opened)
        cell = cell_of(said, classifier)
        plan = {"dry_run": True, "cell": cell.name, "seed": cell.seed}
        if as_json:
            console.print_json(plan | {"settings": cell.recipe.plain})
        else:
            console.out().print(f"Would run {cell.name}, seed {cell.seed}.", markup=False)
        return
    done = run_again(
        record,
        opened,
        out,
        who=by or getpass.getuser(),
        now=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        classifier=classifier,
        options=Options(device=device, weights_file=weights),
        progress=console.ConsoleProgress(),
    )
    verdict = done.reproduction["agreement"]["verdict"]
    if as_json:
        console.print_json({"folder": str(done.folder), "reproduction": done.reproduction})
    else:
        for line in sentences(done.reproduction):
            console.out().print(line, markup=False)
        console.out().print(f"Positive class: cancer. Written: {done.folder}", markup=False)
    if verdict == "differs":
        raise typer.Exit(1)
