"""What a repository of results does not take: changes, second records, gaps, names of others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from mammo_synth.bench.migration import migrate
from mammo_synth.bench.record import Record, check_record
from mammo_synth.bench.results import DEPTH, RECORD_NAME
from mammo_synth.bench.series import series_of
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.leaderboard.check_cells import skipped
from mammo_synth.leaderboard.submission import SUBMISSION_NAME, parse_submission
from mammo_synth.leaderboard.submit_files import Bundle, Posted
from mammo_synth.manifest import MANIFEST_NAME
from mammo_synth.release.hub import Repository, StoredFile, git_blob

_NAMED = 3


def refuse_release(repository: Repository, there: Mapping[str, StoredFile]) -> None:
    """Raise BadInput if the repository is that of a release."""
    if MANIFEST_NAME in there:
        raise BadInput(
            f"'{repository.name}' holds a release; results are posted to a repository of their "
            "own.",
            hint="Choose another name; --create makes the repository.",
        )


def refuse_changes(bundle: Bundle, repository: Repository, there: Mapping[str, StoredFile]) -> None:
    """Raise BadInput if a path of the submission is there with other bytes."""
    differing = [
        path for path, data in bundle.files.items() if path in there and not same(data, there[path])
    ]
    if differing:
        named = ", ".join(differing[:_NAMED]) + (", ..." if len(differing) > _NAMED else "")
        raise BadInput(
            f"'{repository.name}' has these files with other content: {named}.",
            hint="What is posted is never overwritten. Where only submission.json differs, the "
            "record is posted already, with other facts about its submitter.",
        )


def refuse_taken(
    bundle: Bundle, repository: Repository, there: Mapping[str, StoredFile], commit: str
) -> None:
    """Raise BadInput for a second record of one replicate of one cell, on which no leaderboard
    could rank, and for brought predictions under the classifier's name of another submitter."""
    folders = posted_folders(there)
    seen: set[tuple[str, str]] = set()
    for posted in bundle.records:
        if posted.folder in folders:
            continue
        for folder in folders:
            if _cell(folder) == _cell(posted.folder):
                _refuse_same_replicate(posted, folder, repository, commit)
        # Brought predictions have no recipe, which tells two classifiers of one name apart.
        name, who = posted.record["classifier"]["name"], posted.submission.submitter
        if posted.record["recipe"] is None and (name, who) not in seen:
            seen.add((name, who))
            said = [f"{f}/{SUBMISSION_NAME}" for f in folders if f.split("/")[2] == name]
            path = next((path for path in said if path in there), None)
            if path is not None:
                _refuse_name_of_another(name, who, repository.read(path, commit))


def refuse_gaps(
    bundle: Bundle, repository: Repository, there: Mapping[str, StoredFile], commit: str
) -> None:
    """Raise BadInput for a replicate below which another is neither posted nor in the submission.

    Posted records are read only of rows in which the submission itself has a gap.
    """
    records = {f"{one.folder}/{RECORD_NAME}": one.record for one in bundle.records}
    rows = {PurePosixPath(path).parents[1] for path, _ in skipped(records)}
    for folder in posted_folders(there):
        path = f"{folder}/{RECORD_NAME}"
        if PurePosixPath(folder).parent in rows and path not in records:
            record = posted_record(repository, path, commit)
            if record is not None:
                records[path] = record
    found = [(path, message) for path, message in skipped(records) if path not in there]
    if found:
        path, message = found[0]
        more = f" And {len(found) - 1} more." if len(found) > 1 else ""
        raise BadInput(
            f"'{repository.name}' does not take '{PurePosixPath(path).parent}': {message}.{more}",
            hint="Replicates count from 0, and a row without one of them would have no rank. One "
            "in another pull request counts once that is merged.",
        )


def posted_folders(there: Mapping[str, StoredFile]) -> list[str]:
    """Folders of all posted records, sorted."""
    return sorted(str(PurePosixPath(path).parent) for path in there if _is_record(path))


def posted_record(repository: Repository, path: str, commit: str) -> Record | None:
    """The record at ``path``; None if it is none: the repository's own check names it."""
    data = repository.read(path, commit)
    try:
        return check_record(migrate(json.loads(data), f"'{path}'"), f"'{path}'")
    except (ValueError, BadInput):
        return None


def same(data: bytes, stored: StoredFile) -> bool:
    """Whether the Hub has this very content."""
    if stored.sha256 is not None:
        return stored.sha256 == sha256_bytes(data)
    return stored.blob == git_blob(data)


def _refuse_same_replicate(
    posted: Posted, folder: str, repository: Repository, commit: str
) -> None:
    other = posted_record(repository, f"{folder}/{RECORD_NAME}", commit)
    record = posted.record
    if other is not None and series_of(other) == series_of(record):
        raise BadInput(
            f"Replicate {record['replicate']} of {record['configuration']} × "
            f"{record['classifier']['name']} is posted already, with other content, in '{folder}'.",
            hint="What is posted is never overwritten: give the record another --replicate.",
        )


def _refuse_name_of_another(name: str, who: str, said: bytes) -> None:
    try:
        other, _ = parse_submission(said)
    except ValueError:
        return
    if other.submitter != who:
        raise BadInput(
            f"A classifier '{name}' was posted by '{other.submitter}' already; two people's would "
            "be averaged as replicates of one.",
            hint="Score the predictions again under another --classifier-name.",
        )


def _cell(folder: str) -> str:
    """The folder without its digest."""
    return folder.rpartition("-")[0]


def _is_record(path: str) -> bool:
    parts = path.split("/")
    return len(parts) == DEPTH + 1 and parts[-1] == RECORD_NAME
