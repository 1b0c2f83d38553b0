"""The twin of the real-only baseline: as many synthetic images, and the same everywhere else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.grid import Cell, Outcome, grid_cells
from mammo_synth.bench.recipes import Recipe, load_recipe
from mammo_synth.bench.results import differences, read_records
from mammo_synth.bench.rows import read_rows
from mammo_synth.bench.run import Bench
from mammo_synth.bench.score import Brought, score
from mammo_synth.configurations import (
    CANCER,
    CONFIGURATIONS,
    LABELS,
    NORMAL,
    REAL,
    REFERENCES,
    STUDY_SIZE,
    SYNTHETIC,
    SYNTHETIC_REDUCED,
    cell_sizes,
)
from mammo_synth.configurations import Cell as Block
from mammo_synth.errors import BadInput
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.folder import Release
from tests.conftest import Command, assert_friendly, fake_generators

NOW = "2026-01-31T12:00:00Z"
SPLITS = ("train", "test")


@pytest.fixture(scope="module")
def floor() -> Recipe:
    return load_recipe("logistic-regression", {"validation_share": 0.3})


def bench_on(release: Release, results: Path) -> Bench:
    return Bench(release, results, now=lambda: NOW)


def with_facts(release: Release, folder: Path, change: Any) -> Release:
    """A copy of a release whose manifest says something else."""
    shutil.copytree(release.folder, folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest["facts"])
    path.write_text(json.dumps(manifest), "utf-8")
    return Release.open(folder)


@pytest.mark.parametrize("split", SPLITS)
def test_it_has_the_counts_of_the_real_films_and_none_of_them(
    small_release: Release, split: str
) -> None:
    twin, real = (small_release.rows(name, split) for name in (SYNTHETIC_REDUCED, "real"))
    assert set(twin.origin) == {SYNTHETIC} and set(real.origin) == {REAL}
    sizes = cell_sizes(small_release.size)
    for label in (CANCER, NORMAL):
        films = int((real.label == label).sum())
        assert films == sizes[Block(split, label, REAL)] > 0
        assert (twin.label == label).sum() == films
    assert twin.patient_id == [None] * len(twin)


def test_the_study_s_size_gives_the_counts_that_the_words_say() -> None:
    sizes = cell_sizes(STUDY_SIZE)
    found = [sizes[Block(split, label, REAL)] for split in SPLITS for label in (CANCER, NORMAL)]
    assert found == [1176, 1176, 216, 504]


@pytest.mark.parametrize("size", [20, 21, 57, 120, 401, 1000, STUDY_SIZE])
def test_every_planned_release_has_enough_for_the_twin(size: int) -> None:
    for block, n in cell_sizes(size).items():
        if block.origin == REAL:
            assert cell_sizes(size)[Block(block.split, block.label, SYNTHETIC)] >= n


@pytest.mark.parametrize("split", SPLITS)
def test_it_is_the_beginning_of_every_cell(small_release: Release, split: str) -> None:
    """Of each label the first images of the fixed order: a prefix of what any configuration that
    is larger has, and the lowest seeds."""
    twin = small_release.rows(SYNTHETIC_REDUCED, split)
    for name in CONFIGURATIONS:
        whole = small_release.rows(name, split)
        for label in (CANCER, NORMAL):
            mine = [i for i, y in zip(twin.image_id, twin.label, strict=True) if y == label]
            synthetic = (whole.label == label) & (whole.origin == SYNTHETIC)
            theirs = np.array(whole.image_id)[synthetic].tolist()
            assert len(theirs) > len(mine), "a release has more synthetic images than real ones"
            assert theirs[: len(mine)] == mine
    for label in (CANCER, NORMAL):
        seeds = [s for s, y in zip(twin.seed, twin.label, strict=True) if y == label]
        assert seeds == list(range(seeds[0], seeds[0] + len(seeds)))


def test_a_part_of_a_shard_is_read_as_far_as_it_goes(small_release: Release) -> None:
    paths = small_release.shards(SYNTHETIC_REDUCED, "train")
    rows = {entry["path"]: entry["rows"] for entry in small_release.manifest.facts["shards"]}
    counts = small_release.counts(SYNTHETIC_REDUCED, "train")
    assert sum(rows[path] for path in paths) > sum(counts.values()), "else this tests nothing"
    assert len(list(small_release.records(SYNTHETIC_REDUCED, "train"))) == sum(counts.values())


def test_it_is_the_same_each_time(small_release: Release) -> None:
    first, second = (small_release.rows(SYNTHETIC_REDUCED, "train") for _ in range(2))
    assert first.image_id == second.image_id and np.array_equal(first.images, second.images)
    small = read_rows(small_release, SYNTHETIC_REDUCED, "train", 8, "box")
    assert small.image_id == first.image_id and small.images.shape[1:] == (8, 8)


def test_train_and_test_share_no_seed_and_no_image(small_release: Release) -> None:
    train, test = (small_release.rows(SYNTHETIC_REDUCED, split) for split in SPLITS)
    assert None not in train.seed
    assert not set(train.seed) & set(test.seed)
    assert not set(train.image_id) & set(test.image_id)


def test_real_test_is_the_common_one(small_release: Release) -> None:
    common = small_release.rows("50-50-90syn", "real_test").image_id
    assert small_release.rows(SYNTHETIC_REDUCED, "real_test").image_id == common


@pytest.mark.parametrize("split", ["train", "test", "real_test"])
def test_counts_of_the_manifest_are_those_of_the_rows(small_release: Release, split: str) -> None:
    for name in (*CONFIGURATIONS, *REFERENCES):
        rows = small_release.rows(name, split)
        for block, n in small_release.counts(name, split).items():
            assert ((rows.label == block.label) & (rows.origin == block.origin)).sum() == n > 0
        assert sum(small_release.counts(name, split).values()) == len(rows)


def test_too_few_synthetic_images_give_what_there_is(
    small_release: Release, tmp_path: Path
) -> None:
    def only_two_cancers(facts: dict[str, Any]) -> None:
        cell = ("train", CANCER, SYNTHETIC)
        kept = [e for e in facts["shards"] if (e["split"], e["label"], e["origin"]) != cell]
        first = next(e for e in facts["shards"] if e not in kept)
        facts["shards"] = [*kept, first | {"rows": 2}]

    short = with_facts(small_release, tmp_path / "short", only_two_cancers)
    rows = short.rows(SYNTHETIC_REDUCED, "train")
    real = short.counts("real", "train")
    assert (rows.label == CANCER).sum() == 2 < real[Block("train", CANCER, REAL)]
    assert (rows.label == NORMAL).sum() == real[Block("train", NORMAL, REAL)]


def test_a_release_that_holds_references_has_the_twin_but_not_its_films(
    prepared_set: PreparedSet, tmp_path: Path
) -> None:
    """An older or a published release needs nothing new: its manifest has the counts."""
    referenced = build_release(
        prepared_set,
        fake_generators(prepared_set, tmp_path),
        tmp_path / "mammo-synth",
        ReleaseSettings(40),
    )
    assert len(referenced.rows(SYNTHETIC_REDUCED, "train")) == sum(
        referenced.counts("real", "train").values()
    )
    for name, split in (("real", "train"), (SYNTHETIC_REDUCED, "real_test")):
        with pytest.raises(BadInput, match=f"films of split {split} are not in"):
            referenced.rows(name, split)


def test_an_unknown_name_is_told_the_nearest(small_release: Release) -> None:
    for wrong, near in (("synthetic-reducd", SYNTHETIC_REDUCED), ("reall", "real")):
        with pytest.raises(BadInput, match=f"no configuration '{wrong}'") as caught:
            small_release.shards(wrong, "train")
        assert f"Did you mean '{near}'" in caught.value.hint


def test_a_manifest_that_lists_what_it_does_not_describe_is_refused(
    small_release: Release, tmp_path: Path
) -> None:
    def forget(facts: dict[str, Any]) -> None:
        facts["shards"] = facts["shards"][1:]

    with pytest.raises(BadInput, match="does not describe"):
        with_facts(small_release, tmp_path / "r", forget).shards("50-50-90syn", "train")


def test_a_run_on_it_is_marked_and_has_a_gap(
    small_release: Release, floor: Recipe, tmp_path: Path
) -> None:
    cells = grid_cells(list(REFERENCES), [floor], 1, 0)
    found = list(bench_on(small_release, tmp_path).grid(cells))
    real, twin = (one.record for one in found if isinstance(one, Outcome))
    assert (real["baseline"], twin["baseline"]) == ("TRTR", "TSTR-reduced")
    learned, other = twin["training"], real["training"]
    assert learned is not None and other is not None
    for label in LABELS:
        both = [part[label] for part in (learned["train"], learned["validation"])]  # type: ignore[literal-required]
        assert sum(both) == sum(part[label] for part in (other["train"], other["validation"]))  # type: ignore[literal-required]
    assert learned["train"]["real"] == learned["validation"]["real"] == 0
    test, real_test = (twin["evaluations"][s] for s in ("test", "real_test"))
    assert test["n"] == real["evaluations"]["test"]["n"]
    assert test["test_set"] != real["evaluations"]["test"]["test_set"]
    assert real_test["test_set"] == real["evaluations"]["real_test"]["test_set"]
    gap = twin["shortcut_gap"]
    assert real["shortcut_gap"] is None and gap is not None
    ours, theirs = (e["metrics"]["balanced_accuracy"]["value"] for e in (test, real_test))
    assert gap["value"] == pytest.approx(ours - theirs)
    for stored in read_records(tmp_path):
        assert differences(tmp_path, stored) == []
    again = bench_on(small_release, tmp_path).run(Cell(SYNTHETIC_REDUCED, floor, 0, 0))
    assert again.skipped, "a finished cell is recognised"


def test_a_record_that_hides_what_it_is_is_found(
    small_release: Release, floor: Recipe, tmp_path: Path
) -> None:
    bench_on(small_release, tmp_path).run(Cell(SYNTHETIC_REDUCED, floor, 0, 0))
    (stored,) = read_records(tmp_path)
    stored.record["baseline"] = None
    (problem,) = differences(tmp_path, stored)
    assert "baseline says None and is TSTR-reduced" in problem
    stored.record["baseline"] = "TRTR"
    problems = differences(tmp_path, stored)
    assert any("baseline says TRTR" in one for one in problems)
    assert any("shortcut_gap" in one for one in problems)


def test_brought_predictions_can_be_of_the_twin(small_release: Release, tmp_path: Path) -> None:
    rows = small_release.rows("real", "real_test")
    lines = [f"{n},{0.9 if y else 0.2}" for n, y in zip(rows.image_id, rows.label, strict=True)]
    file = tmp_path / "mine.csv"
    file.write_text("\n".join(["image_id,p_cancer", *lines]) + "\n")
    brought = Brought(SYNTHETIC_REDUCED, "mine")
    path, record = score(file, small_release, brought, tmp_path / "results", created=NOW)
    assert (record["baseline"], record["shortcut_gap"]) == ("TSTR-reduced", None)
    assert path.parts[-4] == SYNTHETIC_REDUCED
    (stored,) = read_records(tmp_path / "results")
    assert differences(tmp_path / "results", stored) == []


def test_commands_know_it_and_a_plan_shows_the_counts(
    run: Command, small_release: Release, tmp_path: Path
) -> None:
    grid = ("bench", "grid", small_release.folder, "--out", tmp_path / "r", "--dry-run")
    some = ("--classifiers", "prior", "--replicates", "1", "--json")
    done = run(*grid, *some)
    assert done.code == 0, done.stderr
    plan = json.loads(done.stdout)
    names = [*CONFIGURATIONS, *REFERENCES]
    assert [cell["configuration"] for cell in plan["cells"]] == names == list(plan["images"])
    for name, images in plan["images"].items():
        for split in SPLITS:
            rows = small_release.rows(name, split)
            assert images[split]["cancer"] == rows.label.sum()
            assert images[split]["real"] == rows.origin.sum()
            assert images[split]["cancer"] + images[split]["normal"] == len(rows)
    mistake = ("bench", "run", small_release.folder, "--config", "synthetic-redused")
    assert_friendly(
        run(*mistake, "--classifier", "prior", "--out", tmp_path / "r"),
        "Did you mean 'synthetic-reduced'",
    )


def test_a_plan_says_where_the_twin_is_smaller(
    small_release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mammo_synth.cli.bench_print import print_plan

    def no_synthetic_cancer(facts: dict[str, Any]) -> None:
        facts["shards"] = [
            entry
            for entry in facts["shards"]
            if (entry["split"], entry["label"], entry["origin"]) != ("train", CANCER, SYNTHETIC)
        ]

    recipe = load_recipe("prior")
    for release, said in (
        (small_release, False),
        (with_facts(small_release, tmp_path / "r", no_synthetic_cancer), True),
    ):
        bench = bench_on(release, tmp_path / "results")
        print_plan(release, bench, [Cell(SYNTHETIC_REDUCED, recipe, 0, 0)], False)
        text = " ".join(capsys.readouterr().out.split())
        assert "Training images" in text
        films = release.counts("real", "train")[Block("train", CANCER, REAL)]
        assert (f"synthetic-reduced has 0 of {films} cancer images in train" in text) is said
