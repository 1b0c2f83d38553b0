"""SqueezeNet 1.1 with ImageNet weights from the Keras file: small, for development.

The file is ``squeezenet1.1_notop`` (MIT licence): one group a layer, with a kernel
[height, width, in, out] and a bias. Preprocessing is what Keras calls caffe: channels blue, green,
red on 0 to 255, each minus ImageNet's mean.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.errors import BadInput
from mammo_synth.quality.extractors.network import NetworkExtractor, torch_device
from mammo_synth.quality.extractors.preparation import Normalisation
from mammo_synth.quality.extractors.weights import load_state, locate

NAME = "squeezenet"
SIDE = 227
CAFFE = Normalisation((103.939, 116.779, 123.68), (1.0, 1.0, 1.0))
HINT = (
    "Give the Keras file squeezenet1.1_notop_tf_dim_ordering_tf_kernels.h5 with --weights, or use "
    "the extractor 'radiomics', which needs none."
)


def squeezenet(weights: Path | str | None, device: str) -> NetworkExtractor:
    """The extractor: 512 features.

    Raises:
        BadInput: The file is not there or holds something else; no such device.
    """
    place = torch_device(device)
    found = locate(weights, NAME, (".h5",), HINT)
    module: Any = importlib.import_module("mammo_synth.quality.extractors.squeezenet_network")
    network = module.SqueezeNet()
    load_state(network, read_keras_layers(found.path), found.path, "SqueezeNet 1.1")
    return NetworkExtractor(
        NAME,
        network.dimension,
        found.described("MIT"),
        network.eval().to(place),
        SIDE,
        CAFFE,
        place,
    )


def read_keras_layers(path: Path) -> dict[str, Any]:
    """Convolutions of a Keras weights file as PyTorch tensors: LAYER.weight, LAYER.bias, with the
    layer's ``/`` as a dot.

    Raises:
        BadInput: It is no HDF5 file, or a layer is no convolution.
    """
    h5py: Any = importlib.import_module("h5py")
    torch: Any = importlib.import_module("torch")
    arrays: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError, ValueError) as error:
        raise BadInput(
            f"'{path}' cannot be read as a weights file of Keras ({error}).", hint=HINT
        ) from error
    state: dict[str, Any] = {}
    for name, array in arrays.items():
        layer = _layer(name)
        if array.ndim == 4:
            state[f"{layer}.weight"] = torch.from_numpy(array.transpose(3, 2, 0, 1).copy())
        elif array.ndim == 1:
            state[f"{layer}.bias"] = torch.from_numpy(array.copy())
        else:
            raise BadInput(
                f"'{path}' has '{name}' of the shape {array.shape}; kernels of convolutions and "
                "their biases were expected.",
                hint=HINT,
            )
    return state


def _layer(name: str) -> str:
    """Keras nests a layer's name in its group: fire2/squeeze1x1/fire2/squeeze1x1_b."""
    parts = name.split("/")
    return ".".join(parts[: 2 if parts[0].startswith("fire") else 1])
