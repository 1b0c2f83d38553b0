"""The address of a results folder's files, to which a page links that stands apart from them."""

from __future__ import annotations

import re
from pathlib import Path

from mammo_synth.bench.results import is_posted
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard.model import Board
from mammo_synth.leaderboard.submission import CODE, problem_of

_REPOSITORY = re.compile(r"(/[^/]+/[^/]+)(?:/(?:tree|blob)/([^/]+).*)?/?")
"""The page of a data set on the Hub, or of its files: its name, and the revision."""


def check_records_url(url: str | None) -> str | None:
    """``url``, if files can lie below it; None stays None.

    Raises:
        BadInput: It is no http(s) link, or leads to a page of the Hub about the files.
    """
    if url is None:
        return None
    problem = problem_of(CODE, url)
    if problem is not None:
        raise BadInput(
            f"The link of --records-url {problem}.",
            hint=f"Of a repository of results on the Hub it is {files_of('ORG/NAME')}",
        )
    page = _REPOSITORY.fullmatch(url.removeprefix(_hub())) if url.startswith(_hub()) else None
    if page is not None:
        raise BadInput(
            f"The link of --records-url leads to a page about the files: '{url}'.",
            hint=f"The files themselves are at {files_of(page[1][1:], page[2] or 'main')}",
        )
    return url


def files_of(name: str, revision: str = "main") -> str:
    """The address of the files of a data set's repository on the Hub, ORG/NAME."""
    return f"{_hub()}/{name}/resolve/{revision}"


def records_url_notes(board: Board, url: str | None) -> list[str]:
    """What is to know of the links to the records of ``board``, one sentence each."""
    if url is None:
        return [
            "The page names records and predictions without links. If they are posted, export "
            f"from a clone of their repository with --records-url {files_of('ORG/NAME')}"
        ]
    paths = [run.path for table in board.tables for row in table.rows for run in row.runs]
    local = [path for path in paths if not is_posted(Path(path).parent)]
    if local and url.startswith(_hub()):
        return [
            f"{len(local)} of {len(paths)} records have another folder name here than in a "
            f"repository of results ('{Path(local[0]).parent.name}', without a digest), so their "
            "links lead nowhere: use a clone of the repository."
        ]
    return []


def _hub() -> str:
    """Where the data sets of the Hub are."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/datasets"
