"""The texture measure: zero for equal sets, larger the worse the images, in units of the films."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mammo_synth.gan.measures import MEASURES, floor, thumbnails, variety
from mammo_synth.gan.measures.frechet import covariance, frechet

TEXTURE = MEASURES["texture"]
Images = NDArray[np.uint8]


def films(count: int, seed: int, size: int = 32, dense: float = 0.0) -> Images:
    """Half discs at the left edge with clouds in them; ``dense`` makes the clouds brighter."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    images = []
    for _ in range(count):
        noise = gaussian_filter(rng.normal(size=(size, size)), rng.uniform(0.8, 1.6))
        inside = np.hypot(x, y - rng.uniform(0.4, 0.6)) < rng.uniform(0.4, 0.75)
        level = rng.uniform(90, 160) + dense * 60 + 120 * (1 + dense) * noise
        images.append(np.where(inside, level, 6) + rng.normal(0, 1, x.shape))
    return np.clip(images, 0, 255).round().astype(np.uint8)


REAL, OTHER = films(160, 1), films(160, 2)


def distance(images: Images, real: Images = REAL) -> float:
    return TEXTURE.distance(TEXTURE.features(real), TEXTURE.features(images))


def test_equal_sets_are_at_zero_in_any_order():
    assert distance(REAL) == pytest.approx(0, abs=1e-9)
    assert distance(REAL[::-1]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("blur", lambda x, k: gaussian_filter(x.astype(float), (0, 0.4 * k, 0.4 * k))),
        ("noise", lambda x, k: x + np.random.default_rng(k).normal(0, 4 * k, x.shape)),
        ("brightness", lambda x, k: x + 12.0 * k),
        ("collapse", lambda x, k: x[: len(x) // 4**k].repeat(4**k, axis=0)),
        ("stripes", lambda x, k: x + 5.0 * k * (np.arange(x.shape[2]) % 2)),
        ("mirrored", lambda x, k: np.concatenate([x[: 50 * k, :, ::-1], x[50 * k :]])),
    ],
)
def test_every_flaw_is_seen_and_more_of_it_is_worse(name, worse):
    values = [distance(OTHER)]
    for strength in (1, 2, 3):
        flawed = np.clip(np.asarray(worse(OTHER, strength), float), 0, 255).round()
        values.append(distance(flawed.astype(np.uint8)))
    assert values == sorted(values), (name, values)
    assert values[1] > 1.5 * values[0], (name, values)


def test_mixing_in_another_class_is_seen():
    dense = films(160, 3, dense=1.0)
    shares = [distance(np.concatenate([dense[:n], OTHER[: 160 - n]])) for n in (0, 40, 80, 160)]
    assert shares == sorted(shares) and shares[1] > 1.3 * shares[0]


def test_number_of_images_hardly_decides():
    """A clear flaw gets nearly the same number from 40 images as from 160."""
    noisy = np.clip(OTHER + np.random.default_rng(0).normal(0, 30, OTHER.shape), 0, 255)
    noisy = noisy.astype(np.uint8)
    few, many = distance(noisy[:40], REAL[:40]), distance(noisy)
    assert few == pytest.approx(many, rel=0.25)


def test_floor_is_what_the_films_have_among_themselves():
    features = TEXTURE.features(REAL)
    value = floor(TEXTURE, features)
    assert 0 < value < 0.2
    assert floor(TEXTURE, features) == value
    assert value > floor(TEXTURE, TEXTURE.features(films(800, 4)))
    assert floor(TEXTURE, features[:3]) is None


def test_films_in_turn_of_view_do_not_raise_the_floor():
    """Sets come view by view: halves of every other film would be two different populations."""
    turns = np.stack([REAL, films(160, 5, dense=1.0)], axis=1).reshape(-1, 32, 32)
    features = TEXTURE.features(turns)
    assert TEXTURE.distance(features[0::2], features[1::2]) > 10 * floor(TEXTURE, features)


@pytest.mark.parametrize("size", [8, 16, 64, 256])
def test_features_are_of_each_image_alone_and_finite(size):
    images = np.random.default_rng(0).integers(0, 256, (5, size, size), np.uint8)
    images[0], images[1] = 0, 255
    features = TEXTURE.features(images)
    assert features.dtype == np.float64 and np.isfinite(features).all()
    assert np.allclose(features[2:4], TEXTURE.features(images[2:4]), rtol=1e-6, atol=1e-7)
    assert np.isfinite(TEXTURE.distance(features, features[::-1]))
    assert np.isfinite(TEXTURE.distance(features[:2], features[3:]))
    expected = {64: 63, 8: 42, 16: 49, 256: 77}
    assert features.shape == (5, expected[size])


def test_features_do_not_depend_on_blocks(monkeypatch):
    whole = TEXTURE.features(REAL[:10])
    monkeypatch.setattr("mammo_synth.gan.measures.texture.BLOCK_PIXELS", 3 * 32 * 32)
    assert np.allclose(TEXTURE.features(REAL[:10]), whole, rtol=1e-6, atol=1e-7)


def test_thousand_images_take_seconds():
    images = np.random.default_rng(0).integers(0, 256, (250, 128, 128), np.uint8)
    began = time.process_time()
    TEXTURE.features(images)
    assert time.process_time() - began < 5  # 0.7 s where nothing else runs


def test_frechet_distance_in_closed_form():
    """Of diagonal normals: squared difference of means plus that of standard deviations."""
    rng = np.random.default_rng(0)
    sign = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], float)  # uncorrelated, exactly
    first, second = sign * [1, 2] + [0, 1], sign * [3, 2] + [2, 1]
    unit = np.sqrt(4 / 3)  # standard deviation of the four signs
    assert frechet(first, second) == pytest.approx(2**2 + (3 * unit - unit) ** 2)
    rows = rng.normal(size=(50, 3))
    plain, shrunk = covariance(rows, 0.0), covariance(rows, 1.0)
    assert np.allclose(plain, np.cov(rows.T)) and np.allclose(shrunk, np.diag(np.diag(plain)))


def test_variety_is_the_deviation_between_images():
    flat = np.zeros((2, 32, 32), np.uint8)
    flat[1] = 20
    assert variety(thumbnails(flat)) == pytest.approx(10)
    assert variety(thumbnails(REAL[:1].repeat(5, axis=0))) == 0
    assert variety(thumbnails(REAL)) == pytest.approx(variety(thumbnails(OTHER)), rel=0.15)
