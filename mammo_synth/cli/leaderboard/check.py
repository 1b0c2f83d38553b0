"""``mammo-synth leaderboard check``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import Json, Results

EPILOG = "Example: mammo-synth leaderboard check results --release mammo-synth"


def check(
    results: Results,
    release: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a release that records may be of. Repeatable."),
    ] = None,
    save_releases: Annotated[
        bool,
        typer.Option(
            "--save-releases",
            help="Write what the --release folders say into RESULTS/releases.json, and stop: "
            "what the check then knows without the folders.",
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Recompute the numbers also of records that this machine recomputed before, "
            "by the same code, and whose files are unchanged, by their digests.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Recompute every number from predictions; exit code 1 when anything is not so.

    Also checked: form, dates, copies, links, files; and, against --release and releases.json,
    releases, revisions and test sets. Interrupted, the same command goes on.
    """
    if save_releases:
        _save(results, release or [], json)
        return
    from mammo_synth.leaderboard.check import check as recompute
    from mammo_synth.leaderboard.verified import verified_by_user

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # `leaderboard render` need not recompute what was sound here, nor the next check.
    memory = verified_by_user()
    found = recompute(
        results,
        console.ConsoleProgress(),
        releases=release or (),
        now=now,
        verified=replace(memory, forgets=True) if again else memory,
    )
    if json:
        console.print_json(
            {
                "records": found.records,
                "sound": found.sound,
                "problems": [vars(problem) for problem in found.problems],
                "notes": list(found.notes),
                "recomputed_before": found.before,
                "tiers": {path: str(tier) for path, tier in (found.tiers or {}).items()},
            }
        )
    else:
        for problem in found.problems:
            text = f"{problem.path}: {problem.message} [{problem.code}]"
            console.out().print(text, markup=False)
        for note in found.notes:
            console.out().print(f"Note: {note}", markup=False)
        console.out().print(
            f"{found.records} records, {len(found.problems)} problems."
            if found.problems
            else f"{found.records} records: every number recomputes from its predictions."
        )
        if found.before:
            console.out().print(
                f"Of {found.before} that was found before, and their files are unchanged (--again "
                "recomputes them too)."
            )
    if not found.sound:
        raise typer.Exit(1)


def _save(results: Path, folders: list[Path], json: bool) -> None:
    from mammo_synth.errors import BadInput
    from mammo_synth.leaderboard.check_releases import (
        RELEASES_NAME,
        known_release,
        merged,
        read_releases,
        write_releases,
    )
    from mammo_synth.release.folder import Release

    if not folders:
        raise BadInput("--save-releases was given without a release.", hint="Add --release FOLDER.")
    path = results / RELEASES_NAME
    opened = {one.sha256: known_release(one) for one in map(Release.open, folders)}
    known = merged(read_releases(path) if path.exists() else {}, opened)
    write_releases(path, known)
    if json:
        console.print_json({"written": str(path), "releases": sorted(known)})
    else:
        console.out().print(f"Written: {path} ({len(known)} releases)", markup=False)
