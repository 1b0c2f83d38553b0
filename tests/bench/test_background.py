"""The control that sees the background alone: it finds a planted leak, and nothing without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.classifiers import make_classifier
from mammo_synth.bench.classifiers.background import BackgroundOnly, blank
from mammo_synth.bench.classifiers.base import Options, Part
from mammo_synth.bench.grid import Cell
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.bench.run import Bench
from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT
from mammo_synth.radiomics import breast
from mammo_synth.release.folder import Release
from tests.bench.test_recipes import document_of
from tests.conftest import fake_film

BLANK = {"network": "logistic-regression", "breast_threshold": 12, "breast_grow": 2}


def background(network: str = "logistic-regression") -> Any:
    """The recipe with logistic regression in place of VGG16."""
    from mammo_synth.bench.recipes import make_recipe

    document = document_of("logistic-regression")
    document |= {"name": "background", "classifier": "background-only"}
    document["settings"] |= BLANK | {"network": network, "validation_share": 0.3}
    return make_recipe(document, "the test", {})


def films(n: int, first: int, mark: bool) -> Part:
    """Films with a noisy background; with ``mark`` those with cancer have one in the corner."""
    label = np.arange(n) % 2
    finding = ("normal", "malignant")
    images = np.stack(
        [fake_film(first + i, finding[k], shape=(40, 40)) for i, k in enumerate(label)]
    )
    noise = np.random.default_rng(first).integers(0, 6, images.shape, np.uint8)
    images = np.where(images == 4, noise, images)
    if mark:
        images[label == 1, 1:5, -5:-1] = 60
    return Part(images, label)


def auroc(recipe: Any, mark: bool) -> float:
    classifier = make_classifier(recipe, Options())
    train, test = films(120, 0, mark), films(200, 5000, mark)
    classifier.fit(train, train, seed=0, progress=SILENT)
    p = classifier.predict_proba(test.images)
    positive, negative = p[test.label == 1][:, None], p[test.label == 0][None]
    return float((positive > negative).mean() + (positive == negative).mean() / 2)


def test_it_finds_a_planted_leak_and_is_at_chance_without_one() -> None:
    assert auroc(background(), mark=True) > 0.95
    # 200 films: the standard error of a guess's AUROC is 0.041
    assert 0.4 < auroc(background(), mark=False) < 0.6
    # the same network sees the cancer where nothing is blanked
    assert auroc(load_recipe("logistic-regression"), mark=False) > 0.95


def test_only_the_breast_is_blanked() -> None:
    part = films(8, 0, mark=True)
    blanked = blank(part.images, 12, 2)
    for before, after in zip(part.images, blanked, strict=True):
        mask = breast(before, 12)
        assert 0.3 < mask.mean() < 0.7
        assert not after[mask].any()
        assert (after == before)[:, -6:].all()  # the mark too
        # grown: the rim of two px is blank as well
        assert (before > 30).sum() > (after > 30).sum()
    assert part.images.max() > 200  # untouched


def test_the_rule_holds_where_films_are_odd() -> None:
    black = np.zeros((1, 16, 16), np.uint8)
    assert not breast(black[0], 12).any()
    assert np.array_equal(blank(black, 12, 3), black)
    full = np.full((1, 16, 16), 180, np.uint8)  # the breast fills the film
    assert not blank(full, 12, 0).any()
    grey = np.full((16, 16), 30, np.uint8)  # a film that is grey outside the breast
    grey[4:12, :8] = 150
    grey[6:9, 3:5] = 31  # a hole
    mask = breast(grey, 12)
    assert mask.sum() == 64
    assert mask[4:12, :8].all()
    # the black of a film that is bright elsewhere, and a label that is smaller than the breast
    grey[0:2, 14:16] = 255
    assert breast(grey, 12).sum() == 64


def test_a_record_says_that_it_is_a_control(small_release: Release, tmp_path: Path) -> None:
    bench = Bench(small_release, tmp_path, now=lambda: "2026-01-31T12:00:00Z")
    record = bench.run(Cell("50-50-90syn", background(), 0, 0)).record
    assert record["classifier"]["name"] == "background-only"
    assert record["classifier"]["role"] == "control"
    # prepared films are black outside the breast: nothing is left, not even to guess by
    assert record["evaluations"]["real_test"]["metrics"]["auroc"]["value"] == pytest.approx(
        0.5, abs=0.15
    )


def test_the_network_of_the_control_is_the_reference_recipe() -> None:
    for control, reference in (
        ("background-only", "vgg16"),
        ("background-only-demo", "vgg16-demo"),
    ):
        ours, theirs = load_recipe(control).plain, load_recipe(reference).plain
        assert set(ours) - set(theirs) == {"network", "breast_threshold", "breast_grow"}
        assert {k for k in theirs if ours[k] != theirs[k]} == {"classifier"}


def test_a_wrong_network_is_refused() -> None:
    with pytest.raises(BadInput, match="Did you mean 'logistic-regression'"):
        load_recipe("background-only", {"network": "logistic-regresion"})
    with pytest.raises(BadInput, match="unknown key 'channels'"):
        load_recipe("background-only", {"network": "logistic-regression"})


class _BatchNoise:
    """A network whose last bits depend on the place in the batch, as those of real ones do."""

    def predict_proba(self, images: Any) -> Any:
        return 0.5 + 1e-9 * np.arange(len(images))


def test_equal_backgrounds_have_equal_scores() -> None:
    settings = load_recipe("background-only-demo").settings
    control = BackgroundOnly(settings, _BatchNoise())  # type: ignore[arg-type]
    # Whole films, black outside the breast: nothing is left of any of them.
    films = np.zeros((40, 64, 64), np.uint8)
    films[:, 10:50, :30] = np.arange(60, 100, dtype=np.uint8)[:, None, None]
    assert len(set(control.predict_proba(films))) == 1
    films[3, 60, 60] = 200
    scores = control.predict_proba(films)
    assert scores[3] != scores[0] and len(set(scores)) == 2
