"""``mammo-synth release download``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson

EPILOG = "Example: mammo-synth release download my-lab/mammo-synth --tag v1.0.0"


def download(
    name: Annotated[str, typer.Argument(help="Data set on the Hub.", metavar="ORG/NAME")],
    tag: Annotated[
        str | None, typer.Option(help="Version to fetch, such as v1.0.0; else the highest.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder; else the release's own name, right here.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another version of the release in it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a published release and check it, so that it loads without the Hub.

    Interrupted, run it again: it goes on where it was.
    """
    from mammo_synth.release.download import download_release
    from mammo_synth.release.forms import REFERENCED, default_configuration
    from mammo_synth.release.hub import Repository, open_api

    repository = Repository.named(open_api(), name)
    done = download_release(
        repository, out, tag, replace=replace, progress=console.ConsoleProgress()
    )
    release, facts = done.release, done.release.manifest.facts
    if as_json:
        console.print_json(
            {
                "folder": str(release.folder),
                "repository": name,
                "tag": done.tag,
                "version": release.version,
                "sha256": release.sha256,
                "present": done.present,
            }
        )
        return
    console.out().print(
        f"Release {release.version} {'was already' if done.present else 'is'} in "
        f"{release.folder}, every digest checked.",
        markup=False,
    )
    console.out().print(
        "Load it from the folder that holds it: "
        f'load_dataset("{release.folder.name}", "{default_configuration(facts)}")',
        markup=False,
    )
    if facts["real"] == REFERENCED:
        console.out().print(
            "It holds no real films. With your own: mammo-synth release rehydrate "
            f"{release.folder} --films PATH",
            markup=False,
        )
