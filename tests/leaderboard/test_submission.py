"""What a submitter says of a record: what is taken, what is refused, and which record it is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file, write_json
from mammo_synth.leaderboard.submission import (
    OPTIONS,
    Submission,
    document,
    make_submission,
    problem_of,
    read_submission,
    submission_of,
)

CODE = "https://example.org/lab/code"
GOOD: dict[str, str | None] = {
    "submitter": "Grupo de Imagen, José & Cía.",
    "code": CODE,
    "weights": "http://example.org:8080/weights.safetensors?raw=1#top",
    "other_mammograms": "12,000 films of our own hospital (2010-2014)",
}


def test_sound_facts_are_taken() -> None:
    assert make_submission(**GOOD) == Submission(**GOOD)  # type: ignore[arg-type]
    said = make_submission(" My Lab ", CODE, "None", "NONE")
    assert said == Submission("My Lab", CODE, None, None)


@pytest.mark.parametrize(
    ("field", "answer", "why"),
    [
        ("submitter", "", "empty"),
        ("submitter", " \t ", "empty"),
        ("submitter", "x" * 81, "81 characters"),
        ("submitter", "<b>Lab</b>", "HTML"),
        ("submitter", "Lab <script>alert(1)</script>", "HTML"),
        ("submitter", "&lt;script&gt;", "HTML"),
        ("submitter", "&#60;img", "HTML"),
        ("submitter", "javascript:alert(1)", "HTML or script"),
        ("submitter", "two\nlines", "cannot be seen"),
        ("submitter", "two\u2028lines", "cannot be seen"),
        ("submitter", "Lab\x00", "cannot be seen"),
        ("submitter", "Lab \u202egnp.exe", "cannot be seen"),
        ("submitter", "---", "no letter"),
        ("submitter", "hf_" + "a1" * 17, "access token"),
        ("code", "none", "not an http"),
        ("code", "example.org/code", "not an http"),
        ("code", "ftp://example.org/code", "not an http"),
        ("code", "javascript:alert(1)", "not an http"),
        ("code", "data:text/html,hi", "not an http"),
        ("code", "https://", "not an http"),
        ("code", "https:///path", "not an http"),
        ("code", "https://example.org/a b", "not an http"),
        ("code", 'https://example.org/"onclick=', "not an http"),
        ("code", "https://example.org/<b>", "not an http"),
        ("code", "https://user:secret@example.org/x", "not an http"),
        ("code", "https://example.org:port/", "not an http"),
        ("code", "https://exämple.org/", "not an http"),
        ("code", "https://example.org/" + "x" * 300, "320 characters"),
        ("code", "https://example.org/?token=hf_" + "a1" * 17, "access token"),
        ("weights", "file:///home/me/weights.h5", "not an http"),
        ("weights", "/home/me/weights.h5", "not an http"),
        ("other_mammograms", "x" * 501, "501 characters"),
        ("other_mammograms", "<img src=x>", "HTML"),
    ],
)
def test_bad_facts_are_refused_by_the_name_of_their_option(
    field: str, answer: str, why: str
) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        make_submission(**{**GOOD, field: answer})
    assert OPTIONS[field] in caught.value.message


def test_every_missing_option_is_named() -> None:
    with pytest.raises(BadInput, match=r"--code, --weights-link, --other-mammograms are missing"):
        make_submission("My Lab", None, None, None)


@given(st.text(max_size=120))
def test_what_is_taken_has_no_markup_and_is_read_back(answer: str) -> None:
    if problem_of("submitter", answer) is not None:
        return
    said = make_submission(answer, CODE, "none", "none")
    assert not set(said.submitter) & set("<>\n\r\0")
    assert 0 < len(said.submitter) <= 80


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A record's folder with a sound submission."""
    (tmp_path / "record.json").write_text("{}")
    put(tmp_path)
    return tmp_path


def put(folder: Path, **changes: Any) -> None:
    value = document(make_submission(**GOOD), sha256_file(folder / "record.json"))
    write_json(folder / "submission.json", {**value, **changes})


def test_it_is_read_back(folder: Path) -> None:
    assert submission_of(folder) == make_submission(**GOOD)
    _, record = read_submission(folder / "submission.json")
    assert record == sha256_file(folder / "record.json")


def test_nobody_submitted_it(tmp_path: Path) -> None:
    assert submission_of(tmp_path) is None


def test_it_is_of_this_record_only(folder: Path) -> None:
    (folder / "record.json").write_text("{ }")
    with pytest.raises(BadInput, match="about another record"):
        submission_of(folder)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "mammo-synth/submission/2"}, "at format"),
        ({"record": "abc"}, "at record"),
        ({"submitter": None}, "at submitter"),
        ({"submitter": "<script>"}, "at submitter"),
        ({"submitter": "x" * 81}, "at submitter"),
        ({"submitter": " My Lab"}, "is not written as"),
        ({"submitter": "Lab \u202egnp"}, "cannot be seen"),
        ({"submitter": "&lt;b&gt;"}, "HTML"),
        ({"code": None}, "at code"),
        ({"code": "javascript:alert(1)"}, "at code"),
        ({"code": "https://u:p@example.org"}, "not an http"),
        ({"weights": "data:,x"}, "at weights"),
        ({"weights": "none"}, "at weights"),
        ({"other_mammograms": ""}, "at other_mammograms"),
        ({"other_mammograms": "none"}, "is not written as"),
        ({"extra": 1}, "at the top"),
    ],
)
def test_edited_facts_are_refused(folder: Path, changes: dict[str, Any], why: str) -> None:
    put(folder, **changes)
    with pytest.raises(BadInput, match=why) as caught:
        submission_of(folder)
    assert "submission.json" in caught.value.message


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "[" * 5000, '"x"', " " * 30_000])
def test_broken_files_are_refused(folder: Path, content: str) -> None:
    (folder / "submission.json").write_text(content)
    with pytest.raises(BadInput, match=r"submission\.json"):
        submission_of(folder)


def test_a_schema_follows_the_draft() -> None:
    from jsonschema import Draft202012Validator

    import mammo_synth.leaderboard.submission as module

    path = Path(module.__file__).with_name("submission.schema.json")
    Draft202012Validator.check_schema(json.loads(path.read_text("utf-8")))
