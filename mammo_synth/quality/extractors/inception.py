"""The network of the Fréchet Inception distance, with its own weights.

Established weights: the PyTorch copy of the 2015 TensorFlow graph that most tools use,
`ADDRESS` (Apache-2.0). The eight digits in its name are the first of its sha256 and are checked;
any other file with the same names is taken too, and its sha256 stands in the report.

Two things are not as in the first FID scripts, so numbers differ from theirs by definition:
images are resized with antialiasing (see `mammo_synth.quality.extractors.preparation`), and they
are films. Input: 299 px, three equal channels, (grey - 128) / 128, as the graph itself does.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from mammo_synth.quality.extractors.network import NetworkExtractor, torch_device
from mammo_synth.quality.extractors.preparation import Normalisation
from mammo_synth.quality.extractors.weights import TORCH_FILES, load_state, locate, read_state

NAME = "inception"
SIDE = 299
INPUT = Normalisation((128.0,) * 3, (128.0,) * 3)
ADDRESS = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
HINT = f"Give --weights FILE, or --weights {ADDRESS} to fetch them; 'radiomics' needs none."


def inception(weights: Path | str | None, device: str) -> NetworkExtractor:
    """The extractor: 2048 features.

    Args:
        weights: A state dict (.pth, .pt, .safetensors), or its address.
        device: auto, cpu or cuda.

    Raises:
        BadInput: The file is not there or holds something else; no such device.
    """
    place = torch_device(device)
    found = locate(weights, NAME, TORCH_FILES, HINT)
    module: Any = importlib.import_module("mammo_synth.quality.extractors.inception_network")
    network = module.Inception()
    load_state(network, read_state(found.path), found.path, "the FID network")
    return NetworkExtractor(
        NAME,
        module.FEATURES,
        found.described("Apache-2.0"),
        network.eval().to(place),
        SIDE,
        INPUT,
        place,
    )
