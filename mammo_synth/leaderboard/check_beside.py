"""What may lie beside a record: its submission, and a reproduction, recomputed from its scores."""

from __future__ import annotations

from pathlib import Path

from mammo_synth.bench.predictions import align
from mammo_synth.bench.reproduction import (
    REPRODUCTION_NAME,
    Reproduction,
    agreement,
    read_reproduction,
)
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.results import TEST_SETS, Stored, json_differences
from mammo_synth.bench.truth import read_test_set
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.check_evaluations import id_problems, predictions_problems
from mammo_synth.leaderboard.check_problem import Found
from mammo_synth.leaderboard.check_text import moment, read_value, text_problems
from mammo_synth.leaderboard.submission import SUBMISSION_NAME, Submission, submission_of


def submission_problems(folder: Path) -> tuple[list[Found], Submission | None]:
    """What is wrong with the submission in a record's folder, and what it says if nothing is."""
    path = folder / SUBMISSION_NAME
    if not path.is_file() or path.is_symlink():
        return [], None
    found = _texts(path, "submission-invalid")
    if found:
        return found, None
    try:
        return [], submission_of(folder)
    except BadInput as error:
        return [("submission-invalid", error.message)], None


def reproduction_problems(
    results: Path, stored: Stored, p: Floats, submission: Submission | None, now: str | None
) -> list[Found]:
    """What is wrong with the reproduction in a record's folder.

    Args:
        results: The folder of results.
        stored: A record whose own files are sound.
        p: float64 [n], its scores of `real_test`.
        submission: What its submitter says.
        now: The time, UTC.
    """
    folder = stored.path.parent
    path = folder / REPRODUCTION_NAME
    if not path.is_file() or path.is_symlink():
        return []
    problems = _texts(path, "reproduction-invalid")
    if problems:
        return problems
    try:
        found = read_reproduction(path)
    except BadInput as error:
        return [("reproduction-invalid", error.message)]
    problems = _words(found, stored, submission, now)
    kept = found["predictions"]
    wrong, predictions = predictions_problems(folder / kept["file"], kept["sha256"])
    problems += [("reproduction-invalid", message) for _, message in wrong]
    digest = stored.record["evaluations"]["real_test"]["test_set"]
    truth = read_test_set(results / TEST_SETS, digest)
    if predictions is not None:
        wrong = id_problems(predictions, truth.image_id, "reproduction")
        problems += [("reproduction-invalid", message) for _, message in wrong]
    if problems or predictions is None:
        return problems
    again = agreement(
        truth.label,
        truth.patients,
        p,
        align(predictions, truth.image_id),
        found["thresholds"],
        resamples=found["agreement"]["resamples"],
    )
    differ = json_differences("agreement", found["agreement"], again)
    return [("reproduction-differs", message) for message in differ]


def _words(
    found: Reproduction, stored: Stored, submission: Submission | None, now: str | None
) -> list[Found]:
    """What a reproduction says of itself that cannot be."""
    messages = []
    if stored.record["recipe"] is None:
        messages.append("the record is of brought predictions, which nobody can run again")
    if found["record"]["sha256"] != sha256_file(stored.path):
        messages.append("it is of another record than the one beside it")
    when, today = moment(found["when"]), moment(now) if now is not None else None
    if when is None or found["when"] < stored.record["created"]:
        messages.append(f"its time is {found['when']} and the record's {stored.record['created']}")
    elif today is not None and (when - today).total_seconds() > 3600:
        messages.append(f"its time is {found['when']}, which is in the future: it is {now}")
    if found["thresholds"]["recorded"] != stored.record["operating_point"]["threshold"]:
        messages.append("its thresholds.recorded is not the record's")
    if submission is not None and _same(found["who"], submission.submitter):
        messages.append("it is by the submitter; somebody else must reproduce a record")
    return [("reproduction-invalid", message) for message in messages]


def _same(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()


def _texts(path: Path, code: str) -> list[Found]:
    value, problems = read_value(path)
    if not problems:
        problems = text_problems(value)[0]
    return [(code if found == "schema" else found, message) for found, message in problems]
