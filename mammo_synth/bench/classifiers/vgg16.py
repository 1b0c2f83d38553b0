"""The study's classifier: VGG16 with a new head, fine-tuned, on Keras 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.features import (
    BATCH,
    Features,
    FeatureStore,
    image_keys,
    in_batches,
)
from mammo_synth.bench.classifiers.images import resize
from mammo_synth.bench.classifiers.keras_backend import (
    backend_packages,
    device_scope,
    load_keras,
    resolve_device,
)
from mammo_synth.bench.classifiers.vgg16_network import (
    Network,
    VGG16Settings,
    begin,
    build_network,
    caffe,
)
from mammo_synth.bench.record import Epoch, Weights
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.errors import CheckFailed
from mammo_synth.progress import Progress

_CLIP = 1e-7  # Keras keeps probabilities this far from 0 and 1 in the cross-entropy
_GATHER = 256  # images whose features are gathered at a time outside training: bounds memory


@dataclass(frozen=True)
class _Data:
    """A part at the network's size, with the keys of its images."""

    images: Images
    keys: list[bytes]
    label: Integers


class VGG16:
    """VGG16 with `benchmarks/recipes/vgg16.toml`'s settings; output p_cancer.

    The network is built and compiled at the first `fit` and reused by the next; activations of
    the frozen layers are kept between runs by image.
    """

    def __init__(self, settings: VGG16Settings, options: Options) -> None:
        self._settings, self._options = settings, options
        self._network: Network | None = None
        self._keras: Any = None
        self._store: FeatureStore | None = None
        self._fitted = False
        self.device = options.device
        self.features_cached: bool | None = None

    @property
    def weights(self) -> Weights:
        """Origin of the first VGG16 weights, and the digest of their arrays once built."""
        digest = self._network.weights_sha256 if self._network else None
        return {"origin": self._settings.weights, "sha256": digest}

    @property
    def parameters(self) -> int | None:
        """Parameters of the whole network, once it is built."""
        return self._network.parameters if self._network else None

    @property
    def backend(self) -> str | None:
        """Keras' backend, once it is loaded."""
        return str(self._keras.backend.backend()) if self._keras else None

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions behind the numbers."""
        own = ("numpy", "scikit-learn", "pillow")
        return own + backend_packages(self._keras) if self._keras else own

    def fit(self, train: Part, validation: Part, *, seed: int, progress: Progress) -> History:
        """Train until early stopping or the last epoch; curves with cancer positive at 0.5.

        Raises:
            BadInput: No backend, no weights, no such device.
            CheckFailed: The loss became NaN.
        """
        network, store = self._build()
        s = self._settings
        data, held = self._prepare(train), self._prepare(validation)
        keep = self._options.cache_features and store.make_room(data.keys + held.keys)
        self.features_cached = keep
        with device_scope(self._keras, self.device):
            begin(self._keras, network, seed)
            if keep:
                self._fill(data, held, progress)
            curves: list[Epoch] = []
            best, best_epoch, best_weights = np.inf, 0, None
            steps = -(-len(data.label) // s.batch_size)
            progress.start("training vgg16", s.epochs * steps)
            for number in range(s.epochs):
                curves.append(self._epoch(data, held, number, seed, keep, progress))
                if curves[-1]["loss"] is None or curves[-1]["val_loss"] is None:
                    progress.finish()
                    raise CheckFailed(
                        f"The loss became NaN in epoch {number}.",
                        hint='Lower learning_rate, or use precision = "float32".',
                    )
                score = _to_minimise(curves[-1], s.monitor)
                if score < best - s.min_delta:
                    best, best_epoch = score, number
                    best_weights = network.top.get_weights() if s.restore_best else None
                elif s.early_stopping and number - best_epoch >= s.patience:
                    break
            progress.finish()
            if best_weights is not None:
                network.top.set_weights(best_weights)
        self._fitted = True
        return History(len(curves), best_epoch, curves)

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N], for uint8 [N, S, S]."""
        if not self._fitted:
            raise CheckFailed("predict_proba was called before fit.")
        part = Part(images, np.zeros(len(images), np.int64))
        with device_scope(self._keras, self.device):
            return self._scores(self._prepare(part), bool(self.features_cached))

    def _build(self) -> tuple[Network, FeatureStore]:
        if self._network is None or self._store is None:
            self._keras = load_keras()
            self.device = resolve_device(self._keras, self._options.device)
            with device_scope(self._keras, self.device):
                self._network = build_network(self._keras, self._settings, self._options)
            limit = self._options.cache_bytes if self._options.cache_features else 0
            self._store = FeatureStore(self._frozen, self._network.feature_bytes, limit)
        return self._network, self._store

    def _prepare(self, part: Part) -> _Data:
        small = resize(part.images, self._settings.input_size, self._settings.resize_filter)
        return _Data(small, image_keys(small), part.label)

    def _frozen(self, images: Images) -> Features:
        network, _ = self._build()
        outputs = network.frozen.predict_on_batch(caffe(images))
        return np.asarray(outputs).astype(np.float32, copy=False)

    def _features(self, data: _Data, rows: Integers, keep: bool) -> Features:
        _, store = self._build()
        return store.get(data.images[rows], [data.keys[i] for i in rows], keep)

    def _fill(self, data: _Data, held: _Data, progress: Progress) -> None:
        """Pass every image through the frozen layers once."""
        progress.start("frozen layers of vgg16", len(data.label) + len(held.label))
        for part in (data, held):
            for rows in _chunks(len(part.label)):
                self._features(part, rows, keep=True)
                progress.advance(len(rows))
        progress.finish()

    def _epoch(
        self, data: _Data, held: _Data, number: int, seed: int, keep: bool, progress: Progress
    ) -> Epoch:
        """One pass over the training part, then the validation part."""
        network, _ = self._build()
        n, size = len(data.label), self._settings.batch_size
        order = np.arange(n)
        if self._settings.shuffle:
            order = np.random.default_rng([seed, 1, number]).permutation(n)
        network.top.reset_metrics()
        seen: dict[str, float] = {}
        for i in range(0, n, size):
            rows = order[i : i + size]
            target = data.label[rows].astype(np.float32)[:, None]
            features = self._features(data, rows, keep)
            seen = network.top.train_on_batch(features, target, return_dict=True)
            progress.advance(1, f"epoch {number + 1}, loss {float(seen['loss']):.3f}")
        ours = _curve(
            float(seen["loss"]), *(round(float(seen[k])) for k in ("tp", "fp", "fn", "tn"))
        )
        p = self._scores(held, keep)
        y, called = held.label == 1, p >= 0.5
        clipped = np.clip(p, _CLIP, 1 - _CLIP)
        loss = float(-np.mean(np.where(y, np.log(clipped), np.log(1 - clipped))))
        counts = [int(k.sum()) for k in (y & called, ~y & called, y & ~called, ~y & ~called)]
        theirs = _curve(loss, *counts)
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

    def _scores(self, data: _Data, keep: bool) -> Floats:
        network, _ = self._build()
        parts = []
        for rows in _chunks(len(data.label)):
            features = self._features(data, rows, keep)
            scores = in_batches(lambda x: np.asarray(network.top.predict_on_batch(x)), features)
            parts.append(scores[:, 0].astype(np.float64))
        return np.concatenate(parts)


def _chunks(n: int) -> list[Integers]:
    """Row numbers in chunks of whole batches."""
    step = _GATHER - _GATHER % BATCH
    return [np.arange(i, min(i + step, n)) for i in range(0, n, step)]


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
