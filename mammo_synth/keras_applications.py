"""Networks of ``keras.applications`` without their heads: made, loaded, and fed."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput

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
WEIGHT_FILES = (".h5", ".keras")
"""How the name of a file with their weights ends."""


def headless(keras: Any, name: str, side: int, weights: str, hint: str) -> Any:
    """A network without its head, average pooled.

    Args:
        keras: The module.
        name: One of `APPLICATIONS`.
        side: Of its input, px.
        weights: ``imagenet`` (Keras downloads them once); anything else leaves those that Keras
            draws.
        hint: Ends the error: how to do without a download.

    Raises:
        BadInput: It cannot be made at this side, or the weights cannot be had.
    """
    make = getattr(keras.applications, name)
    more = {"include_top": False, "pooling": "avg", "input_shape": (side, side, 3)}
    try:
        # Keras reports its download on stdout, which is for results.
        with contextlib.redirect_stdout(sys.stderr):
            return make(weights="imagenet" if weights == "imagenet" else None, **more)
    except Exception as error:  # Keras raises a bare Exception where the download fails
        raise BadInput(
            f"{name} cannot be made at {side} px with weights '{weights}' ({error}).", hint=hint
        ) from error


def load_file(network: Any, name: str, path: Path) -> None:
    """Load the weights of a network without its head.

    Raises:
        BadInput: The file does not hold them.
    """
    try:
        with warnings.catch_warnings():
            # Keras only warns where it finds nothing for a layer and leaves it as it is.
            warnings.simplefilter("error", UserWarning)
            network.load_weights(str(path))
    except Exception as error:  # h5py and Keras raise many kinds for files that do not fit
        raise BadInput(
            f"'{path}' does not hold the weights of {name} without its head "
            f"({type(error).__name__}: {str(error)[:200]}).",
            hint="Give the weights of this very network, without its head.",
        ) from error


def network_input(keras: Any, name: str, grey: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Grey [N, s, s] on 0 to 255 as the network wants it: float32 [N, s, s, 3], the grey levels
    in all channels, through the network's own preprocessing."""
    module = sys.modules[getattr(keras.applications, name).__module__]
    colour = np.repeat(grey[..., None].astype(np.float32), 3, axis=-1)
    return np.asarray(module.preprocess_input(colour, data_format="channels_last"), np.float32)


def arrays_sha256(arrays: list[npt.NDArray[Any]]) -> str:
    """Digest of weights by shape and little-endian float32 content, in order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(tuple(array.shape)).encode())
        digest.update(np.ascontiguousarray(array, "<f4").tobytes())
    return digest.hexdigest()
