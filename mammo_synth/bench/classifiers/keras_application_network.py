"""A network of ``keras.applications`` without its head, and its first weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.classifiers.images import FILTERS
from mammo_synth.bench.classifiers.schedule import EpochSettings
from mammo_synth.bench.recipes import setting
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.keras_applications import APPLICATIONS, WEIGHT_FILES, headless, load_file

RANDOM_WEIGHTS_SEED = 16


@dataclass(frozen=True, kw_only=True)
class KerasApplicationSettings(EpochSettings):
    """Settings; `benchmarks/recipes/keras-application.toml` explains each."""

    application: str = setting(choices=APPLICATIONS)
    input_size: int = setting(low=32, high=1024)
    resize_filter: str = setting(choices=FILTERS)
    weights: str = setting(choices=("imagenet", "file", "random"))
    weights_sha256: str = setting()
    trainable: str = setting(choices=("head", "all"))
    head: tuple[int, ...] = setting(low=1)
    dropout: float = setting(low=0.0, high=0.99)


def board_name(settings: KerasApplicationSettings) -> str:
    """Name on the leaderboard, such as keras-EfficientNetB0."""
    return f"keras-{settings.application}"


def first_network(keras: Any, settings: KerasApplicationSettings, options: Options) -> Any:
    """The network without its head, average pooled, with its first weights.

    Raises:
        BadInput: It cannot be made at this size, or the weights cannot be had or do not fit.
    """
    s = settings
    hint = (
        "Without a network give a local copy with --weights FILE, or --weights random to try the "
        "flow; some networks need a larger --set input_size."
    )
    base = headless(keras, s.application, s.input_size, s.weights, hint)
    if s.weights == "random":
        base.set_weights(random_weights(base.get_weights()))
    elif s.weights == "file":
        load_file(base, s.application, _checked_file(s, options))
    return base


def _checked_file(s: KerasApplicationSettings, options: Options) -> Path:
    path = options.weights_file
    if path is None or not path.is_file() or path.suffix not in WEIGHT_FILES:
        raise BadInput(
            f"The recipe says weights = \"file\"; '{path}' is no weights file.",
            hint=f"Add --weights FILE ({s.application} without its head: .h5, .weights.h5 or "
            ".keras).",
        )
    digest = sha256_file(path)
    if s.weights_sha256 not in ("", digest):
        raise BadInput(
            f"'{path}' has the sha256 {digest}; the recipe expects {s.weights_sha256}.",
            hint="Use the file that the recipe means, or change weights_sha256.",
        )
    return path


def random_weights(arrays: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """``arrays`` with every kernel drawn anew, He-uniform (He et al. 2015), from one fixed seed;
    what has one dimension (biases, normalisation) stays. Equal under every backend."""
    generator = np.random.default_rng(RANDOM_WEIGHTS_SEED)
    drawn = []
    for array in arrays:
        if array.ndim < 2:
            drawn.append(array)
            continue
        # A kernel [k, k, channels, 1] is depthwise: each output sees one channel.
        fan_in = np.prod(array.shape[:2] if array.shape[-1] == 1 else array.shape[:-1])
        limit = np.sqrt(6 / max(int(fan_in), 1))
        drawn.append(generator.uniform(-limit, limit, array.shape).astype(array.dtype))
    return drawn
