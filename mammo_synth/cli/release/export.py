"""``mammo-synth release export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson, Folder

EPILOG = (
    "Example: mammo-synth release export mammo-synth --config 50-50-90syn --format zip "
    "--out 50-50-90syn.zip"
)


def export(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Folder, or zip file, to write.")],
    config: Annotated[
        str | None, typer.Option(help="One of the nine; without it, the release's default.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="imagefolder (a folder) or zip (one file).")
    ] = "imagefolder",
    split: Annotated[
        list[str] | None,
        typer.Option(help="train, test or real_test; may be repeated. Without it, all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a configuration as plain PNG files in folders by split and class, with tables."""
    from mammo_synth.release.export import FOLDERS, export_release
    from mammo_synth.release.folder import Release

    release = Release.open(folder)
    progress = console.ConsoleProgress()
    done = export_release(release, config, out, form=form, splits=split or (), progress=progress)
    if as_json:
        report = {"out": str(out), "configuration": done.configuration, "images": done.counts}
        console.print_json({**report, "release_sha256": release.sha256})
        return
    console.print_table(
        f"{done.configuration} of release {release.version} in {out}",
        ["folder", "cancer", "normal"],
        [[FOLDERS[s], n["cancer"], n["normal"]] for s, n in done.counts.items()],
    )
    console.out().print(f"Label 1 is cancer. {console.NOTICE}")
