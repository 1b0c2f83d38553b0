"""A checkpoint's folder: which weights, how images are normalised, where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.bench.classifiers.images import FILTERS
from mammo_synth.bench.classifiers.schedule import EpochSettings
from mammo_synth.bench.recipes import setting
from mammo_synth.checkpoints import fetch, weights_digest
from mammo_synth.errors import BadInput


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
    """Digest of a checkpoint's weights, if it is the expected one."""
    digest = weights_digest(folder)
    if expected not in ("", digest):
        raise BadInput(
            f"The weights in '{folder}' have the sha256 {digest}; the recipe expects {expected}.",
            hint="Use the checkpoint that the recipe means, or change weights_sha256.",
        )
    return digest


def fetched(settings: HuggingFaceSettings) -> Path:
    """Folder of a checkpoint of the Hub, which is downloaded (and kept there for later).

    Raises:
        BadInput: It is not there, or the network fails.
    """
    return fetch(settings.checkpoint, settings.revision or None, "--classifier hf:FOLDER")
