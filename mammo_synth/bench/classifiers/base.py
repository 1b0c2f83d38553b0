"""What every classifier of the benchmark offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.record import Epoch, Weights
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.progress import Progress

Images = npt.NDArray[np.uint8]
GIB = 2**30


@dataclass(frozen=True)
class Part:
    """Labelled images: a training or a validation part.

    Attributes:
        images: uint8 [N, S, S], grey.
        label: int64 [N], normal 0, cancer 1.
    """

    images: Images
    label: Integers


@dataclass(frozen=True)
class History:
    """How training went; epochs count from 0, as in the curves. None where there are no epochs."""

    epochs: int | None = None
    best_epoch: int | None = None
    curves: list[Epoch] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """How a run is carried out, apart from its recipe: these do not change the settings.

    Attributes:
        device: auto, cpu or cuda.
        cache_features: Keep the activations of the frozen layers, so that each image passes
            through them once and not once per epoch.
        cache_bytes: Bound of all that is kept; a run that needs more goes on without.
        cache_folder: Where they are kept, on disk, for this and other processes; None keeps them
            in the memory of this process.
        cache_precision: float16 (half the size; changes scores by little, see
            `mammo_synth.bench.classifiers.features.TOLERANCE`) or float32 (changes nothing).
        weights_file: First weights, where the recipe says ``weights = "file"``.
        xla: Compile Keras networks with XLA: faster on most GPUs, no longer equal to the last bit
            from run to run.
    """

    device: str = "auto"
    cache_features: bool = True
    cache_bytes: int = 4 * GIB
    weights_file: Path | None = None
    cache_folder: Path | None = None
    cache_precision: str = "float16"
    xla: bool = False


class Classifier(Protocol):
    """Learns from labelled images and gives each image a probability of cancer.

    ``fit`` begins anew each time, so one object serves many runs and keeps what is dear (a
    compiled network, activations of frozen layers) between them.
    """

    def fit(self, train: Part, validation: Part, *, seed: int, progress: Progress) -> History:
        """Learn from ``train``; ``validation`` is for early stopping only."""

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N] in [0, 1], for uint8 [N, S, S]."""

    @property
    def weights(self) -> Weights:
        """Where the first weights came from."""

    @property
    def parameters(self) -> int | None:
        """Number of parameters, or None."""

    @property
    def backend(self) -> str | None:
        """Framework that computes, or None."""

    @property
    def device(self) -> str:
        """Where it computed, in words."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions belong into a record."""

    @property
    def features_cached(self) -> bool | None:
        """Whether the last fit kept activations; None where there are none to keep."""
