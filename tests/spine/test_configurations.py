"""The nine configurations: the study's table, the integer rule, prefixes and cut points."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_synth import configurations as c
from mammo_synth.errors import BadInput

# STUDY: train cancer syn + real, train normal syn + real, test cancer syn + real, test normal
# syn + real. The study misprints 30-70-90syn; its row follows its rule.
STUDY_TABLE = {
    "30-70-100syn": (5040, 0, 11760, 0, 2160, 0, 5040, 0),
    "50-50-100syn": (8400, 0, 8400, 0, 2160, 0, 5040, 0),
    "70-30-100syn": (11760, 0, 5040, 0, 2160, 0, 5040, 0),
    "30-70-95syn": (4788, 252, 11172, 588, 2052, 108, 4788, 252),
    "50-50-95syn": (7980, 420, 7980, 420, 2052, 108, 4788, 252),
    "70-30-95syn": (11172, 588, 4788, 252, 2052, 108, 4788, 252),
    "30-70-90syn": (4536, 504, 10584, 1176, 1944, 216, 4536, 504),
    "50-50-90syn": (7560, 840, 7560, 840, 1944, 216, 4536, 504),
    "70-30-90syn": (10584, 1176, 4536, 504, 1944, 216, 4536, 504),
}
sizes = st.integers(c.MINIMUM_SIZE, 30_000)


def test_counts_at_the_studys_size_are_the_studys() -> None:
    assert set(c.CONFIGURATIONS) == set(STUDY_TABLE)
    for name, expected in STUDY_TABLE.items():
        counts = c.CONFIGURATIONS[name].counts(c.STUDY_SIZE)
        assert tuple(counts[cell] for cell in c.CELLS) == expected


def test_stored_images_at_the_studys_size() -> None:
    held_out = sum(c.STUDY_REAL_TEST.values())
    assert c.stored_images(c.STUDY_SIZE) + held_out == 36_792


@given(sizes)
def test_every_configuration_has_the_size_and_both_classes(size: int) -> None:
    for one in c.CONFIGURATIONS.values():
        counts = one.counts(size)
        assert sum(counts.values()) == size
        train = sum(n for cell, n in counts.items() if cell.split == "train")
        assert abs(train - 0.7 * size) < 1
        for label in (c.CANCER, c.NORMAL):
            assert sum(n for cell, n in counts.items() if cell.label == label) > 0
        if one.synthetic_percent == 100:
            assert all(n == 0 for cell, n in counts.items() if cell.origin == c.REAL)


@given(sizes)
def test_every_count_is_a_cut_point_of_its_cell(size: int) -> None:
    cuts = c.cut_points(size)
    for one in c.CONFIGURATIONS.values():
        for cell, n in one.counts(size).items():
            assert n == 0 or n in cuts[cell]
    assert {cell: points[-1] if points else 0 for cell, points in cuts.items()} == c.cell_sizes(
        size
    )


@given(st.integers(0, 10_000), st.lists(st.integers(0, 100), min_size=1, max_size=5))
def test_largest_remainder_is_exact_and_fair(total: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        return
    parts = c.largest_remainder(total, tuple(weights))
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1


@settings(max_examples=25)
@given(st.integers(0, 16), st.integers(0, 30), st.integers(0, 4), st.integers(0, 9))
def test_largest_size_is_the_largest(a: int, b: int, d: int, e: int) -> None:
    films = {
        ("train", c.CANCER): a,
        ("train", c.NORMAL): b,
        ("test", c.CANCER): d,
        ("test", c.NORMAL): e,
    }

    def fits(size: int) -> bool:
        return all(films[key] >= n for key, n in c.real_films_needed(size).items())

    brute = max((s for s in range(c.MINIMUM_SIZE, 300) if fits(s)), default=0)
    assert c.largest_size(films, limit=299) == brute


def test_unknown_configuration_names_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"no configuration '50-50-85syn'.*50-50-95syn"):
        c.configuration("50-50-85syn")


def test_too_small_a_size_is_refused() -> None:
    with pytest.raises(BadInput, match="too small"):
        c.CONFIGURATIONS[c.DEFAULT].counts(5)
