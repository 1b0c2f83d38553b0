"""The study's classifier: VGG16 with a new head, fine-tuned, on Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.bench.classifiers.activations import Activations, Prepared, in_large_batches
from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.checkpoint import (
    TrainingState,
    state_to_go_on_from,
    state_writer,
)
from mammo_synth.bench.classifiers.features import BATCH
from mammo_synth.bench.classifiers.keras_backend import (
    OnKeras,
    as_arrays,
    device_scope,
    load_keras,
    memory_errors,
    resolve_device,
)
from mammo_synth.bench.classifiers.vgg16_network import (
    Network,
    VGG16Settings,
    begin,
    build_network,
    random_state,
)
from mammo_synth.bench.record import Epoch, Weights
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.errors import CheckFailed
from mammo_synth.files import sha256_bytes, sha256_json
from mammo_synth.progress import SILENT, Progress

_CLIP = 1e-7  # Keras keeps probabilities this far from 0 and 1 in the cross-entropy
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
        data, held = activations.prepare(train.images), activations.prepare(validation.images)
        with device_scope(self._keras, self._device):
            with memory_errors(self.device, BATCH, training=False):
                activations.begin([data, held], progress)
            digest = self._digest([(data, train), (held, validation)], seed)
            state = state_to_go_on_from(checkpoint, digest, progress)
            begin(self._keras, network, seed)
            if state.epoch >= 0:
                self._restore(state)
                progress.say(f"Training goes on after epoch {state.epoch + 1}.")
            with memory_errors(self.device, self._settings.batch_size, training=True):
                run = (data, train.label, held, validation.label)
                self._train(state, run, seed, progress, state_writer(checkpoint, digest, progress))
            if state.best_weights is not None:
                network.top.set_weights(state.best_weights)
        self._fitted = True
        return History(len(state.curves), state.best_epoch, state.curves)

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
            return self._scores(data)

    def _build(self) -> tuple[Network, Activations]:
        if self._network is None or self._activations is None:
            self._keras = load_keras(xla=self._options.xla)
            self._device = resolve_device(self._keras, self._options.device)
            with device_scope(self._keras, self._device):
                self._network = build_network(self._keras, self._settings, self._options)
            self._activations = Activations(
                self._network, self._settings, self._options, str(self.backend)
            )
        return self._network, self._activations

    def _digest(self, parts: list[tuple[Prepared, Part]], seed: int) -> str:
        """Of all that a training depends on: settings, first weights, images, labels, seed, and
        where and how it is computed."""
        return sha256_json(
            {
                "settings": asdict(self._settings),
                "weights": self.weights,
                "parts": [
                    [sha256_bytes(b"".join(data.keys)), sha256_bytes(part.label.tobytes())]
                    for data, part in parts
                ],
                "seed": seed,
                "backend": self.backend,
                "device": self.device,
                "cached": self.features_cached and self._options.cache_precision,
            }
        )

    def _train(
        self,
        state: TrainingState,
        run: tuple[Prepared, Integers, Prepared, Integers],
        seed: int,
        progress: Progress,
        write: Callable[[TrainingState], None] | None,
    ) -> None:
        """Epoch after epoch, from where ``state`` is; each ends in ``state``, and in its file."""
        network, _ = self._build()
        s, top = self._settings, network.top
        steps = -(-len(run[1]) // s.batch_size)
        progress.start("training vgg16", s.epochs * steps)
        if state.epoch >= 0:
            progress.advance((state.epoch + 1) * steps)
        while not state.finished:
            state.epoch += 1
            epoch = self._epoch(*run, state.epoch, seed, progress)
            if epoch["loss"] is None or epoch["val_loss"] is None:
                progress.finish()
                raise CheckFailed(
                    f"The loss became NaN in epoch {state.epoch}.",
                    hint='Lower learning_rate, or use precision = "float32".',
                )
            state.curves.append(epoch)
            score = _to_minimise(epoch, s.monitor)
            if score < state.best - s.min_delta:
                state.best, state.best_epoch = score, state.epoch
                if s.restore_best:
                    state.best_weights = state.weights = as_arrays(self._keras, top.weights)
            state.finished = state.epoch + 1 >= s.epochs or (
                s.early_stopping
                and state.epoch > state.best_epoch
                and state.epoch - state.best_epoch >= s.patience
            )
            if write is not None:
                state.weights = state.weights or as_arrays(self._keras, top.weights)
                state.optimizer = as_arrays(self._keras, top.optimizer.variables)
                state.random = as_arrays(self._keras, random_state(network))
                write(state)
            state.weights, state.optimizer = [], []  # so that the next update need not copy them
        progress.finish()

    def _restore(self, state: TrainingState) -> None:
        """Put the trainable part where ``state`` says it was."""
        network, _ = self._build()
        network.top.set_weights(state.weights)
        for variables, values in (
            (network.top.optimizer.variables, state.optimizer),
            (random_state(network), state.random),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _epoch(
        self,
        data: Prepared,
        label: Integers,
        held: Prepared,
        held_label: Integers,
        number: int,
        seed: int,
        progress: Progress,
    ) -> Epoch:
        """One pass over the training part, then the validation part."""
        network, activations = self._build()
        n, size = len(label), self._settings.batch_size
        order = np.arange(n)
        if self._settings.shuffle:
            order = np.random.default_rng([seed, 1, number]).permutation(n)
        loss, counted = 0.0, np.zeros(4, np.int64)
        for i in range(0, n, size):
            rows = order[i : i + size]
            target = label[rows].astype(np.float32)[:, None]
            features = activations.get(data, rows)
            # Some versions of Keras begin to count anew in each batch, others do not.
            network.top.reset_metrics()
            seen = network.top.train_on_batch(features, target, return_dict=True)
            loss += float(seen["loss"]) * len(rows) / n
            counted += [round(float(seen[k])) for k in ("tp", "fp", "fn", "tn")]
            progress.advance(1, f"epoch {number + 1}, loss {float(seen['loss']):.3f}")
        ours = _curve(loss, *(int(k) for k in counted))
        p = self._scores(held)
        y, called = held_label == 1, p >= 0.5
        clipped = np.clip(p, _CLIP, 1 - _CLIP)
        val_loss = float(-np.mean(np.where(y, np.log(clipped), np.log(1 - clipped))))
        counts = [int(k.sum()) for k in (y & called, ~y & called, y & ~called, ~y & ~called)]
        theirs = _curve(val_loss, *counts)
        return {
            "epoch": number,
            "loss": ours[0],
            "accuracy": ours[1],
            "precision": ours[2],
            "recall": ours[3],
            "val_loss": theirs[0],
            "val_accuracy": theirs[1],
            "val_precision": theirs[2],
            "val_recall": theirs[3],
        }

    def _scores(self, data: Prepared) -> Floats:
        network, activations = self._build()

        def predict(features: Any) -> Any:
            return np.asarray(network.top.predict_on_batch(features))

        n = len(data.images)
        parts = []
        for begin_at in range(0, n, _PREDICT):
            rows = np.arange(begin_at, min(begin_at + _PREDICT, n))
            features = activations.get(data, rows)
            parts.append(in_large_batches(predict, features, _PREDICT, BATCH)[:, 0])
        return np.concatenate(parts).astype(np.float64)


def _curve(
    loss: float, tp: int, fp: int, fn: int, tn: int
) -> tuple[float | None, float | None, float | None, float | None]:
    """Loss, accuracy, precision and recall of an epoch; None where there is no value."""
    return (
        loss if np.isfinite(loss) else None,
        (tp + tn) / max(tp + fp + fn + tn, 1),
        tp / (tp + fp) if tp + fp else None,
        tp / (tp + fn) if tp + fn else None,
    )


def _to_minimise(epoch: Epoch, monitor: str) -> float:
    """The watched value, negated where more is better."""
    value = epoch["val_loss"] if monitor == "val_loss" else epoch["val_accuracy"]
    if value is None:
        return float("inf")
    return value if monitor == "val_loss" else -value
