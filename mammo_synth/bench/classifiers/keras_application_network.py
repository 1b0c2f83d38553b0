"""A network of ``keras.applications`` without its head, and its first weights."""

from __future__ import annotations

import contextlib
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.classifiers.epochs import EpochSettings
from mammo_synth.bench.classifiers.images import FILTERS
from mammo_synth.bench.recipes import setting
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file

APPLICATIONS = (
    *("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge"),
    *("DenseNet121", "DenseNet169", "DenseNet201", "EfficientNetB0", "EfficientNetB1"),
    *("EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5", "EfficientNetB6"),
    *("EfficientNetB7", "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2"),
    *("EfficientNetV2B3", "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S"),
    *("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large"),
    *("MobileNetV3Small", "NASNetLarge", "NASNetMobile", "ResNet101", "ResNet101V2"),
    *("ResNet152", "ResNet152V2", "ResNet50", "ResNet50V2", "VGG16", "VGG19", "Xception"),
)
"""Known here so that a name is checked before Keras is loaded."""
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
    make = getattr(keras.applications, s.application)
    more = {"include_top": False, "pooling": "avg", "input_shape": (s.input_size,) * 2 + (3,)}
    try:
        # Keras reports its download on stdout, which is for results.
        with contextlib.redirect_stdout(sys.stderr):
            base = make(weights="imagenet" if s.weights == "imagenet" else None, **more)
    except Exception as error:  # Keras raises a bare Exception where the download fails
        raise BadInput(
            f"{s.application} cannot be made at {s.input_size} px with weights "
            f"'{s.weights}' ({error}).",
            hint="Without a network give a local copy with --weights FILE, or --weights random "
            "to try the flow; some networks need a larger --set input_size.",
        ) from error
    if s.weights == "random":
        base.set_weights(random_weights(base.get_weights()))
    elif s.weights == "file":
        _load_file(base, s, options)
    return base


def _load_file(base: Any, s: KerasApplicationSettings, options: Options) -> None:
    path = options.weights_file
    if path is None or not path.is_file() or path.suffix not in (".h5", ".keras"):
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
    try:
        with warnings.catch_warnings():
            # Keras only warns where it finds nothing for a layer and leaves it as it is.
            warnings.simplefilter("error", UserWarning)
            base.load_weights(str(path))
    except Exception as error:  # h5py and Keras raise many kinds for files that do not fit
        raise BadInput(
            f"'{path}' does not hold the weights of {s.application} without its head "
            f"({type(error).__name__}: {str(error)[:200]}).",
            hint="Give the weights of this very network, without its head.",
        ) from error


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
