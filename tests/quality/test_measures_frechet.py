"""Fréchet distance against closed forms and SciPy's matrix root; extrapolation against truth."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.gan.measures.frechet import frechet, shrinkage
from mammo_synth.quality.measures.frechet import (
    Moments,
    RunningMoments,
    frechet_distance,
    frechet_of_moments,
    moments,
)
from mammo_synth.quality.measures.frechet_infinity import frechet_infinity


def reference(real, fake):
    """By the definition, with SciPy's root of a matrix that is not symmetric."""
    c1, c2 = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = scipy.linalg.sqrtm(c1 @ c2)
    means = np.square(real.mean(axis=0) - fake.mean(axis=0)).sum()
    return float(means + np.trace(c1 + c2 - 2 * np.real(root)))


def gaussians(n, m, d, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(d, d)) / np.sqrt(d)
    return rng.normal(size=(n, d)) @ mix, 1.3 * rng.normal(size=(m, d)) + 0.5


@pytest.mark.parametrize(("n", "m"), [(200, 300), (60, 41)])
def test_agrees_with_scipy_where_there_are_more_images_than_features(n, m):
    real, fake = gaussians(n, m, 12)
    assert frechet_distance(real, fake) == pytest.approx(reference(real, fake), rel=1e-9)
    assert frechet_distance(fake, real) == pytest.approx(frechet_distance(real, fake), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(10, 14), (10, 100), (100, 10), (30, 30), (31, 30)])
def test_fewer_images_than_features_agree_with_singular_values(n, m):
    """tr (C1 C2)^1/2 is the sum of singular values of A1 A2^T, A the centred rows."""
    real, fake = gaussians(n, m, 30)
    a, b = ((x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (real, fake))
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    means = np.square(real.mean(axis=0) - fake.mean(axis=0)).sum()
    expected = means + (a**2).sum() + (b**2).sum() - 2 * shared
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)
    by_moments = frechet_of_moments(moments(real), moments(fake))
    assert by_moments == pytest.approx(expected, rel=1e-6)


def test_closed_form_of_given_moments():
    """Commuting covariances: squared differences of means and of standard deviations."""
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    s1, s2 = np.array([1.0, 2, 3, 0]), np.array([2.0, 2, 0, 0])
    first = Moments(9, np.arange(4.0), axes @ np.diag(s1**2) @ axes.T)
    second = Moments(9, np.ones(4), axes @ np.diag(s2**2) @ axes.T)
    expected = (1 + 0 + 1 + 4) + ((s1 - s2) ** 2).sum()
    assert frechet_of_moments(first, second) == pytest.approx(expected, rel=1e-7)


def test_two_images_and_one_feature_by_hand():
    """Means 1 and 4, variances 2 and 8: 9 + (sqrt 8 - sqrt 2)^2 = 11."""
    assert frechet_distance([[0.0], [2.0]], [[2.0], [6.0]]) == pytest.approx(11)


@given(st.integers(2, 20), st.integers(2, 20), st.integers(1, 12), st.integers(0, 99))
def test_never_negative_zero_for_equal_and_symmetric(n, m, d, seed):
    real, fake = gaussians(n, m, d, seed)
    value = frechet_distance(real, fake)
    assert value >= 0
    assert value == pytest.approx(frechet_distance(fake, real), rel=1e-6)
    spread = real.var(axis=0, ddof=1).sum()
    assert frechet_distance(real, real[::-1]) <= 1e-5 * spread


def test_shift_is_its_squared_length_and_scale_its_square():
    real, _ = gaussians(20, 20, 30)
    assert frechet_distance(real, real + 0.5) == pytest.approx(30 * 0.25, rel=1e-6)
    centred = real - real.mean(axis=0)
    expected = (centred**2).sum() / 19  # deviations differ by themselves
    assert frechet_distance(centred, 2 * centred) == pytest.approx(expected, rel=1e-6)


def test_running_moments_are_those_of_all_rows_though_means_are_large():
    rows = np.random.default_rng(0).normal(size=(2500, 5)) + 1e6
    running = RunningMoments()
    for begin, end in ((0, 1), (1, 8), (8, 2500)):
        running.add(rows[begin:end])
    found = running.moments()
    assert found.count == 2500
    assert np.allclose(found.mean, rows.mean(axis=0), rtol=1e-14)
    assert np.allclose(found.covariance, np.cov(rows, rowvar=False), rtol=0, atol=1e-8)


def test_the_measure_of_training_is_the_same_but_for_its_shrinkage(monkeypatch):
    real, fake = gaussians(50, 60, 7)
    assert 0 < shrinkage(50, 7) < 1
    monkeypatch.setattr("mammo_synth.gan.measures.frechet.shrinkage", lambda *_: 0.0)
    assert frechet(real, fake) == pytest.approx(frechet_distance(real, fake), rel=1e-9)


def test_bias_is_there_and_the_extrapolation_is_rid_of_it():
    """Over 40 pairs of samples of normals with a known distance, 2 * 16 * 0.09 + 0."""
    truth = 16 * 0.3**2
    plain, extrapolated = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        real, fake = rng.normal(size=(240, 16)), rng.normal(0.3, 1, (240, 16))
        plain.append(frechet_distance(real, fake))
        extrapolated.append(frechet_infinity(real, fake, seed=seed).value)
    assert np.mean(plain) - truth > 0.3
    error = np.std(extrapolated) / np.sqrt(40)
    assert np.mean(extrapolated) == pytest.approx(truth, abs=3 * error)
    assert 3 * error < 0.15


def test_extrapolation_fits_a_line_and_says_where_there_is_none():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(800, 8)), rng.normal(size=(800, 8))
    found = frechet_infinity(real, fake)
    assert found == frechet_infinity(real, fake)
    steps = 1 / np.array(found.shares)
    slope, value = np.polyfit(steps, found.distances, 1)
    assert (found.value, found.slope) == (pytest.approx(value), pytest.approx(slope))
    assert found.distances[0] == pytest.approx(frechet_distance(real, fake), rel=1e-9)
    assert found.curvature < 0.5 and found.as_dict()["value"] == found.value
    few = frechet_infinity(rng.normal(size=(24, 300)), rng.normal(size=(24, 300)))
    assert few.value > 100  # the true distance is 0: more features than images do not extrapolate


def test_extrapolation_draws_patients_whole():
    """Two equal films a patient: drawn singly, half as many would look as good as they are."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(100, 6)).repeat(2, axis=0), rng.normal(size=(400, 6))
    patients = [f"p{i // 2}" for i in range(200)]
    by_patient = np.mean([frechet_infinity(real, fake, patients=patients, seed=s).value
                          for s in range(8)])  # fmt: skip
    by_film = np.mean([frechet_infinity(real, fake, seed=s).value for s in range(8)])
    assert by_patient < by_film
    with pytest.raises(BadInput, match="4 patients"):
        frechet_infinity(real, fake, patients=["a", "b", "c", "d"] * 50)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "of 1 images"),
        (np.zeros((5, 3)), np.zeros((5, 2)), "3 features"),
        (np.zeros(5), np.zeros((5, 2)), "shape"),
        (np.zeros((5, 2)), np.full((5, 2), np.nan), "image 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(real, fake, message):
    with pytest.raises(BadInput, match=message):
        frechet_distance(real, fake)
    with pytest.raises(BadInput):
        RunningMoments().moments()
