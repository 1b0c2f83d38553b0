"""Checkpoints of Hugging Face as folders: their weights' digest, their normalisation, the Hub.

A checkpoint is what ``save_pretrained`` writes. Weights are taken in safetensors (older checkpoints
may be allowed theirs, which torch's restricted reader then reads), and no code of a checkpoint is
run.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file, sha256_json

SAFE = "*.safetensors"
OLDER = "pytorch_model.bin"
_HALF = (0.5,)


def weights_digest(folder: Path, pattern: str = SAFE) -> str:
    """Digest of a checkpoint's weights: of the one file, or of the digests of several.

    Raises:
        BadInput: The folder has no configuration or no weights named as ``pattern`` has it.
    """
    paths = sorted(folder.glob(pattern))
    if not paths or not (folder / "config.json").is_file():
        raise BadInput(
            f"'{folder}' is no checkpoint: config.json and weights as .safetensors were expected.",
            hint="Weights in other files are not read, they could run code: save them again with "
            "save_pretrained.",
        )
    digests = {path.name: sha256_file(path) for path in paths}
    return next(iter(digests.values())) if len(digests) == 1 else sha256_json(digests)


def normalisation(
    folder: Path, channels: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mean and deviation of each channel on the scale 0 to 1, float32 [channels], from the
    checkpoint's own file; one half without one."""
    path = folder / "preprocessor_config.json"
    try:
        said = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        wanted = said.get("do_normalize", True)
        mean = said.get("image_mean", _HALF) if wanted else (0.0,)
        std = said.get("image_std", _HALF) if wanted else (1.0,)
        arrays = [np.ravel(np.asarray(value, np.float32)) for value in (mean, std)]
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"'{path}' is no preprocessor configuration ({error}).",
            hint="Save the checkpoint's image processor again.",
        ) from error
    if any(len(a) not in (1, channels) for a in arrays) or not (arrays[1] > 0).all():
        raise BadInput(
            f"'{path}' does not fit a network of {channels} channels.",
            hint="image_mean and image_std need one number per channel, image_std above 0.",
        )
    first, second = (np.resize(array, channels) for array in arrays)
    return first, second


def fetch(name: str, revision: str | None, hint: str, pattern: str = SAFE) -> Path:
    """Folder of a checkpoint of the Hub, which is downloaded (and kept there for later).

    Args:
        name: ORG/NAME.
        revision: Branch, tag or commit; None is the newest.
        hint: Ends the error: how to give a folder instead.
        pattern: Of the files of weights.

    Raises:
        BadInput: It is not there, or the network fails.
    """
    hub: Any = importlib.import_module("huggingface_hub")
    try:
        found = hub.snapshot_download(name, revision=revision, allow_patterns=["*.json", pattern])
    except Exception as error:  # the Hub and the network fail in many ways
        first = (str(error).strip().splitlines() or ["no details"])[0][:300]
        raise BadInput(
            f"The checkpoint '{name}' could not be fetched from the Hub "
            f"({type(error).__name__}: {first}).",
            hint=f"Check its name and the network, or give a folder: {hint}.",
        ) from error
    return Path(found)
