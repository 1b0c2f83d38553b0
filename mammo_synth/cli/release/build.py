"""``mammo-synth release build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson
from mammo_synth.configurations import STUDY_SIZE

EPILOG = (
    "Example: mammo-synth release build --prepared prepared --cancer runs/cancer "
    "--normal runs/normal --out mammo-synth --size 2000"
)


def build(
    prepared: Annotated[Path, typer.Option(help="The prepared set.")],
    cancer: Annotated[Path, typer.Option(help="Generator of cancer films: file or run folder.")],
    normal: Annotated[Path, typer.Option(help="Generator of normal films: file or run folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the release.")] = Path("mammo-synth"),
    size: Annotated[int, typer.Option(help="Images per configuration, train + test.")] = STUDY_SIZE,
    version: Annotated[str, typer.Option(help="Semantic version of the release.")] = "1.0.0",
    truncation: Annotated[
        float, typer.Option("--trunc", help="Truncation psi: 1 is none, 0 the mean image.")
    ] = 1.0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch: Annotated[int, typer.Option(help="Images sampled at once.")] = 16,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a finished release of other settings.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sample both generators, add the real share, and write the nine configurations."""
    from mammo_synth.configurations import CANCER, NORMAL
    from mammo_synth.films.prepared import PreparedSet
    from mammo_synth.release.build import ReleaseSettings, build_release
    from mammo_synth.release.generators import GeneratorFile

    settings = ReleaseSettings(size, version, out.resolve().name, truncation)
    films = PreparedSet.open(prepared)
    generators = {
        CANCER: GeneratorFile.open(cancer, device, batch),
        NORMAL: GeneratorFile.open(normal, device, batch),
    }
    release = build_release(
        films,
        generators,
        out,
        settings,
        replace=replace,
        progress=console.ConsoleProgress(),
    )
    facts = release.manifest.facts
    stored = sum(shard["rows"] for shard in facts["shards"])
    listed = {
        name: {split: values["rows"] for split, values in entry["splits"].items()}
        for name, entry in facts["configurations"].items()
    }
    if as_json:
        console.print_json(
            {
                "folder": str(out),
                "sha256": release.sha256,
                "stored_images": stored,
                "configurations": listed,
            }
        )
        return
    console.print_table(
        f"Release {release.version} in {out}",
        ["configuration", "train", "test", "real_test"],
        [
            [name, listed[name]["train"], listed[name]["test"], listed[name]["real_test"]]
            for name in release.configurations
        ],
    )
    console.out().print(f"{stored} images are stored for all nine. {console.NOTICE}")
    console.out().print(
        f'Load it from the folder that holds it: load_dataset("{release.name}", "50-50-90syn")',
        markup=False,
    )
