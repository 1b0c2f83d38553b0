"""Radiomics against values worked out by hand, by brute force, and by the benchmark's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mammo_synth.bench.classifiers import radiomics as bench
from mammo_synth.errors import BadInput
from mammo_synth.quality.extractors import make_extractor
from mammo_synth.quality.extractors.radiomics import (
    BANDS,
    DISTANCES,
    LEVELS,
    NAMES,
    SIDE,
    co_occurrence,
    spectrum,
)
from mammo_synth.quality.extractors.run_lengths import (
    NAMES as RUN_NAMES,
)
from mammo_synth.quality.extractors.run_lengths import directions, run_features, runs


def films(n: int, side: int, seed: int = 0) -> Any:
    """Half discs of noise on black."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    inside = x**2 / 0.5 + (y - 0.5) ** 2 / 0.16 < 1
    noise = generator.normal(130, 25, (n, side, side))
    return np.where(inside, np.clip(noise, 40, 255), 0).astype(np.uint8)


@pytest.fixture(scope="module")
def radiomics() -> Any:
    return make_extractor("radiomics")


# Galloway (1975): the example of his figure 1.
GREY = np.array([[0, 1, 2, 3], [0, 2, 3, 3], [2, 1, 1, 1], [3, 0, 3, 0]], np.uint8) + 1


def test_runs_of_the_printed_example() -> None:
    level, length = runs(GREY)
    found = np.zeros((4, 4), int)
    np.add.at(found, (level - 1, length - 1), 1)
    assert found.tolist() == [[4, 0, 0, 0], [1, 0, 1, 0], [3, 0, 0, 0], [3, 1, 0, 0]]


def _brute(levels: Any, step: tuple[int, int]) -> list[tuple[int, int]]:
    """Runs along a direction, pixel by pixel."""
    size, found = len(levels), []

    def at(y: int, x: int) -> int:
        return int(levels[y, x]) if 0 <= y < size and 0 <= x < size else 0

    for y in range(size):
        for x in range(size):
            level = at(y, x)
            if level == 0 or at(y - step[0], x - step[1]) == level:
                continue
            n = 1
            while at(y + n * step[0], x + n * step[1]) == level:
                n += 1
            found.append((level, n))
    return sorted(found)


@given(arrays.arrays(np.uint8, st.integers(1, 7).map(lambda n: (n, n)), elements=st.integers(0, 3)))
def test_runs_in_four_directions_are_those_of_brute_force(levels: Any) -> None:
    steps = ((0, 1), (1, 0), (1, -1), (1, 1))
    for turned, step in zip(directions(levels), steps, strict=True):
        level, length = runs(turned)
        assert sorted(zip(level.tolist(), length.tolist(), strict=True)) == _brute(levels, step)


def test_run_features_worked_out_by_hand() -> None:
    levels = np.array([[1, 1, 2], [2, 0, 2]], np.uint8)  # runs: 1 of 2 px, three 2 of 1 px
    values = dict(zip(RUN_NAMES, run_features(levels), strict=True))
    assert values == pytest.approx(
        {
            "short runs": (3 + 1 / 4) / 4,
            "long runs": (3 + 4) / 4,
            "level non-uniformity": (1 + 9) / 16,
            "length non-uniformity": (9 + 1) / 16,
            "run percentage": 4 / 5,
            "low levels": (1 + 3 / 4) / 4,
            "high levels": (1 + 12) / 4,
        }
    )
    assert not run_features(np.zeros((3, 3), np.uint8)).any()


def test_co_occurrence_agrees_with_the_benchmarks_own_code() -> None:
    """Two routes: scikit-image's matrices here, NumPy's there."""
    image = films(1, 48)[0]
    mask = image > 0
    quantised = image.astype(np.int64) * LEVELS // 256
    found = co_occurrence(np.where(mask, quantised + 1, 0).astype(np.uint8))
    each = np.array(
        [
            bench.texture(bench.co_occurrence(quantised, mask, step, LEVELS))
            for step in bench.ANGLES.values()
        ]
    )
    assert found[:4] == pytest.approx(each.mean(axis=0))
    ranges = found[4 * len(DISTANCES) :]
    assert ranges[:2] == pytest.approx([np.ptp(each[:, 0]), np.ptp(each[:, 3])])


def test_a_wave_lies_in_its_band() -> None:
    side = 128
    x = np.arange(side)
    for cycles, band in ((60, 0), (40, 1), (28, 2), (10, 5), (5, 7)):
        wave = np.rint(127 + 100 * np.sin(2 * np.pi * cycles * x / side))
        found = spectrum(np.tile(wave, (side, 1)).astype(np.uint8))
        assert found.argmax() == band, cycles
    diagonal = np.rint(127 + 100 * np.sin(2 * np.pi * 60 * (x[:, None] + x) / side))
    assert spectrum(diagonal.astype(np.uint8)).argmax() == 0  # a corner of the spectrum


def test_an_amplitude_twice_as_large_is_log10_of_2_more() -> None:
    noise = np.random.default_rng(0).integers(-50, 51, (64, 64))
    one, two = (spectrum((127 + k * noise).astype(np.uint8)) for k in (1, 2))
    assert two - one == pytest.approx(np.log10(2), abs=1e-4)


def test_features_have_names_are_finite_and_of_one_image_alone(radiomics: Any) -> None:
    assert len(set(NAMES)) == len(NAMES) == radiomics.dimension == 65
    images = films(3, 64)
    found = radiomics(images)
    assert found.shape == (3, 65)
    assert found.dtype == np.float32
    assert np.array_equal(radiomics(images[1:2])[0], found[1])
    assert np.array_equal(radiomics(images[::-1])[::-1], found)
    assert np.array_equal(make_extractor("radiomics")(images), found)
    for side in (*range(32, 66), 127, SIDE, SIDE + 1):
        odd = np.zeros((3, side, side), np.uint8)
        odd[1, 3, 3] = 255
        odd[2] = 255
        assert np.isfinite(radiomics(odd)).all(), side


def test_texture_counts_inside_the_breast_alone(radiomics: Any) -> None:
    images = films(2, 64)
    marked = images.copy()
    marked[:, 2:6, -6:-2] = 90  # a label on the black background
    before, after = radiomics(images), radiomics(marked)
    assert np.array_equal(before[:, :-BANDS], after[:, :-BANDS])
    assert not np.array_equal(before[:, -BANDS:], after[:, -BANDS:])  # but the spectrum sees it


def test_features_move_as_they_must(radiomics: Any) -> None:
    def of(images: Any) -> dict[str, float]:
        return dict(zip(NAMES, radiomics(images)[0].tolist(), strict=True))

    image = films(1, 64)
    blurred = (
        image + np.roll(image, 1, 1) * 1.0 + np.roll(image, 1, 2) + np.roll(image, -1, 2)
    ) / 4
    sharp, soft = of(image), of(blurred.astype(np.uint8))
    assert soft["glcm contrast 1 px"] < 0.7 * sharp["glcm contrast 1 px"]
    assert soft["glcm correlation 1 px"] > sharp["glcm correlation 1 px"] + 0.2
    assert soft["long runs"] > sharp["long runs"]
    assert soft["spectrum 0"] < sharp["spectrum 0"] - 0.2
    brighter = of(np.where(image > 0, np.minimum(image, 235) + 20, 0).astype(np.uint8))
    assert brighter["mean"] > sharp["mean"] + 15
    assert brighter["high levels"] > sharp["high levels"]


def test_small_images_are_refused(radiomics: Any) -> None:
    with pytest.raises(BadInput, match="too little texture"):
        radiomics(films(1, 31))
