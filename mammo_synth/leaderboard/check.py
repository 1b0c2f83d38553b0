"""Recompute every number of a RESULTS folder and say each thing that is not so.

A submission comes from a stranger, so nothing in it is believed: form, texts, dates, files and
digests are checked, every number is computed again from the predictions, and predictions are held
against those of every other record. What cannot be told from the folder is whether a classifier
gave these predictions: that takes a second run (`bench reproduce`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mammo_synth.bench.record import Record
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.results import PER_PROCESS, Stored, evaluations_of
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.check_beside import reproduction_problems, submission_problems
from mammo_synth.leaderboard.check_cells import doubled, skipped, taken
from mammo_synth.leaderboard.check_copies import PostedScores, copies
from mammo_synth.leaderboard.check_evaluations import (
    evaluation_problems,
    test_set_problems,
    test_sets_of,
)
from mammo_synth.leaderboard.check_folder import walk
from mammo_synth.leaderboard.check_problem import Checked as Checked
from mammo_synth.leaderboard.check_problem import Found
from mammo_synth.leaderboard.check_problem import Problem as Problem
from mammo_synth.leaderboard.check_record import (
    Stranger,
    date_problems,
    own_problems,
    read_stranger,
)
from mammo_synth.leaderboard.check_releases import (
    RELEASES_NAME,
    Known,
    known_release,
    merged,
    read_releases,
    release_problems,
)
from mammo_synth.leaderboard.tiers import tier_of
from mammo_synth.leaderboard.verified import NOTHING, Verified, key_of
from mammo_synth.processes import map_in_processes
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.folder import Release

NOTHING_KNOWN = (
    f"Releases could not be held against anything: there is no {RELEASES_NAME} in the folder and "
    "no --release was given. So a record may be of a release or a test set that nobody else has."
)


@dataclass(frozen=True)
class _Seen:
    """One record, checked by itself: ``record`` and ``p`` where they could be read, who says to
    have submitted it, and whether every number of it recomputes."""

    path: Path
    name: str
    found: list[Found]
    record: Record | None = None
    p: Floats | None = None
    submitter: str | None = None
    recomputed: bool = False


def check(
    results: Path,
    progress: Progress = SILENT,
    *,
    releases: Sequence[Path] = (),
    now: str | None = None,
    verified: Verified = NOTHING,
) -> Checked:
    """Recompute every number of every record below ``results`` from its predictions.

    Unlike `load.load` this goes on after a problem, and lists each, with a code of
    `check_problem.CODES`. Of 20 records or more, processes of their own are started: a script that
    calls this does so below ``if __name__ == "__main__":``, since each of them imports it.

    Args:
        results: The folder, or a clone of a repository of results.
        progress: Receives progress.
        releases: Folders of releases that records may be of, beside those in the folder's
            `releases.json`. With neither, that is said in a note and nothing is held against them.
        now: The time, UTC, ``2026-01-31T12:00:00Z``; None leaves dates of the future out.
        verified: Records whose numbers were recomputed before and whose files are the same, by
            their digests, are not resampled again; those that are sound now are noted there, one
            by one, so that a check that was interrupted goes on.

    Raises:
        BadInput: There is no folder or no record in it; or ``releases`` holds no release.
    """
    walked = walk(results)
    problems = list(walked.problems)
    if not walked.records and all(problem.code == "stray-file" for problem in problems):
        raise BadInput(
            f"There is no record in '{results}'.",
            hint="`mammo-synth bench run` and `bench grid` write them (--out).",
        )
    digests = {path: sha256_file(path) for path in walked.records}
    strangers = {path: read_stranger(path) for path in walked.records}
    keys = {
        path: key_of(one.record, digests[path])
        for path, one in strangers.items()
        if one.record is not None
    }
    before = {path for path, key in keys.items() if verified.knows(key)}
    records = [one.record for one in strangers.values() if one.record is not None]
    known: Known = {}
    notes: list[str] = []
    try:
        known = _known(results, releases, records)
    except _BadList as error:
        problems.append(Problem(RELEASES_NAME, error.message, "releases-invalid"))
    else:
        notes += [] if known else [NOTHING_KNOWN]
    progress.start("records", len(strangers))
    seen = []
    judge = partial(_judged, results, known, now, before)
    for one in map_in_processes(judge, list(strangers.items()), each=PER_PROCESS):
        seen.append(one)
        if one.recomputed and one.path not in before:
            verified.remember_unedited(keys[one.path], one.path, digests[one.path])
        progress.advance(1, PurePosixPath(one.name).parent.as_posix())
    progress.finish()
    for one in seen:
        problems += [Problem(one.name, message, code) for code, message in one.found]
    problems += _together(seen, known)
    used = {digest for record in records for digest in test_sets_of(record)}
    problems += [Problem(*one) for one in test_set_problems(results, used)]
    bad = {problem.path for problem in problems}
    tiers = {
        one.name: tier_of(one.path.parent, recomputed=one.name not in bad)
        for one in seen
        if one.record is not None
    }
    return Checked(len(seen), tuple(problems), tuple(notes), tiers, len(before))


class _BadList(BadInput):
    """The folder's own list of releases cannot be used."""


