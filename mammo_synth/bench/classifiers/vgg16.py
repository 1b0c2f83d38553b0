"""The study's classifier: VGG16 with a new head, fine-tuned, on Keras 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.bench.classifiers.activations import Activations, Prepared, in_large_batches
from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.epochs import Inputs, run_digest, train_epochs
from mammo_synth.bench.classifiers.features import BATCH
from mammo_synth.bench.classifiers.keras_backend import OnKeras
from mammo_synth.bench.classifiers.vgg16_network import (
    Network,
    VGG16Settings,
    begin,
    build_network,
)
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats
from mammo_synth.errors import CheckFailed
from mammo_synth.files import sha256_bytes, sha256_json
from mammo_synth.keras_backend import (
    device_scope,
    load_keras,
    memory_errors,
    resolve_device,
)
from mammo_synth.progress import SILENT, Progress

_PREDICT = 128  # images a pass of the trainable part: it reads its millions of weights once for all


BACKEND_TOLERANCE = 1e-3
"""Largest difference of p_cancer between TensorFlow and PyTorch, same settings and seed, without
dropout (their random generators differ), a few training steps at 32 px. Measured: 2e-6."""


class VGG16(OnKeras):
    """VGG16 with `benchmarks/recipes/vgg16.toml`'s settings; output p_cancer.

    The network is built and compiled at the first `fit` and reused by the next; activations of
    the frozen layers are kept by image, in half precision: how little that changes is said by
    `features.ROUNDING` and `features.TOLERANCE`. PyTorch's p_cancer differs from TensorFlow's by at
    most `BACKEND_TOLERANCE`.
    """

    resumable = True

    def __init__(self, settings: VGG16Settings, options: Options) -> None:
        super().__init__(options)
        self._settings = settings
        self._network: Network | None = None
        self._activations: Activations | None = None
        self._fitted = False
        self._progress: Progress = SILENT

    @property
    def features_cached(self) -> bool | None:
        """Whether the last fit kept activations; None where every layer learns."""
        return self._activations.cached if self._activations else None

    @property
    def weights(self) -> Weights:
        """Origin of the first VGG16 weights, and the digest of their arrays once built."""
        digest = self._network.weights_sha256 if self._network else None
        return {"origin": self._settings.weights, "sha256": digest}

    @property
    def parameters(self) -> int | None:
        """Parameters of the whole network, once it is built."""
        return self._network.parameters if self._network else None

    def fit(
        self,
        train: Part,
        validation: Part,
        *,
        seed: int,
        progress: Progress,
        checkpoint: Path | None = None,
    ) -> History:
        """Train until early stopping or the last epoch; curves with cancer positive at 0.5.

        Args:
            train: To learn from.
            validation: For early stopping.
            seed: Of the head's first weights, the shuffles and the dropout.
            progress: Told of every step.
            checkpoint: File of the state after each epoch. If it is there and of this very run,
                training goes on from it, to the same result.

        Raises:
            BadInput: No backend, no weights, no such device, not enough memory.
            CheckFailed: The loss became NaN.
        """
        network, activations = self._build()
        self._progress = progress
        if self._settings.precision == "mixed_float16" and self._device == "cpu":
            progress.say(
                "Precision mixed_float16 is for GPUs: a processor is many times slower with it "
                "than with float32 or mixed_bfloat16."
            )
        data, held = activations.prepare(train.images), activations.prepare(validation.images)
        with device_scope(self._keras, self._device):
            with memory_errors(self.device, BATCH, training=False):
                activations.begin([data, held], progress)
            begin(self._keras, network, seed)
            history = train_epochs(
                self,
                Inputs(data, train.label),
                Inputs(held, validation.label),
                self._settings.schedule,
                seed=seed,
                what="vgg16",
                device=self.device,
                progress=progress,
                checkpoint=checkpoint,
                digest=self._digest([(data, train), (held, validation)], seed),
            )
        self._fitted = True
        return history

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N], for uint8 [N, S, S]."""
        if not self._fitted:
            raise CheckFailed("predict_proba was called before fit.")
        _, activations = self._build()
        data = activations.prepare(images)
        with (
            device_scope(self._keras, self._device),
            memory_errors(self.device, _PREDICT, training=False),
        ):
            activations.hold(data, self._progress)
            return self.scores(data)

    def _build(self) -> tuple[Network, Activations]:
        if self._network is None or self._activations is None:
            self._keras = load_keras(xla=self._options.xla)
            self._device = resolve_device(self._keras, self._options.device)
            memory = memory_errors(self.device, None, training=False)
            with device_scope(self._keras, self._device), memory:
                self._network = build_network(self._keras, self._settings, self._options)
            self._top = self._network.top
            self._activations = Activations(
                self._network, self._settings, self._options, str(self.backend)
            )
        return self._network, self._activations

    def _digest(self, parts: list[tuple[Prepared, Part]], seed: int) -> str:
        """Of all that a training depends on: settings, first weights, images, labels, seed, and
        where and how it is computed."""
        kept = self._options.cache_precision if self.features_cached else "nothing"
        return run_digest(
            self._settings,
            seed,
            self.weights["sha256"],
            f"{self.backend}, {self.device}, {kept} kept",
            # The keys are digests of the pixels already.
            sha256_json(
                [
                    [sha256_bytes(b"".join(data.keys)), sha256_bytes(part.label.tobytes())]
                    for data, part in parts
                ]
            ),
        )

    def scores(self, x: Prepared) -> Floats:
        """Probability of cancer, float64 [N]."""

        def predict(features: Any) -> Any:
            return np.asarray(self._top.predict_on_batch(features))

        parts = []
        for begin_at in range(0, len(x), _PREDICT):
            features = x[np.arange(begin_at, min(begin_at + _PREDICT, len(x)))]
            parts.append(in_large_batches(predict, features, _PREDICT, BATCH)[:, 0])
        return np.concatenate(parts).astype(np.float64)
