"""``mammo-synth generator mix``, ``sweep`` and ``interpolate``: one picture each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.errors import BadInput

from .options import AsJson, ClassName, Cutoff, Device, GeneratorPath, Truncation

if TYPE_CHECKING:
    from mammo_synth.gan.sample import LoadedGenerator

Picture = Annotated[Path, typer.Option(help="Picture to write (PNG).")]


def mix(
    file: GeneratorPath,
    rows: Annotated[str, typer.Option(help="Seeds of the rows, like 0-3.")],
    columns: Annotated[str, typer.Option(help="Seeds of the columns, like 10-14.")],
    layers: Annotated[str, typer.Option(help="Layers taken from the columns' seeds, like 0-3.")],
    out: Picture,
    trunc: Truncation = 1.0,
    class_name: ClassName = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Mix styles: each row's image with some layers of each column's.

    Low layers are coarse (outline), high layers fine (texture).
    """
    import numpy as np

    from mammo_synth.gan.explore import mix_styles
    from mammo_synth.gan.seeds import parse_seeds

    _check_picture(out, ".png")
    first, second, chosen = parse_seeds(rows), parse_seeds(columns), _parse_layers(layers)
    generator = _load(file, device)
    found = mix_styles(generator, first, second, chosen, truncation=trunc, label=class_name)
    size = found.rows.shape[1:]
    top = np.concatenate([np.zeros((1, *size), np.uint8), found.columns])
    below = np.concatenate([found.rows[:, None], found.mixed], axis=1)
    _write_sheet(
        out,
        np.concatenate([top[None], below]),
        [f"layers {_layers_text(chosen)}", *[f"seed {seed}" for seed in first]],
        ["other layers", *[f"seed {seed}" for seed in second]],
        missing=((0, 0),),
    )
    facts = {"rows": first, "columns": second, "layers": list(chosen), "truncation": trunc}
    _report(out, generator, facts, as_json, "The styles of {rows} and {columns} seeds are mixed")


def sweep(
    file: GeneratorPath,
    seeds: Annotated[str, typer.Option(help="Seeds of the rows, like 0-3.")],
    out: Picture,
    psis: Annotated[
        str, typer.Option("--trunc", help="Truncation psi of the columns.")
    ] = "0,0.25,0.5,0.75,1",
    trunc_cutoff: Cutoff = None,
    class_name: ClassName = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Show each seed at several truncations: from the mean image (0) to none (1)."""
    from mammo_synth.gan.explore import sweep_truncation
    from mammo_synth.gan.seeds import parse_seeds

    _check_picture(out, ".png")
    chosen, values = parse_seeds(seeds), _parse_numbers(psis)
    generator = _load(file, device)
    images = sweep_truncation(
        generator, chosen, values, truncation_cutoff=trunc_cutoff, label=class_name
    )
    rows, columns = [f"seed {seed}" for seed in chosen], [f"psi {psi:g}" for psi in values]
    _write_sheet(out, images, rows, columns)
    facts = {"seeds": chosen, "truncation": values, "truncation_cutoff": trunc_cutoff}
    _report(out, generator, facts, as_json, "{seeds} seeds at {truncation} truncations are drawn")


def interpolate(
    file: GeneratorPath,
    seeds: Annotated[str, typer.Option(help="Seeds on the way, in order, like 0,7,3.")],
    out: Picture,
    steps: Annotated[int, typer.Option(help="Images from each seed to the next.")] = 8,
    space: Annotated[
        str, typer.Option(help="w (straight lines) or z (great circles on the sphere).")
    ] = "w",
    gif: Annotated[Path | None, typer.Option(help="Write a moving picture (GIF) as well.")] = None,
    trunc: Truncation = 1.0,
    class_name: ClassName = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Walk through the latent space from seed to seed; one row of images for each stretch."""
    import numpy as np

    from mammo_synth.files import write_bytes
    from mammo_synth.gan.explore import interpolate as walk
    from mammo_synth.gan.seeds import parse_seeds
    from mammo_synth.gan.sheets import encode_gif

    _check_picture(out, ".png")
    if gif is not None:
        _check_picture(gif, ".gif")
    chosen = parse_seeds(seeds)
    generator = _load(file, device)
    images, places = walk(generator, chosen, steps, space=space, truncation=trunc, label=class_name)
    legs = range(len(chosen) - 1)
    rows = np.stack([images[leg * steps : (leg + 1) * steps + 1] for leg in legs])
    names = [f"{chosen[leg]} to {chosen[leg + 1]}" for leg in legs]
    columns = [f"{step / steps:.3g}" for step in range(steps + 1)]
    _write_sheet(out, rows, names, columns, corner=f"in {space.upper()}")
    if gif is not None:
        write_bytes(gif, encode_gif(images))
    facts = {
        "seeds": chosen,
        "steps": steps,
        "space": space,
        "places": places,
        "truncation": trunc,
        "gif": None if gif is None else str(gif),
    }
    _report(out, generator, facts, as_json, "The way through {seeds} seeds is drawn")


def _load(file: Path, device: str) -> LoadedGenerator:
    from mammo_synth.gan.sample import load_generator, resolve_device

    return load_generator(file, resolve_device(device))


def _check_picture(path: Path, suffix: str) -> None:
    if path.is_dir() or path.suffix.lower() != suffix:
        raise BadInput(
            f"'{path}' is {'a folder' if path.is_dir() else 'no name of a picture'}; a file that "
            f"ends in {suffix} was expected.",
            hint=f"Try {path.with_suffix(suffix).name or 'picture' + suffix}.",
        )


def _parse_layers(text: str) -> range:
    first, dash, last = text.strip().partition("-")
    if not (first.isdecimal() and (last.isdecimal() if dash else True)):
        raise BadInput(
            f"The layers '{text}' are neither a number nor a range.", hint="Try --layers 0-3."
        )
    low, high = int(first[:9]), int((last if dash else first)[:9])
    if high < low:
        raise BadInput(
            f"The range of layers {low}-{high} runs backwards.", hint=f"Write {high}-{low}."
        )
    return range(low, high + 1)


def _layers_text(layers: range) -> str:
    return f"{layers[0]}" if len(layers) == 1 else f"{layers[0]}-{layers[-1]}"


def _parse_numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BadInput(
            f"'{text}' is not a list of numbers.", hint="Write for example --trunc 0,0.5,1."
        ) from error


def _write_sheet(out: Path, images: Any, rows: list[str], columns: list[str], **more: Any) -> None:
    from mammo_synth.files import write_bytes
    from mammo_synth.gan.sheets import labelled_sheet
    from mammo_synth.png import encode_png

    write_bytes(out, encode_png(labelled_sheet(images, rows, columns, **more)))


def _report(
    out: Path, generator: LoadedGenerator, facts: dict[str, Any], as_json: bool, sentence: str
) -> None:
    if as_json:
        console.print_json({"out": str(out), "generator": generator.sha256, **facts})
        return
    counts = {key: len(value) for key, value in facts.items() if isinstance(value, list)}
    console.out().print(f"{sentence.format(**counts)}: {out}", markup=False)
