"""Any vision checkpoint of Hugging Face, of the Hub or in a folder, through ``transformers``.

Features are the class token of the last layer where the network has one (ViT, DINO, DINOv2, CLIP),
else the mean over all places (Swin, ConvNeXt, ResNet): nothing that a checkpoint may have left
untrained, as a pooling layer often is. Weights are read from safetensors; of an older checkpoint
that has none, ``pytorch_model.bin`` goes through torch's restricted reader. No code of a checkpoint
is run. The whole image goes in, at the side that the checkpoint names, normalised by its
``preprocessor_config.json``.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from mammo_synth.checkpoints import OLDER, SAFE, fetch, normalisation, weights_digest
from mammo_synth.errors import BadInput
from mammo_synth.quality.extractors.network import NetworkExtractor, torch_device
from mammo_synth.quality.extractors.preparation import Normalisation

PREFIX = "hf:"
DINO = "facebook/dino-vits16"
"""Caron et al. 2021 (arXiv 2104.14294): learned without labels, so less bound to ImageNet's."""
SIDE = 224
"""px, of a checkpoint that names none."""
_CLASS_TOKENS = ("cls_token", "class_embedding", "class_token")


def hugging_face(
    checkpoint: str, weights: Path | str | None, device: str, *, name: str | None = None
) -> NetworkExtractor:
    """The extractor ``hf:ORG/NAME`` or ``hf:FOLDER``.

    Args:
        checkpoint: ORG/NAME of the Hub, or a folder.
        weights: A folder to take in place of the Hub's copy.
        device: auto, cpu or cuda.
        name: Of the extractor, if it is an alias.

    Raises:
        BadInput: transformers is not installed, or the checkpoint is not there or is none.
    """
    if importlib.util.find_spec("transformers") is None:
        raise BadInput(
            "Checkpoints of Hugging Face need the package transformers, which is not installed.",
            hint="pip install 'mammo-synth[transformers]'",
        )
    place = torch_device(device)
    folder = Path(checkpoint if weights is None else weights)
    origin = folder.name
    if not folder.is_dir():
        if weights is not None or not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", checkpoint):
            raise BadInput(
                f"There is no checkpoint folder '{folder}'.",
                hint="A checkpoint is ORG/NAME of the Hub, or a folder that save_pretrained wrote.",
            )
        origin = checkpoint
        folder = fetch(checkpoint, None, "hf:FOLDER")
        if not any(folder.glob(SAFE)):
            folder = fetch(checkpoint, None, "hf:FOLDER", OLDER)
    safe = any(folder.glob(SAFE)) or not (folder / OLDER).is_file()
    digest = weights_digest(folder, SAFE if safe else OLDER)
    network = _load(folder, safe)
    described = {"origin": origin, "sha256": digest, "licence": "see the checkpoint's card"}
    channels = int(getattr(network.config, "num_channels", 3))
    mean, deviation = normalisation(folder, channels)
    tokens = any(
        part in _CLASS_TOKENS for key, _ in network.named_parameters() for part in key.split(".")
    )
    return NetworkExtractor(
        name or PREFIX + origin,
        _dimension(network, folder),
        described,
        _Features(network.eval().to(place), tokens),
        _side(folder, network.config),
        Normalisation.of_unit(mean, deviation),
        place,
    )


def dino(weights: Path | str | None, device: str) -> NetworkExtractor:
    """The extractor ``dino``: the checkpoint `DINO`, or a folder with it.

    Raises:
        BadInput: As `hugging_face`.
    """
    return hugging_face(DINO, weights, device, name="dino")


class _Features:
    """The class token, or the mean over all places."""

    def __init__(self, network: Any, class_token: bool) -> None:
        self._network, self._class_token = network, class_token

    def __call__(self, x: Any) -> Any:
        last = self._network(pixel_values=x).last_hidden_state
        if last.ndim == 4:  # [B, D, h, w]
            return last.mean(dim=(2, 3))
        return last[:, 0] if self._class_token else last.mean(dim=1)


def _load(folder: Path, safe: bool) -> Any:
    transformers: Any = importlib.import_module("transformers")
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # it reports a head that is not used as a fault
    try:
        network, found = transformers.AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=safe,
            weights_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # transformers raises many kinds for folders that do not fit
        first = (str(error).strip().splitlines() or ["no details"])[0][:200]
        raise BadInput(
            f"The checkpoint in '{folder}' cannot be loaded ({type(error).__name__}: {first}).",
            hint="Give one that transformers' AutoModel knows, for images.",
        ) from error
    finally:
        transformers.logging.set_verbosity(before)
    # Of a network for images and texts, the part for images.
    vision = getattr(network, "vision_model", network)
    names = {key for key, _ in vision.named_parameters()}
    missing = sorted(
        key
        for key in map(str, found["missing_keys"])
        if key.removeprefix("vision_model.") in names and "pooler" not in key
    )
    if missing or not hasattr(vision, "config"):
        raise BadInput(
            f"The checkpoint in '{folder}' has no weights for {len(missing)} parts of the network, "
            f"such as '{missing[0] if missing else ''}'.",
            hint="Give a whole checkpoint: features of untrained parts mean nothing.",
        )
    return vision


def _side(folder: Path, config: Any) -> int:
    """Side of the input: what the preprocessor crops to or resizes to, else the network's."""
    path = folder / "preprocessor_config.json"
    said = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for value in (said.get("crop_size"), said.get("size"), getattr(config, "image_size", None)):
        if isinstance(value, dict):
            value = value.get("height", value.get("shortest_edge"))
        if isinstance(value, list | tuple) and value:
            value = value[0]
        if isinstance(value, int) and value > 0:
            return value
    return SIDE


def _dimension(network: Any, folder: Path) -> int:
    """Numbers of a row, from the configuration."""
    config = network.config
    for key in ("hidden_sizes", "hidden_size"):
        value = getattr(config, key, None)
        if isinstance(value, list | tuple) and value:
            return int(value[-1])
        if isinstance(value, int):
            return value
    raise BadInput(
        f"The configuration in '{folder}' does not say how many features its network has.",
        hint="Give a checkpoint for images: ViT, DINO, CLIP, Swin, ConvNeXt, ResNet and others.",
    )
