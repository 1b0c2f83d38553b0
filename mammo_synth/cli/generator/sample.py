"""``mammo-synth generator sample``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import AsJson, Device


def sample(
    file: Annotated[Path, typer.Argument(help="Generator file, or the run folder it is in.")],
    seeds: Annotated[str, typer.Option(help="Seeds: a range or list, like 0-9999 or 1,5,7-9.")],
    out: Annotated[Path, typer.Option(help="Folder of the images; seeds already there are kept.")],
    trunc: Annotated[
        float, typer.Option(help="Truncation psi: 1 none, towards 0 the mean image.")
    ] = 1.0,
    format_name: Annotated[
        str, typer.Option("--format", help="png (one file per seed), parquet (a pool) or zip.")
    ] = "png",
    batch: Annotated[int, typer.Option(min=1, help="Images drawn at once.")] = 16,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Draw the images of seeds from a generator. A seed gives the same image every time."""
    from mammo_synth.gan.pool import draw_pool
    from mammo_synth.gan.sample import load_generator, parse_seeds, resolve_device

    wanted = parse_seeds(seeds)
    generator = load_generator(file, resolve_device(device))
    result = draw_pool(
        generator,
        wanted,
        out,
        truncation=trunc,
        format_name=format_name,
        batch=batch,
        progress=console.ConsoleProgress(),
    )
    if as_json:
        console.print_json(
            {
                "out": str(out),
                "format": format_name,
                "images": result.images,
                "drawn": result.drawn,
                "generator": generator.sha256,
                "truncation": trunc,
            }
        )
        return
    kept = len(wanted) - result.drawn
    note = f" ({kept} were there already)" if kept else ""
    console.out().print(f"{result.drawn} images drawn{note}: {out}", markup=False)
