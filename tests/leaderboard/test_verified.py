"""What was verified in full: remembered by digests, found again when edited, never overstated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from mammo_synth.bench.quick_check import QuickCheck, Truth
from mammo_synth.bench.record import read_record
from mammo_synth.bench.results import (
    PER_PROCESS,
    Stored,
    contradictions,
    differences,
    number_differences,
)
from mammo_synth.bench.truth import Film, TestSet
from mammo_synth.cli.leaderboard import app
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard import check_evaluations, export, words
from mammo_synth.leaderboard import load as loading
from mammo_synth.leaderboard import verified as remembering
from mammo_synth.leaderboard.check import check
from mammo_synth.leaderboard.groups import NOT_VERIFIED, groups
from mammo_synth.leaderboard.load import load
from mammo_synth.leaderboard.render import read_board
from mammo_synth.leaderboard.tiers import Tier
from mammo_synth.leaderboard.verified import NOTHING, Verified, key_of
from tests.leaderboard.board_factory import Cell, World, edit_record, write_cell

SMALL = World(patients=20, test_size=20, epochs=2)
runner = CliRunner()


@pytest.fixture
def one(tmp_path: Path) -> Path:
    write_cell(tmp_path / "results", SMALL, Cell("50-50-90syn"))
    return tmp_path / "results"


@pytest.fixture
def memory(tmp_path: Path) -> Verified:
    return Verified(tmp_path / "memory")


def record(results: Path) -> Path:
    return next(results.glob("*/*/*/*/record.json"))


def narrow(path: Path) -> None:
    """Edit what only resamples can tell: the interval of AUROC."""
    edit_record(
        path,
        lambda value: value["evaluations"]["real_test"]["metrics"]["auroc"].update(low=0.6),
    )


def test_a_verified_record_is_not_verified_again(
    one: Path, memory: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [run.verified for run in load(one, full=False, verified=memory)] == [False]
    assert [run.verified for run in load(one, full=True, verified=memory)] == [True]

    def again(results: Path, stored: Stored) -> list[str]:
        raise AssertionError("verified again")

    monkeypatch.setattr(loading, "number_differences", again)
    assert [run.verified for run in load(one, full=True, verified=memory)] == [True]
    assert [run.verified for run in load(one, full=False, verified=memory)] == [True]
    with pytest.raises(AssertionError, match="again"):
        load(one, full=True)


def test_an_edit_after_it_was_verified_is_found(one: Path, memory: Verified) -> None:
    load(one, full=True, verified=memory)
    narrow(record(one))
    assert [run.verified for run in load(one, full=False, verified=memory)] == [False]
    with pytest.raises(BadInput, match=r"auroc\.low says 0\.6"):
        load(one, full=True, verified=memory)
    with pytest.raises(BadInput, match=r"auroc\.low says 0\.6"):
        load(one, verified=memory)
    assert [run.verified for run in load(one, full=False, verified=memory)] == [False]


def test_edited_predictions_of_a_verified_record_are_found(one: Path, memory: Verified) -> None:
    load(one, full=True, verified=memory)
    path = record(one).with_name("predictions-real_test.parquet")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BadInput, match="predictions-real_test"):
        load(one, full=False, verified=memory)


def test_other_code_verifies_again(
    one: Path, memory: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(one, full=True, verified=memory)
    monkeypatch.setattr(remembering, "_code", lambda: "other")
    assert [run.verified for run in load(one, full=False, verified=memory)] == [False]


def test_many_records_are_recomputed_by_several_processes(
    tmp_path: Path, memory: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same is found, remembered and refused, in the same order."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    results = tmp_path / "results"
    world = replace(SMALL, patients=10, test_size=10)
    for k in range(2 * PER_PROCESS):
        write_cell(results, world, Cell(replicate=k))
    paths = sorted(results.glob("*/*/*/*/record.json"))
    for path in (paths[3], paths[15]):
        edit_record(path, lambda value: value["shortcut_gap"].update(value=0.123))
        edit_record(path, lambda value: value.pop("digest"))
    found = check(results)
    assert (found.records, {problem.code for problem in found.problems}) == (20, {"numbers-differ"})
    assert [problem.path for problem in found.problems] == [
        path.relative_to(results).as_posix() for path in (paths[3], paths[15])
    ]
    with pytest.raises(BadInput, match="shortcut_gap") as refused:
        load(results, full=True, verified=memory)
    assert str(paths[3]) in refused.value.message
    for path in (paths[3], paths[15]):
        write_cell(results, world, Cell(replicate=read_record(path)["replicate"]))
    for full in (True, False):
        runs = load(results, full=full, verified=memory)
        assert [run.verified for run in runs] == [True] * len(paths)
        assert [results / run.path for run in runs] == paths


def test_records_bring_no_verdict_along(one: Path, memory: Verified, tmp_path: Path) -> None:
    """A memory beside the records, as a stranger could send it, is not looked at."""
    narrow(record(one))
    key = key_of(read_record(record(one)), sha256_file(record(one)))
    for place in (one / ".cache", one / ".verified", one / "verified"):
        Verified(place).remember(key)
    assert [run.verified for run in load(one, full=False, verified=memory)] == [False]


def test_few_records_are_verified_in_full_unasked(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(one)[0].verified
    monkeypatch.setattr(loading, "FULL_AT_MOST", 0)
    assert not load(one)[0].verified
    narrow(record(one))
    assert not load(one)[0].verified, "an interval is not recomputed, and nothing says it was"


@pytest.mark.parametrize("split", ["real_test", "test"])
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("metrics", "auroc", "value"), 0.123),
        (("metrics", "brier", "value"), 0.123),
        (("metrics", "sensitivity_at_90_specificity", "value"), 0.123),
        (("confusion", "fn"), 77),
        (("normal_positive", "f1"), 0.123),
        (("patients",), 7),
        (("n",), 41),
        (("threshold",), 0.123),
    ],
)
def test_quickly_every_point_is_recomputed(
    one: Path, split: str, place: tuple[str, ...], value: float
) -> None:
    def change(whole: dict) -> None:
        inner = whole["evaluations"][split]
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value

    edit_record(record(one), change)
    with pytest.raises(BadInput, match=rf"{split}\.{'.'.join(place)} says"):
        load(one, full=False)


def test_ids_are_compared_letter_by_letter_in_any_script() -> None:
    names = ["", "film-ñ-01", "フィルム", "z"]
    truth = Truth(TestSet(tuple(Film(name, 0, None, None, None, None) for name in names)))
    assert truth.image_id.to_pylist() == names
    assert truth.image_id.equals(pa.chunked_array([pa.array(names, pa.string())]))


def test_rendering_imports_no_more_than_it_needs(one: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mammo_synth.leaderboard.render import read_board\n"
        "read_board(Path(sys.argv[1]), full=False)\n"
        "heavy = ['jsonschema', 'pandas', 'scipy', 'matplotlib', 'mammo_synth.bench.classifiers']\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(one)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", "each takes longer than reading fifty records"


def test_a_record_that_a_link_leads_to_is_in_its_place(one: Path) -> None:
    stored = Stored(record(one), read_record(record(one)))
    release = stored.path.parents[3]
    moved = release.rename(release.with_name("elsewhere"))
    path = moved / stored.path.relative_to(release)
    assert [code for code, _ in contradictions(one, Stored(path, stored.record))] == ["misplaced"]
    release.symlink_to(moved, target_is_directory=True)
    assert contradictions(one, Stored(path, stored.record)) == []


def test_quickly_subgroups_and_gap_are_recomputed(one: Path) -> None:
    path = record(one)
    before = path.read_bytes()
    for change, said in (
        (lambda r: r["shortcut_gap"].update(value=0.5), "shortcut_gap"),
        (lambda r: r["evaluations"]["real_test"]["subgroups"].pop(), "subgroups"),
        (
            lambda r: r["evaluations"]["real_test"]["subgroups"][0]["metrics"]["recall"].update(
                value=0.123
            ),
            r"subgroups\.0\.metrics\.recall\.value",
        ),
        (
            lambda r: r["evaluations"]["real_test"]["subgroups"][1].update(patients=3),
            r"subgroups\.1\.patients",
        ),
    ):
        path.write_bytes(before)
        edit_record(path, change)
        with pytest.raises(BadInput, match=said):
            load(one, full=False)


def test_quickly_and_in_full_agree_on_a_sound_record(one: Path) -> None:
    stored = Stored(record(one), read_record(record(one)))
    found, problems = QuickCheck(one).check(stored)
    assert problems == differences(one, stored) == []
    assert set(found) == {"real_test", "test"}


def test_intervals_of_subgroups_are_left_out_until_verified(one: Path) -> None:
    found = read_record(record(one))["evaluations"]["real_test"]["subgroups"]
    known, unknown = groups(found), groups(found, verified=False)
    assert any(e.has_interval for row in known.rows for e in row.estimates)
    assert not any(e.has_interval for row in unknown.rows for e in row.estimates)
    for a, b in zip(known.rows, unknown.rows, strict=True):
        assert [e.value for e in a.estimates] == [e.value for e in b.estimates]
    assert NOT_VERIFIED in unknown.note
    assert NOT_VERIFIED not in known.note


def test_the_board_says_how_many_were_verified(one: Path, tmp_path: Path) -> None:
    whole, quick = read_board(one), read_board(one, full=False)
    assert (whole.records, whole.verified) == (1, 1)
    assert (quick.records, quick.verified) == (1, 0)
    assert (export.document(whole)["verified_in_full"], whole.verified) == (1, 1)
    result = runner.invoke(app, ["render", str(one), "--out", str(tmp_path / "out"), "--quick"])
    assert words.verification(1, 0) in " ".join(result.output.split())
    assert words.verification(1, 0) != words.verification(1, 1)


def test_check_remembers_what_is_sound_for_render(one: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")

    def in_full() -> int:
        result = runner.invoke(app, ["render", str(one), "--out", out, "--quick"])
        assert result.exit_code == 0, result.output
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
        return manifest["facts"]["verified_in_full"]

    assert in_full() == 0
    assert runner.invoke(app, ["check", str(one)]).exit_code == 0
    assert in_full() == 1
    narrow(record(one))
    assert in_full() == 0
    assert runner.invoke(app, ["check", str(one)]).exit_code == 1
    assert in_full() == 0


def test_a_check_goes_on_where_it_was_stopped(
    tmp_path: Path, memory: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    for k in range(3):
        write_cell(results, SMALL, Cell(replicate=k))
    resampled: list[Path] = []

    def stopped(folder: Path, stored: Stored) -> list[str]:
        if len(resampled) == 2:
            raise KeyboardInterrupt
        resampled.append(stored.path)
        return number_differences(folder, stored)

    monkeypatch.setattr(check_evaluations, "number_differences", stopped)
    with pytest.raises(KeyboardInterrupt):
        check(results, verified=memory)
    assert len(resampled) == 2
    resampled.clear()
    found = check(results, verified=memory)
    assert (found.sound, found.before, len(resampled)) == (True, 2, 1)
    assert set((found.tiers or {}).values()) == {Tier.RECOMPUTED}
    resampled.clear()
    assert check(results, verified=memory).before == 3 and resampled == []
    monkeypatch.undo()
    assert check(results).before == 0, "without a memory all is recomputed"


def test_a_check_remembers_no_record_that_is_not_sound(one: Path, memory: Verified) -> None:
    narrow(record(one))
    for _ in range(2):
        found = check(one, verified=memory)
        assert {problem.code for problem in found.problems} == {"numbers-differ"}
        assert found.before == 0
    assert [run.verified for run in load(one, full=False, verified=memory)] == [False]


@pytest.mark.parametrize("name", ["record.json", "predictions-real_test.parquet"])
def test_a_check_finds_an_edit_of_what_it_knows(one: Path, memory: Verified, name: str) -> None:
    assert check(one, verified=memory).sound
    path = record(one).with_name(name)
    if name == "record.json":
        narrow(path)
    else:
        path.write_bytes(path.read_bytes() + b" ")
    assert not check(one, verified=memory).sound


def test_what_was_edited_meanwhile_is_not_remembered(
    one: Path, memory: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = record(one).read_bytes()

    def edited(folder: Path, stored: Stored) -> list[str]:
        narrow(stored.path)
        return []

    monkeypatch.setattr(check_evaluations, "number_differences", edited)
    check(one, verified=memory)
    monkeypatch.undo()
    assert check(one, verified=memory).before == 0
    record(one).write_bytes(before)
    assert check(one, verified=memory).before == 0


def test_a_check_can_be_told_to_recompute_all_again(one: Path) -> None:
    for arguments, before in ([], 0), ([], 1), (["--again"], 0), ([], 1):
        done = runner.invoke(app, ["check", str(one), "--json", *arguments])
        assert (done.exit_code, json.loads(done.stdout)["recomputed_before"]) == (0, before)
    assert "found before" in " ".join(runner.invoke(app, ["check", str(one)]).stdout.split())


def test_a_memory_that_cannot_be_written_costs_only_time(one: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert load(one, full=True, verified=Verified(tmp_path / "file"))[0].verified
    assert not NOTHING.knows("0" * 64)


def test_the_memory_is_the_users_and_not_beside_records(
    monkeypatch: pytest.MonkeyPatch, own_cache: Path, tmp_path: Path
) -> None:
    assert remembering.verified_by_user().folder == own_cache / "verified"
    monkeypatch.delenv(remembering.HOME)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert remembering.verified_by_user().folder == tmp_path / "mammo-synth" / "verified"


def test_a_copy_elsewhere_is_as_verified(one: Path, memory: Verified, tmp_path: Path) -> None:
    load(one, full=True, verified=memory)
    shutil.copytree(one, tmp_path / "copy")
    os.utime(record(tmp_path / "copy"))
    assert load(tmp_path / "copy", full=False, verified=memory)[0].verified
