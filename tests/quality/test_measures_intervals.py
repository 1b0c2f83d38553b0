"""Intervals cover, floors are floors of equal counts, classes are kept in proportion."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.quality.measures import (
    MEASURES,
    FloorSettings,
    IntervalSettings,
    find_measure,
    floor,
    floor_settings,
    in_units,
    interval,
    interval_settings,
    measured,
    per_class,
    standardised,
)
from mammo_synth.quality.measures.floor import chance_of, halves
from mammo_synth.quality.measures.units import members, unit_numbers


def draw(seed, patients=40, images=120, d=4, shift=0.4):
    """Two films a patient that are more alike than films of two patients."""
    rng = np.random.default_rng(seed)
    films = rng.normal(size=(patients, d)).repeat(2, axis=0) * 0.8
    return films + 0.6 * rng.normal(size=films.shape), 1.2 * rng.normal(size=(images, d)) + shift


PATIENTS = [f"p{i // 2}" for i in range(80)]


@pytest.mark.parametrize(("name", "most"), [
    ("frechet", 2000), ("frechet", 50), ("precision", 2000), ("coverage", 2000), ("vendi", 2000),
])  # fmt: skip
def test_intervals_hold_the_expectation_about_95_times_in_100(name, most):
    measure = MEASURES[name]
    truth = np.array([measure.value(*draw(1000 + i)) for i in range(150)])
    hits, errors = 0, []
    for seed in range(50):
        settings = IntervalSettings(20, most, seed=seed)
        found = interval(measure.value, *draw(seed), patients=PATIENTS, limits=measure.limits,
                         settings=settings)  # fmt: skip
        hits += found.low <= truth.mean() <= found.high
        errors.append(found.standard_error)
    assert hits / 50 >= 0.88
    assert 0.8 * truth.std() < np.mean(errors) < 1.8 * truth.std()


def test_the_standard_error_of_a_mean_is_the_textbooks():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(400, 1)), rng.normal(size=(900, 1))
    found = interval(lambda a, b: float(b.mean() - a.mean()), real, fake,
                     settings=IntervalSettings(300))  # fmt: skip
    assert found.of_films == pytest.approx(real.std() / 20, rel=0.12)
    assert found.of_images == pytest.approx(fake.std() / 30, rel=0.12)
    assert found.standard_error == pytest.approx(np.hypot(found.of_films, found.of_images))
    capped = interval(lambda a, b: float(b.mean() - a.mean()), real, fake,
                      settings=IntervalSettings(300, most=90))  # fmt: skip
    assert capped.shares == (0.225, 0.1)
    assert capped.standard_error == pytest.approx(found.standard_error, rel=0.15)


def test_films_of_one_patient_are_drawn_together():
    real, fake = draw(0)
    twice = real.repeat(4, axis=0)

    def mean(a, b):
        return float(a.mean())

    by_film = interval(mean, twice, fake)
    by_patient = interval(mean, twice, fake, patients=[p for p in PATIENTS for _ in range(4)])
    assert by_patient.standard_error > 2 * by_film.standard_error
    assert by_patient == interval(mean, twice, fake,
                                  patients=[p for p in PATIENTS for _ in range(4)])  # fmt: skip


def test_drawing_with_replacement_would_have_been_wrong():
    """Why halves: a bootstrap's Fréchet distances lie beside the distance."""
    real, fake = draw(0, d=16, shift=0.0)
    measure = MEASURES["frechet"]
    rng = np.random.default_rng(0)
    values = [measure.value(real[rng.integers(0, 80, 80)], fake[rng.integers(0, 120, 120)])
              for _ in range(40)]  # fmt: skip
    assert np.quantile(values, 0.025) > measure.value(real, fake)


def test_intervals_stay_in_range_and_too_few_units_are_refused():
    real, _ = draw(0)
    measure = MEASURES["precision"]
    found = interval(measure.value, real, real, limits=measure.limits)
    assert found.value == found.high == 1 and found.low <= 1
    with pytest.raises(BadInput, match="7 patients"):
        interval(measure.value, real[:14], real, patients=PATIENTS[:14])


def test_halves_are_disjoint_in_patients_and_even():
    patients = ["a"] * 5 + list("bcdefg") * 2
    units = unit_numbers(patients, 17)
    names = np.array(patients)
    for seed in range(20):
        first, second = halves(members(units), np.random.default_rng(seed))
        assert not {*names[first]} & {*names[second]}
        assert sorted([*first, *second]) == list(range(17))
        assert abs(len(first) - len(second)) <= 5


