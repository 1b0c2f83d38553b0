"""Networks of keras.applications: tiny whole runs at 32 px with random weights."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.classifiers import make_classifier
from mammo_synth.bench.classifiers.base import Options, Part
from mammo_synth.bench.classifiers.epochs import (
    Batch,
    Inputs,
    counts_at_half,
    train_epochs,
)
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.keras_applications import APPLICATIONS
from mammo_synth.keras_backend import load_keras
from mammo_synth.progress import SILENT
from mammo_synth.release.folder import Release
from tests.bench.test_background import films
from tests.bench.test_vgg16 import Killer
from tests.conftest import Command, assert_friendly

TINY = {"input_size": 32, "weights": "random", "epochs": 2, "batch_size": 16}
HEAD = TINY | {"trainable": "head", "learning_rate": 0.01, "epochs": 12}
TRAIN, HELD, TEST = films(64, 0, False), films(16, 1000, False), films(40, 2000, False)


def fit(name: str, settings: dict[str, Any], seed: int = 0, **options: Any) -> Any:
    recipe = load_recipe(f"keras:{name}", settings)
    classifier = make_classifier(recipe, Options(device="cpu", **options))
    return classifier, classifier.fit(TRAIN, HELD, seed=seed, progress=SILENT)


def test_a_frozen_network_with_a_new_head_learns_and_begins_anew() -> None:
    classifier, history = fit("MobileNet", HEAD)
    assert (history.epochs, len(history.curves)) == (12, 12)
    losses = [epoch["val_loss"] for epoch in history.curves]
    assert losses[history.best_epoch] == min(losses)
    p = classifier.predict_proba(TEST.images)
    assert p.shape == (40,)
    assert ((p >= 0) & (p <= 1)).all()
    assert classifier.parameters == 3_228_864 + 1025
    assert classifier.weights["origin"] == "random"
    again = classifier.fit(TRAIN, HELD, seed=0, progress=SILENT)
    assert again.curves == history.curves
    assert np.array_equal(classifier.predict_proba(TEST.images), p)
    classifier.fit(TRAIN, HELD, seed=1, progress=SILENT)
    assert not np.array_equal(classifier.predict_proba(TEST.images), p)


def test_every_layer_learns_where_the_recipe_says_all(tmp_path: Path) -> None:
    few = Part(TRAIN.images[:16], TRAIN.label[:16])
    recipe = load_recipe("keras:MobileNet", TINY | {"head": [8]})
    classifier = make_classifier(recipe, Options(device="cpu"))
    first = classifier.fit(few, HELD, seed=0, progress=SILENT)
    p = classifier.predict_proba(TEST.images)
    keras_weights = classifier._top.get_weights()  # type: ignore[attr-defined]
    assert not np.array_equal(keras_weights[0], classifier._initial[0])  # type: ignore[attr-defined]
    # The dropout and the batch statistics begin anew too; and a run that is killed goes on.
    fit: Any = classifier.fit
    state = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(few, HELD, seed=0, progress=Killer(2), checkpoint=state)
    assert state.is_file()
    counting = Killer(10**9)
    assert fit(few, HELD, seed=0, progress=counting, checkpoint=state).curves == first.curves
    assert counting.steps == 1
    assert np.array_equal(classifier.predict_proba(TEST.images), p)


def test_weights_come_from_a_file_that_is_checked(tmp_path: Path) -> None:
    keras = load_keras()
    base = keras.applications.MobileNet(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    path = tmp_path / "mobile.weights.h5"
    base.save_weights(path)
    short = HEAD | {"epochs": 1, "weights": "file"}
    classifier, _ = fit("MobileNet", short, weights_file=path)
    assert classifier.weights["origin"] == "file"
    for ours, theirs in zip(classifier._base.get_weights(), base.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    with pytest.raises(BadInput, match="has the sha256"):
        fit("MobileNet", short | {"weights_sha256": "00"}, weights_file=path)
    with pytest.raises(BadInput, match="is no weights file"):
        fit("MobileNet", short)
    with pytest.raises(BadInput, match="does not hold the weights of MobileNetV2"):
        fit("MobileNetV2", short, weights_file=path)


def test_names_are_those_of_keras_and_a_wrong_one_is_refused() -> None:
    applications = load_keras().applications
    assert set(APPLICATIONS) == {
        name for name in dir(applications) if inspect.isfunction(getattr(applications, name))
    }
    recipe = load_recipe("keras:ResNet50")
    assert (recipe.classifier, recipe.kind) == ("keras-ResNet50", "keras-application")
    with pytest.raises(BadInput, match="Did you mean 'EfficientNetB0'"):
        load_recipe("keras:EfficentNetB0")


def test_a_name_goes_into_a_recipe_of_its_family_alone(
    run: Command, small_release: Release, tmp_path: Path
) -> None:
    bench = ("bench", "run", small_release.folder, "--config", "50-50-90syn", "--out", tmp_path)
    more = ("--classifier", "keras:ResNet50", "--set", "epochs=2", "--dry-run", "--json")
    done = run(*bench, "--recipe", "keras-application", *more)
    assert done.code == 0, done.stderr
    assert '"classifier": "keras-ResNet50"' in done.stdout
    assert '"epochs": 2' in done.stdout
    assert_friendly(run(*bench, "--recipe", "vgg16", *more), "is for vgg16, not for keras:ResNet50")


class _Fake:
    """A network whose validation losses are what the test says."""

    def __init__(self, scores: list[float], error: Exception | None = None) -> None:
        self.series, self.now, self.error = iter(scores), 0.0, error

    def step(self, x: Any, label: Any) -> Batch:
        if self.error is not None:
            raise self.error
        return Batch(0.5, *counts_at_half(np.full(len(label), 0.7), label))

    def scores(self, x: Any) -> Any:
        self.now = next(self.series)
        return np.full(len(x), self.now)

    def weights_now(self) -> Any:
        return [np.array(self.now)]

    def put_weights(self, weights: Any) -> None:
        self.now = float(weights[0])

    def memory_now(self) -> Any:
        return [], []

    def put_memory(self, optimizer: Any, random: Any) -> None:
        pass


def _train(fake: _Fake) -> Any:
    settings: Any = load_recipe("keras-application", {"patience": 2, "batch_size": 8}).settings
    schedule: Any = settings.schedule
    held = Inputs(np.zeros((6, 1)), np.ones(6, np.int64))
    return train_epochs(
        fake,
        held,
        held,
        schedule,
        seed=0,
        what="it",
        device="cpu",
        progress=SILENT,
        checkpoint=None,
        digest="",
    )


def test_early_stopping_returns_to_the_best_epoch() -> None:
    fake = _Fake([0.2, 0.6, 0.5, 0.4, 0.9])
    history = _train(fake)
    assert (history.epochs, history.best_epoch, fake.now) == (4, 1, 0.6)
    first = history.curves[0]
    assert first["val_loss"] == pytest.approx(-np.log(0.2))
    assert (first["loss"], first["accuracy"], first["recall"]) == (0.5, 1, 1)
    assert (first["val_recall"], first["val_precision"]) == (0, None)


def test_memory_and_nan_are_one_clear_error() -> None:
    with pytest.raises(BadInput, match=r"for 8 images at a time.*batch_size=4"):
        _train(_Fake([0.5], MemoryError("Tried to allocate 2 GiB")))
    with pytest.raises(RuntimeError, match="another"):
        _train(_Fake([0.5], RuntimeError("another")))
    with pytest.raises(CheckFailed, match="NaN in epoch 0"):
        _train(_Fake([np.nan]))
