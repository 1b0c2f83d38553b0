"""Pairwise comparison: paired bootstrap, Holm, DeLong against the plain formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mammo_synth.bench.comparison import (
    Contender,
    Pair,
    bootstrap_p_value,
    compare_pairs,
    correct,
    holm,
)
from mammo_synth.bench.delong import delong
from mammo_synth.errors import BadInput


def test_delong_of_a_worked_example() -> None:
    """By hand. First: cancers above 1, 1 and 1/2 of the normals, normals below 2/3 and 1 of the
    cancers; second: 1, 1/2, 3/4 and 1/2, 1. So the variances are 1/36 + 1/36 and 1/48 + 1/16, the
    covariance 0 + 1/24, and z = (5/6 - 3/4) / sqrt(1/18)."""
    label = np.array([1, 1, 1, 0, 0])
    found = delong(label, np.array([0.9, 0.6, 0.4, 0.5, 0.3]), np.array([0.7, 0.2, 0.3, 0.3, 0.1]))
    assert found is not None
    assert found.first == pytest.approx(5 / 6)
    assert found.second == pytest.approx(3 / 4)
    assert found.variance_first == pytest.approx(1 / 18)
    assert found.variance_second == pytest.approx(1 / 12)
    assert found.covariance == pytest.approx(1 / 24)
    assert found.z == pytest.approx(math.sqrt(2) / 4)
    assert found.p_value == pytest.approx(0.7236736)  # 2 (1 - Phi(0.3535534)), from a table


def _plain(label: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, ...]:
    """DeLong's paper, word for word: all m · n pairs of both classifiers."""
    components = []
    for p in (first, second):
        x, y = p[label == 1][:, None], p[label == 0][None]
        psi = (x > y) + (x == y) / 2
        components.append((psi.mean(axis=1), psi.mean(axis=0), psi.mean()))
    (a1, b1, theta1), (a2, b2, theta2) = components
    m, n = len(a1), len(b1)

    def covariance(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
        left = sum((a - a.mean()) * (b - b.mean())) / (m - 1) / m
        return left + sum((c - c.mean()) * (d - d.mean())) / (n - 1) / n

    v1, v2, c = (
        covariance(a1, a1, b1, b1),
        covariance(a2, a2, b2, b2),
        covariance(a1, a2, b1, b2),
    )
    z = (theta1 - theta2) / math.sqrt(v1 + v2 - 2 * c)
    return theta1, theta2, v1, v2, c, z


@given(st.integers(0, 10_000), st.sampled_from([5, 1000]))
def test_delong_equals_the_plain_formula(seed: int, levels: int) -> None:
    generator = np.random.default_rng(seed)
    label = np.r_[1, 1, 0, 0, generator.integers(0, 2, 36)]
    first = generator.integers(0, levels, 40) / levels
    second = generator.integers(0, levels, 40) / levels
    found, expected = delong(label, first, second), _plain(label, first, second)
    assert found is not None
    numbers = (
        found.first,
        found.second,
        found.variance_first,
        found.variance_second,
        found.covariance,
        found.z,
    )
    assert numbers == pytest.approx(expected)
    assert found.first == pytest.approx(roc_auc_score(label, first))


def test_delong_of_equal_and_of_too_few() -> None:
    label, p = np.array([1, 1, 0, 0]), np.array([0.9, 0.3, 0.4, 0.1])
    same = delong(label, p, p / 2)
    assert same is not None
    assert (same.z, same.p_value) == (None, 1.0)
    certain = delong(label, np.array([0.9, 0.8, 0.4, 0.1]), np.array([0.1, 0.2, 0.8, 0.9]))
    assert certain is not None
    assert (certain.z, certain.p_value) == (None, None)  # 1 against 0, and no spread at all
    assert delong(np.array([1, 0, 0]), np.arange(3) / 3, np.arange(3) / 3) is None
    assert delong(np.array([0, 0]), np.arange(2) / 2, np.arange(2) / 2) is None


def _films(
    seed: int, n: int, skill: float, other: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two classifiers whose scores share half of their noise."""
    generator = np.random.default_rng(seed)
    label = (np.arange(n) % 3 == 0).astype(int)
    shared = generator.normal(size=n)
    logits = [s * label + 0.7 * shared + 0.7 * generator.normal(size=n) for s in (skill, other)]
    first, second = (1 / (1 + np.exp(-x)) for x in logits)
    return label, first, second


def _compare(
    label: np.ndarray, *p: np.ndarray, metric: str = "auroc", resamples: int = 2000
) -> list[Pair]:
    contenders = [
        Contender(name, np.atleast_2d(one), (0.5,) * len(np.atleast_2d(one)))
        for name, one in zip("abcd", p, strict=False)
    ]
    patients = np.arange(len(label))
    return compare_pairs(label, patients, contenders, metric, resamples=resamples)


def test_the_paired_bootstrap_agrees_with_delong_on_independent_films() -> None:
    label, first, second = _films(0, 400, 1.5, 1.1)
    (pair,) = _compare(label, first, second, resamples=6000)
    check = pair.delong
    assert check is not None
    assert pair.difference == pytest.approx(check.first - check.second)
    spread = math.sqrt(check.variance_first + check.variance_second - 2 * check.covariance)
    assert pair.low is not None
    assert pair.high is not None
    assert pair.high - pair.low == pytest.approx(2 * 1.96 * spread, rel=0.06)
    assert check.p_value is not None
    assert pair.p_value == pytest.approx(check.p_value, abs=0.03)


def test_a_difference_is_found_and_none_is_not_invented() -> None:
    label, first, second = _films(1, 600, 2.0, 0.4)
    (far,) = _compare(label, first, second)
    assert far.low is not None
    assert far.low > 0
    assert far.p_value == pytest.approx(2 / 2001)  # never 0
    label, first, second = _films(2, 600, 1.0, 1.0)
    (near,) = _compare(label, first, second)
    assert near.p_value is not None
    assert near.p_value > 0.05


def test_the_p_value_is_level_under_no_difference() -> None:
    """Of 120 comparisons of equally good classifiers about 5 % fall below 0.05."""
    found = [_compare(*_films(seed, 90, 1.0, 1.0), resamples=300)[0].p_value for seed in range(120)]
    share = np.mean([p is not None and p < 0.05 for p in found])
    assert 0.0 < share < 0.12


def test_pairing_cancels_what_is_hard_in_the_films() -> None:
    label, first, _ = _films(3, 300, 1.0, 1.0)
    (same,) = _compare(label, first, first)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    (order,) = _compare(label, first, first**3)  # the same order: the same AUROC in each resample
    assert order.p_value == 1


def test_patients_and_not_films_are_drawn() -> None:
    label, first, second = _films(4, 100, 1.2, 0.8)
    four = [np.repeat(x, 4) for x in (label, first, second)]
    contenders = [Contender(k, four[i][None], (0.5,)) for i, k in ((1, "a"), (2, "b"))]
    (films,) = compare_pairs(four[0], np.arange(400), contenders, resamples=1000)
    (patients,) = compare_pairs(four[0], np.repeat(np.arange(100), 4), contenders, resamples=1000)
    assert films.low is not None
    assert films.high is not None
    assert patients.low is not None
    assert patients.high is not None
    assert patients.high - patients.low > 1.7 * (films.high - films.low)


def test_replicates_are_averaged() -> None:
    label, first, second = _films(5, 120, 1.5, 0.5)
    mean = (roc_auc_score(label, first) + roc_auc_score(label, second)) / 2
    (pair,) = _compare(label, np.stack([first, second]), first)
    assert pair.first_value == pytest.approx(mean)
    assert pair.delong is not None
    assert pair.delong.first == pytest.approx(mean)


def test_holm_of_a_worked_example() -> None:
    # 0.01 · 4; 0.02 · 3; 0.03 · 2; 0.04 · 1 is raised to what stands before it
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_order_and_never_lowers(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert min(adjusted) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


def test_all_pairs_are_compared_and_corrected_together() -> None:
    label, first, second = _films(6, 200, 2.0, 0.5)
    pairs = _compare(label, first, second, (first + second) / 2)
    assert [(p.first, p.second) for p in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [p.p_holm for p in pairs] == pytest.approx(holm([p.p_value or 0.0 for p in pairs]))
    again = correct(pairs + pairs)
    assert again[0].p_holm == pytest.approx(min(1.0, 6 * (pairs[0].p_value or 0.0)))


def test_the_p_value_of_resamples() -> None:
    assert bootstrap_p_value(np.array([1.0, 2.0, 3.0, -1.0])) == pytest.approx(4 / 5)
    assert bootstrap_p_value(np.zeros(9)) == 1.0
    assert bootstrap_p_value(np.r_[np.ones(90), np.full(10, np.nan)]) is None


def test_what_has_no_value_stays_none() -> None:
    label, p = np.zeros(8, int), np.linspace(0, 1, 8)
    (pair,) = _compare(label, p, 1 - p)
    numbers = (pair.first_value, pair.difference, pair.low, pair.p_value, pair.p_holm, pair.delong)
    assert numbers == (None,) * 6
    one = [Contender(name, np.array([[0.4]]), (0.5,)) for name in "ab"]
    (pair,) = compare_pairs(np.array([1]), np.array([0]), one, "recall")
    assert (pair.difference, pair.low, pair.p_value) == (0, None, None)


def test_what_cannot_be_compared_is_refused() -> None:
    label, first, second = _films(7, 30, 1.0, 1.0)
    with pytest.raises(BadInput, match="no metric 'aurok'") as error:
        _compare(label, first, second, metric="aurok")
    assert "auroc" in str(error.value.hint)
    with pytest.raises(BadInput, match="two or more"):
        _compare(label, first)
    with pytest.raises(BadInput, match="different names"):
        compare_pairs(label, np.arange(30), [Contender("a", first[None], (0.5,))] * 2)
    with pytest.raises(BadInput, match="NaN"):
        _compare(label, first, np.full(30, np.nan))
    with pytest.raises(BadInput, match="shape"):
        _compare(label, first, second[:-1])
