"""ResNet-50 with RadImageNet's weights (Mei et al. 2022): learned on CT, MR and ultrasound images.

Its authors give the files on request and for research; none is fetched here. Understood are

- a Keras file ``.h5`` of ResNet50 without its head (goes through Keras);
- a PyTorch state dict (``.pt``, ``.pth``, ``.safetensors``) of ResNet-50 with PyTorch's names, or
  numbered as ``torch.nn.Sequential(*children)`` numbers them (0 is conv1, 1 bn1, 4 to 7 layer1 to
  layer4); prefixes ``module.`` and ``backbone.`` are taken off, a classifier (``fc.``) is left out.

Input: 224 px, three equal channels, -1 to 1.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mammo_synth.quality.extractors.keras_application import build
from mammo_synth.quality.extractors.network import NetworkExtractor, torch_device
from mammo_synth.quality.extractors.preparation import SYMMETRIC
from mammo_synth.quality.extractors.weights import (
    TORCH_FILES,
    load_state,
    locate,
    read_state,
)
from mammo_synth.quality.features import Extractor

NAME = "radimagenet"
APPLICATION = "ResNet50"
"""Keras' name of the network."""
SIDE = 224
LICENCE = "RadImageNet: research use, on request"
HINT = (
    "Ask its authors for ResNet50 (https://github.com/BMEII-AI/RadImageNet) and give the file with "
    "--weights; 'radiomics' needs none."
)
_CHILDREN = {"0": "conv1", "1": "bn1", **{str(3 + k): f"layer{k}" for k in (1, 2, 3, 4)}}


def radimagenet(weights: Path | str | None, device: str) -> Extractor:
    """The extractor: 2048 features.

    Raises:
        BadInput: The file is not there or holds something else; no such device.
    """
    found = locate(weights, NAME, (".h5", *TORCH_FILES), HINT)
    if found.path.suffix == ".h5":
        return build(
            NAME, APPLICATION, SIDE, found, device, licence=LICENCE, normalisation=SYMMETRIC
        )
    place = torch_device(device)
    module: Any = importlib.import_module("mammo_synth.quality.extractors.resnet50_network")
    network = module.ResNet50()
    load_state(network, pytorch_names(read_state(found.path)), found.path, "ResNet-50")
    return NetworkExtractor(
        NAME,
        network.dimension,
        found.described(LICENCE),
        network.eval().to(place),
        SIDE,
        SYMMETRIC,
        place,
    )


def pytorch_names(state: Mapping[str, Any]) -> dict[str, Any]:
    """``state`` with the names of PyTorch's ResNet-50 and without a classifier."""
    found = {}
    for name, tensor in state.items():
        short = re.sub(r"^(module\.|backbone\.)+", "", name)
        first, dot, rest = short.partition(".")
        short = _CHILDREN.get(first, first) + dot + rest
        if not short.startswith("fc."):
            found[short] = tensor
    return found
