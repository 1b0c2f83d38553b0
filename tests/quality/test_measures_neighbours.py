"""Precision, recall, density, coverage and realism against brute force, also near duplicates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from mammo_synth.errors import BadInput
from mammo_synth.quality.measures import distances
from mammo_synth.quality.measures.density_coverage import density_coverage
from mammo_synth.quality.measures.precision_recall import precision_recall
from mammo_synth.quality.measures.realism import realism


def sets(n=60, m=45, d=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(0.3, 0.9, (m, d))


def kth(rows, k):
    return NearestNeighbors(n_neighbors=k + 1).fit(rows).kneighbors(rows)[0][:, k]


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("entries", [2**22, 100])
def test_agree_with_brute_force_in_any_blocks(k, entries, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_ENTRIES", entries)
    real, fake = sets()
    between = cdist(real, fake)
    r, f = kth(real, k), kth(fake, k)
    found = precision_recall(real, fake, k=k)
    assert found.precision == np.mean((between <= r[:, None]).any(axis=0))
    assert found.recall == np.mean((between <= f).any(axis=1))
    both = density_coverage(real, fake, k=k)
    assert both.density == pytest.approx((between < r[:, None]).sum() / (k * 45))
    assert both.coverage == np.mean((between < r[:, None]).any(axis=1))
    typical = r <= np.median(r)
    ratios = (r[:, None] / between)[typical].max(axis=0)
    assert np.allclose(realism(real, fake, k=k), ratios, rtol=1e-9)
    assert found.as_dict()["k"] == both.as_dict()["k"] == k


def test_on_a_line_by_hand():
    """Films 0, 1, 3, 7, k = 1: radii 1, 1, 2, 4. Images 0.5, 4, 20, 21: radii 3.5, 3.5, 1, 1."""
    real, fake = np.array([[0.0], [1], [3], [7]]), np.array([[0.5], [4], [20], [21]])
    found = precision_recall(real, fake, k=1)
    assert (found.precision, found.recall) == (0.5, 1.0)
    both = density_coverage(real, fake, k=1)
    # 0.5 lies in the balls of 0 and 1; 4 in those of 3 and 7 (3 < 4)
    assert (both.density, both.coverage) == (1.0, 1.0)
    assert realism(real, [[0.5], [1.0]], k=1).tolist() == [2.0, np.inf]


@given(st.integers(0, 99), st.integers(1, 5), st.integers(6, 30))
def test_of_a_set_with_itself(seed, k, n):
    real, _ = sets(n, 5, 4, seed)
    found, both = precision_recall(real, real, k=k), density_coverage(real, real, k=k)
    assert (found.precision, found.recall, both.coverage) == (1, 1, 1)
    assert both.density == pytest.approx(1)


def test_density_of_equal_distributions_is_one_and_coverage_as_the_paper_says():
    """Coverage: 1 - (N-1)...(N-k) / (2N-1)...(2N-k), lemma 2 of Naeem et al. 2020."""
    k, n = 5, 100
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found.append(density_coverage(rng.normal(size=(n, 2)), rng.normal(size=(n, 2)), k=k))
    steps = np.arange(1, k + 1)
    expected = 1 - np.prod((n - steps) / (2 * n - steps))
    assert np.mean([x.coverage for x in found]) == pytest.approx(expected, abs=0.008)
    assert np.mean([x.density for x in found]) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("far", [1.0, 1e3, 1e5])
def test_distances_of_near_duplicates_keep_their_digits(far):
    rng = np.random.default_rng(0)
    rows = far * rng.normal(size=(30, 40))
    others = np.concatenate([rows + 10.0**-e * rng.normal(size=rows.shape) for e in range(10)])
    exact = cdist(rows, others, "sqeuclidean")
    found = np.concatenate([squared for _, squared in distances.blocks(rows, others)])
    assert np.allclose(found, exact, rtol=1e-8, atol=0)
    assert np.all(np.diag(np.concatenate([s for _, s in distances.blocks(rows, rows)])) == 0)


def test_features_far_from_zero_and_near_each_other():
    real, fake = sets()
    small, far = 1e-6, 1e4
    expected = density_coverage(real, fake), precision_recall(real, fake)
    real, fake = (real * small + far), (fake * small + far)
    assert (density_coverage(real, fake), precision_recall(real, fake)) == expected


def test_a_film_that_is_there_many_times_covers_its_copy_only():
    real = np.concatenate([np.zeros((9, 3)), sets(20, 5, 3)[0] + 10])
    found = precision_recall(real, [[0.0, 0, 0]] * 4 + [[0, 0, 1e-9]])
    assert found.precision == 0.8
    assert density_coverage(real, [[0.0, 0, 0], [0, 0, 1e-9]]).coverage == pytest.approx(9 / 29)


def test_one_outlier_widens_recall_and_not_coverage():
    """What the paper of density and coverage was written for."""
    real, fake = sets(60, 60)
    fake = fake[:30] * 0.1 + 3
    worse = np.concatenate([fake, fake[:1] - 1000])
    assert precision_recall(real, worse).recall == 1
    assert precision_recall(real, fake).recall < 0.2
    assert density_coverage(real, worse).coverage == density_coverage(real, fake).coverage


def test_too_few_images_are_refused():
    real, fake = sets()
    with pytest.raises(BadInput, match="5-th nearest"):
        density_coverage(real[:5], fake)
    with pytest.raises(BadInput, match="3-th nearest"):
        precision_recall(real, fake[:3])
