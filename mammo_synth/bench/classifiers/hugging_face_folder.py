"""A checkpoint's folder: which weights, how images are normalised, where it comes from."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.epochs import EpochSettings
from mammo_synth.bench.classifiers.images import FILTERS
from mammo_synth.bench.recipes import setting
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file, sha256_json

_FILES = ("*.json", "*.safetensors")
_HALF = (0.5,)


@dataclass(frozen=True, kw_only=True)
class HuggingFaceSettings(EpochSettings):
    """Settings; `benchmarks/recipes/hugging-face.toml` explains each."""

    checkpoint: str = setting()
    revision: str = setting()
    weights_sha256: str = setting()
    input_size: int = setting(low=8, high=1024)
    resize_filter: str = setting(choices=FILTERS)
    trainable: str = setting(choices=("head", "all"))


def board_name(settings: HuggingFaceSettings) -> str:
    """Name on the leaderboard: hf-ORG-NAME, or hf-FOLDER."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", settings.checkpoint).strip("-")
    return f"hf-{slug}"[:80]


def locate(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Path]]:
    """For a checkpoint in a folder: its name and the digest of its weights in place of its path,
    and the folder. One of the Hub stays as it is.

    Raises:
        BadInput: A path that is no folder, or one without weights or with others.
    """
    given = dict(values)
    checkpoint = given.get("checkpoint")
    if not isinstance(checkpoint, str):
        return given, {}  # refused by the check of its type
    folder = Path(checkpoint)
    if not folder.is_dir():
        if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", checkpoint):
            raise BadInput(
                f"There is no checkpoint folder '{checkpoint}', and it is no ORG/NAME of the Hub.",
                hint="Check the path; a checkpoint is what save_pretrained writes.",
            )
        return given, {}
    given["weights_sha256"] = checked_digest(folder, str(given.get("weights_sha256")))
    given["checkpoint"] = folder.resolve().name
    given["revision"] = ""
    return given, {"checkpoint": folder}


def checked_digest(folder: Path, expected: str) -> str:
    """Digest of a checkpoint's weights: of the one file, or of the digests of several."""
    paths = sorted(folder.glob("*.safetensors"))
    if not paths or not (folder / "config.json").is_file():
        raise BadInput(
            f"'{folder}' is no checkpoint: config.json and weights as .safetensors were expected.",
            hint="Weights in other files are not read, they could run code: save them again with "
            "save_pretrained.",
        )
    digests = {path.name: sha256_file(path) for path in paths}
    digest = next(iter(digests.values())) if len(digests) == 1 else sha256_json(digests)
    if expected not in ("", digest):
        raise BadInput(
            f"The weights in '{folder}' have the sha256 {digest}; the recipe expects {expected}.",
            hint="Use the checkpoint that the recipe means, or change weights_sha256.",
        )
    return digest


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


def fetched(settings: HuggingFaceSettings) -> Path:
    """Folder of a checkpoint of the Hub, which is downloaded (and kept there for later).

    Raises:
        BadInput: It is not there, or the network fails.
    """
    hub: Any = importlib.import_module("huggingface_hub")
    try:
        found = hub.snapshot_download(
            settings.checkpoint, revision=settings.revision or None, allow_patterns=list(_FILES)
        )
    except Exception as error:  # the Hub and the network fail in many ways
        first = (str(error).strip().splitlines() or ["no details"])[0][:300]
        raise BadInput(
            f"The checkpoint '{settings.checkpoint}' could not be fetched from the Hub "
            f"({type(error).__name__}: {first}).",
            hint="Check its name and the network, or give a folder: --classifier hf:FOLDER.",
        ) from error
    return Path(found)
