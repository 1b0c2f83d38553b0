"""The probe on planted shortcuts, on equal distributions and on too few images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.quality.shortcuts import (
    Looks,
    Probe,
    Side,
    look,
    probe,
    probe_shortcuts,
    scoring,
)
from mammo_synth.quality.shortcuts.report import CLASS, ORIGIN, warnings_of
from mammo_synth.quality.shortcuts.scoring import FOLDS, _auroc, _draws, _kinds, deal, told_apart
from tests.quality.test_shortcuts_looks import breasts

WIDTHS = 3, 4, 5


def noise(labels, per_group, seed, name="p", shift=0.0, kind="background"):
    """A side of random looks, groups of ``per_group``; ``shift`` is added to one kind of look of
    cancers."""
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels, np.int64)
    rows = {
        key: rng.normal(size=(len(labels), width))
        for key, width in zip(("background", "spectrum", "fingerprint"), WIDTHS, strict=True)
    }
    rows[kind][:, 0] += shift * labels
    groups = tuple(f"{name}{i // per_group}" for i in range(len(labels)))
    return Side(Looks(**rows), labels, groups)


def halves(count):
    return np.repeat([1, 0], count)


def found(report, question, of, by):
    (one,) = [p for p in report.probes if (p.question, p.of, p.by) == (question, of, by)]
    return one


@pytest.fixture(scope="module")
def tinted():
    """Films without a shortcut; synthetic images with a brighter background in cancers."""
    images, inside = breasts(160)
    labels = halves(40)
    films = Side(look(images[:80]), labels, tuple(f"patient {i // 2}" for i in range(80)))
    pool = images[80:].copy()
    pool[:40, ~inside] += 1
    return films, Side(look(pool), labels, tuple(str(i) for i in range(80)))


def test_a_tint_of_the_background_is_found_and_warned_of(tinted):
    films, synthetic = tinted
    report = probe_shortcuts(films, synthetic, seed=3)
    told = found(report, "class", "synthetic", "background")
    assert told.auroc > 0.95 and told.low > 0.9 and (told.films, told.images) == (0, 80)
    chance = found(report, "class", "films", "background")
    assert chance.low <= 0.5 <= chance.high and (chance.films, chance.images) == (80, 0)
    (warning,) = [w for w in report.warnings if w.startswith("The background")]
    assert f"tells cancer from normal (AUROC {told.auroc:.2f}, interval" in warning
    assert f"films {chance.auroc:.2f})" in warning and "not the disease" in warning
    assert found(report, "origin", "cancer", "background").told
    assert not found(report, "origin", "normal", "background").told
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert len(plain["probes"]) == 13 and plain["warnings"] == list(report.warnings)
    assert set(plain["probes"][0]) == {
        *("question", "of", "by", "auroc", "low", "high", "level", "films", "images", "reason")
    }
    assert probe_shortcuts(films, synthetic, seed=3) == report


def test_equal_distributions_are_at_chance_and_nothing_is_said():
    held = []
    for seed in range(3):
        films, synthetic = noise(halves(80), 2, seed), noise(halves(120), 1, 9 + seed, "")
        report = probe_shortcuts(films, synthetic, seed=seed)
        assert report.warnings == ()
        assert {(p.question, p.of) for p in report.probes} == {
            *(("origin", of) for of in ("cancer", "normal", "pooled")),
            *(("class", of) for of in ("synthetic", "films")),
        }
        assert all(p.reason is None and p.low <= p.auroc <= p.high for p in report.probes)
        held += [p.low <= 0.5 <= p.high for p in report.probes]
    assert np.mean(held) > 0.9  # 95 % intervals: 39 of them


def test_intervals_hold_chance_and_are_wider_than_the_bootstrap_alone(monkeypatch):
    held = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(40), 2)
        positive = np.repeat(rng.permutation(40) < 20, 2)
        rows = np.repeat(rng.normal(size=(40, 10)), 2, axis=0) + rng.normal(size=(80, 10))
        score = told_apart(rows, positive, groups, seed)
        held += score.low <= 0.5 <= score.high
    assert held >= 18
    assert pytest.approx(1.5) == scoring.WIDER
    monkeypatch.setattr(scoring, "WIDER", 1.0)
    bare = told_apart(rows, positive, groups, seed)
    assert bare.auroc == score.auroc and 0 < score.low < score.high < 1
    assert score.auroc - score.low == pytest.approx(1.5 * (bare.auroc - bare.low))
    assert score.high - score.auroc == pytest.approx(1.5 * (bare.high - bare.auroc))


def test_a_patient_is_never_on_both_sides():
    # What tells a patient from all others says nothing of other patients.
    patients = np.repeat(np.arange(40), 6)
    positive = np.repeat(np.random.default_rng(0).permutation(40) < 20, 6)
    rows = np.eye(40)[patients] + np.random.default_rng(1).normal(0, 0.01, (240, 40))
    grouped = told_apart(rows, positive, patients, 0)
    assert grouped.low <= 0.5 <= grouped.high
    assert told_apart(rows, positive, np.arange(240), 0).auroc > 0.99


def test_patients_are_dealt_evenly_whichever_breast_has_cancer():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 2)
    positive = rng.random(60) < 0.4
    kinds = _kinds(positive, groups)
    assert sorted(np.concatenate(kinds).tolist()) == list(range(30))
    folds = deal(kinds, rng)
    for members in (np.arange(30), np.unique(groups[positive]), np.unique(groups[~positive])):
        counts = np.bincount(folds[members], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
    draws = _draws(kinds, 7, rng)
    for kind in kinds:
        assert (draws[:, kind].sum(axis=1) == len(kind)).all()


def test_auroc_is_that_of_pairs_within_a_fold_and_a_patient_drawn_twice_counts_twice():
    rng = np.random.default_rng(0)
    positive = rng.random(40) < 0.5
    scores = rng.integers(0, 6, 40).astype(float)
    folds = np.arange(40) % FOLDS
    weights = rng.integers(0, 3, (4, 40)).astype(float)
    won, pairs = np.zeros(4), np.zeros(4)
    for i in np.flatnonzero(positive):
        for j in np.flatnonzero(~positive & (folds == folds[i])):
            weight = weights[:, i] * weights[:, j]
            won += weight * ((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]))
            pairs += weight
    assert _auroc(positive, scores, folds, weights) == pytest.approx(won / pairs)
    assert np.isnan(_auroc(positive, scores, folds, np.zeros((1, 40)))).all()


def test_fewer_than_eight_groups_have_a_reason_and_no_number():
    films = noise([1] * 14 + [0] * 40, 2, 0)  # 7 patients with cancer
    report = probe_shortcuts(films, noise(halves(20), 1, 1, ""))
    one = found(report, "origin", "cancer", "small classifier")
    assert (one.auroc, one.low, one.high) == (None, None, None)
    assert one.reason == "The cancer films are of 7 patients; 8 are needed to ask this."
    assert found(report, "class", "films", "spectrum").reason == one.reason
    assert found(report, "origin", "normal", "spectrum").auroc is not None
    assert found(report, "origin", "pooled", "spectrum").auroc is not None
    report = probe_shortcuts(noise([1] * 16 + [0] * 40, 2, 0), noise(halves(20), 1, 1, ""))
    assert all(p.reason is None for p in report.probes)
    report = probe_shortcuts(films, noise(halves(7), 1, 1, ""))
    assert "7 seeds" in found(report, "class", "synthetic", "spectrum").reason
    json.dumps(report.as_dict(), allow_nan=False)


def test_one_label_has_no_class_and_a_reason():
    films = noise(halves(20), 1, 0)
    report = probe_shortcuts(films, noise([1] * 30, 1, 1, ""))
    for by in ("background", "spectrum"):
        one = found(report, "class", "synthetic", by)
        assert one.auroc is None and one.reason.startswith("There are no normal synthetic images")
        assert found(report, "class", "films", by).auroc is not None
    assert found(report, "origin", "normal", "spectrum").auroc is None
    pooled = found(report, "origin", "pooled", "spectrum")
    assert (pooled.films, pooled.images) == (20, 30) and pooled.auroc is not None
    none = probe_shortcuts(noise([0] * 20, 1, 0), noise([1] * 30, 1, 1, ""))
    one = found(none, "origin", "pooled", "spectrum")
    assert one.auroc is None and "of a label that both have" in one.reason


def test_images_without_a_background_are_left_out_of_that_question_alone():
    synthetic = noise(halves(30), 1, 1, "")
    synthetic.looks.background[:25] = np.nan
    report = probe_shortcuts(noise(halves(30), 1, 0), synthetic)
    one = found(report, "origin", "cancer", "background")
    assert one.images == 5 and one.reason == (
        "The cancer synthetic images whose background can be described are of 5 seeds; 8 are "
        "needed to ask this."
    )
    assert found(report, "origin", "cancer", "small classifier").images == 30
    assert found(report, "origin", "pooled", "background").images == 35


def test_pooled_does_not_tell_the_origin_by_the_class(monkeypatch):
    films = noise([1] * 60 + [0] * 240, 1, 0, shift=6)
    synthetic = noise([1] * 240 + [0] * 60, 1, 1, "", shift=6)
    one = found(probe_shortcuts(films, synthetic), "origin", "pooled", "background")
    assert one.low <= 0.5 <= one.high and (one.films, one.images) == (300, 75)
    monkeypatch.setattr(probe, "MOST", 50)
    few = probe_shortcuts(films, synthetic)
    for one in few.probes:
        assert one.films <= 100 and one.images <= 100
    one = found(few, "origin", "pooled", "background")
    assert one.films == 50 and one.low <= 0.5 <= one.high


def test_a_patient_and_a_seed_of_one_name_are_two():
    films, synthetic = noise(halves(20), 1, 0, ""), noise(halves(20), 1, 1, "", shift=9)
    synthetic.looks.background[:, 0] += 20
    report = probe_shortcuts(films, synthetic)
    assert found(report, "origin", "pooled", "background").auroc == 1


def _probe(question, of, by, low, auroc):
    return Probe(question, of, by, auroc, low, 0.99, 9, 9)


def test_a_shortcut_that_films_have_too_is_not_the_generators():
    images = _probe(CLASS, "synthetic", "spectrum", 0.72, 0.8)
    assert warnings_of([images, _probe(CLASS, "films", "spectrum", 0.6, 0.75)]) == ()
    (said,) = warnings_of([images, _probe(CLASS, "films", "spectrum", 0.6, 0.7)])
    assert said == (
        "The spectrum of synthetic images alone tells cancer from normal (AUROC 0.80, interval "
        "0.72 to 0.99; films 0.70): a classifier trained on them may learn the generators' "
        "fingerprints, not the disease."
    )
    unknown = Probe(CLASS, "films", "spectrum", None, None, None, 3, 0, "Too few.")
    assert "films not measured" in warnings_of([images, unknown])[0]
    assert warnings_of([_probe(CLASS, "synthetic", "background", 0.6, 0.8)]) == ()


def test_the_origin_is_said_once():
    told = [
        _probe(ORIGIN, of, by, 0.9, 0.95)
        for of in ("cancer", "pooled")
        for by in ("small classifier", "background")
    ]
    (said,) = warnings_of(told)
    assert said == (
        "Synthetic images can be told from films by a small classifier (AUROC 0.95, interval 0.90 "
        "to 0.99), the background alone (AUROC 0.95, interval 0.90 to 0.99): mixed with films, "
        "they can be picked out."
    )
    (said,) = warnings_of(told[:2])
    assert said.startswith("Synthetic images of cancer can be told from films by a small")


def test_sides_that_do_not_fit_are_refused():
    films = noise(halves(20), 1, 0)
    rows = look(np.zeros((2, 32, 32), np.uint8))
    with pytest.raises(BadInput, match="groups"):
        Side(rows, np.zeros(2, np.int64), ("a",))
    with pytest.raises(BadInput, match="neither 0"):
        Side(rows, np.array([0, 2]), ("a", "b"))
    with pytest.raises(BadInput, match="px"):
        probe_shortcuts(films, Side(rows, np.zeros(2, np.int64), ("a", "b")))
