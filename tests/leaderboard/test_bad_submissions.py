"""Planted bad submissions: each is refused for its own reason, by code and by message."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mammo_synth.bench.record import read_record
from mammo_synth.bench.results import posted_folder
from mammo_synth.bench.truth import write_test_set
from mammo_synth.cli.leaderboard import app
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file, write_json
from mammo_synth.leaderboard.check import NOTHING_KNOWN, Checked, check
from mammo_synth.leaderboard.check_folder import STATE_ENDINGS
from mammo_synth.leaderboard.check_problem import CODES
from mammo_synth.leaderboard.check_releases import (
    RELEASES_NAME,
    read_releases,
    write_releases,
)
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.tiers import Tier
from tests.leaderboard.bad_submissions import ALSO, BAD, Bad
from tests.leaderboard.board_factory import Cell, write_cell
from tests.leaderboard.plants import (
    CONFIGURATION,
    NOW,
    OTHER,
    REVISION,
    WORLD,
    better_and_new_digest,
    known,
    place,
    post,
    put,
    submitted,
    the_record,
)

runner = CliRunner()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results repository of one record and its list of releases; do not write to it."""
    results = tmp_path_factory.mktemp("sound") / "results"
    write_cell(results, WORLD, Cell(CONFIGURATION))
    write_releases(results / RELEASES_NAME, {WORLD.sha256: known()})
    return results


@pytest.fixture
def results(sound: Path, tmp_path: Path) -> Path:
    """A copy of `sound` to plant something in."""
    return Path(shutil.copytree(sound, tmp_path / "results"))


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.what)
def test_a_bad_submission_is_refused_for_its_own_reason(bad: Bad, results: Path) -> None:
    bad.plant(results)
    found = check(results, now=NOW)
    assert {problem.code for problem in found.problems} - ALSO.get(bad.what, set()) == {bad.code}
    messages = [problem.message for problem in found.problems if problem.code == bad.code]
    assert any(bad.words in message for message in messages), messages
    for problem in found.problems:
        text = problem.path + problem.message
        assert all(mark.isprintable() for mark in text), "what is shown cannot act on a terminal"
    assert not {Tier.RECOMPUTED, Tier.REPRODUCED} & {
        (found.tiers or {}).get(problem.path) for problem in found.problems
    }


def test_every_code_is_planted_or_said_elsewhere() -> None:
    elsewhere = {"reproduction-invalid", "reproduction-differs", "not-checkable"}
    assert {bad.code for bad in BAD} | elsewhere == set(CODES)
    assert len({bad.what for bad in BAD}) == len(BAD) >= 30


def test_a_sound_submission_is_accepted(results: Path) -> None:
    put("release", "revision", value=REVISION)(results)
    submitted()(results)
    write_cell(results, WORLD, Cell(CONFIGURATION, "my-densenet", brought=True, weights="none"))
    # Honest classifiers can coincide where scores have few values.
    for name in ("prior", "always-normal"):
        write_cell(results, WORLD, Cell(CONFIGURATION, name, scores=lambda t: 0.3 + 0 * t.label))
    found = check(results, now=NOW)
    assert found.problems == ()
    assert found.records == 4
    assert found.notes == ()
    assert set((found.tiers or {}).values()) == {Tier.RECOMPUTED}


def test_a_posted_record_is_accepted(results: Path) -> None:
    old = the_record(results).parent
    old.rename(posted_folder(old, sha256_file(old / "record.json")))
    assert check(results, now=NOW).sound


