"""``mammo-synth generator import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import AsJson


def import_command(
    pickle: Annotated[
        Path, typer.Argument(metavar="NETWORK.pkl", help="Network pickle of stylegan2-ada-pytorch.")
    ],
    out: Annotated[Path, typer.Option(help="File to write (*.safetensors).")],
    ema_only: Annotated[
        bool,
        typer.Option(
            "--ema-only", help="A generator file to draw from and release; else all networks."
        ),
    ] = False,
    label: Annotated[
        str | None,
        typer.Option(help="What it draws: cancer, normal, or both (two classes, normal first)."),
    ] = None,
    grey: Annotated[
        bool, typer.Option("--grey", help="Fold RGB networks to grey ones (Rec. 601 luminance).")
    ] = False,
    licence: Annotated[str, typer.Option(help="Terms of the networks, as their authors say.")] = "",
    source: Annotated[str, typer.Option(help="Images that the networks learned from.")] = "",
    no_films: Annotated[
        bool,
        typer.Option(
            "--no-films",
            help="They never saw a mammogram (faces, say): a strict release then takes what is "
            "trained from them.",
        ),
    ] = False,
    kimg: Annotated[
        float | None,
        typer.Option(help="Thousands of images shown in training (read from the usual names)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a network pickle of the reference and write safetensors. Nothing in it is run.

    Without --ema-only the file holds generator, discriminator and average, to start a training
    run from: generator train --resume FILE. Networks of RGB images need --grey for that.
    """
    from mammo_synth.gan.importing import ImportOptions, import_networks

    options = ImportOptions(
        ema_only=ema_only,
        label=label,
        grey=grey,
        licence=licence,
        source=source,
        no_films=no_films,
        kimg=kimg,
    )
    done = import_networks(pickle, out, options, dry_run=dry_run)
    if as_json:
        console.print_json({**done.describe(), "dry_run": dry_run})
        return
    network = done.describe()["network"]
    what = "generator" if ema_only else "networks G, D and G_ema"
    word = "Could be imported (dry run)" if dry_run else "Imported"
    console.out().print(
        f"{word}: {what} at {network['resolution']} px, {done.parameters:,} numbers: {out}",
        markup=False,
    )
    console.out().print(f"Licence: {done.metadata['licence']}", markup=False)
