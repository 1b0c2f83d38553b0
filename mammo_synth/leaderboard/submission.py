"""What the submitter of a record says of it: `submission.json` beside `record.json`.

It cannot be recomputed, so the page shows it as said and ranks on nothing of it. Strangers write
it: text is one short line without HTML, links are http(s), and it names the record it is about.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mammo_synth.bench.results import RECORD_NAME
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.schema import first_problem

SUBMISSION_NAME = "submission.json"
FORMAT = "mammo-synth/submission/1"
NONE = "none"
"""The answer for weights that are not published, or when no other mammograms were trained on."""

SUBMITTER, CODE, WEIGHTS, OTHER = "submitter", "code", "weights", "other_mammograms"
OPTIONS = {
    SUBMITTER: "--submitter",
    CODE: "--code",
    WEIGHTS: "--weights-link",
    OTHER: "--other-mammograms",
}
"""Field → option of the command line."""
QUESTIONS = {
    SUBMITTER: "Name of the submitter, as the leaderboard shows it",
    CODE: "Link to the code (https://...)",
    WEIGHTS: "Link to the weights (https://..., or 'none' if they are not published)",
    OTHER: "Other mammograms trained on, beside those of the configuration (or 'none')",
}
"""Field → what is asked, in the order of asking."""

MAX_LENGTH = {SUBMITTER: 80, CODE: 300, WEIGHTS: 300, OTHER: 500}
MAX_BYTES = 20_000

_HTML = re.compile(r"[<>]|&#?\w+;|(?:java|vb)script:", re.IGNORECASE)
_LINK = re.compile(r"https?://[!-~]+")
_NOT_IN_LINKS = re.compile(r"[\"'`\\<>{}|^]")
_TOKEN = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\bgh[a-z]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bsk-[\w-]{20,}"
)


@dataclass(frozen=True)
class Submission:
    """The submitter's facts, as `make_submission` checked them.

    Attributes:
        submitter: A name, at most 80 characters.
        code: http(s) link to the code.
        weights: http(s) link to the weights; None: not published.
        other_mammograms: What was trained on beside the films of the configuration; None: nothing.
    """

    submitter: str
    code: str
    weights: str | None
    other_mammograms: str | None


def problem_of(field: str, answer: str) -> str | None:
    """What is wrong with the ``answer`` to one of `QUESTIONS`, as the end of a sentence; None if
    nothing is."""
    text = _clean(answer)
    if not text:
        return "is empty"
    if len(text) > MAX_LENGTH[field]:
        return f"has {len(text)} characters; at most {MAX_LENGTH[field]} are taken"
    if holds_token(text):
        return "holds what looks like an access token"
    if field in (CODE, WEIGHTS):
        if field == WEIGHTS and text.lower() == NONE:
            return None
        return None if _is_link(text) else "is not an http:// or https:// link"
    # Controls, line ends, and marks that turn the direction of the text around them.
    if any(unicodedata.category(mark)[0] == "C" or mark in "\u2028\u2029" for mark in text):
        return "holds characters that cannot be seen"
    if _HTML.search(text):
        return "holds HTML or script, and plain text was expected"
    if not any(mark.isalnum() for mark in text):
        return "has no letter or digit"
    return None


def make_submission(
    submitter: str | None, code: str | None, weights: str | None, other_mammograms: str | None
) -> Submission:
    """The submitter's facts from the four answers; ``none`` stands for no weights and no other
    mammograms.

    Raises:
        BadInput: Answers are missing or cannot be taken; names every option.
    """
    answers = {SUBMITTER: submitter, CODE: code, WEIGHTS: weights, OTHER: other_mammograms}
    missing = [OPTIONS[field] for field, answer in answers.items() if answer is None]
    if missing:
        raise BadInput(
            f"A submission says who it is from, where code and weights are, and which other "
            f"mammograms were trained on; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing.",
            hint="For example: --submitter 'My Lab' --code https://example.org/code "
            "--weights-link none --other-mammograms none",
        )
    given = {field: answer for field, answer in answers.items() if answer is not None}
    found = {field: problem_of(field, answer) for field, answer in given.items()}
    problems = [f"{OPTIONS[field]} {problem}" for field, problem in found.items() if problem]
    if problems:
        raise BadInput(
            f"These facts of a submission cannot be taken: {'; '.join(problems)}.",
            hint="Names and descriptions are one line of plain text, links begin with https://.",
        )
    text = {field: _clean(answer) for field, answer in given.items()}
    return Submission(
        text[SUBMITTER],
        text[CODE],
        None if text[WEIGHTS].lower() == NONE else text[WEIGHTS],
        None if text[OTHER].lower() == NONE else text[OTHER],
    )


def document(submission: Submission, record_sha256: str) -> dict[str, Any]:
    """`submission.json` of a record as JSON values. It has no date: posted again it is the same."""
    return {"format": FORMAT, "record": record_sha256, **asdict(submission)}


def submission_of(folder: Path) -> Submission | None:
    """What the submitter says of the record in ``folder``; None where nobody submitted it.

    Raises:
        BadInput: `submission.json` is invalid, or about another record. Names the file.
    """
    path = folder / SUBMISSION_NAME
    if not path.is_file():
        return None
    submission, record = read_submission(path)
    if record != sha256_file(folder / RECORD_NAME):
        raise BadInput(
            f"'{path}' is about another record than the {RECORD_NAME} beside it.",
            hint="Restore both files, or submit the record again.",
        )
    return submission


def read_submission(path: Path) -> tuple[Submission, str]:
    """The facts of one `submission.json`, and the sha256 of the record that it is about.

    Raises:
        BadInput: It is too large, no JSON, does not follow the schema, or holds HTML, script, a
            token or another link than http(s).
    """
    if path.stat().st_size > MAX_BYTES:
        raise _invalid(path, f"it has more than {MAX_BYTES} bytes")
    try:
        return parse_submission(path.read_bytes())
    except ValueError as error:
        raise _invalid(path, str(error)) from error


def parse_submission(data: bytes) -> tuple[Submission, str]:
    """As `read_submission`, from the bytes of a file; ValueError says what is wrong."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    wrong = first_problem(_validator(), value, 200)
    if wrong is not None:
        raise ValueError(wrong)
    answers = {field: value[field] for field in OPTIONS}
    for field, answer in answers.items():
        if answer is None:
            continue
        problem = problem_of(field, answer)
        if problem is None and (answer != _clean(answer) or answer.lower() == NONE):
            problem = "is not written as `mammo-synth leaderboard submit` writes it"
        if problem is not None:
            raise ValueError(f"{field} {problem}")
    return Submission(**answers), value["record"]


def holds_token(text: str) -> bool:
    """Whether there is something in ``text`` that looks like an access token."""
    return _TOKEN.search(text) is not None


def _clean(answer: str) -> str:
    return unicodedata.normalize("NFC", answer).strip()


def _is_link(text: str) -> bool:
    if not _LINK.fullmatch(text) or _NOT_IN_LINKS.search(text):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port  # ValueError where it is none
    except ValueError:
        return False
    host = parts.hostname or ""
    # A name before the host would be a password, or a host that only looks like the link's.
    return "@" not in parts.netloc and any(mark.isalnum() for mark in host)


def _invalid(path: Path, why: str) -> BadInput:
    return BadInput(
        f"'{path}' is not what a submitter says of a record: {why}.",
        hint=f"It should follow mammo_synth/leaderboard/submission.schema.json ({FORMAT}).",
    )


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    schema = Path(__file__).with_name("submission.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(schema))
