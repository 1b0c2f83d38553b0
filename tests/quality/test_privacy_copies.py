"""Planted copies are found, and other films are not taken for copies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.quality.privacy.alignment import Films, align, altered, likely_films
from mammo_synth.quality.privacy.duplicates import find_duplicates, near_clusters
from mammo_synth.quality.privacy.gate import GateSettings
from mammo_synth.quality.privacy.hashes import (
    exact_copies,
    flip_masks,
    hamming_nearest,
    perceptual_hashes,
    pixel_digest,
    read_images,
)
from mammo_synth.quality.privacy.patterns import (
    COEFFICIENTS,
    FLIPS,
    VARIANTS,
    Variant,
    coefficients,
    patterns,
    resampling,
    small,
    variant_coefficients,
)
from tests.quality.privacy_films import SIZE, cropped, phantoms, shifted

NEAR = GateSettings().near_copy
RNG = np.random.default_rng(5)


def _grey(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


PLANTED = {
    "noise": lambda film: _grey(film + np.random.default_rng(0).normal(0, 10, film.shape)),
    "shift": lambda film: shifted(film, 3, 2),
    "mirrored": lambda film: film[:, ::-1],
    "upside down": lambda film: film[::-1],
    "turned": lambda film: film[::-1, ::-1],
    "crop": lambda film: cropped(film, (0.02, 0.04, 0.95, 0.97)),
    "brighter": lambda film: _grey(255 * (film / 255) ** 0.6),
    "darker": lambda film: _grey(255 * (film / 255) ** 1.5),
    "faint": lambda film: _grey(film * 0.6 + 20),
    "all": lambda film: _grey(
        255 * (cropped(shifted(film, 1, -1), (0, 0.03, 0.96, 0.99))[:, ::-1] / 255) ** 0.8
        + np.random.default_rng(1).normal(0, 6, film.shape)
    ),
}


@pytest.fixture(scope="module")
def known() -> Films:
    return Films.of(read_images(phantoms(0, 24)).thumbs)


@pytest.mark.parametrize("how", PLANTED)
def test_planted_copies_are_found(known, how):
    films = phantoms(0, 24)[:40]
    copies = np.stack([PLANTED[how](film) for film in films])
    found = align(small(copies), known)
    right = (found.film == np.arange(40)) & (found.alike >= NEAR)
    assert right.mean() >= 0.95, (found.alike[~right], how)


def test_other_films_are_no_copies(known):
    found = align(small(phantoms(100, 15)), known)
    assert found.alike.max() < NEAR - 0.1
    assert np.allclose(found.distance, 1 - found.alike.astype(float))


def test_the_alignment_is_the_one_that_was_planted(known):
    film = phantoms(0, 24)[:1]
    found = align(small(shifted(film[0], 3, 2)[None, :, ::-1]), known)
    assert found.film[0] == 0
    assert found.variants[0] == Variant(False, True, 1.0, -3, -2)
    assert str(found.variants[0]) == "mirrored, shifted by 5 %"


def test_nothing_of_blank_images(known):
    found = align(np.zeros((3, SIZE, SIZE), np.uint8), known)
    assert (found.alike <= 0).all()
    assert len(align(np.zeros((0, SIZE, SIZE), np.uint8), known).film) == 0


def test_variant_coefficients_are_those_of_altered_patterns():
    patterned = patterns(small(phantoms(0, 24)[:3]))
    every = np.concatenate(list(variant_coefficients(patterned)))
    assert every.shape == (len(VARIANTS), 3, COEFFICIENTS)
    for place in (0, 7, 50, 63, 107):
        moved = altered(patterned, [VARIANTS[place]] * 3)
        assert np.allclose(every[place], coefficients(moved), atol=1e-4)


def test_likely_films_are_those_of_brute_force(known):
    patterned = patterns(small(phantoms(100, 15)[:9]))
    likely, variant = likely_films(patterned, known, 5)
    every = np.concatenate(list(variant_coefficients(patterned))).astype(float)
    alike = np.einsum("vnd,td->ntv", every, known.coefficients.astype(float))
    for i in range(9):
        best = np.argsort(-alike[i].max(axis=1))[:5]
        assert set(likely[i]) == set(best)
        for film, v in zip(likely[i], variant[i], strict=True):
            assert alike[i, film, v] == pytest.approx(alike[i, film].max(), abs=1e-5)


def test_resampling_of_whole_pixels_and_flips():
    x = np.arange(64.0) + 1
    assert np.array_equal(resampling(False, 1, 0) @ x, x)
    assert np.array_equal(resampling(True, 1, 0) @ x, x[::-1])
    assert np.array_equal(resampling(False, 1, 3) @ x, [0, 0, 0, *x[:-3]])
    assert np.allclose(resampling(False, 2, 0).sum(axis=1), 1)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 9))
def test_a_digest_is_that_of_all_mirror_images(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 4, (height, width)).astype(np.uint8)
    digest = pixel_digest(image)
    assert {pixel_digest(image[:: -1 if d else 1, :: -1 if r else 1]) for d, r in FLIPS} == {digest}
    other = image.copy()
    other[0, 0] += 9
    assert pixel_digest(other) != digest
    if height != width:
        assert pixel_digest(image.reshape(width, height)) != digest


def test_exact_copies_name_the_first_film():
    assert exact_copies([b"x", b"a", b"b"], [b"b", b"a", b"b"]) == [(1, 1), (2, 0)]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5), st.integers(0, 2**64 - 1))
def test_hamming_distance_over_flips(films, image):
    bits, place = hamming_nearest(np.array([image], np.uint64), np.array(films, np.uint64))
    every = {
        (bin(image ^ int(mask) ^ film).count("1"), at)
        for mask in flip_masks()
        for at, film in enumerate(films)
    }
    assert (int(bits[0]), int(place[0])) in every and bits[0] == min(every)[0]


def test_hashes_of_flipped_and_of_other_films():
    films = phantoms(0, 24)
    hashes = perceptual_hashes(coefficients(patterns(small(films))))
    flipped = perceptual_hashes(coefficients(patterns(small(films[:, ::-1]))))
    bits, place = hamming_nearest(flipped, hashes)
    assert np.median(bits) <= 2 and (place == np.arange(len(films))).mean() > 0.95
    others = perceptual_hashes(coefficients(patterns(small(phantoms(100, 15)))))
    assert np.median(hamming_nearest(others, hashes)[0]) > 8


def test_images_of_any_size_come_as_thumbs():
    film = phantoms(0, 24)[0]
    large = np.kron(film, np.ones((4, 4), np.uint8))
    assert np.array_equal(small(large[None])[0], film)
    assert small(film[None, ::2, ::2]).shape == (1, SIZE, SIZE)
    for wrong in (np.zeros((2, 8, 8)), np.zeros((2, 8), np.uint8)):
        with pytest.raises(BadInput, match="8-bit grey"):
            read_images(wrong)


def test_duplicates_within_a_pool():
    films = phantoms(0, 24)[:12].copy()
    pool = np.concatenate([films, films[:2], PLANTED["noise"](films[:1])])
    reading = read_images(pool)
    found = find_duplicates(reading.digests, coefficients(patterns(reading.thumbs)))
    assert found.exact_share == pytest.approx(4 / 15)
    assert found.near_share == pytest.approx(5 / 15) and found.largest == 3
    none = find_duplicates([], np.zeros((0, COEFFICIENTS), np.float32))
    assert none.near_share == 0 and none.images == 0


def test_clusters_are_chains_whatever_the_blocks(monkeypatch):
    angles = np.array([0, 90, 20, 40, 200, 60, 110])
    x = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1)
    x = np.concatenate([x, np.zeros((2, 2))]).astype(np.float32)
    for cells in (1, 20, 10_000):
        monkeypatch.setattr("mammo_synth.quality.privacy.duplicates._CELLS", cells)
        cluster = near_clusters(x, np.cos(np.radians(21)))
        assert cluster.tolist() == [0, 1, 0, 0, 4, 0, 1, 7, 8]
    monkeypatch.setattr("mammo_synth.quality.privacy.duplicates._CELLS", 90)
    assert (near_clusters(np.ones((40, 1), np.float32)) == 0).all()
