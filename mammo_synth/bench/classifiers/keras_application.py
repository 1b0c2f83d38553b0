"""Any network of ``keras.applications``, with its own preprocessing and a new head."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.checkpoint import Arrays
from mammo_synth.bench.classifiers.epochs import (
    Batch,
    Inputs,
    run_digest,
    train_epochs,
)
from mammo_synth.bench.classifiers.images import resize
from mammo_synth.bench.classifiers.keras_application_network import (
    KerasApplicationSettings,
    first_network,
)
from mammo_synth.bench.classifiers.keras_backend import (
    OnKeras,
    device_scope,
    load_keras,
    memory_errors,
    resolve_device,
)
from mammo_synth.bench.classifiers.vgg16_network import arrays_sha256
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.errors import CheckFailed
from mammo_synth.progress import SILENT, Progress


class KerasApplication(OnKeras):
    """A network of Keras, average pooling, and a head of dense layers; output p_cancer.

    With ``trainable = "head"`` every image passes through the network once, and the head learns
    from the pooled activations.
    """

    features_cached: bool | None = None
    resumable = True

    def __init__(self, settings: KerasApplicationSettings, options: Options) -> None:
        super().__init__(options)
        self._settings = settings
        self._base: Any = None
        self._top: Any = None
        self._initial: list[npt.NDArray[Any]] = []
        self._digest: str | None = None
        self._fitted = False

    @property
    def weights(self) -> Weights:
        """Origin of the first weights, and the digest of their arrays once built."""
        return {"origin": self._settings.weights, "sha256": self._digest}

    @property
    def parameters(self) -> int | None:
        """Of network and head, once built."""
        if self._top is None:
            return None
        count = int(self._top.count_params())
        return count if self._whole else count + int(self._base.count_params())

    @property
    def _whole(self) -> bool:
        return self._settings.trainable == "all"

    def fit(
        self,
        train: Part,
        validation: Part,
        *,
        seed: int,
        progress: Progress,
        checkpoint: Path | None = None,
    ) -> History:
        """Train until early stopping or the last epoch.

        Raises:
            BadInput: No backend, no weights, no such device, or its memory is too small.
            CheckFailed: The loss became NaN.
        """
        if self._top is None:
            self._build()
        with device_scope(self._keras, self._device):
            self._begin(seed)
            with memory_errors(self._device, self._settings.batch_size, training=True):
                learn = Inputs(self._inputs(train.images, progress), train.label)
                held = Inputs(self._inputs(validation.images, progress), validation.label)
            history = train_epochs(
                self,
                learn,
                held,
                self._settings,
                seed=seed,
                what=self._settings.application,
                device=self.device,
                progress=progress,
                checkpoint=checkpoint,
                digest=run_digest(
                    self._settings,
                    seed,
                    self._digest,
                    f"{self.backend}, {self.device}",
                    [train, validation],
                ),
            )
        self._fitted = True
        return history

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N]."""
        if not self._fitted:
            raise CheckFailed("predict_proba was called before fit.")
        memory = memory_errors(self._device, self._settings.batch_size, training=True)
        with device_scope(self._keras, self._device), memory:
            return self.scores(self._inputs(images))

    def step(self, x: npt.NDArray[Any], label: Integers) -> Batch:
        """Learn from one batch."""
        self._top.reset_metrics()
        target = label.astype(np.float32)[:, None]
        seen = self._top.train_on_batch(self._ready(x), target, return_dict=True)
        counts = (round(float(seen[k])) for k in ("tp", "fp", "fn", "tn"))
        return Batch(float(seen["loss"]), *counts)

    def scores(self, x: npt.NDArray[Any]) -> Floats:
        """Probability of cancer, float64 [N]."""
        return self._batches(self._top, x)[:, 0].astype(np.float64)

    def weights_now(self) -> Arrays:
        """A copy of all weights."""
        return [np.array(array) for array in self._top.get_weights()]

    def put_weights(self, weights: Arrays) -> None:
        """Return to a copy of them."""
        self._top.set_weights(weights)

    def memory_now(self) -> tuple[Arrays, Arrays]:
        """Copies of the optimiser's variables and of the state of the random generators."""
        copy = self._keras.ops.convert_to_numpy
        optimizer = [np.array(copy(variable)) for variable in self._top.optimizer.variables]
        return optimizer, [np.array(copy(variable)) for variable in self._generators()]

    def put_memory(self, optimizer: Arrays, random: Arrays) -> None:
        """Return to copies of them."""
        variables = [*self._top.optimizer.variables, *self._generators()]
        for variable, array in zip(variables, [*optimizer, *random], strict=True):
            variable.assign(array)

    def _generators(self) -> list[Any]:
        """Variables of the random generators (dropout)."""
        return [v for v in self._top.variables if v.path.endswith("seed_generator_state")]

    def _inputs(self, images: Images, progress: Progress = SILENT) -> npt.NDArray[Any]:
        """What the trained part sees: small images, or the activations of the frozen network."""
        small = resize(images, self._settings.input_size, self._settings.resize_filter)
        if self._whole:
            return small
        progress.start(f"frozen layers of {self._settings.application}", len(small))
        try:
            return self._batches(self._base, small, progress)
        finally:
            progress.finish()

    def _ready(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Images [n, s, s] as the network wants them; activations as they are."""
        if x.ndim == 2:
            return x
        module = sys.modules[
            getattr(self._keras.applications, self._settings.application).__module__
        ]
        colour = np.repeat(x[..., None].astype(np.float32), 3, axis=-1)
        return np.asarray(module.preprocess_input(colour, data_format="channels_last"), np.float32)

    def _batches(
        self, model: Any, x: npt.NDArray[Any], progress: Progress = SILENT
    ) -> npt.NDArray[np.float32]:
        """``model`` over batches of one size (the last is filled up), so that it is compiled
        once."""
        size, parts = self._settings.batch_size, []
        for i in range(0, len(x), size):
            batch = x[i : i + size]
            n = len(batch)
            if n < size:
                batch = np.concatenate([batch, np.zeros((size - n, *batch.shape[1:]), x.dtype)])
            parts.append(np.asarray(model.predict_on_batch(self._ready(batch)), np.float32)[:n])
            progress.advance(n)
        return np.concatenate(parts)

    def _build(self) -> None:
        s = self._settings
        keras = load_keras(xla=self._options.xla)
        self._device = resolve_device(keras, self._options.device)
        self._keras = keras
        with device_scope(keras, self._device):
            base = first_network(keras, self._settings, self._options)
            base.trainable = self._whole
            inputs = keras.Input(base.output_shape[1:], name="features")
            x = base.output if self._whole else inputs
            for i, width in enumerate(s.head):
                x = keras.layers.Dense(width, activation="relu", name=f"head_{i}")(x)
            x = keras.layers.Dropout(s.dropout, seed=0, name="dropout_head")(x)
            x = keras.layers.Dense(1, activation="sigmoid", name="p_cancer")(x)
            top = keras.Model(base.inputs[0] if self._whole else inputs, x)
            names = {"tp": "TruePositives", "fp": "FalsePositives"}
            names |= {"fn": "FalseNegatives", "tn": "TrueNegatives"}
            top.compile(
                optimizer=keras.optimizers.AdamW(s.learning_rate, weight_decay=s.weight_decay),
                loss=keras.losses.BinaryCrossentropy(),
                metrics=[getattr(keras.metrics, cls)(name=name) for name, cls in names.items()],
                jit_compile=self._options.xla,
            )
            top.optimizer.build(top.trainable_variables)
        self._initial = [np.array(array) for array in base.get_weights()]
        self._digest = arrays_sha256(self._initial)
        self._base, self._top = base, top

    def _begin(self, seed: int) -> None:
        """First weights, a head drawn from ``seed``, an optimiser without memory."""
        ops = self._keras.ops
        generator = np.random.default_rng([seed, 0])
        arrays = list(self._initial) if self._whole else []
        for shape in [tuple(weight.shape) for weight in self._top.weights[len(arrays) :]]:
            limit = np.sqrt(6 / sum(shape)) if len(shape) == 2 else 0.0
            arrays.append(generator.uniform(-limit, limit, shape).astype(np.float32))
        self._top.set_weights(arrays)
        for variable in self._top.optimizer.variables:
            if not variable.path.endswith("learning_rate"):
                variable.assign(ops.zeros_like(variable))
        for i, variable in enumerate(self._generators()):
            variable.assign(np.array([seed, i], np.uint32))
