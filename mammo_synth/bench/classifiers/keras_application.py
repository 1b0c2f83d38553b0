"""Any network of ``keras.applications``, with its own preprocessing and a new head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.batches import in_batches
from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.epochs import (
    Batch,
    Inputs,
    parts_digest,
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
    counts,
    forget,
    optimizer_start,
)
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.errors import CheckFailed
from mammo_synth.keras_applications import arrays_sha256, network_input
from mammo_synth.keras_backend import (
    device_scope,
    load_keras,
    memory_errors,
    resolve_device,
)
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
        self._start: dict[str, npt.NDArray[Any]] = {}
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
                self._settings.schedule,
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
                    parts_digest([train, validation]),
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
        return super().step(self._ready(x), label)

    def scores(self, x: npt.NDArray[Any]) -> Floats:
        """Probability of cancer, float64 [N]."""
        return self._batches(self._top, x)[:, 0].astype(np.float64)

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
        return network_input(self._keras, self._settings.application, x)

    def _batches(
        self, model: Any, x: npt.NDArray[Any], progress: Progress = SILENT
    ) -> npt.NDArray[np.float32]:
        """``model`` over batches of one size, so that it is compiled once."""

        def compute(batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
            return np.asarray(model.predict_on_batch(self._ready(batch)), np.float32)

        return in_batches(compute, x, self._settings.batch_size, progress)

    def _build(self) -> None:
        s = self._settings
        keras = load_keras(xla=self._options.xla)
        self._device = resolve_device(keras, self._options.device)
        self._keras = keras
        memory = memory_errors(self.device, None, training=False)
        with device_scope(keras, self._device), memory:
            base = first_network(keras, self._settings, self._options)
            base.trainable = self._whole
            inputs = keras.Input(base.output_shape[1:], name="features")
            x = base.output if self._whole else inputs
            for i, width in enumerate(s.head):
                x = keras.layers.Dense(width, activation="relu", name=f"head_{i}")(x)
            x = keras.layers.Dropout(s.dropout, seed=0, name="dropout_head")(x)
            x = keras.layers.Dense(1, activation="sigmoid", name="p_cancer")(x)
            top = keras.Model(base.inputs[0] if self._whole else inputs, x)
            top.compile(
                optimizer=keras.optimizers.AdamW(s.learning_rate, weight_decay=s.weight_decay),
                loss=keras.losses.BinaryCrossentropy(),
                metrics=counts(keras),
                jit_compile=self._options.xla,
            )
            top.optimizer.build(top.trainable_variables)
        self._initial = [np.array(array) for array in base.get_weights()]
        self._digest = arrays_sha256(self._initial)
        self._base, self._top, self._start = base, top, optimizer_start(keras, top)

    def _begin(self, seed: int) -> None:
        """First weights, a head drawn from ``seed``, an optimiser without memory."""
        generator = np.random.default_rng([seed, 0])
        arrays = list(self._initial) if self._whole else []
        for shape in [tuple(weight.shape) for weight in self._top.weights[len(arrays) :]]:
            limit = np.sqrt(6 / sum(shape)) if len(shape) == 2 else 0.0
            arrays.append(generator.uniform(-limit, limit, shape).astype(np.float32))
        self._top.set_weights(arrays)
        forget(self._keras, self._top, self._start, seed)
