"""KID against the definition in a double loop, its expectation and its jackknife."""

from __future__ import annotations

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.quality.measures import kid as module
from mammo_synth.quality.measures.kid import kid, kid_value, subset_kid


def reference(real, fake):
    def k(a, b):
        return (float(np.dot(a, b)) / len(a) + 1) ** 3

    def within(rows):
        pairs = [k(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
        return np.mean(pairs)

    return within(real) + within(fake) - 2 * np.mean([k(a, b) for a in real for b in fake])


RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(23, 4)), RNG.normal(0.4, 1.2, (17, 4))


def test_agrees_with_the_definition_in_any_blocks(monkeypatch):
    expected = reference(REAL, FAKE)
    assert kid_value(REAL, FAKE) == pytest.approx(expected, rel=1e-12)
    assert kid(REAL, FAKE).value == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(module, "TILE", 7)
    assert kid_value(REAL, FAKE) == pytest.approx(expected, rel=1e-12)
    assert kid(REAL, FAKE).value == pytest.approx(expected, rel=1e-12)


def test_by_hand():
    """One feature, kernel (xy + 1)^3: 1 + 8 - 2 (1 + 1 + 1 + 1) / 4 with 0, 0 and 1, 1."""
    assert kid_value([[0.0], [0.0]], [[1.0], [1.0]]) == pytest.approx(7)


def test_equal_distributions_give_zero_on_average():
    values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        values.append(kid_value(rng.normal(size=(20, 5)), rng.normal(size=(30, 5))))
    assert np.mean(values) == pytest.approx(0, abs=3 * np.std(values) / np.sqrt(300))
    assert min(values) < 0


@pytest.mark.parametrize("patients", [None, [f"p{i // 3}" for i in range(23)]])
def test_jackknife_agrees_with_leaving_out_in_turn(patients):
    units = np.arange(23) if patients is None else np.arange(23) // 3
    films = [kid_value(REAL[units != u], FAKE) for u in np.unique(units)]
    images = [kid_value(REAL, np.delete(FAKE, i, axis=0)) for i in range(17)]
    variance = (len(films) - 1) * np.var(films) + 16 * np.var(images)
    found = kid(REAL, FAKE, patients=patients)
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert found.high - found.value == pytest.approx(1.959964 * found.standard_error, rel=1e-6)
    assert found.as_dict()["level"] == 0.95


def test_interval_holds_the_truth_about_95_times_in_100():
    def draw(seed, n):
        rng = np.random.default_rng(seed)
        films = rng.normal(size=(n, 3)).repeat(2, axis=0) + 0.5 * rng.normal(size=(2 * n, 3))
        return films, rng.normal(0.5, 1, (2 * n, 3))

    truth = kid_value(*draw(9999, 4000))
    patients = [f"p{i // 2}" for i in range(100)]
    hits = 0
    for seed in range(120):
        found = kid(*draw(seed, 50), patients=patients)
        hits += found.low <= truth <= found.high
    assert 0.9 <= hits / 120 <= 0.99


def test_subsets_are_stated_and_repeat():
    found = subset_kid(REAL, FAKE, subset=1000, subsets=60, seed=1)
    assert (found.subset, found.subsets) == (8, 60)
    assert found == subset_kid(REAL, FAKE, subset=1000, subsets=60, seed=1)
    assert found.low < found.value < found.high
    error = found.deviation / np.sqrt(60)
    assert found.value == pytest.approx(kid_value(REAL, FAKE), abs=4 * error)
    assert subset_kid(REAL, FAKE, subset=10, subsets=2).subset == 10
    assert found.as_dict()["deviation"] == found.deviation


def test_too_few_are_refused():
    with pytest.raises(BadInput, match="2 patients"):
        kid(REAL, FAKE, patients=["a"] * 10 + ["b"] * 13)
    with pytest.raises(BadInput, match="3 patients for 23 films"):
        kid(REAL, FAKE, patients=["a", "b", "c"])
