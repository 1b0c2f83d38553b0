"""Networks of Keras as extractors; and Keras' Inception-v3 as an independent check of ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mammo_synth.errors import BadInput
from mammo_synth.keras_applications import headless
from mammo_synth.keras_backend import load_keras
from mammo_synth.quality.extractors import keras_application, make_extractor, radimagenet
from mammo_synth.quality.extractors import network as network_module
from mammo_synth.quality.extractors.inception_network import Inception
from tests.quality.test_extractors_networks import drawn, pictures


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small images a pass."""
    monkeypatch.setattr(network_module, "BATCH", 2)
    monkeypatch.setattr(keras_application, "SIDE", 32)


def weights_file(folder: Path, application: str) -> tuple[Path, Any]:
    keras = load_keras()
    network = headless(keras, application, 32, "random", "")
    path = folder / f"{application}.weights.h5"
    network.save_weights(path)
    return path, network


def test_a_network_of_keras_by_file(tmp_path: Path) -> None:
    path, network = weights_file(tmp_path, "MobileNet")
    extractor = make_extractor("keras:MobileNet", device="cpu", weights=path)
    assert (extractor.name, extractor.dimension) == ("keras:MobileNet", 1024)
    assert extractor.weights["origin"] == path.name
    images = pictures(3, 32)
    colour = np.repeat(images[..., None], 3, axis=-1) / np.float32(127.5) - 1  # MobileNet's own
    expected = network.predict_on_batch(colour.astype(np.float32))
    assert extractor(images) == pytest.approx(expected, rel=1e-3, abs=1e-4)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadInput, match="does not hold the weights of MobileNet without"):
        make_extractor("keras:MobileNet", device="cpu", weights=path)


def test_radimagenets_keras_file_goes_through_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a small network in place of ResNet-50, and its file: input from -1 to 1."""
    monkeypatch.setattr(radimagenet, "APPLICATION", "MobileNet")
    monkeypatch.setattr(radimagenet, "SIDE", 32)
    path, network = weights_file(tmp_path, "MobileNet")
    extractor = make_extractor("radimagenet", device="cpu", weights=path)
    assert extractor.name == "radimagenet"
    assert extractor.weights["licence"].startswith("RadImageNet")
    images = pictures(2, 32)
    colour = np.repeat(images[..., None], 3, axis=-1) / np.float32(127.5) - 1
    expected = network.predict_on_batch(colour.astype(np.float32))
    assert extractor(images) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_imagenet_weights_that_cannot_be_fetched_are_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keras = load_keras()

    def fails(**more: Any) -> Any:
        raise Exception(f"URL fetch failure for {more['weights']}")  # as Keras does

    monkeypatch.setattr(keras.applications, "MobileNet", fails)
    with pytest.raises(BadInput, match=r"URL fetch failure for imagenet.*--weights"):
        make_extractor("keras:MobileNet", device="cpu")


def test_our_inception_is_keras_inception_up_to_the_last_block() -> None:
    """Same weights, another implementation: equal until Mixed_7b; Keras' last block averages."""
    ours = drawn(Inception())
    for module in ours.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data[:] = 1  # Keras' network has no scale there
    keras = load_keras()
    theirs = headless(keras, "InceptionV3", 96, "random", "")

    def numbered(kind: Any) -> list[Any]:
        layers = [layer for layer in theirs.layers if isinstance(layer, kind)]
        return sorted(layers, key=lambda layer: int((re.findall(r"_(\d+)$", layer.name) or [0])[0]))

    pairs = [m for m in ours.modules() if type(m).__name__ == "Convolution"]
    convolutions = numbered(keras.layers.Conv2D)
    norms = numbered(keras.layers.BatchNormalization)
    for own, convolution, norm in zip(pairs, convolutions, norms, strict=True):
        convolution.set_weights([own.conv.weight.detach().numpy().transpose(2, 3, 1, 0)])
        values = (own.bn.bias, own.bn.running_mean, own.bn.running_var)
        norm.set_weights([value.detach().numpy() for value in values])
    both = keras.Model(theirs.inputs, [theirs.get_layer(n).output for n in ("mixed2", "mixed9")])
    x = np.random.default_rng(0).uniform(-1, 1, (2, 96, 96, 3)).astype(np.float32)
    expected = both.predict_on_batch(x)
    with torch.inference_mode():
        maps = dict(ours.maps(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())))
    for name, wanted in zip(("Mixed_5d", "Mixed_7b"), expected, strict=True):
        found = maps[name].numpy().transpose(0, 2, 3, 1)
        assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max(), name
