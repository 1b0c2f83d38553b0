"""What classifiers on Keras have in common; Keras itself comes from `mammo_synth.keras_backend`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.classifiers.checkpoint import Arrays
from mammo_synth.bench.classifiers.epochs import Batch
from mammo_synth.bench.resampling import Integers
from mammo_synth.keras_backend import as_arrays

_DISTRIBUTIONS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "torch": ("torch",),
    "jax": ("jax",),
}
_COUNTS = {
    "tp": "TruePositives",
    "fp": "FalsePositives",
    "fn": "FalseNegatives",
    "tn": "TrueNegatives",
}


def backend_packages(keras: Any) -> tuple[str, ...]:
    """Distributions whose versions a record should name."""
    return ("keras", *_DISTRIBUTIONS[keras.backend.backend()])


def counts(keras: Any) -> list[Any]:
    """Metrics of a model that `OnKeras.step` trains: what it counts at 0.5."""
    return [getattr(keras.metrics, kind)(name=name) for name, kind in _COUNTS.items()]


def optimizer_start(keras: Any, model: Any) -> dict[str, npt.NDArray[Any]]:
    """First values of the scalars of a built optimiser, by path. Not all begin at 0: the learning
    rate does not, nor the scale of a loss in float16. Its arrays do."""
    return {
        variable.path: np.array(keras.ops.convert_to_numpy(variable))
        for variable in model.optimizer.variables
        if len(variable.shape) == 0
    }


def forget(keras: Any, model: Any, start: dict[str, npt.NDArray[Any]], seed: int) -> None:
    """An optimiser without memory and random generators (dropout) at ``seed``. The compiled
    functions stay. ``start`` is as from `optimizer_start`."""
    for variable in model.optimizer.variables:
        first = start.get(variable.path)
        variable.assign(keras.ops.zeros_like(variable) if first is None else first)
    for i, variable in enumerate(_generators(model)):
        variable.assign(np.array([seed, i], np.uint32))


def _generators(model: Any) -> list[Any]:
    """Variables of the random generators; without dropout Keras makes none."""
    return [v for v in model.variables if v.path.endswith("seed_generator_state")]


class OnKeras:
    """What classifiers on Keras say of where they compute, and how their model learns, as
    `mammo_synth.bench.classifiers.epochs.Trainee` wants it.

    ``_keras`` is the module once it is loaded, ``_device`` what was asked for until it is resolved,
    ``_top`` the model that learns, compiled with `counts`, once it is built.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._keras: Any = None
        self._top: Any = None
        self._device = options.device

    @property
    def device(self) -> str:
        """cpu or cuda, and whether XLA compiled."""
        return f"{self._device}, XLA" if self._options.xla else self._device

    @property
    def backend(self) -> str | None:
        """Keras' backend, once it is loaded."""
        return str(self._keras.backend.backend()) if self._keras else None

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions behind the numbers."""
        own = ("numpy", "scikit-learn", "pillow")
        return own + backend_packages(self._keras) if self._keras else own

    def step(self, x: npt.NDArray[Any], label: Integers) -> Batch:
        """Learn from one batch."""
        # Some versions of Keras begin to count anew in each batch, others do not.
        self._top.reset_metrics()
        target = label.astype(np.float32)[:, None]
        seen = self._top.train_on_batch(x, target, return_dict=True)
        return Batch(float(seen["loss"]), *(round(float(seen[name])) for name in _COUNTS))

    def weights_now(self) -> Arrays:
        """A copy of all weights."""
        return as_arrays(self._keras, self._top.weights)

    def put_weights(self, weights: Arrays) -> None:
        """Return to a copy of them."""
        self._top.set_weights(weights)

    def memory_now(self) -> tuple[Arrays, Arrays]:
        """Copies of the optimiser's variables and of the state of the random generators."""
        optimizer = as_arrays(self._keras, self._top.optimizer.variables)
        return optimizer, as_arrays(self._keras, _generators(self._top))

    def put_memory(self, optimizer: Arrays, random: Arrays) -> None:
        """Return to copies of them."""
        variables = [*self._top.optimizer.variables, *_generators(self._top)]
        for variable, array in zip(variables, [*optimizer, *random], strict=True):
            variable.assign(array)
