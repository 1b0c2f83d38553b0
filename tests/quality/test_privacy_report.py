"""The whole assessment, the gate and the picture of pairs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.quality.privacy.authenticity import Authenticity
from mammo_synth.quality.privacy.duplicates import Duplicates
from mammo_synth.quality.privacy.gate import (
    DISCRIMINATOR,
    PATTERN,
    PIXELS,
    Findings,
    GateSettings,
    judge,
)
from mammo_synth.quality.privacy.membership import Membership
from mammo_synth.quality.privacy.pairs import TILE, difference, laid_on, pairs_picture
from mammo_synth.quality.privacy.patterns import Variant
from mammo_synth.quality.privacy.report import assess_privacy
from mammo_synth.quality.privacy.sets import FeatureSets, FilmSet, Pair, Scores
from mammo_synth.quality.privacy.significance import nearest_test
from tests.quality.privacy_films import phantoms, shifted


def _set(films, first):
    patients = tuple(f"p{first + i // 2}" for i in range(len(films)))
    return FilmSet(films, tuple(f"film {first}-{i}" for i in range(len(films))), patients)


TRAINING, HELD_OUT = 24, 15  # patients, two films each


@pytest.fixture(scope="module")
def sets():
    return _set(phantoms(0, TRAINING), 0), _set(phantoms(100, HELD_OUT), 100)


def _features(films):
    rows = np.asarray(films).reshape(len(films), 64 * 64).astype(np.float64)
    return np.stack([rows.mean(axis=1), rows.std(axis=1), (rows > 128).mean(axis=1)], axis=1)


def _assess(pool, sets, **more):
    training, held_out = sets
    features = FeatureSets(*(_features(x) for x in (pool, training.images, held_out.images)))
    return assess_privacy(pool, training, held_out, {"greys": features}, **more)


def test_an_honest_pool_passes(sets):
    pool = phantoms(200, 20)
    report = _assess(pool, sets)
    assert report.verdict.passed and report.verdict.reasons == () and report.copies == ()
    assert set(report.nearest) == {"greys", PATTERN, PIXELS}
    assert set(report.membership) == set(report.authenticity) == {"greys", PATTERN}
    assert len(report.closest) == 20 and report.closest[0].alike >= report.closest[1].alike
    assert 0 < report.closest[0].p_value <= 1
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert plain["images"] == {"synthetic": 40, "training": 48, "held_out": 30}
    assert plain["copies"] == {"exact": 0, "near": 0, "pairs": []}
    assert _assess(pool, sets) == report


def test_a_pool_of_copies_is_blocked_by_every_test(sets):
    films = sets[0].images
    noisy = np.clip(films + np.random.default_rng(0).normal(0, 4, films.shape), 0, 255)
    report = _assess(noisy.astype(np.uint8), sets)
    assert not report.verdict.passed and not report.verdict.may_publish
    words = " ".join(report.verdict.reasons)
    assert "48 synthetic films have the tissue of a training film" in words
    assert "which films the generator learned from, by pattern" in words
    assert "closer to training films than held-out films are" in words
    assert report.nearest[PIXELS].closer == 1
    assert report.membership[PATTERN].auroc > 0.95
    assert report.authenticity[PATTERN].share < 0.05 < report.authenticity[PATTERN].floor


def test_two_copies_in_a_pool_are_named(sets):
    training = sets[0]
    pool = phantoms(200, 20).copy()
    pool[4] = training.images[9][:, ::-1]
    pool[7] = shifted(training.images[11], 2, 1)
    report = _assess(pool, sets)
    named = {(p.image, p.film_id, p.copy) for p in report.copies}
    assert named == {(4, "film 0-9", "exact"), (7, "film 0-11", "near")}
    assert report.copies[0].alike == 1 and report.near_hashes >= 1 / 40
    assert len(report.verdict.reasons) == 2
    assert report.verdict.reasons[0].startswith("1 synthetic film has the same pixels")


def test_without_held_out_films_only_copies_are_judged(sets):
    none = FilmSet(np.zeros((0, 64, 64), np.uint8), (), ())
    report = _assess(phantoms(200, 20)[:6], (sets[0], none))
    assert report.nearest == {} and report.membership == {} and report.verdict.passed
    assert report.authenticity[PATTERN].floor is None and report.closest[0].p_value is None
    assert "0 held-out films" in report.verdict.warnings[0]
    json.dumps(report.as_dict(), allow_nan=False)


def test_a_discriminator_that_knows_its_films_is_a_warning(sets):
    scores = Scores(np.arange(48.0) + 100, np.arange(30.0))
    report = _assess(phantoms(200, 20), sets, scores=scores)
    assert report.membership[DISCRIMINATOR].auroc == 1 and report.verdict.passed
    assert any("do not publish the training checkpoint" in w for w in report.verdict.warnings)


def test_what_cannot_be_assessed(sets):
    training, held_out = sets
    with pytest.raises(BadInput, match="Patients never cross"):
        _assess(phantoms(200, 20), (training, replace(held_out, patients=training.patients[:30])))
    with pytest.raises(BadInput, match="at least one of each"):
        _assess(phantoms(200, 20)[:0], sets)
    wrong = FeatureSets(np.zeros((3, 2)), np.zeros((48, 2)), np.zeros((30, 2)))
    with pytest.raises(BadInput, match=r"Features 'x' are of \(3, 48, 30\)"):
        assess_privacy(phantoms(200, 20), *sets, {"x": wrong})
    with pytest.raises(BadInput, match="one of each film"):
        FilmSet(training.images, training.ids, ())


CALM = Findings(
    exact_copies=0,
    near_copies=0,
    held_out=100,
    nearest={},
    membership={"a": Membership(0.55, 0.5, 0.6, 10, 10)},
    authenticity={"a": Authenticity(0.5, 0.5)},
    duplicates=Duplicates(100, 0.0, 0.0, 1),
)
ABOVE_CHANCE = Membership(0.56, 0.51, 0.6, 9, 9)
CLOSE = nearest_test(np.zeros(50), np.arange(1.0, 101), range(100))


@pytest.mark.parametrize(
    ("change", "reason", "warning"),
    [
        ({}, "", ""),
        ({"exact_copies": 2}, "2 synthetic films have the same pixels", ""),
        ({"near_copies": 1}, "1 synthetic film has the tissue", ""),
        ({"membership": {"a": Membership(0.7, 0.61, 0.8, 9, 9)}}, "by a (AUROC 0.70", ""),
        ({"membership": {DISCRIMINATOR: Membership(0.9, 0.8, 1, 9, 9)}}, "", "do not publish"),
        ({"nearest": {"a": CLOSE}}, "", "little variety"),
        (
            {"nearest": {"a": CLOSE}, "membership": {"a": ABOVE_CHANCE}},
            "closer to training films than to held-out films",
            "",
        ),
        (
            {"nearest": {PIXELS: CLOSE}, "membership": {PATTERN: ABOVE_CHANCE}},
            f"By {PIXELS}",
            "",
        ),
        ({"held_out": 19}, "", "19 held-out films"),
        ({"authenticity": {"a": Authenticity(0.2, 0.5)}}, "", "20% of the synthetic films"),
        ({"duplicates": Duplicates(100, 0.0, 0.06, 4)}, "", "largest cluster has 4"),
        ({"duplicates": Duplicates(100, 0.02, 0.02, 2)}, "", "2.0% exact"),
    ],
)  # fmt: skip
def test_each_threshold(change, reason, warning):
    verdict = judge(replace(CALM, **change))
    for found, words in ((verdict.reasons, reason), (verdict.warnings, warning)):
        assert len(found) == bool(words) and all(words in text for text in found)
    assert verdict.passed == (not reason)


def test_overriding_is_explicit():
    passed, blocked = judge(CALM), judge(replace(CALM, exact_copies=1))
    with pytest.raises(BadInput, match="was passed"):
        passed.overridden("The films are phantoms, there is no patient.")
    for weak in ("", "ok", "   because     I  "):
        with pytest.raises(BadInput, match="a sentence was expected"):
            blocked.overridden(weak)
    over = blocked.overridden("The films are phantoms,\n there is no patient.")
    assert over.may_publish and not over.passed
    assert over.as_dict()["override"] == "The films are phantoms, there is no patient."
    assert blocked.as_dict()["override"] is None and blocked.override is None
    assert judge(replace(CALM, exact_copies=1), GateSettings(exact_copies=1)).passed


def _pair(**change):
    return replace(Pair(0, 1, "film-1", 0.91, 0.02, Variant(), "near"), **change)


def test_the_film_is_withheld_where_it_may_not_be_shown():
    film = np.full((64, 64), 77, np.uint8)
    seen = []
    shown = pairs_picture([_pair()] * 3, lambda i: film + 40, lambda i: seen.append(i) or film)
    assert seen == [1, 1, 1] and (shown == 77).sum() > 3 * TILE * TILE * 0.9
    hidden = pairs_picture([_pair()] * 3, lambda i: film + 40, None)
    assert hidden.shape == shown.shape and (hidden == 77).sum() < 200
    assert (hidden == 117).sum() > 3 * TILE * TILE * 0.9
    other = pairs_picture([_pair()] * 3, lambda i: film + 40, None)
    assert np.array_equal(hidden, other)


def test_an_image_is_laid_on_its_film():
    film = phantoms(0, TRAINING)[3]
    large = np.kron(film, np.ones((2, 2), np.uint8))
    assert np.array_equal(laid_on(large, Variant()), large)
    moved = shifted(large, 6, 4)[:, ::-1]
    back = laid_on(moved, Variant(False, True, 1.0, -3, -2))
    assert np.array_equal(back[:-6, :-4], large[:-6, :-4])
    smaller = laid_on(large, Variant(scale=0.5))
    assert np.abs(smaller[32:96, 32:96].astype(float) - film).mean() < 1
    assert smaller[:31].max() == 0


def test_the_difference_does_not_depend_on_tones():
    film = phantoms(0, TRAINING)[3]
    assert (difference(film, film) == 128).all()
    bright = np.where(film > 0, 255 * (film / 255) ** 0.6, 0).round().astype(np.uint8)
    assert np.abs(difference(bright, film).astype(int) - 128).max() <= 6
    spot = film.copy()
    spot[30:34, 8:12] = 255 - film[30:34, 8:12]
    assert np.abs(difference(spot, film)[30:34, 8:12].astype(int) - 128).max() > 20
    assert (difference(np.zeros_like(film), film) == 128).all()