def test_what_a_local_folder_holds_is_no_stray_file(results: Path) -> None:
    """A clone, and a folder in which cells are being measured."""
    cell = the_record(results).parent.with_name("replicate-1").relative_to(results)
    for path in (
        *(
            "README.md",
            "LICENSE",
            ".gitattributes",
            ".git/hooks/x.html",
            ".cache/lock",
            ".DS_Store",
        ),
        *(".runs/any.html", ".writing-abc123", "test-sets/.writing-abc123"),
        *(f"{cell}/.lock", f"{cell}/training-state.safetensors", f"{cell}/.writing-a_1"),
        *(f"{cell}/training-state-own-0123456789abcdef.keras", f"{cell}/predictions-test.parquet"),
        f"{cell}/training-state-own-0123456789abcde0/variables/v.data-00000-of-00001",
        f"{cell}/training-state-own-0123456789abcde0/checkpoint",
        f"{cell}/training-state-own-0123456789abcde0/saved_model.pb",
        f"{cell}/training-state-own-0123456789abcdef.ubj",
    ):
        place(path, "x")(results)
    write_test_set(results / "test-sets", WORLD.own_test("50-50-95syn"))  # of no record
    assert check(results, now=NOW).problems == ()


def test_the_guide_names_the_endings_of_a_state() -> None:
    guide = (Path(__file__).parents[2] / "benchmarks/classifiers.md").read_text("utf-8")
    (line,) = re.findall(r"have an ending: (.*?), or TensorFlow", guide, re.DOTALL)
    assert re.findall(r"`\.(\w+)`", line) == list(STATE_ENDINGS)


def test_records_of_a_cache_are_no_records(results: Path) -> None:
    for name in (".cache", ".runs", ".git"):
        shutil.copytree(the_record(results).parent, results / name / "a/b/replicate-0")
        shutil.copytree(the_record(results).parent, results / name / "a/b/c/replicate-0")
    assert check(results, now=NOW).problems == ()
    assert len(load(results)) == check(results, now=NOW).records == 1
    # Any other folder is looked into, hidden or not: nothing is dropped without a word.
    shutil.copytree(the_record(results).parent, results / ".hidden/a/b/replicate-0")
    problems = check(results, now=NOW).problems
    assert {problem.path.split("/")[0] for problem in problems} == {".hidden"}
    with pytest.raises(BadInput, match="outside the layout"):
        load(results)


def test_replicates_of_a_row_are_posted_without_a_gap(results: Path, tmp_path: Path) -> None:
    def posted(replicate: int, **facts: Any) -> list[tuple[str, str]]:
        made = Cell(CONFIGURATION, replicate=replicate, **facts)
        post(results, made, tmp_path / str(len(list(tmp_path.iterdir()))))
        problems = check(results, now=NOW).problems
        return [(problem.code, problem.path.split("/")[3][:11]) for problem in problems]

    assert posted(2) == [("replicate-skipped", "replicate-2")]
    assert posted(1) == []
    assert posted(4) == [("replicate-skipped", "replicate-4")]
    # Another recipe is another row, and has replicates of its own.
    assert posted(3, settings={"batch": 32}) == [
        ("replicate-skipped", "replicate-3"),
        ("replicate-skipped", "replicate-4"),
    ]
    write_cell(results, WORLD, Cell(CONFIGURATION, replicate=9))
    skipped = {one.path.split("/")[3] for one in check(results, now=NOW).problems}
    assert "replicate-9" not in skipped, "a folder of one's own may have gaps"


def test_brought_predictions_of_one_name_are_of_one_submitter(
    results: Path, tmp_path: Path
) -> None:
    def brought(replicate: int, name: str = "my-net") -> Cell:
        return Cell(CONFIGURATION, name, replicate, brought=True, weights="none")

    post(results, brought(0), tmp_path / "0")
    post(results, brought(1), tmp_path / "1")
    assert check(results, now=NOW).problems == ()
    # What is not posted yet is of nobody so far.
    write_cell(results, WORLD, brought(2))
    assert check(results, now=NOW).problems == ()
    # Another may have the name with a recipe, which tells the two apart.
    post(results, Cell(CONFIGURATION, "my-net", skill=2.0), tmp_path / "2", OTHER)
    assert check(results, now=NOW).problems == ()
    (record,) = results.glob("*/*/my-net/replicate-1-*/record.json")
    record.with_name("submission.json").unlink()
    (problem,) = check(results, now=NOW).problems
    assert (problem.code, problem.path) == (
        "name-taken",
        record.relative_to(results).as_posix(),
    )
    assert "'A Lab', and this one by nobody" in problem.message


