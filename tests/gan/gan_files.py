"""Generator files of random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from mammo_synth.gan.checkpoint import write_tensors
from mammo_synth.gan.settings import NetworkSettings, to_json
from mammo_synth.gan.state import build_generator
from tests.gan.gan_runs import TINY

NETWORK = replace(
    TINY.network, resolution=32, z_dim=32, w_dim=32, channel_base=1024, channel_max=32
)


def generator_file(path: Path, network: NetworkSettings, **header: str) -> Path:
    """A generator of random weights whose noise and bias count, as a file."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(1)
        built = build_generator(network)
        for name, value in built.named_parameters():
            if name.endswith(("noise_strength", "bias")):
                value.data.copy_(torch.randn_like(value) * 0.3)
        built.mapping.w_avg.copy_(torch.randn(network.w_dim))
    metadata = {
        "format": "mammo-synth/generator/1",
        "network": json.dumps(to_json(replace(TINY, network=network))["network"]),
        "training": "{}",
        "resolution": str(network.resolution),
        "label": "cancer",
        "kimg": "1.0",
        "simulated": "true",
        "source": "phantom",
        "licence": "test",
        "prepared_manifest": "ab" * 32,
        **header,
    }
    write_tensors(path, dict(built.state_dict()), metadata)
    return path
