"""``mammo-synth generator project``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.errors import BadInput

from .options import AsJson, ClassName, Device, GeneratorPath, Workers


def project(
    file: GeneratorPath,
    out: Annotated[Path, typer.Option(help="Folder; each film gets one of its name in it.")],
    films: Annotated[
        list[Path] | None, typer.Argument(help="Films: PNG, JPEG, PGM or TIFF files.")
    ] = None,
    prepared: Annotated[
        Path | None, typer.Option(help="Take films of this prepared set instead.")
    ] = None,
    image_id: Annotated[
        list[str] | None, typer.Option(help="Film of the prepared set; may be repeated.")
    ] = None,
    space: Annotated[
        str, typer.Option(help="w (what the generator can draw) or w+ (nearer, a w per layer).")
    ] = "w",
    noise: Annotated[
        str, typer.Option(help="const (stored maps), none, or fitted to the film.")
    ] = "const",
    steps: Annotated[int, typer.Option(help="Steps of the search.")] = 500,
    learning_rate: Annotated[float, typer.Option(help="Largest learning rate.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search's noise.")] = 0,
    class_name: ClassName = None,
    device: Device = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Find the latents whose image comes nearest to a film.

    For each film: projected.png, compared.png (film, projection, difference),
    projection.safetensors (the latents) and projection.json (distance, its curve, settings). Films
    that are there already are kept: the same command goes on after an interruption.
    """
    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.gan.projection import ProjectionSettings
    from mammo_synth.gan.projection_files import prepared_targets, project_films, read_targets
    from mammo_synth.gan.sample import load_generator, resolve_device

    settings = ProjectionSettings(
        space=space, noise=noise, steps=steps, learning_rate=learning_rate, seed=seed
    )
    if bool(films) == bool(prepared) or bool(prepared) != bool(image_id):
        raise BadInput(
            "Films were expected: either files, or --prepared together with --image-id.",
            hint="For example: mammo-synth generator project GENERATOR film.png --out projected",
        )
    generator = load_generator(file, resolve_device(device))
    if prepared is not None:
        size = generator.resolution
        targets = prepared_targets(PreparedSet.open(prepared), image_id or [], size)
    else:
        targets = read_targets(films or [], generator.resolution)
    found = project_films(
        generator,
        targets,
        out,
        settings,
        label=class_name,
        workers=workers,
        progress=console.ConsoleProgress(),
    )
    if as_json:
        facts = [
            {
                "folder": str(out / target.name),
                "distance": about["distance"],
                "start_distance": about["start_distance"],
                "film": about["film"],
            }
            for target, about in zip(targets, found, strict=True)
        ]
        console.print_json({"generator": generator.sha256, "films": facts})
        return
    rows = [
        [target.name, f"{about['start_distance']:.3f}", f"{about['distance']:.3f}"]
        for target, about in zip(targets, found, strict=True)
    ]
    console.print_table(f"Projected into {out}", ["film", "mean image", "projection"], rows)