def _known(results: Path, releases: Sequence[Path], records: Sequence[Record]) -> Known:
    opened = [Release.open(folder) for folder in releases]
    configurations: dict[str, set[str]] = {}
    for record in records:
        digest = record["release"]["sha256"]
        configurations.setdefault(digest, set()).add(record["configuration"])
    folders = {
        one.sha256: known_release(one, sorted(configurations.get(one.sha256, ()))) for one in opened
    }
    path = results / RELEASES_NAME
    if not path.exists() and not path.is_symlink():
        return folders
    try:
        listed = read_releases(path)
        return merged(listed, folders)
    except BadInput as error:
        raise _BadList(error.message, hint=error.hint) from error


def _judged(
    results: Path,
    known: Known,
    now: str | None,
    before: Collection[Path],
    item: tuple[Path, Stranger],
) -> _Seen:
    """One record by itself; never fails."""
    path, stranger = item
    name = path.relative_to(results).as_posix()
    one = _Seen(path, name, list(stranger.problems), stranger.record)
    if stranger.record is not None:
        try:
            one = _checked(results, one, stranger.record, known, now, path in before)
        except Exception as error:  # what a stranger's file can do is not foreseen in full
            message = f"it cannot be checked ({type(error).__name__}: {error})"
            one.found.append(("not-checkable", message))
    if stranger.edited is not None and not one.found:
        # With a number that differs it is clear what was edited.
        one.found.append(stranger.edited)
    return one


def _checked(
    results: Path, one: _Seen, record: Record, known: Known, now: str | None, before: bool
) -> _Seen:
    stored = Stored(one.path, record)
    release = known.get(record["release"]["sha256"])
    found = one.found
    found += date_problems(record, release.released if release else None, now)
    found += own_problems(results, stored)
    found += release_problems(record, known)
    numbers, p = evaluation_problems(results, stored, numbers=not before)
    found += numbers
    wrong, submission = submission_problems(one.path.parent)
    found += wrong
    if p is not None and not numbers:
        found += reproduction_problems(results, stored, p, submission, now)
    who = submission.submitter if submission is not None else None
    return _Seen(one.path, one.name, found, record, p, who, not numbers)


def _together(seen: Sequence[_Seen], known: Known) -> list[Problem]:
    """What only all records together tell: copies, records that do not fit beside the others, and
    releases of which they say two things."""
    posted = [
        PostedScores(one.name, one.record, one.p)
        for one in seen
        if one.record is not None
        and one.p is not None
        and all(code != "misplaced" for code, _ in one.found)  # a copied file, named already
    ]
    problems = [Problem(path, message, "predictions-copied") for path, message in copies(posted)]
    copied = {problem.path for problem in problems}
    problems += [
        Problem(path, message, "replicate-twice")
        for path, message in doubled({one.path: one.record for one in posted})
        if path not in copied
    ]
    records = {one.name: one.record for one in seen if one.record is not None}
    problems += [Problem(path, message, "replicate-skipped") for path, message in skipped(records)]
    submitters = {one.name: one.submitter for one in seen}
    problems += [
        Problem(path, message, "name-taken") for path, message in taken(records, submitters)
    ]
    said: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in seen:
        if one.record is None or one.record["release"]["sha256"] in known:
            continue
        release = one.record["release"]
        for split, evaluation in evaluations_of(one.record).items():
            which = "" if split == "real_test" else f" of {one.record['configuration']}"
            key = (release["sha256"], f"{split}{which}")
            said.setdefault(key, []).append((one.name, evaluation["test_set"]))
        facts = {name: value for name, value in release.items() if name != "revision"}
        said.setdefault((release["sha256"], "facts"), []).append((one.name, repr(facts)))
    for (sha256, what), entries in said.items():
        counts = Counter(value for _, value in entries)
        if len(counts) < 2:
            continue
        usual = max(counts.values())
        most = [value for value, times in counts.items() if times == usual]
        for name, value in entries:
            if len(most) == 1 and value == most[0]:
                continue
            if what == "facts":
                message = f"it says other things of the release {sha256[:12]}... than other records"
                problems.append(Problem(name, message, "release-differs"))
            else:
                message = (
                    f"its test set {what} is {value[:12]}..., and other records of the release "
                    f"{sha256[:12]}... have another"
                )
                problems.append(Problem(name, message, "test-set-unknown"))
    return problems
