"""Runs without a network: records, recomputation, resume, grids, brought predictions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench import run as run_module
from mammo_synth.bench.classifiers.base import History, Options
from mammo_synth.bench.grid import Cell, Failure, Outcome, grid_cells
from mammo_synth.bench.predictions import read_predictions, write_predictions
from mammo_synth.bench.recipes import Recipe, load_recipe
from mammo_synth.bench.record import check_record, read_record
from mammo_synth.bench.results import (
    Stored,
    differences,
    expected_folder,
    read_records,
    read_scored,
    recompute,
)
from mammo_synth.bench.rows import RowReader, read_rows
from mammo_synth.bench.run import Bench
from mammo_synth.bench.score import Brought, score
from mammo_synth.bench.truth import Film, make_test_set, read_test_set, write_test_set
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.release.folder import Release

NOW = "2026-01-31T12:00:00Z"


def bench_on(release: Release, results: Path, **options: Any) -> Bench:
    return Bench(release, results, now=lambda: NOW, **options)


@pytest.fixture(scope="module")
def floor() -> Recipe:
    return load_recipe("logistic-regression", {"validation_share": 0.3})


@pytest.fixture(scope="module")
def finished(
    small_release: Release, floor: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Outcome]:
    """A results folder with one record; do not write to it."""
    results = tmp_path_factory.mktemp("results")
    return results, bench_on(small_release, results).run(Cell("50-50-90syn", floor, 0, 0))


def copy_of(finished: tuple[Path, Outcome], to: Path) -> tuple[Path, Stored]:
    results, outcome = finished
    for file in results.rglob("*"):
        if file.is_file():
            target = to / file.relative_to(results)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    path = to / outcome.path.relative_to(results)
    return to, Stored(path, read_record(path))


def test_a_run_leaves_a_record_that_recomputes(
    finished: tuple[Path, Outcome], small_release: Release, floor: Recipe
) -> None:
    results, outcome = finished
    record = outcome.record
    assert not outcome.skipped
    assert outcome.path.parent == expected_folder(results, record)
    assert read_record(outcome.path) == record
    assert record["positive_class"] == "cancer"
    assert record["created"] == NOW
    assert record["release"]["sha256"] == small_release.sha256
    assert record["recipe"] == {"name": floor.name, "sha256": floor.sha256, "settings": floor.plain}
    assert record["baseline"] is None
    counts = small_release.rows("50-50-90syn", "train")
    training = record["training"]
    assert training is not None
    assert (
        sum(training[p][k] for p in ("train", "validation") for k in ("cancer", "normal"))
        == sum(training[p][k] for p in ("train", "validation") for k in ("synthetic", "real"))
        == len(counts)
    )
    (stored,) = read_records(results)
    assert recompute(results, stored) == record["evaluations"]
    assert differences(results, stored) == []
    real = record["evaluations"]["real_test"]
    assert real["n"] == len(small_release.rows("50-50-90syn", "real_test"))
    assert real["patients"] < real["n"]  # two films a patient
    assert real["metrics"]["auroc"]["value"] > 0.9  # the bright spot can be learned
    gap = record["shortcut_gap"]
    assert gap is not None
    ours = record["evaluations"]["test"]["metrics"]["balanced_accuracy"]["value"]
    assert gap["value"] == pytest.approx(ours - real["metrics"]["balanced_accuracy"]["value"])
    assert record["operating_point"]["chosen_on"] == "validation"
    assert record["operating_point"]["threshold"] == real["threshold"]


def test_scores_in_a_record_belong_to_their_films(
    finished: tuple[Path, Outcome], small_release: Release
) -> None:
    results, outcome = finished
    scored = read_scored(results, Stored(outcome.path, outcome.record), "real_test")
    rows = small_release.rows("50-50-90syn", "real_test")
    truth = dict(zip(rows.image_id, rows.label.tolist(), strict=True))
    assert [truth[name] for name in scored.truth.image_id] == scored.truth.label.tolist()


def test_a_finished_cell_is_skipped_and_another_recipe_refused(
    finished: tuple[Path, Outcome], small_release: Release, floor: Recipe, tmp_path: Path
) -> None:
    results, stored = copy_of(finished, tmp_path)
    before = stored.path.stat().st_mtime_ns
    cell = Cell("50-50-90syn", floor, 0, 0)
    again = bench_on(small_release, results).run(cell)
    assert again.skipped
    assert stored.path.stat().st_mtime_ns == before
    other = replace(cell, seed=5)
    with pytest.raises(BadInput, match="other settings"):
        bench_on(small_release, results).run(other)
    replaced = bench_on(small_release, results, overwrite=True).run(other)
    assert replaced.record["seed"] == 5
    assert read_record(stored.path)["seed"] == 5


def test_equal_cells_give_equal_predictions(
    finished: tuple[Path, Outcome], small_release: Release, floor: Recipe, tmp_path: Path
) -> None:
    again = bench_on(small_release, tmp_path).run(Cell("50-50-90syn", floor, 0, 0))
    assert again.record["evaluations"] == finished[1].record["evaluations"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r["evaluations"]["real_test"]["metrics"]["auroc"].update(value=0.99), "auroc"),
        (lambda r: r["evaluations"]["real_test"]["metrics"]["recall"].update(low=0.5), "recall"),
        (lambda r: r["evaluations"]["test"]["confusion"].update(tp=0), "confusion.tp"),
        (lambda r: r["evaluations"]["real_test"].update(cancer=0), "real_test.cancer"),
        (lambda r: r["operating_point"].update(threshold=0.9), "real_test.threshold"),
        (lambda r: r["shortcut_gap"].update(value=-0.5), "shortcut_gap.value"),
        (lambda r: r["recipe"]["settings"].update(max_iterations=9), "recipe.sha256"),
        (lambda r: r.update(configuration="70-30-90syn"), "belongs in"),
        (lambda r: r["evaluations"]["test"]["predictions"].update(sha256="0" * 64), "was changed"),
    ],
)
def test_a_changed_number_is_found(
    finished: tuple[Path, Outcome], tmp_path: Path, change: Any, words: str
) -> None:
    results, stored = copy_of(finished, tmp_path)
    change(stored.record)
    assert any(words in problem for problem in differences(results, stored))


def test_changed_files_are_found(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    results, stored = copy_of(finished, tmp_path)
    path = stored.path.parent / "predictions-real_test.parquet"
    found = read_predictions(path)
    write_predictions(path, found.image_id, 1 - found.p_cancer)
    assert any("was changed" in problem for problem in differences(results, stored))
    path.unlink()
    assert any("no predictions file" in problem for problem in differences(results, stored))


def test_a_test_set_is_known_by_its_content(tmp_path: Path) -> None:
    films = [Film(f"f{i}", i % 2, "p", "MLO", "L", "folder") for i in range(4)]
    truth = make_test_set(films)
    assert make_test_set(films[::-1]).digest == truth.digest
    assert read_test_set(tmp_path, write_test_set(tmp_path, truth)) == truth
    other = make_test_set([replace(films[0], label=1), *films[1:]])
    write_test_set(tmp_path, other)
    (tmp_path / f"{other.digest}.parquet").replace(tmp_path / f"{truth.digest}.parquet")
    with pytest.raises(CheckFailed, match="was changed"):
        read_test_set(tmp_path, truth.digest)
    with pytest.raises(BadInput, match="1 doubled"):
        make_test_set([*films, films[0]])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"positive_class": "normal"}, "positive_class"),
        ({"format": "mammo-synth/record/9"}, "format"),
        ({"surprise": 1}, "the top"),
        ({"configuration": "../../etc"}, "configuration"),
        ({"replicate": -1}, "replicate"),
    ],
)
def test_what_is_no_record_is_refused(
    finished: tuple[Path, Outcome], change: dict[str, Any], place: str
) -> None:
    with pytest.raises(BadInput, match=f"at {place}"):
        check_record({**finished[1].record, **change}, "it")


def test_record_files_that_are_no_json_are_refused(tmp_path: Path) -> None:
    for text, words in (
        ("{", "not JSON"),
        ('{"a": NaN}', "no such number"),
        ("[" * 100_000, "not JSON"),
        ("3", "is not a record"),
        (" " * 6_000_000, "at most"),
    ):
        (tmp_path / "record.json").write_text(text)
        with pytest.raises(BadInput, match=words):
            read_record(tmp_path / "record.json")


def test_the_real_baseline_is_marked(small_release: Release, floor: Recipe, tmp_path: Path) -> None:
    record = bench_on(small_release, tmp_path).run(Cell("real", floor, 0, 0)).record
    assert record["baseline"] == "TRTR"
    assert record["shortcut_gap"] is None
    assert record["training"] is not None
    assert record["training"]["train"]["synthetic"] == 0
    (stored,) = read_records(tmp_path)
    assert differences(tmp_path, stored) == []


def test_the_control_scores_at_chance(small_release: Release, tmp_path: Path) -> None:
    recipe = load_recipe("prior", {"validation_share": 0.3})
    record = bench_on(small_release, tmp_path).run(Cell("30-70-95syn", recipe, 0, 0)).record
    assert record["classifier"]["role"] == "control"
    metrics = record["evaluations"]["real_test"]["metrics"]
    assert metrics["balanced_accuracy"]["value"] == metrics["auroc"]["value"] == 0.5
    assert metrics["precision"] == {"value": None, "low": None, "high": None}


class _Broken:
    """A classifier whose scores are what the test says."""

    weights = {"origin": "none", "sha256": None}  # noqa: RUF012
    parameters = backend = features_cached = None
    device, packages = "cpu", ()

    def __init__(self, scores: Any) -> None:
        self.scores = scores

    def fit(self, *args: Any, **kwargs: Any) -> History:
        return History()

    def predict_proba(self, images: Any) -> Any:
        return self.scores(len(images))


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (lambda n: np.full(n, np.nan), "NaN or outside"),
        (lambda n: np.full(n, 1.2), "NaN or outside"),
        (lambda n: np.zeros((n, 1)), "shape"),
        (lambda n: np.zeros(n - 1), "shape"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(
    small_release: Release,
    floor: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scores: Any,
    words: str,
) -> None:
    monkeypatch.setattr(run_module, "make_classifier", lambda *a: _Broken(scores))
    with pytest.raises(CheckFailed, match=words):
        bench_on(small_release, tmp_path).run(Cell("50-50-90syn", floor, 0, 0))
    assert not list(tmp_path.rglob("record.json"))


def test_a_grid_goes_on_after_a_failure_and_resumes(
    small_release: Release, floor: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = grid_cells(["30-70-90syn", "real"], [floor], 2, seed=7)
    assert [(c.configuration, c.replicate, c.seed) for c in cells] == [
        ("30-70-90syn", 0, 7),
        ("30-70-90syn", 1, 8),
        ("real", 0, 7),
        ("real", 1, 8),
    ]
    measure = Bench._measure

    def fails_once(self: Bench, cell: Cell, folder: Path, state: Path | None) -> Any:
        if cell.configuration == "30-70-90syn" and cell.replicate == 1:
            raise MemoryError("too large")
        return measure(self, cell, folder, state)

    with monkeypatch.context() as patch:
        patch.setattr(Bench, "_measure", fails_once)
        first = list(bench_on(small_release, tmp_path).grid(cells))
    assert [type(result) for result in first] == [Outcome, Failure, Outcome, Outcome]
    assert isinstance(first[1], Failure)
    assert first[1].error == "MemoryError: too large"
    second = [r for r in bench_on(small_release, tmp_path).grid(cells) if isinstance(r, Outcome)]
    assert [result.skipped for result in second] == [True, False, True, True]
    assert len(list(read_records(tmp_path))) == 4


def test_two_recipes_of_one_classifier_need_two_folders(floor: Recipe) -> None:
    with pytest.raises(BadInput, match="both for logistic-regression"):
        grid_cells(["real"], [floor, load_recipe("logistic-regression")], 1, 0)


def test_cells_that_can_never_run_are_refused(
    small_release: Release, floor: Recipe, tmp_path: Path
) -> None:
    bench = bench_on(small_release, tmp_path)
    with pytest.raises(BadInput, match="no configuration '50-50-85syn'"):
        bench.run(Cell("50-50-85syn", floor, 0, 0))
    with pytest.raises(BadInput, match="Seed -1"):
        bench.run(Cell("50-50-90syn", floor, 0, -1))


def test_rows_read_small_are_rows_reduced(small_release: Release) -> None:
    whole = small_release.rows("30-70-95syn", "train")
    small = read_rows(small_release, "30-70-95syn", "train", 8, "box")
    assert small.images.shape == (len(whole), 8, 8)
    expected = whole.images.reshape(len(whole), 8, 4, 8, 4).mean(axis=(2, 4))
    assert np.abs(small.images - expected).max() <= 1
    same = read_rows(small_release, "30-70-95syn", "train")
    assert np.array_equal(same.images, whole.images)
    for name in ("image_id", "patient_id", "seed", "view", "laterality", "source"):
        assert getattr(same, name) == getattr(whole, name)
    reader = RowReader(small_release)
    one = reader.rows("30-70-95syn", "real_test", 8, "box")
    assert reader.rows("50-50-90syn", "real_test", 8, "box") is one
    assert one.image_id == small_release.rows("50-50-90syn", "real_test").image_id


def test_a_release_without_real_test_says_so(
    small_release: Release, floor: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Release.records
    monkeypatch.setattr(
        Release,
        "records",
        lambda self, name, split: iter(()) if split == "real_test" else records(self, name, split),
    )
    with pytest.raises(BadInput, match="no images in split real_test"):
        bench_on(small_release, tmp_path).run(Cell("50-50-90syn", floor, 0, 0))


def _predictions(release: Release, path: Path, good: bool = True) -> Path:
    rows = release.rows("50-50-90syn", "real_test")
    lines = [f"{n},{0.9 if y else 0.2}" for n, y in zip(rows.image_id, rows.label, strict=True)]
    path.write_text("\n".join(["image_id,p_cancer", *lines[: None if good else -1]]) + "\n")
    return path


def test_brought_predictions_become_a_record(small_release: Release, tmp_path: Path) -> None:
    file = _predictions(small_release, tmp_path / "mine.csv")
    results = tmp_path / "results"
    brought = Brought("50-50-90syn", "my-densenet", threshold=0.4)
    path, record = score(file, small_release, brought, results, created=NOW)
    assert record["training"] is None
    assert record["recipe"] is None
    assert record["operating_point"] == {"threshold": 0.4, "chosen_on": "given", "rule": "given"}
    assert record["evaluations"]["real_test"]["metrics"]["auroc"]["value"] == 1.0
    (stored,) = read_records(results)
    assert stored.path == path
    assert differences(results, stored) == []
    with pytest.raises(BadInput, match="There is a record"):
        score(file, small_release, brought, results, created=NOW)
    score(file, small_release, brought, results, created=NOW, overwrite=True)
    assert json.loads(path.read_text())["environment"]["backend"] is None


@pytest.mark.parametrize(
    ("brought", "words"),
    [
        (Brought("50-50-90syn", "vgg16"), "name of their own"),
        (Brought("50-50-90syn", "../x"), "cannot be a classifier's name"),
        (Brought("50-50-9syn", "mine"), "no configuration"),
        (Brought("50-50-90syn", "mine", threshold=float("nan")), "threshold"),
        (Brought("50-50-90syn", "mine"), "1 missing"),
    ],
)
def test_brought_predictions_that_do_not_fit_are_refused(
    small_release: Release, tmp_path: Path, brought: Brought, words: str
) -> None:
    file = _predictions(small_release, tmp_path / "mine.csv", good=False)
    with pytest.raises(BadInput, match=words):
        score(file, small_release, brought, tmp_path / "results", created=NOW)
    assert not (tmp_path / "results").exists()


def test_options_default_to_a_bounded_cache() -> None:
    assert Options().cache_features
    assert Options().cache_bytes == 4 * 2**30