def test_the_floor_of_films_of_the_same_kind_cannot_be_told_from_them():
    real, _ = draw(0)
    more, other = draw(1)
    measure = MEASURES["frechet"]
    settings = FloorSettings(splits=60)
    same = floor(measure.value, real, more, better="lower", patients=PATIENTS, settings=settings)
    assert same.low <= same.value_at_floor_counts <= same.high and same.chance > 0.1
    assert same.count == 40 and same.splits == 60
    worse = floor(measure.value, real, other + 1, better="lower", patients=PATIENTS,
                  settings=settings)  # fmt: skip
    assert worse.chance == pytest.approx(1 / 61) and worse.value_at_floor_counts > worse.high
    assert (worse.low, worse.median) == pytest.approx((same.low, same.median), rel=1e-9)
    with pytest.raises(BadInput, match="3 patients"):
        floor(measure.value, real[:6], other, better="lower", patients=PATIENTS[:6])


def test_a_floor_is_at_equal_counts():
    counts = set()

    def value(first, second):
        counts.add((len(first), len(second)))
        return 0.0

    real, fake = draw(0)
    floor(value, real, fake, better="lower", patients=PATIENTS)
    floor(value, real, fake[:25], better="lower", settings=FloorSettings(splits=3))
    floor(value, real, fake, better="lower", settings=FloorSettings(splits=3, most=10))
    assert counts == {(40, 40), (25, 25), (10, 10)}


def test_chance_counts_what_is_as_bad():
    splits = [1.0, 2, 3, 4]
    assert chance_of(3, splits, "lower") == 3 / 5
    assert chance_of(3, splits, "higher") == 4 / 5
    assert chance_of(9, splits, "lower") == 1 / 5


def test_classes_and_pooled_in_the_films_proportions():
    films = np.array([0] * 30 + [1] * 10)
    images = np.array([1] * 50 + [0] * 50)
    found = per_class(lambda a, b: (films[a], images[b]), films, images)
    assert list(found) == ["normal", "cancer", "pooled"]
    for label, name in enumerate(("normal", "cancer")):
        assert (found[name][0] == label).all() and (found[name][1] == label).all()
        assert len(found[name][1]) == 50
    assert np.bincount(found["pooled"][1]).tolist() == [50, 17]
    assert len(found["pooled"][0]) == 40
    with pytest.raises(BadInput, match="no cancer among the synthetic"):
        per_class(lambda a, b: 0, films, images[50:])
    with pytest.raises(BadInput, match="label 7"):
        per_class(lambda a, b: 0, films, [0, 1, 7])


def test_measured_is_one_row_of_a_report():
    real, fake = draw(0)
    found = measured(MEASURES["coverage"], real, fake, patients=PATIENTS,
                     intervals=IntervalSettings(10), floors=FloorSettings(splits=10))  # fmt: skip
    row = json.loads(json.dumps(found.as_dict()))
    assert row["value"] == found.value == MEASURES["coverage"].value(real, fake)
    assert row["interval"]["low"] <= row["value"] <= row["interval"]["high"]
    assert (row["films"], row["images"], row["floor"]["count"]) == (80, 120, 40)
    assert interval_settings(2048).most < interval_settings(64).most
    assert floor_settings(2048).splits < floor_settings(64).splits
    with pytest.raises(BadInput, match="Did you mean 'frechet'"):
        find_measure("frechett")


def test_standardised_is_in_units_of_the_films():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(50, 4)) * [1, 100, 1e-9, 0] + [5, 5, 5, 0]
    films, images = standardised(real, real + 1)
    assert np.allclose(films[:, :2].std(axis=0, ddof=1), 1) and np.allclose(films.mean(axis=0), 0)
    assert np.allclose((images - films).mean(axis=0)[2:], [1 / 0.05, 1])


def test_only_features_of_mixed_units_are_standardised():
    """A pixel that is black on all films but one, or a unit of a network that hardly any film
    excites, must not decide everything."""
    rng = np.random.default_rng(1)
    real, other = rng.normal(size=(2, 30, 4))
    real[:, 3], other[:, 3] = 0, 0.5
    real[0, 3] = 1e-9
    assert np.array_equal(in_units("pixels", real, other), [real, other])
    assert np.array_equal(in_units("radiomics", real, other)[0], standardised(real)[0])
    empty = np.zeros((0, 4))
    assert [len(one) for one in in_units("radiomics", real, other, empty)] == [30, 30, 0]
    with pytest.raises(BadInput, match="4 features and synthetic images 3"):
        standardised(real, other[:, :3])
