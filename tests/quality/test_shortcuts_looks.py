"""What the probe sees of an image: nothing of the breast in its background, by hand otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.quality.measures.spectrum import spectra
from mammo_synth.quality.shortcuts import Looks, look
from mammo_synth.quality.shortcuts.background import background_mask, background_rows
from mammo_synth.quality.shortcuts.fingerprint import KINDS, fingerprint_rows
from mammo_synth.quality.shortcuts.scoring import told_apart
from tests.quality.privacy_films import phantoms

SIDE = 64
Y, X = np.mgrid[:SIDE, :SIDE]


def breasts(count, seed=0, wide=30.0, high=22.0, grain=1.5):
    """Half discs of texture on a grainy background; ``wide`` and ``high`` in px."""
    rng = np.random.default_rng(seed)
    inside = (X / wide) ** 2 + ((Y - SIDE / 2) / high) ** 2 < 1
    texture = rng.normal(120, 25, (count, SIDE, SIDE))
    images = np.where(inside, texture, 4 + rng.normal(0, grain, (count, SIDE, SIDE)))
    return np.clip(images, 0, 255).round().astype(np.uint8), inside


def test_each_row_depends_on_its_image_alone_and_parts_are_put_together():
    images = phantoms(0, 4)
    together = look(images)
    assert len(together) == 8 and together.widths[1] == 32
    apart = Looks.concatenated([look(images[:3]), look(images[3:4]), look(images[4:])])
    for name in ("background", "spectrum", "fingerprint"):
        one, other = getattr(together, name), getattr(apart, name)
        assert one.dtype == np.float64 and np.isfinite(one).all()
        assert np.allclose(one, other, atol=1e-4)
    assert np.allclose(together.spectrum, 10 * spectra(images))
    assert look(images[:0]).widths == together.widths and len(look(images[:0])) == 0


@given(st.integers(0, 2**32 - 1), st.integers(30, 255), st.booleans())
def test_the_background_says_nothing_of_the_breast(seed, level, negative):
    images, inside = breasts(1)
    altered = images.copy()
    if negative:
        altered[0][inside] = 255 - altered[0][inside] // 2
    else:
        rng = np.random.default_rng(seed)
        altered[0][inside] = rng.integers(level, 256, int(inside.sum()))
    assert not np.array_equal(images, altered)
    assert np.array_equal(background_rows(images), background_rows(altered))
    assert not np.array_equal(look(images).spectrum, look(altered).spectrum)


def test_the_outline_of_the_breast_is_not_in_the_background():
    small, _ = breasts(80, 0, wide=22, high=16)
    large, _ = breasts(80, 1, wide=45, high=27)
    rows = background_rows(np.concatenate([small, large]))
    large_ones = np.arange(160) >= 80
    score = told_apart(rows, large_ones, np.arange(160), 0)
    assert score.low <= 0.5 <= score.high
    # the outline itself would tell them
    areas = np.array([[background_mask(x).mean()] for x in np.concatenate([small, large])])
    assert told_apart(areas, large_ones, np.arange(160), 0).auroc > 0.99


def test_the_background_by_hand():
    image = np.full((1, SIDE, SIDE), 2, np.uint8)
    image[0, 20:44, :24] = 200
    image[0, :, -1] = 6  # the last column
    row = background_rows(image)[0]
    mask = background_mask(image[0])
    assert not mask[18:46, :26].any() and mask[:18].all() and mask[:, 26:].all()
    pixels = image[0][mask].astype(float)
    assert row[0] == pytest.approx(pixels.mean()) and row[1] == pytest.approx(pixels.std())
    assert row[2:6].tolist() == [2, 2, 2, 6]
    shares = np.zeros(9)
    shares[2], shares[4] = (pixels == 2).mean(), (pixels == 6).mean()
    assert row[6:15] == pytest.approx(np.sqrt(shares))
    # along rows of the transposed image: pairs that end in the last column differ by 4
    assert row[15:21] == pytest.approx(np.full(6, -4.0))
    pairs = [mask[:, lag:] & mask[:, :-lag] for lag in (1, 2, 3, 4, 6, 8)]
    expected = [np.log10(16 * SIDE / both.sum() + 1e-4) for both in pairs]
    assert row[21:27] == pytest.approx(expected)
    top, bottom, left, right = row[27:]
    assert top == bottom == pytest.approx(2 + 4 / SIDE - pixels.mean())
    assert left == pytest.approx(2 - pixels.mean()) and right == pytest.approx(6 - pixels.mean())


def test_without_a_background_there_is_no_row_and_without_a_breast_all_is_background():
    full = np.random.default_rng(0).integers(100, 200, (1, SIDE, SIDE)).astype(np.uint8)
    assert np.isnan(look(full).background).all()
    strip = np.full((1, SIDE, SIDE), 150, np.uint8)
    strip[0, :, -6:] = 0  # 4 px are left of it
    assert np.isnan(look(strip).background).all()
    black = np.zeros((1, SIDE, SIDE), np.uint8)
    assert background_mask(black[0]).all()
    assert np.isfinite(look(black).background).all() and look(black).spectrum[0, 0] < -100


def test_the_fingerprint_by_hand():
    assert KINDS == 9
    flat = fingerprint_rows(np.full((1, 16, 16), 7, np.uint8)).reshape(8, KINDS)
    assert (np.sort(flat, axis=1)[:, -1] == 1).all() and flat.sum() == 8
    stairs = np.broadcast_to(np.arange(16, dtype=np.uint8), (1, 16, 16))
    row = fingerprint_rows(stairs).reshape(8, KINDS)
    assert row.max(axis=1).tolist() == [1] * 8  # differences of 1 throughout, no second ones
    assert (row[0] != flat[0]).any() and (row[2] == flat[2]).all()
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32)).astype(np.uint8)
    rows = fingerprint_rows(noise)
    assert (rows.reshape(2, 8, KINDS) ** 2).sum(axis=2) == pytest.approx(np.ones((2, 8)))


@given(st.integers(0, 2**32 - 1))
def test_the_fingerprint_is_that_of_the_mirrored_turned_and_inverted_image(seed):
    image = np.random.default_rng(seed).integers(100, 106, (1, 17, 17)).astype(np.uint8)
    row = fingerprint_rows(image)
    for same in (image[:, ::-1], image[:, :, ::-1], 255 - image):
        assert np.allclose(fingerprint_rows(same), row)
    turned = fingerprint_rows(image.transpose(0, 2, 1)).reshape(2, -1)
    assert np.allclose(turned[::-1].ravel(), row[0])


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 32, 32)), np.zeros((2, 32, 30), np.uint8), np.zeros((2, 8, 8), np.uint8)],
)
def test_other_arrays_are_refused(images):
    with pytest.raises(BadInput):
        look(images)


def test_looks_that_do_not_fit_are_refused():
    one = look(np.zeros((2, 32, 32), np.uint8))
    with pytest.raises(BadInput, match="32, 64 px"):
        Looks.concatenated([one, look(np.zeros((1, 64, 64), np.uint8))])
    with pytest.raises(BadInput, match="no looks"):
        Looks.concatenated([])
    with pytest.raises(BadInput, match="one row"):
        Looks(one.background, one.spectrum[:1], one.fingerprint)
