"""The reference numbers in tests/golden, and networks with their weights."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mammo_synth.gan.networks import Discriminator, Generator

FOLDER = Path(__file__).resolve().parent.parent / "golden"
GENERATORS = ("g32_c0", "g32_c2", "g64_auto", "g16_clamp", "g16_orig", "g16_resnet")
DISCRIMINATORS = ("d32_c0", "d32_c2", "d64_auto", "d16_orig", "d16_skip", "d16_clamp")


@lru_cache(maxsize=4)
def arrays(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as data:
        return dict(data)


@lru_cache(maxsize=1)
def meta() -> dict[str, Any]:
    return dict(json.loads((FOLDER / "meta.json").read_text()))


def tensor(name: str, key: str) -> Tensor:
    return torch.from_numpy(arrays(name)[key].copy())


def cases(name: str, key: str = "cases_json") -> list[dict[str, Any]]:
    return list(json.loads(arrays(name)[key].tobytes()))


def state(name: str, prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) :]: tensor(name, k) for k in arrays(name) if k.startswith(prefix)}


def generator(name: str) -> Generator:
    given = meta()[name]["kwargs"]
    synthesis = given["synthesis_kwargs"]
    network = Generator(
        resolution=given["img_resolution"],
        image_channels=given["img_channels"],
        z_dim=given["z_dim"],
        w_dim=given["w_dim"],
        c_dim=given["c_dim"],
        mapping_layers=given["mapping_kwargs"].get("num_layers", 8),
        channel_base=synthesis["channel_base"],
        channel_max=synthesis["channel_max"],
        architecture=synthesis.get("architecture", "skip"),
        conv_clamp=synthesis.get("conv_clamp"),
    )
    network.load_state_dict(state(name, "sd/"), strict=True)
    return network.eval()


def discriminator(name: str) -> Discriminator:
    given = meta()[name]["kwargs"]
    network = Discriminator(
        resolution=given["img_resolution"],
        image_channels=given["img_channels"],
        c_dim=given["c_dim"],
        channel_base=given["channel_base"],
        channel_max=given["channel_max"],
        architecture=given.get("architecture", "resnet"),
        conv_clamp=given.get("conv_clamp"),
        mapping_layers=given.get("mapping_kwargs", {}).get("num_layers", 8),
    )
    network.load_state_dict(state(name, "sd/"), strict=True)
    return network
