"""Predictions that somebody posted already: refused before a pull request is opened.

Read are the posted records of the same release and configuration, since a large repository has
thousands of others; and any whose file of predictions has the very bytes of a new one, as the list
of its files tells. Other scores of another configuration or release, and those in pull requests
that are not merged, the repository's own check compares: it has every record on its disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mammo_synth.bench.predictions import align, read_predictions
from mammo_synth.bench.record import Record
from mammo_synth.bench.results import RECORD_NAME, predictions_name
from mammo_synth.bench.truth import TestSet
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.leaderboard.check_copies import PostedScores, copy_of
from mammo_synth.leaderboard.check_evaluations import MAX_BYTES
from mammo_synth.leaderboard.submit_files import Bundle, Posted
from mammo_synth.leaderboard.submit_refusals import posted_folders, posted_record, same
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.hub import Repository, StoredFile

_PREDICTIONS = predictions_name("real_test")
_AT_ONCE = 8


def refuse_copies(
    bundle: Bundle,
    repository: Repository,
    there: Mapping[str, StoredFile],
    commit: str,
    progress: Progress = SILENT,
) -> None:
    """Raise CheckFailed for a new record whose predictions of `real_test` are a posted record's, by
    the rule of `mammo_synth.leaderboard.check_copies`.

    Args:
        bundle: The submission, which is sound in itself.
        repository: Where it is to be posted.
        there: All files of the repository at ``commit``.
        commit: What its main branch stands at.
        progress: Told of each posted record that is read.
    """
    new = [one for one in bundle.records if f"{one.folder}/{RECORD_NAME}" not in there]
    folders = _candidates(bundle, new, there)
    if not folders:
        return
    truths = bundle.test_sets
    scored = (
        _scored(f"{one.folder}/{RECORD_NAME}", one.record, _predictions(bundle, one), truths)
        for one in new
    )
    ours = [one for one in scored if one is not None]
    progress.start("posted records, for copies", len(folders))
    for folder, theirs in _read(repository, folders, commit, truths):
        progress.advance(1, folder)
        if theirs is None:
            continue
        for mine in ours:
            said = copy_of(theirs, mine)
            if said:
                raise CheckFailed(
                    f"The submission does not pass the check, and nothing was posted. "
                    f"{mine.path}: {said}.",
                    hint="A record needs predictions of its own. If those posted are yours, ask "
                    "the maintainers of the repository.",
                )
    progress.finish()


def _candidates(
    bundle: Bundle, new: Sequence[Posted], there: Mapping[str, StoredFile]
) -> list[str]:
    """Folders of posted records that a new one may be a copy of."""
    groups = {_group(one.folder) for one in new}
    written = [_predictions(bundle, one) for one in new]
    found = []
    for folder in posted_folders(there):
        kept = there.get(f"{folder}/{_PREDICTIONS}")
        if kept is None or kept.bytes > MAX_BYTES:
            continue
        if _group(folder) in groups or any(same(data, kept) for data in written):
            found.append(folder)
    return found


def _group(folder: str) -> tuple[str, ...]:
    """Release and configuration of a record's folder."""
    return tuple(folder.split("/")[:2])


def _predictions(bundle: Bundle, one: Posted) -> bytes:
    return bundle.files[f"{one.folder}/{_PREDICTIONS}"]


def _read(
    repository: Repository, folders: Sequence[str], commit: str, truths: Mapping[str, TestSet]
) -> Iterator[tuple[str, PostedScores | None]]:
    """Each posted record with its scores; None where it has other films than the submission or is
    not sound, which the repository's own check says."""

    def read(folder: str) -> PostedScores | None:
        path = f"{folder}/{RECORD_NAME}"
        record = posted_record(repository, path, commit)
        if record is None or record["evaluations"]["real_test"]["test_set"] not in truths:
            return None
        return _scored(path, record, repository.read(f"{folder}/{_PREDICTIONS}", commit), truths)

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        yield from zip(folders, pool.map(read, folders), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _scored(
    path: str, record: Record, predictions: bytes, truths: Mapping[str, TestSet]
) -> PostedScores | None:
    truth = truths[record["evaluations"]["real_test"]["test_set"]]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / _PREDICTIONS
        file.write_bytes(predictions)
        try:
            return PostedScores(path, record, align(read_predictions(file), truth.image_id))
        except BadInput:
            return None
