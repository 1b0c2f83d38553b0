"""``mammo-synth release verify``."""

from __future__ import annotations

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson, Folder

EPILOG = "Example: mammo-synth release verify mammo-synth"


def verify(
    folder: Folder,
    as_json: AsJson = False,
) -> None:
    """Check every digest, count, image, label and line that must not be crossed."""
    from mammo_synth.release.folder import Release
    from mammo_synth.release.verify import verify_release

    release = Release.open(folder)
    problems = verify_release(release, progress=console.ConsoleProgress())
    if as_json:
        console.print_json({"release": str(folder), "sha256": release.sha256, "problems": problems})
    elif problems:
        for problem in problems:
            console.out().print(problem, markup=False)
    else:
        stored = sum(shard["rows"] for shard in release.manifest.facts["shards"])
        console.out().print(
            f"{folder} is sound: {stored} images, {len(release.configurations)} configurations, "
            f"release {release.version}, sha256 {release.sha256[:16]}."
        )
    if problems:
        raise typer.Exit(1)
