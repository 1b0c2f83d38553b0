"""Any network of ``keras.applications`` as an extractor: average-pooled, with its own
preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.batches import in_batches
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_json
from mammo_synth.keras_applications import (
    APPLICATIONS,
    WEIGHT_FILES,
    arrays_sha256,
    headless,
    load_file,
    network_input,
)
from mammo_synth.keras_backend import device_scope, load_keras, memory_errors, resolve_device
from mammo_synth.quality.extractors.network import BATCH, VERSION
from mammo_synth.quality.extractors.preparation import Normalisation, resized
from mammo_synth.quality.extractors.weights import WeightsFile, locate
from mammo_synth.quality.feature_cache import Rows
from mammo_synth.quality.features import Images

PREFIX = "keras:"
_SIDES = {"InceptionV3": 299, "InceptionResNetV2": 299, "Xception": 299, "NASNetLarge": 331}
SIDE = 224
"""px, of the networks that `_SIDES` does not name."""
HINT = (
    "Without a network give a local copy of the weights (of the network without its head: .h5, "
    ".weights.h5 or .keras) with --weights."
)


def keras_application(name: str, weights: Path | str | None, device: str) -> KerasExtractor:
    """The extractor ``keras:NAME``.

    Args:
        name: One of `mammo_synth.keras_applications.APPLICATIONS`.
        weights: A file for the network without its head; None: ImageNet's, which Keras fetches
            once and checks.
        device: auto, cpu or cuda.

    Raises:
        BadInput: An unknown name, weights that cannot be had or do not fit, no such device.
    """
    if name not in APPLICATIONS:
        raise BadInput(
            f"Keras has no network '{name}' here.", hint=did_you_mean(name, APPLICATIONS)
        )
    found = None
    if weights is not None:
        found = locate(weights, PREFIX + name, WEIGHT_FILES, HINT)
    return build(PREFIX + name, name, _SIDES.get(name, SIDE), found, device)


def build(
    name: str,
    application: str,
    side: int,
    weights: WeightsFile | None,
    device: str,
    *,
    licence: str = "see the network's page",
    normalisation: Normalisation | None = None,
) -> KerasExtractor:
    """An extractor on ``application`` with these weights (None: ImageNet's).

    Raises:
        BadInput: The weights cannot be had or do not fit; no such device or backend.
    """
    keras = load_keras()
    place = resolve_device(keras, device)
    with device_scope(keras, place):
        network = headless(keras, application, side, "file" if weights else "imagenet", HINT)
        if weights:
            load_file(network, application, weights.path)
    network.trainable = False
    digest = arrays_sha256(network.get_weights())
    said = {"origin": "imagenet", "sha256": digest, "licence": licence}
    if weights:
        said = weights.described(licence)
    return KerasExtractor(
        name, application, side, said, digest, keras, place, network, normalisation
    )


@dataclass(frozen=True)
class KerasExtractor:
    """A network of Keras.

    Attributes:
        name: Of the extractor.
        application: Keras' name of the network.
        side: Of its input, px.
        weights: Origin, sha256, licence.
        arrays: sha256 of the weights as arrays, whatever file they came from.
        keras: The module.
        device: cpu or cuda.
        network: The network without its head, average pooled.
        normalisation: In place of the network's own preprocessing, if not None.
    """

    name: str
    application: str
    side: int
    weights: dict[str, Any]
    arrays: str
    keras: Any
    device: str
    network: Any
    normalisation: Normalisation | None

    @property
    def dimension(self) -> int:
        """Channels of the last layer."""
        return int(self.network.output_shape[-1])

    @property
    def digest(self) -> str:
        """Of name, version, weights, side and preprocessing; not of the device."""
        own = self.normalisation
        return sha256_json(
            {
                "name": self.name,
                "application": self.application,
                "version": VERSION,
                "weights": self.arrays,
                "side": self.side,
                "normalisation": None if own is None else [own.mean, own.deviation],
            }
        )

    def __call__(self, images: Images) -> Rows:
        """float32 [N, D] of uint8 [N, S, S].

        Raises:
            BadInput: The device's memory does not suffice.
        """
        scope = device_scope(self.keras, self.device)
        with scope, memory_errors(self.device, BATCH, training=False):
            return in_batches(self._batch, images, BATCH)

    def _batch(self, images: Images) -> Rows:
        grey = resized(images, self.side)
        if self.normalisation is None:
            x = network_input(self.keras, self.application, grey)
        else:
            x = self.normalisation(grey).transpose(0, 2, 3, 1)
        return np.asarray(self.network.predict_on_batch(x), np.float32)
