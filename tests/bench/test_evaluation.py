"""Evaluations: subgroups, the study's convention, what the schema and the check hold them to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.evaluation import Evaluation, evaluate
from mammo_synth.bench.metrics import METRICS, bootstrap, point_metrics
from mammo_synth.bench.migration import FORMAT_1, METRICS_1, RESAMPLES_1, fill, migrate
from mammo_synth.bench.record import FORMAT, check_record, read_record, write_record
from mammo_synth.bench.results import Stored, differences, read_scored, recompute
from mammo_synth.bench.subgroups import FEWEST_PATIENTS, SUBGROUP_METRICS, score_subgroups
from mammo_synth.bench.truth import Film, TestSet, make_test_set
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard.check import check
from tests.leaderboard.board_factory import Cell, World, edit_record, write_cell

WORLD = World(patients=30, test_size=20, epochs=2)
KEPT = {"file": "p.parquet", "sha256": "0" * 64}


def _truth(
    patients: int = 40, source: Callable[[int], str | None] = lambda _: "mias"
) -> tuple[TestSet, np.ndarray]:
    """Two views of each patient, a third of them cancer; three patients lack the laterality, the
    CC view is easy and the MLO view is chance."""
    films = [
        Film(
            f"{i:03d}-{view}",
            int(i % 3 == 0),
            f"p{i}",
            view,
            None if i < 3 else "LR"[i % 2],
            source(i),
        )
        for i in range(patients)
        for view in ("CC", "MLO")
    ]
    truth = make_test_set(films)
    noise = np.random.default_rng(0).random(len(films))
    easy = np.array([film.view == "CC" for film in truth.films])
    return truth, np.where(easy, 0.25 + 0.5 * truth.label, noise)


def test_subgroups_are_scored_on_their_own_films() -> None:
    truth, p = _truth()
    groups = score_subgroups(truth, p, 0.5, resamples=1000)
    assert [(g["column"], g["group"]) for g in groups] == [
        ("view", "CC"),
        ("view", "MLO"),
        ("laterality", "L"),
        ("laterality", "R"),
        ("laterality", None),
    ]  # all films are of one source, which makes no groups
    easy, hard = groups[:2]
    assert easy["metrics"]["auroc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert easy["metrics"]["recall"]["value"] == 1.0
    members = np.array([film.view == "MLO" for film in truth.films])
    label, scores = truth.label[members], p[members]
    values = point_metrics(label, scores, 0.5)
    drawn = bootstrap(label, scores, [0.5], np.arange(40), resamples=1000)
    assert set(hard["metrics"]) == set(SUBGROUP_METRICS)
    for name, metric in hard["metrics"].items():
        assert metric["value"] == values[name]
        assert (metric["low"], metric["high"]) == drawn[name]
    assert (hard["n"], hard["cancer"], hard["normal"], hard["patients"]) == (40, 14, 26, 40)
    for column in ("view", "laterality"):
        assert sum(g["n"] for g in groups if g["column"] == column) == 80


def test_a_subgroup_that_says_too_little_says_why() -> None:
    truth, p = _truth(source=lambda i: ("ddsm" if i % 3 == 0 else "mias") if i > 2 else "inbreast")
    reasons = {
        g["group"]: (g["why_null"], g["metrics"]["auroc"])
        for g in score_subgroups(truth, p, 0.5, resamples=1000)
        if g["column"] == "source"
    }
    nothing = {"value": None, "low": None, "high": None}
    assert reasons == {
        "ddsm": ("no normal films", nothing),
        "mias": ("no cancer films", nothing),
        "inbreast": (f"fewer than {FEWEST_PATIENTS} patients", nothing),
    }


@pytest.mark.parametrize("source", [None, "mias"])
def test_a_column_that_tells_films_not_apart_makes_no_subgroups(source: str | None) -> None:
    truth, p = _truth(source=lambda _: source)
    columns = {g["column"] for g in score_subgroups(truth, p, 0.5, resamples=1000)}
    assert columns == {"view", "laterality"}


def test_an_evaluation_holds_every_metric_and_both_conventions() -> None:
    truth, p = _truth()
    real = evaluate(truth, p, 0.5, KEPT)
    assert list(real["metrics"]) == list(METRICS)
    counts, normal = real["confusion"], real["normal_positive"]
    assert normal["recall"] == counts["tn"] / (counts["tn"] + counts["fp"])
    assert normal["recall"] == real["metrics"]["specificity"]["value"]
    assert normal["accuracy"] == real["metrics"]["accuracy"]["value"]
    assert real["resamples"] == 10_000
    assert real["subgroups"]
    assert evaluate(truth, p, 0.5, KEPT, split="test")["subgroups"] == []


@pytest.mark.parametrize("label", [0, 1])
def test_a_test_set_of_one_film_or_class_is_null_and_no_error(label: int) -> None:
    truth = make_test_set([Film("a", label, "p", "CC", "L", "mias")])
    alone = evaluate(truth, np.array([0.7]), 0.5, KEPT)
    assert alone["metrics"]["auroc"]["value"] is None
    assert alone["metrics"]["mcc"]["value"] is None
    assert alone["metrics"]["accuracy"] == {"value": float(label), "low": None, "high": None}
    assert alone["subgroups"] is not None
    assert all(g["why_null"] for g in alone["subgroups"])
    with pytest.raises(BadInput, match="NaN"):
        evaluate(truth, np.array([np.nan]), 0.5, KEPT)


@pytest.fixture()
def results(tmp_path: Path) -> Path:
    write_cell(tmp_path, WORLD, Cell())
    return tmp_path


def _stored(results: Path) -> Stored:
    (path,) = results.rglob("record.json")
    return Stored(path, read_record(path))


def test_a_fresh_record_is_format_2_and_recomputes(results: Path) -> None:
    stored = _stored(results)
    assert stored.record["format"] == FORMAT == "mammo-synth/record/2"
    assert "migrated_from" not in stored.record
    assert differences(results, stored) == []


REAL = ("evaluations", "real_test")


@pytest.mark.parametrize(
    "place",
    [
        (*REAL, "metrics", "mcc", "value"),
        (*REAL, "metrics", "brier", "high"),
        (*REAL, "metrics", "calibration_error", "value"),
        (*REAL, "metrics", "sensitivity_at_90_specificity", "value"),
        (*REAL, "normal_positive", "f1"),
        (*REAL, "subgroups", 0, "metrics", "auroc", "value"),
        (*REAL, "subgroups", 1, "metrics", "recall", "low"),
        ("evaluations", "test", "metrics", "sensitivity_at_80_specificity", "low"),
    ],
)
def test_the_leaderboard_check_names_each_new_number_that_is_not_so(
    results: Path, place: tuple[Any, ...]
) -> None:
    def change(record: dict[str, Any]) -> None:
        value: Any = record
        for key in place[:-1]:
            value = value[key]
        value[place[-1]] = 0.123456

    edit_record(_stored(results).path, change)
    found = check(results)
    (problem,) = found.problems
    assert ".".join(map(str, place)) in problem.message
    assert "says 0.123456" in problem.message


def test_the_check_names_counts_and_groups_that_are_not_so(results: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        groups = record["evaluations"]["real_test"]["subgroups"]
        groups[0]["cancer"] += 1
        del groups[-1]

    edit_record(_stored(results).path, change)
    assert any("subgroups" in problem.message for problem in check(results).problems)
    for key, value in (("subgroups", None), ("resamples", 1000)):
        edit_record(
            _stored(results).path,
            lambda record, k=key, v=value: record["evaluations"]["real_test"].update({k: v}),
        )
        assert check(results).problems, key


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("metrics", "mcc", "value"), -1.5),
        (("metrics", "brier", "value"), -0.1),
        (("resamples",), 10),
        (("resamples",), 10**9),
        (("subgroups",), [{}]),
        (("normal_positive", "f1"), 2),
        (("metrics", "surprise"), {"value": 1, "low": None, "high": None}),
    ],
)
def test_the_schema_refuses_what_no_evaluation_holds(
    results: Path, place: tuple[str, ...], value: Any
) -> None:
    record: Any = _stored(results).record
    part = record["evaluations"]["real_test"]
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(BadInput, match=f"real_test.{place[0]}"):
        check_record(record, "it")
    with pytest.raises(BadInput):
        write_record(results / "again.json", record)


def test_mcc_may_be_negative(tmp_path: Path) -> None:
    path = write_cell(tmp_path, WORLD, Cell(scores=lambda truth: 0.9 - 0.8 * truth.label))
    metrics = read_record(path)["evaluations"]["real_test"]["metrics"]
    assert metrics["mcc"] == {"value": -1.0, "low": -1.0, "high": -1.0}


def _as_format_1(results: Path) -> Path:
    """The record in ``results`` as format 1 wrote it."""
    stored = _stored(results)

    def old(split: str, evaluation: Evaluation) -> dict[str, Any]:
        scored = read_scored(results, stored, split)
        again: dict[str, Any] = dict(
            evaluate(
                scored.truth,
                scored.p_cancer,
                evaluation["threshold"],
                evaluation["predictions"],
                resamples=RESAMPLES_1,
            )
        )
        again["metrics"] = {name: again["metrics"][name] for name in METRICS_1}
        for key in ("resamples", "normal_positive", "subgroups"):
            del again[key]
        return again

    def change(record: dict[str, Any]) -> None:
        record["format"] = FORMAT_1
        del record["digest"]  # there was none
        record["evaluations"] = {k: old(k, v) for k, v in record["evaluations"].items()}

    edit_record(stored.path, change)
    return stored.path


def test_a_record_of_format_1_is_migrated_when_read(results: Path) -> None:
    before = _stored(results).record["evaluations"]["real_test"]
    path = _as_format_1(results)
    record = read_record(path)
    assert (record["format"], record.get("migrated_from")) == (FORMAT, FORMAT_1)
    real = record["evaluations"]["real_test"]
    assert real["metrics"]["auroc"]["value"] == before["metrics"]["auroc"]["value"]
    assert real["metrics"]["mcc"] == {"value": None, "low": None, "high": None}
    assert real["normal_positive"] == before["normal_positive"]
    assert real["subgroups"] is None
    assert real["resamples"] == 2000
    # it may be written again, and then reads the same
    write_record(path, record)
    assert read_record(path) == record


def test_a_migrated_record_stands_on_the_leaderboard_and_is_filled(results: Path) -> None:
    path = _as_format_1(results)
    assert check(results).sound
    stored = Stored(path, read_record(path))
    filled: Any = fill(dict(stored.record["evaluations"]), dict(recompute(results, stored)))
    assert filled == recompute(results, stored)
    assert filled["real_test"]["metrics"]["mcc"]["value"] is not None
    assert filled["real_test"]["subgroups"]


@pytest.mark.parametrize("name", ["auroc", "mcc"])
def test_what_a_migrated_record_says_is_still_checked(results: Path, name: str) -> None:
    path = _as_format_1(results)
    write_record(path, read_record(path))
    place = ("evaluations", "real_test", "metrics", name)
    edit_record(path, lambda r: r[place[0]][place[1]][place[2]][name].update({"value": 0.123456}))
    assert any(".".join(place) in problem.message for problem in check(results).problems)


def test_the_intervals_of_format_1_recompute() -> None:
    """Numbers of the release that wrote format 1: two films a patient, 2,000 resamples, seed 0."""
    label = np.array([1, 1, 1, 0, 0, 0, 0, 1] * 5)
    p = ((np.arange(40) * 7) % 40) / 40
    found = bootstrap(label, p, [0.5], np.arange(40) // 2, resamples=RESAMPLES_1)
    assert found["f1"] == pytest.approx((0.2702702702702703, 0.6808510638297872), abs=1e-12)
    assert found["auroc"] == pytest.approx((0.29289772727272734, 0.7042606516290727), abs=1e-12)
    assert found["average_precision"] == pytest.approx(
        (0.36688769778689345, 0.7671727107304156), abs=1e-12
    )


@pytest.mark.parametrize(
    "evaluations",
    [
        3,
        {"real_test": []},
        {"real_test": {"metrics": {}, "confusion": {}}},
        {"real_test": {"metrics": {name: {} for name in METRICS_1}, "confusion": {"tp": 1}}},
        {
            "real_test": {
                "metrics": {name: {} for name in METRICS_1},
                "confusion": {"tp": "x", "fp": 1, "fn": 1, "tn": 1},
            }
        },
    ],
)
def test_a_broken_record_of_format_1_is_one_clear_error(evaluations: Any) -> None:
    with pytest.raises(BadInput, match="calls itself mammo-synth/record/1"):
        migrate({"format": FORMAT_1, "evaluations": evaluations}, "'x'")
    with pytest.raises(BadInput, match="calls itself"):
        migrate({"format": FORMAT_1}, "'x'")


@pytest.mark.parametrize("value", [None, 3, [], {"format": []}, {"format": FORMAT}])
def test_what_is_not_of_format_1_passes_unchanged(value: Any) -> None:
    assert migrate(value, "'x'") is value
