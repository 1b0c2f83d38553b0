"""``mammo-synth release publish``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.cli.release.options import AsJson, Folder

EPILOG = "Example: mammo-synth release publish mammo-synth my-lab/mammo-synth --dry-run"


class Gate(StrEnum):
    """How access to a gated data set is given."""

    auto = "auto"
    manual = "manual"


def publish(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="Data set on the Hub.", metavar="ORG/NAME")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; change nothing.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="Only the owner may see it.")] = False,
    gated: Annotated[
        Gate | None, typer.Option(help="Readers ask for access: given at once, or by you.")
    ] = None,
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Open a pull request, and set no tag.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a release and put it on the Hub, with its version as tag.

    It appears there whole or not at all. Interrupted, run it again: it goes on. A version that is
    published is never overwritten.
    """
    from mammo_synth.release.folder import Release
    from mammo_synth.release.forms import default_configuration
    from mammo_synth.release.hub import Repository, open_api
    from mammo_synth.release.publish import (
        MERGED,
        PLANNED,
        PRESENT,
        PULL_REQUEST,
        PublishSettings,
        publish_release,
        tag_of,
    )
    from mammo_synth.release.quality_words import verdict
    from mammo_synth.release.upload_plan import NOT_SENT

    release = Release.open(folder)
    repository = Repository.named(open_api(), name)
    settings = PublishSettings(private, gated.value if gated else None, create_pr, dry_run)
    outcome = publish_release(release, repository, settings, progress=console.ConsoleProgress())
    tag, plan = tag_of(release), outcome.plan
    privacy = release.manifest.facts.get("privacy")
    override = privacy and privacy["override"]
    if as_json:
        console.print_json(
            {
                "state": outcome.state,
                "repository": name,
                "url": repository.url,
                "tag": None if outcome.state in (PULL_REQUEST, MERGED) else tag,
                "commit": outcome.commit,
                "pull_request": outcome.pull_request,
                "changes": list(outcome.changes),
                "privacy": verdict(release.manifest.facts),
                "privacy_override": override,
                "new_bytes": plan.new_bytes,
                "files": [vars(file) for file in plan.files],
            }
        )
        return
    out = console.out()
    if override:
        out.print(f"Privacy gate: not passed, and overridden. {override}", markup=False)
    if outcome.state == PLANNED:
        console.print_table(
            f"Release {release.version} and {name}",
            ["file", "state", "bytes", "to send"],
            [
                [file.path, file.state, f"{file.bytes:,}", f"{file.bytes if file.sent else 0:,}"]
                for file in plan.files
            ],
        )
        for change in outcome.changes:
            out.print(change, markup=False)
        files = len(plan.files) - len(plan.paths(*NOT_SENT))
        out.print(
            f"{files} files would change, {plan.new_bytes:,} bytes are new. Nothing was done."
        )
    elif outcome.state == PULL_REQUEST:
        out.print(f"The pull request is open: {outcome.pull_request}", markup=False)
        out.print("When it is merged, run the same command without --create-pr: it sets the tag.")
    elif outcome.state == MERGED:
        out.print(f"{name} has this release on main. Run without --create-pr to set the tag {tag}.")
    else:
        default = default_configuration(release.manifest.facts)
        done = "is published there already" if outcome.state == PRESENT else "is published"
        out.print(f"Release {release.version} {done}: {repository.url}/tree/{tag}", markup=False)
        out.print(
            f'Load it: load_dataset("{name}", "{default}", revision="{tag}"). {console.NOTICE}',
            markup=False,
        )
