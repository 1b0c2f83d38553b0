"""Load a generator file and draw images from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_file

from .checkpoint import GENERATOR_FORMAT, read_tensors
from .data import to_uint8
from .latents import latents, parse_seeds
from .networks import Generator
from .settings import network_from_json
from .shipped import SHIPPED, shipped_generator
from .state import build_generator

__all__ = ["LoadedGenerator", "load_generator", "parse_seeds", "resolve_device", "sample"]

GENERATOR_NAME = "generator.safetensors"
NOISE = ("const", "none")
EXPECTED = "a generator file"


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator ready to draw from, and what its file says about it."""

    path: Path
    sha256: str
    resolution: int
    label: str
    kimg: float
    simulated: bool
    source: str
    metadata: dict[str, str]
    network: Generator
    device: torch.device

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        return sum(p.numel() for p in self.network.parameters())

    def describe(self) -> dict[str, Any]:
        """Everything a reader may want, as JSON values."""
        known = {
            "sha256": self.sha256,
            "resolution": self.resolution,
            "label": self.label,
            "kimg": self.kimg,
            "parameters": self.parameters,
            "simulated": self.simulated,
        }
        rest = {k: v for k, v in self.metadata.items() if k not in known}
        for name in ("network", "training"):
            rest[name] = json.loads(rest[name])
        return {**known, **rest}


def resolve_device(name: str) -> torch.device:
    """``auto`` (an accelerator if there is one), ``cpu`` or ``cuda``.

    Raises:
        BadInput: An unknown name, or ``cuda`` where there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if name.split(":")[0] != "cuda":
        raise BadInput(
            f"There is no device '{name}'; auto, cpu or cuda was expected.",
            hint="Leave --device away to let mammo-synth choose.",
        )
    if not torch.cuda.is_available():
        raise BadInput(
            "Torch sees no CUDA accelerator on this machine.",
            hint="Use --device cpu, or install a CUDA build of torch.",
        )
    return torch.device(name)


def generator_path(path: Path) -> Path:
    """The generator file itself: ``path``, that of a run folder, or that of a shipped generator.

    Raises:
        BadInput: A folder without one, or a name that is no file.
    """
    shipped = shipped_generator(path)
    if shipped is not None:
        return shipped
    if not path.exists() and path.name == str(path) and not path.suffix:
        raise BadInput(
            f"'{path}' is neither a file or folder here nor a generator that comes with "
            "mammo-synth.",
            hint=did_you_mean(str(path), SHIPPED),
        )
    if not path.is_dir():
        return path
    inside = path / GENERATOR_NAME
    if not inside.is_file():
        unfinished = (path / "checkpoint.safetensors").exists()
        raise BadInput(
            f"The folder '{path}' has no {GENERATOR_NAME}; a finished training run was expected.",
            hint="Its training was interrupted: run the same training command again, it goes on."
            if unfinished
            else "Give the run folder of mammo-synth generator train, or a generator file.",
        )
    return inside


def load_generator(path: Path, device: str | torch.device = "cpu") -> LoadedGenerator:
    """Load a generator file or the one of a run folder.

    Raises:
        BadInput: No such file, cut short, of another program, or of another format version.
    """
    path = generator_path(Path(path))
    where = torch.device(device)
    file = read_tensors(path, GENERATOR_FORMAT, EXPECTED)
    metadata = file.metadata
    try:
        settings = network_from_json(json.loads(metadata["network"]))
        kimg, resolution = float(metadata["kimg"]), int(metadata["resolution"])
        label, simulated = metadata["label"], metadata["simulated"] == "true"
        source = metadata["source"]
        json.loads(metadata["training"])
        with torch.random.fork_rng(devices=[]):
            network = build_generator(settings)
        network.load_state_dict(file.tensors, strict=True)
    except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise BadInput(
            f"'{path}' says it is a generator file, but its header and tensors do not fit "
            f"({type(error).__name__}: {str(error)[:200]}).",
            hint="Copy it again from where it was trained.",
        ) from error
    network = network.to(where, memory_format=torch.channels_last).eval().requires_grad_(False)
    return LoadedGenerator(
        path=path,
        sha256=sha256_file(path),
        resolution=resolution,
        label=label,
        kimg=kimg,
        simulated=simulated,
        source=source,
        metadata=metadata,
        network=network,
        device=where,
    )


def sample(
    generator: LoadedGenerator,
    seeds: Sequence[int],
    *,
    truncation: float = 1.0,
    batch: int = 16,
    noise: str = "const",
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield ``(seed, image uint8 [R, R])`` for each seed, in order.

    Pixels are ``floor(x * 127.5 + 128)`` clamped to 0..255. The image of a seed depends on the
    generator, the truncation psi and the noise (``const`` or ``none``); the batch it is drawn in
    may change single pixels by one grey level.

    Raises:
        BadInput: A truncation outside [-2, 2], a batch below 1, an unknown noise.
    """
    if not -2.0 <= truncation <= 2.0:
        raise BadInput(
            f"Truncation {truncation} is out of range; 0 (the mean image) to 1 (none) is usual.",
            hint="Try --trunc 1 or --trunc 0.7.",
        )
    if batch < 1:
        raise BadInput(f"batch is {batch}; 1 or more was expected.", hint="Try --batch 16.")
    if noise not in NOISE:
        raise BadInput(f"noise is '{noise}'; const or none was expected.", hint="Use const.")
    return _draw(generator, seeds, truncation, batch, noise)


def _draw(
    generator: LoadedGenerator, seeds: Sequence[int], truncation: float, batch: int, noise: str
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    network = generator.network
    for first in range(0, len(seeds), batch):
        part = seeds[first : first + batch]
        z = latents(part, network.z_dim).to(generator.device)
        with torch.inference_mode():
            images = to_uint8(network(z, truncation_psi=truncation, noise_mode=noise))
        yield from zip(part, images, strict=True)
