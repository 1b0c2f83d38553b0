"""Exact nearest neighbours against brute force in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from mammo_synth.errors import BadInput
from mammo_synth.quality.privacy import neighbours
from mammo_synth.quality.privacy.neighbours import nearest


@given(
    st.integers(0, 10_000), st.integers(1, 30), st.integers(3, 40), st.integers(1, 9),
    st.integers(1, 3), st.sampled_from([1e-6, 1.0, 1e9]), st.sampled_from([0.0, 1e5]),
)  # fmt: skip
def test_equals_brute_force(seed, count, films, size, k, scale, offset):
    rng = np.random.default_rng(seed)
    q = rng.normal(size=(count, size)) * scale + offset
    r = rng.normal(size=(films, size)) * scale + offset
    q[0] = r[1]  # a copy
    found = nearest(q, r, k)
    exact = cdist(q, r)
    assert np.allclose(found.distance, np.sort(exact, axis=1)[:, :k], rtol=1e-12, atol=0)
    at_index = exact[np.arange(count)[:, None], found.index]
    assert np.allclose(at_index, found.distance, rtol=1e-12, atol=0)
    assert found.distance[0, 0] == 0


def test_tells_what_single_precision_cannot():
    r = np.zeros((50, 400))
    r[:, 0] = 1000
    r[:, 1] = 1e-3 * np.arange(50, 0, -1)
    q = np.zeros((1, 400))
    q[0, 0] = 1000
    assert np.unique((r @ q.T).astype(np.float32)).size == 1
    assert nearest(q, r).index[0, 0] == 49


def test_many_blocks_and_oneself(monkeypatch):
    monkeypatch.setattr(neighbours, "CELLS", 700)
    x = np.random.default_rng(1).normal(size=(200, 17)).astype(np.float32)
    found = nearest(x, x, 2, skip_self=True)
    reference = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(x.astype(float))
    distance, index = reference.kneighbors(x.astype(float))
    assert np.array_equal(found.index, index[:, 1:])
    assert np.allclose(found.distance, distance[:, 1:], atol=1e-6)


def test_equal_references_give_the_first():
    r = np.ones((500, 3))
    found = nearest(np.zeros((4, 3)), r, 2)
    assert found.index.tolist() == [[0, 1]] * 4
    assert np.allclose(found.distance, np.sqrt(3))


@pytest.mark.parametrize(
    ("q", "r", "words"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), "shapes"),
        (np.zeros((2, 3)), np.zeros((0, 3)), "0 images"),
        (np.full((2, 3), np.nan), np.zeros((2, 3)), "queries"),
        (np.zeros((2, 3)), np.full((2, 3), np.inf), "references"),
    ],
)
def test_what_cannot_be(q, r, words):
    with pytest.raises(BadInput, match=words):
        nearest(q, r)
