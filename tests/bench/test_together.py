"""The shared bootstrap, the fast point metrics and the compiled schema: equal to the slow ways."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import mammo_synth.bench.record
from mammo_synth.bench import together
from mammo_synth.bench.metrics import (
    METRICS,
    confusion,
    percentile_interval,
    point_metrics,
    resample,
)
from mammo_synth.bench.points import confusion_of, points
from mammo_synth.bench.quick_schema import compiled
from mammo_synth.bench.together import TOGETHER, Case, resample_together, single_is_exact
from mammo_synth.errors import BadInput
from tests.leaderboard.board_factory import Cell, World, write_cell


def case(seed: int, patients: int = 12, replicates: int = 2, levels: int = 6) -> Case:
    """Few films, many ties, sometimes one class alone in a resample."""
    rng = np.random.RandomState(seed)
    codes = np.r_[np.arange(patients), rng.randint(0, patients, size=2 * patients)]
    label = (rng.rand(len(codes)) < 0.2).astype(np.int64)
    p = rng.randint(0, levels + 1, size=(replicates, len(codes))) / levels
    return Case(label, p, tuple(rng.rand(replicates)), codes)


def slowly(one: Case, resamples: int, seed: int) -> dict[str, np.ndarray]:
    return resample(
        one.label,
        one.p,
        one.thresholds,
        one.patients,
        resamples=resamples,
        seed=seed,
        metrics=TOGETHER,
    )


def assert_equal(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    for name, values in found.items():
        # Terms of average precision are rounded to single precision.
        margin = 1e-7 if name == "average_precision" else 1e-12
        np.testing.assert_allclose(values, wanted[name], rtol=0, atol=margin, err_msg=name)


def values(cases: list[Case], names: Sequence[str], **settings: int) -> list[dict[str, Any]]:
    found = resample_together(cases, names, values_of=names, **settings)
    return [one.values for one in found]


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 6, 1000]), st.integers(1, 3))
def test_together_is_as_one_by_one(seed: int, levels: int, replicates: int) -> None:
    cases = [case(seed, 12, replicates, levels), case(seed + 1, 12, 1), case(seed + 2, 7)]
    found = values(cases, TOGETHER, resamples=60, seed=seed)
    for one, these in zip(cases, found, strict=True):
        assert_equal(these, slowly(one, 60, seed))


def test_shares_alone_are_averaged_before_the_product() -> None:
    one = case(3, 40, 3)
    names = ("balanced_accuracy", "recall")
    (found,) = values([one], names, resamples=300, seed=5)
    assert set(found) == set(names)
    assert_equal(found, slowly(one, 300, 5))


def test_blocks_and_company_change_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [case(k, 15) for k in range(3)]
    whole = values(cases, TOGETHER, resamples=100, seed=1)
    monkeypatch.setattr(together, "_CELLS_AT_ONCE", 7 * 15)
    for one, these in zip(cases, whole, strict=True):
        (alone,) = values([one], TOGETHER, resamples=100, seed=1)
        for name in TOGETHER:
            np.testing.assert_array_equal(alone[name], these[name])


def test_intervals_are_those_of_the_values_and_no_more_is_returned() -> None:
    cases, names = (
        [case(4, 30), Case(np.zeros(9, int), np.full((1, 9), 0.2), (0.5,), np.arange(9))],
        TOGETHER,
    )
    whole = values(cases, names, resamples=200)
    found = resample_together(cases, names, values_of=("auroc",), resamples=200)
    for one, wanted in zip(found, whole, strict=True):
        assert one.intervals == {name: percentile_interval(wanted[name]) for name in names}
        assert list(one.values) == ["auroc"]
        np.testing.assert_array_equal(one.values["auroc"], wanted["auroc"])
    assert found[0].intervals["recall"] is not None and found[1].intervals["recall"] is None


def test_many_films_are_counted_in_double_precision() -> None:
    rng = np.random.RandomState(0)
    codes = np.repeat(np.arange(40), 160)
    label = (codes % 2).astype(np.int64)
    one = Case(label, rng.rand(1, len(codes)), (0.5,), codes)
    assert not single_is_exact([one], one.units)
    assert single_is_exact([case(0)], 12)
    (found,) = values([one], ("auroc", "average_precision"), resamples=20)
    wanted = slowly(one, 20, 0)
    for name in found:
        np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=1e-12)


def test_one_class_alone_has_no_auroc() -> None:
    codes = np.arange(6)
    for label, defined in ((np.zeros(6), False), (np.ones(6), True)):
        one = Case(label.astype(np.int64), np.full((1, 6), 0.5), (0.5,), codes)
        (found,) = values([one], ("auroc", "average_precision"), resamples=5)
        assert np.isnan(found["auroc"]).all()
        assert np.isnan(found["average_precision"]).all() != defined


def test_what_cannot_be_resampled_is_refused() -> None:
    with pytest.raises(BadInput, match="brier"):
        values([case(0)], ("brier",))
    with pytest.raises(BadInput, match="0 resamples"):
        values([case(0)], ("auroc",), resamples=0)
    short = Case(case(0).label, case(0).p, (0.5,), case(0).patients)
    with pytest.raises(BadInput, match="1 thresholds"):
        values([short], ("auroc",))


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 1000]), st.sampled_from([0, 0.3, 1]))
def test_fast_points_are_the_point_metrics(seed: int, levels: int, share: float) -> None:
    rng = np.random.RandomState(seed)
    n = rng.randint(1, 40)
    label = (rng.rand(n) < share).astype(np.int64)
    p = rng.randint(0, levels + 1, size=n) / levels
    threshold = float(rng.choice(p))
    counts = confusion_of(label, p, threshold)
    assert counts == confusion(label, p, threshold)
    found, wanted = points(label, p, counts), point_metrics(label, p, threshold)
    assert list(found) == list(METRICS)
    for name, value in wanted.items():
        assert found[name] == (None if value is None else pytest.approx(value, abs=1e-12)), name


SCHEMA = json.loads(
    Path(mammo_synth.bench.record.__file__).with_name("record.schema.json").read_text("utf-8")
)
WRONG = (None, True, False, 0, 1, -1, 1.0, 0.5, 1e9, "", "x", "cancer", [], [1], {}, {"a": 1})


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = write_cell(tmp_path_factory.mktemp("r"), World(patients=20, test_size=20), Cell())
    return json.loads(path.read_text("utf-8"))


@given(data=st.data())
def test_the_compiled_schema_answers_as_jsonschema(record: dict[str, Any], data: Any) -> None:
    """One place of a record is removed, replaced or added to; both ways say the same of it."""
    value = copy.deepcopy(record)
    place = value
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0, -1]))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            break
        place = inner
    way = data.draw(st.sampled_from(["remove", "replace", "add"]))
    if way == "remove":
        del place[key]
    elif way == "replace":
        place[key] = data.draw(st.sampled_from(WRONG))
    elif isinstance(place, dict):
        place["added"] = data.draw(st.sampled_from(WRONG))
    assert compiled(SCHEMA)(value) == Draft202012Validator(SCHEMA).is_valid(value)


def test_an_unknown_keyword_is_not_passed_over() -> None:
    with pytest.raises(NotImplementedError, match="uniqueItems"):
        compiled({"type": "array", "uniqueItems": True})
    nested = compiled(
        {
            "$ref": "#/$defs/tree",
            "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
        }
    )
    assert nested([[], [[]]])
    assert not nested([[], [1]])
