"""``mammo-synth release verify``."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson, Folder

if TYPE_CHECKING:
    from mammo_synth.release.folder import Release
    from mammo_synth.release.regenerate import Regenerated

EPILOG = "Example: mammo-synth release verify mammo-synth --regenerate 20"


def verify(
    folder: Folder,
    regenerate: Annotated[
        int,
        typer.Option(
            min=0, help="Make so many random synthetic images again, and compare their pixels."
        ),
    ] = 0,
    cancer: Annotated[
        Path | None,
        typer.Option(help="Generator of cancer films for --regenerate, where it has moved."),
    ] = None,
    normal: Annotated[
        Path | None,
        typer.Option(help="Generator of normal films for --regenerate, where it has moved."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for --regenerate.")] = "auto",
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the draw of images; without it, a new one each time."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every digest, count, image, label and line that must not be crossed.

    Exit code 1 where something is wrong; each file, and where possible each image, is named.
    """
    from mammo_synth.release.folder import Release
    from mammo_synth.release.verify import verify_release

    release = Release.open(folder)
    problems = verify_release(release, progress=console.ConsoleProgress())
    made = None
    if regenerate and not problems:
        seed = secrets.randbelow(2**32) if seed is None else seed
        made = _regenerate(release, regenerate, seed, cancer, normal, device)
        problems = list(made.beyond)
    if as_json:
        report: dict[str, Any] = {"release": str(folder), "sha256": release.sha256}
        report |= {"problems": problems, "regenerated": made and asdict(made)}
        console.print_json(report)
    else:
        _print(folder, release, problems, made)
        if regenerate and made is None:
            console.err().print("No image was made again: first the release must be sound.")
    if problems:
        raise typer.Exit(1)


def _regenerate(
    release: Release,
    count: int,
    seed: int,
    cancer: Path | None,
    normal: Path | None,
    device: str,
) -> Regenerated:
    from mammo_synth.configurations import CANCER, NORMAL
    from mammo_synth.release.regenerate import open_generators, regenerate

    generators = open_generators(release, {CANCER: cancer, NORMAL: normal}, device=device)
    return regenerate(release, generators, count, seed, progress=console.ConsoleProgress())


def _print(folder: Path, release: Release, problems: list[str], made: Regenerated | None) -> None:
    out = console.out()
    for problem in problems:
        out.print(problem, markup=False)
    if made is not None:
        from mammo_synth.release.regenerate import TOLERANCE

        out.print(
            f"Made {made.images} synthetic images again (--seed {made.seed}): {made.equal} are "
            f"equal in every pixel, the largest difference is {made.largest} of 255 grey levels, "
            f"{made.differing:.4%} of the pixels differ. Allowed on another kind of machine: "
            f"{TOLERANCE} grey level.",
            markup=False,
        )
    if not problems:
        facts = release.manifest.facts
        stored = sum(shard["rows"] for shard in facts["shards"] if shard["sha256"] is not None)
        out.print(
            f"{folder} is sound: {stored} images, {len(release.configurations)} configurations, "
            f"release {release.version}, sha256 {release.sha256[:16]}.",
            markup=False,
        )
