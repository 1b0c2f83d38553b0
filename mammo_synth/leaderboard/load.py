"""Read a RESULTS folder into verified runs. Nothing is taken on trust and nothing is dropped.

Every record is recomputed from the predictions and the truth beside it before it may be shown;
one that differs stops the rendering, with its file named. How much is recomputed:

- always: schema, place, digests of record, predictions and test sets, counts, confusion, every
  point metric of record and subgroups (`mammo_synth.bench.quick_check`). The intervals of a row
  are the leaderboard's own, resampled from the predictions at each rendering;
- in full: the stored intervals too, ten thousand resamples for each metric and subgroup. That was
  done before (`mammo_synth.leaderboard.verified` remembers it by digests), or is done now.

A record that was not verified in full says so (`Run.verified`), its subgroups are shown without
their intervals, and every form of the leaderboard tells how many there are: no number is shown
that was not recomputed. So 500 new records can be rendered at once, and `leaderboard check`
verifies them in full in its own time.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

from mammo_synth.bench.quick_check import Found, QuickCheck
from mammo_synth.bench.record import Evaluation, read_record
from mammo_synth.bench.reproduction import reproduction_of
from mammo_synth.bench.results import (
    NOT_RECORDS,
    PER_PROCESS,
    RECORD_NAME,
    Stored,
    contradictions,
    number_differences,
    record_paths,
)
from mammo_synth.errors import BadInput, MammoSynthError
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.check_beside import reproduction_problems
from mammo_synth.leaderboard.model import Run, Scored
from mammo_synth.leaderboard.submission import Submission, submission_of
from mammo_synth.leaderboard.tiers import tier_of
from mammo_synth.leaderboard.verified import NOTHING, Verified, key_of
from mammo_synth.processes import map_in_processes
from mammo_synth.progress import SILENT, Progress

_SHOWN = 3
FULL_AT_MOST = 25
"""So many records that were never verified in full are verified in full without being asked."""


def load(
    results: Path,
    progress: Progress = SILENT,
    *,
    full: bool | None = None,
    verified: Verified = NOTHING,
) -> tuple[Run, ...]:
    """All runs below ``results``, each recomputed from its predictions.

    To verify 20 records or more in full, processes of their own are started: a script that calls
    this does so below ``if __name__ == "__main__":``, since each of them imports it.

    Args:
        results: A RESULTS folder, or a clone of a repository of results.
        progress: Told of every record.
        full: Whether to verify in full the records that never were; None: if there are
            `FULL_AT_MOST` or fewer.
        verified: What was verified in full before; what is verified now is noted there.

    Raises:
        BadInput: No folder, no record, a record that is invalid, misplaced or does not recompute,
            predictions or test sets that are missing or changed. Names the file.
    """
    digests = [(path, sha256_file(path)) for path in record_files(results)]
    every = [(Stored(path, read_record(path)), sha256) for path, sha256 in digests]
    keys = [key_of(stored.record, sha256) for stored, sha256 in every]
    known = [verified.knows(key) for key in keys]
    if full is None:
        full = known.count(False) <= FULL_AT_MOST
    progress.start("records", len(every))
    quick = QuickCheck(results)
    found = []
    for (stored, _), before in zip(every, known, strict=True):
        submission = submission_of(stored.path.parent)
        found.append((_checked(results, stored, quick, submission), submission))
        if before or not full:
            progress.advance(1, _name(results, stored))
    if full:
        new = [
            (*one, key) for one, key, before in zip(every, keys, known, strict=True) if not before
        ]
        differences = map_in_processes(
            partial(_differences, results), [stored for stored, _, _ in new], each=PER_PROCESS
        )
        for (stored, sha256, key), problems in zip(new, differences, strict=True):
            _refuse(stored, problems)
            verified.remember_unedited(key, stored.path, sha256)
            progress.advance(1, _name(results, stored))
    progress.finish()
    return tuple(
        _run(results, stored, sha256, one, submission, before or full)
        for (stored, sha256), (one, submission), before in zip(every, found, known, strict=True)
    )


def _checked(
    results: Path, stored: Stored, quick: QuickCheck, submission: Submission | None
) -> dict[str, Found]:
    """The evaluations of a record, of which all but stored intervals was recomputed.

    Raises:
        BadInput: Something in it is not so.
    """
    problems = [message for _, message in contradictions(results, stored)]
    found: dict[str, Found] = {}
    try:
        found, wrong = quick.check(stored)
        problems += wrong
        if not problems:
            scores = found["real_test"].p
            unsound = reproduction_problems(results, stored, scores, submission, None)
            problems += [message for _, message in unsound]
    except MammoSynthError as error:
        problems.append(error.message)
    _refuse(stored, problems)
    return found


def _differences(results: Path, stored: Stored) -> list[str]:
    """What of a record does not recompute, intervals included: in words, which can come back from
    another process."""
    try:
        return number_differences(results, stored)
    except MammoSynthError as error:
        return [error.message]


def _refuse(stored: Stored, problems: list[str]) -> None:
    if problems:
        raise BadInput(
            f"'{stored.path}' cannot stand on a leaderboard: {_listed(problems)}.",
            hint="Restore the file or run the cell again; "
            "`mammo-synth leaderboard check` lists every problem of a folder.",
        )


def _name(results: Path, stored: Stored) -> str:
    return stored.path.parent.relative_to(results).as_posix()


def record_files(results: Path) -> list[Path]:
    """Paths of all records below ``results``, sorted.

    Raises:
        BadInput: No folder, no record in it, or a record where none belongs, which reading by
            the layout would drop without a word.
    """
    paths = record_paths(results)
    stray = sorted(
        path
        for path in set(results.rglob(RECORD_NAME)) - set(paths)
        if path.relative_to(results).parts[0] not in NOT_RECORDS
    )
    if stray:
        raise BadInput(
            f"'{stray[0]}' is a record outside the layout of a results folder"
            + (f" ({len(stray)} in all)." if len(stray) > 1 else "."),
            hint="Records lie in RELEASE/CONFIGURATION/CLASSIFIER/replicate-K/.",
        )
    if not paths:
        raise BadInput(
            f"There is no record in '{results}'.",
            hint="`mammo-synth bench run` and `bench grid` write them (--out).",
        )
    return paths


def _listed(problems: list[str]) -> str:
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more


def _run(
    results: Path,
    stored: Stored,
    sha256: str,
    found: dict[str, Found],
    submission: Submission | None,
    verified: bool,
) -> Run:
    evaluations = cast("dict[str, Evaluation]", stored.record["evaluations"])
    scored = {
        split: Scored(
            digest=evaluations[split]["test_set"],
            label=one.truth.label,
            p=one.p,
            patients=one.truth.patients,
            threshold=stored.record["operating_point"]["threshold"],
            metrics=one.metrics,
            confusion=one.confusion,
        )
        for split, one in found.items()
    }
    return Run(
        record=stored.record,
        path=stored.path.relative_to(results).as_posix(),
        sha256=sha256,
        scored=scored,
        submission=submission,
        verified=verified,
        tier=tier_of(stored.path.parent, recomputed=verified),
        reproduction=reproduction_of(stored.path.parent),
    )
