"""``mammo-synth leaderboard submit``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mammo_synth.cli import console

from .options import Json, Results

if TYPE_CHECKING:
    from mammo_synth.leaderboard.submit import Submitted

EPILOG = (
    "Example: mammo-synth leaderboard submit results my-lab/mammo-results --submitter 'My Lab' "
    "--code https://example.org/code --weights-link none --other-mammograms none --dry-run"
)


def submit(
    results: Results,
    name: Annotated[
        str, typer.Argument(metavar="ORG/NAME", help="Repository of results on the Hub.")
    ],
    submitter: Annotated[
        str | None, typer.Option(help="Your name, or your group's, as the leaderboard shows it.")
    ] = None,
    code: Annotated[
        str | None, typer.Option(metavar="URL", help="http(s) link to the code.")
    ] = None,
    weights_link: Annotated[
        str | None,
        typer.Option(metavar="URL|none", help="http(s) link to the weights; none: not published."),
    ] = None,
    other_mammograms: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|none",
            help="Which other mammograms were trained on, beside those of the configuration.",
        ),
    ] = None,
    classifier: Annotated[
        list[str] | None,
        typer.Option(help="Only records of this classifier. Repeatable (default: all records)."),
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make the repository if it does not exist.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be posted; change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Open a pull request with records, their predictions and who they are from.

    Nothing is posted that does not pass `leaderboard check` by itself, is of a release that the
    repository does not know, or copies a posted record of the same configuration. The repository's
    own check compares all records, before a merge. Nothing that is posted is ever changed. What is
    asked for and not given is asked on a terminal.
    """
    from mammo_synth.leaderboard.submission import (
        CODE,
        OTHER,
        SUBMITTER,
        WEIGHTS,
        make_submission,
    )
    from mammo_synth.leaderboard.submit import SubmitSettings
    from mammo_synth.leaderboard.submit import submit as post
    from mammo_synth.leaderboard.submit_files import chosen, facts_wanted, gather
    from mammo_synth.leaderboard.verified import verified_by_user
    from mammo_synth.release.hub import Repository, open_api

    repository = Repository.named(open_api(), name)
    paths = chosen(results, classifier or ())
    submission = None
    if facts_wanted(paths):
        answers = {
            SUBMITTER: submitter,
            CODE: code,
            WEIGHTS: weights_link,
            OTHER: other_mammograms,
        }
        if sys.stdin.isatty():
            answers = {
                field: _ask(field) if answer is None else answer
                for field, answer in answers.items()
            }
        submission = make_submission(*answers.values())
    bundle = gather(results, paths, submission)
    done = post(
        bundle,
        repository,
        SubmitSettings(create, dry_run),
        now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        progress=console.ConsoleProgress(),
        verified=verified_by_user(),
    )
    if json:
        console.print_json(
            {
                "state": done.state,
                "repository": name,
                "url": repository.url,
                "title": done.title,
                "description": done.description,
                "digest": bundle.digest,
                "pull_request": done.pull_request,
                "revision": done.revision,
                "changes": list(done.changes),
                "files": [vars(file) for file in done.files],
            }
        )
    else:
        _show(done, name)


def _ask(field: str) -> str:
    """Ask on the terminal, on stderr, until the answer can be taken."""
    from mammo_synth.leaderboard.submission import QUESTIONS, problem_of

    while True:
        answer = str(typer.prompt(QUESTIONS[field], err=True))
        problem = problem_of(field, answer)
        if problem is None:
            return answer
        console.err().print(f"That {problem}.", markup=False)


def _show(done: Submitted, name: str) -> None:
    from mammo_synth.leaderboard.submit import NEW, OPEN, PLANNED, PRESENT, THERE

    out = console.out()
    for folder in done.records(THERE):
        out.print(f"Already posted: {folder}", markup=False)
    if done.state == PRESENT:
        out.print(f"{name} has every record of this submission. Nothing was done.", markup=False)
        return
    if done.state == PLANNED:
        out.print(f"{done.title}, to {name}", style="bold", markup=False)
        rows = [[file.path, file.state, f"{file.bytes:,} bytes"] for file in done.files]
        for line in console.aligned(rows):
            out.print(line, markup=False)
        out.print()
        out.print(done.description, markup=False)
        for change in done.changes:
            out.print(change, markup=False)
        new = [file for file in done.files if file.state == NEW]
        out.print(
            f"One pull request would add {len(new)} files, "
            f"{sum(file.bytes for file in new):,} bytes. Nothing was done."
        )
        return
    for change in done.changes:
        out.print(change, markup=False)
    what = "was open already" if done.state == OPEN else "is open"
    out.print(f"The pull request {what}: {done.pull_request}", markup=False)
    records = len(done.records(NEW))
    out.print(f"Records that wait there for a maintainer to merge them: {records}.")
