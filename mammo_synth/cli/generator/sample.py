"""``mammo-synth generator sample``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import AsJson, ClassName, Cutoff, GeneratorPath, Precision, Truncation, Workers


def sample(
    file: GeneratorPath,
    seeds: Annotated[str, typer.Option(help="Seeds: a range or list, like 0-9999 or 1,5,7-9.")],
    out: Annotated[Path, typer.Option(help="Folder of the images; seeds already there are kept.")],
    trunc: Truncation = 1.0,
    trunc_cutoff: Cutoff = None,
    noise: Annotated[
        str,
        typer.Option(help="const (stored maps), none, or random (maps drawn from each seed)."),
    ] = "const",
    class_name: ClassName = None,
    format_name: Annotated[
        str, typer.Option("--format", help="png (one file per seed), parquet (a pool) or zip.")
    ] = "png",
    precision: Precision = "fp32",
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, or several: cuda:0,cuda:1.")
    ] = "auto",
    workers: Workers = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Images that may wait for their file; changes no image.")
    ] = 16,
    as_json: AsJson = False,
) -> None:
    """Draw the images of seeds from a generator. A seed gives the same image every time.

    The image does not depend on --batch, --workers or the other seeds. Interrupt it at any time:
    the same command goes on.
    """
    import time

    from mammo_synth.gan.pool import draw_pool
    from mammo_synth.gan.sample import load_generator, resolve_devices
    from mammo_synth.gan.seeds import parse_seeds

    wanted = parse_seeds(seeds)
    devices = resolve_devices(device)
    generator = load_generator(file, devices[0], precision)
    result = draw_pool(
        generator,
        wanted,
        out,
        truncation=trunc,
        truncation_cutoff=trunc_cutoff,
        noise=noise,
        label=class_name,
        format_name=format_name,
        batch=batch,
        workers=workers,
        devices=devices,
        progress=console.ConsoleProgress(),
        clock=time.monotonic,
    )
    if as_json:
        console.print_json(
            {
                "out": str(out),
                "format": format_name,
                "images": result.images,
                "drawn": result.drawn,
                "generator": generator.sha256,
                "label": class_name or generator.label,
                "truncation": trunc,
                "truncation_cutoff": trunc_cutoff,
                "noise": noise,
                "precision": precision,
            }
        )
        return
    kept = len(wanted) - result.drawn
    note = f" ({kept} were there already)" if kept else ""
    console.out().print(f"{result.drawn} images drawn{note}: {out}", markup=False)
