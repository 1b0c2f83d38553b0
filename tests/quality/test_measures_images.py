"""Spectra and grey levels of images, against SciPy and textures made to order; diversity."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import wasserstein_distance

from mammo_synth.errors import BadInput
from mammo_synth.quality.measures import spectrum
from mammo_synth.quality.measures.diversity import (
    mean_distance,
    pairwise_diversity,
    vendi,
    vendi_diversity,
)
from mammo_synth.quality.measures.histogram import (
    exposure_distance,
    histogram_distance,
    histograms,
)
from mammo_synth.quality.measures.spectrum import (
    slope_distance,
    slopes,
    spectra,
    spectrum_distance,
)


def power_law(count, beta, size=128, seed=0):
    """Noise with a power spectrum 1/f^beta, as 8-bit images."""
    rng = np.random.default_rng(seed)
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    f[0, 0] = np.inf
    phase = np.fft.rfft2(rng.normal(size=(count, size, size)))
    noise = np.fft.irfft2(phase * f ** (-beta / 2), (size, size))
    noise *= 30 / noise.std(axis=(1, 2), keepdims=True)
    return np.clip(noise + 128, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("beta", [1.0, 2.0, 3.0])
def test_the_slope_is_that_of_the_noise(beta):
    found = slopes(spectra(power_law(20, beta)))
    assert found.shape == (20,)
    assert found.mean() == pytest.approx(beta, abs=0.1)


def test_rings_hold_all_power_and_a_wave_is_in_its_ring(monkeypatch):
    y, x = np.mgrid[:64, :64] / 64
    waves = [128 + 60 * np.sin(2 * np.pi * k * (x * np.cos(a) + y * np.sin(a)))
             for k, a in ((10, 0.0), (20, np.pi / 2), (6, 0.7))]  # fmt: skip
    images = np.array(waves).round().astype(np.uint8)
    rows = spectra(images)
    assert rows.shape == (3, 32)
    assert (rows.argmax(axis=1) + 1).tolist() == [10, 20, 6]
    # a full transform, ring by ring
    window = np.hanning(64)[:, None] * np.hanning(64)
    image = images[2] / 255
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    power /= np.square(np.hanning(64)).sum() ** 2
    f = np.fft.fftfreq(64) * 64
    ring = np.rint(np.hypot(f[:, None], f))
    expected = [np.log10(power[ring == r].mean() + spectrum.DARK) for r in range(1, 33)]
    assert np.allclose(rows[2], expected, atol=1e-4)
    monkeypatch.setattr(spectrum, "BLOCK_PIXELS", 64 * 64)
    assert np.allclose(spectra(images), rows, atol=1e-6)


def test_contrast_is_six_decibels_for_a_factor_of_two_and_no_slope():
    strong = power_law(30, 2.0)
    weak = (128 + (strong.astype(float) - 128) / 2).round().astype(np.uint8)
    rows, others = spectra(strong), spectra(weak)
    low = slice(0, 16)
    assert spectrum_distance(rows[:, low], others[:, low]) == pytest.approx(6.02, abs=0.2)
    assert slope_distance(rows, others) < 0.05
    assert spectrum_distance(rows, rows) == slope_distance(rows, rows) == 0


def test_spectrum_measures_see_blur_and_noise_from_both_sides():
    images = power_law(30, 3.0)
    blurred = gaussian_filter(images.astype(float), (0, 1, 1)).round().astype(np.uint8)
    grain = np.random.default_rng(0).normal(0, 12, images.shape)
    noisy = np.clip(images + grain, 0, 255).round().astype(np.uint8)
    rows = [spectra(x) for x in (images, power_law(30, 3.0, seed=1), blurred, noisy)]
    means = [slopes(x).mean() for x in rows]
    assert means[3] < means[0] - 0.5 and means[2] > means[0] + 0.5
    for distance in (spectrum_distance, slope_distance):
        floor = distance(rows[0], rows[1])
        assert distance(rows[0], rows[2]) > 5 * floor
        assert distance(rows[0], rows[3]) > 5 * floor


def test_histograms_hold_the_breast_alone():
    image = np.zeros((32, 32), np.uint8)
    image[:, :8], image[:, 8:16] = 100, 200
    image[:, 16:18] = 12  # no more than 12 above the background of 0
    row = histograms(np.stack([image, np.full_like(image, 7)]))
    assert row[0, 100] == row[0, 200] == 0.5 and row[0].sum() == 1
    assert row[1, 7] == 1  # nothing stands out: all pixels count
    bright = np.full((1, 32, 32), 180, np.uint8)
    bright[0, 0] = 90
    assert histograms(bright)[0, 180] > 0.95  # a breast that fills the image is no background


def test_histogram_distances_are_those_of_scipy():
    rng = np.random.default_rng(0)
    real, fake = (rng.dirichlet(np.full(256, 0.2), n) for n in (6, 9))
    levels = np.arange(256)
    expected = wasserstein_distance(levels, levels, real.mean(axis=0), fake.mean(axis=0))
    assert histogram_distance(real, fake) == pytest.approx(expected, rel=1e-9)
    expected = wasserstein_distance((real * levels).sum(axis=1), (fake * levels).sum(axis=1))
    assert exposure_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_ten_levels_brighter_are_ten_levels():
    image = np.zeros((4, 32, 32), np.uint8)
    image[:, :, :16] = np.random.default_rng(0).integers(80, 180, (4, 32, 16))
    brighter = np.where(image > 0, image + 10, 0).astype(np.uint8)
    rows, others = histograms(image), histograms(brighter)
    assert histogram_distance(rows, others) == pytest.approx(10)
    assert exposure_distance(rows, others) == pytest.approx(10)
    assert histogram_distance(rows, histograms(np.zeros_like(image))) > 80


def test_exposure_sees_that_all_images_are_alike():
    rows, alike = np.zeros((2, 256)), np.zeros((2, 256))
    rows[0, 100] = rows[1, 200] = 1
    alike[:, [100, 200]] = 0.5
    assert histogram_distance(rows, alike) == 0
    assert exposure_distance(rows, alike) == pytest.approx(50)


@pytest.mark.parametrize("images", [
    np.zeros((2, 32, 32)), np.zeros((2, 32, 30), np.uint8), np.zeros((32, 32), np.uint8),
])  # fmt: skip
def test_other_arrays_are_refused(images):
    for rows in (spectra, histograms):
        with pytest.raises(BadInput, match="8-bit"):
            rows(images)
    with pytest.raises(BadInput, match="8 px"):
        spectra(np.zeros((1, 8, 8), np.uint8))


def test_mean_distance_by_hand_and_relative():
    assert mean_distance([[0.0], [1], [3]]) == pytest.approx(2)
    rows = np.random.default_rng(0).normal(size=(50, 4))
    assert pairwise_diversity(rows, 0.5 * rows + 9) == pytest.approx(0.5)
    assert pairwise_diversity(rows, np.ones((5, 4))) == 0
    assert pairwise_diversity(np.ones((5, 4)), np.ones((5, 4))) == 1


def test_vendi_is_the_effective_number():
    axes = np.eye(4)
    assert vendi(axes) == pytest.approx(4)
    assert vendi(axes[[0, 0, 1, 1]]) == pytest.approx(2)  # each twice: two different ones
    assert vendi(axes[[0, 0, 0, 0]]) == pytest.approx(1)
    assert vendi(np.concatenate([axes[:1], np.zeros((1, 4))])) == pytest.approx(2)
    shares = np.array([0.5, 0.25, 0.25])
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert vendi(axes[[0, 0, 1, 2]]) == pytest.approx(expected)
    rows = np.random.default_rng(0).normal(size=(9, 40))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / 9)
    assert vendi(rows) == pytest.approx(np.exp(-(values * np.log(values)).sum()))


def test_vendi_sees_lost_kinds_that_mean_distance_does_not():
    rng = np.random.default_rng(0)
    kinds = 6 * rng.normal(size=(16, 20))
    real, fake = (kinds[rng.integers(0, k, 400)] + rng.normal(size=(400, 20)) for k in (16, 8))
    assert pairwise_diversity(real, fake) > 0.85
    assert vendi_diversity(real, fake) < 0.75
    assert vendi_diversity(real, real) == pytest.approx(1)