def test_a_folder_of_something_else_is_not_listed(tmp_path: Path) -> None:
    place("photos/a.png", "x")(tmp_path)
    with pytest.raises(BadInput, match="no record"):
        check(tmp_path)


def test_a_name_that_acts_on_a_terminal_is_not_shown(results: Path) -> None:
    place("a/b/c/replicate-0/\x1b[2Jrecord.json", "x")(results)
    place("a\x1b/b/c/replicate-0/record.json", "{}")(results)
    found = check(results, now=NOW)
    assert {problem.code for problem in found.problems} == {"stray-file", "stray-record"}
    assert all(problem.path.isprintable() for problem in found.problems)


def test_without_known_releases_that_is_said(results: Path) -> None:
    (results / RELEASES_NAME).unlink()
    found = check(results, now=NOW)
    assert found.sound
    assert found.notes == (NOTHING_KNOWN,)
    # Records that contradict each other need no list to be found.
    write_cell(results, replace(WORLD, patients=8), Cell(CONFIGURATION, "other"))
    assert {problem.code for problem in check(results, now=NOW).problems} == {"test-set-unknown"}


def test_a_record_before_its_release_is_refused(results: Path) -> None:
    write_releases(results / RELEASES_NAME, {WORLD.sha256: replace(known(), released="2026-02-01")})
    (problem,) = check(results, now=NOW).problems
    assert problem.code == "date-impossible"
    assert "the release is of 2026-02-01" in problem.message


def test_a_record_without_a_digest_is_one_from_before_there_were_digests(results: Path) -> None:
    path = the_record(results)
    write_json(path, read_record(path))
    assert "digest" not in json.loads(path.read_text())
    assert check(results, now=NOW).sound


def test_the_list_of_releases_reads_back(tmp_path: Path) -> None:
    path = tmp_path / RELEASES_NAME
    write_releases(path, {WORLD.sha256: known()})
    assert read_releases(path) == {WORLD.sha256: known()}
    value = json.loads(path.read_text())
    value["releases"] *= 2
    path.write_text(json.dumps(value))
    with pytest.raises(BadInput, match="twice"):
        read_releases(path)


def test_the_command_gives_codes_and_exit_codes(results: Path) -> None:
    sound = runner.invoke(app, ["check", str(results), "--json"])
    assert (sound.exit_code, json.loads(sound.stdout)["problems"]) == (0, [])
    better_and_new_digest(results)
    refused = runner.invoke(app, ["check", str(results), "--json"])
    assert refused.exit_code == 1
    value = json.loads(refused.stdout)
    (problem,) = value["problems"]
    assert (problem["code"], problem["path"]) == (
        "numbers-differ",
        the_record(results).relative_to(results).as_posix(),
    )
    assert value["tiers"] == {problem["path"]: "schema"}
    plain = runner.invoke(app, ["check", str(results)])
    assert plain.exit_code == 1
    assert "[numbers-differ]" in plain.stdout


def numbers_of(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Places of all numbers in a JSON value."""
    if isinstance(value, dict):
        return [p for name, one in value.items() for p in numbers_of(one, (*place, name))]
    if isinstance(value, list):
        return [p for i, one in enumerate(value) for p in numbers_of(one, (*place, i))]
    return [place] if isinstance(value, int | float) and not isinstance(value, bool) else []


@settings(max_examples=60)
@given(data=st.data())
def test_an_edit_of_any_single_number_is_found(
    data: st.DataObject, sound: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = the_record(sound)
    value = json.loads(path.read_text())
    place = data.draw(st.sampled_from(numbers_of(value)))
    at = value
    for name in place[:-1]:
        at = at[name]
    old = at[place[-1]]
    ints, floats = st.integers(0, 2**40), st.floats(0, 1)
    new = data.draw((ints if isinstance(old, int) else floats).filter(lambda n: n != old))
    at[place[-1]] = new
    results = tmp_path_factory.mktemp("edited") / "results"
    shutil.copytree(sound, results)
    the_record(results).write_text(json.dumps(value))
    found: Checked = check(results, now=NOW)
    assert not found.sound, (place, old, new)
