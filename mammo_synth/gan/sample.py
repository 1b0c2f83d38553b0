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
from .devices import resolve_device, resolve_devices
from .drawing import Drawing, draw
from .networks import PRECISIONS, Generator, set_precision
from .networks.synthesis import NOISE_MODES
from .settings import network_from_json
from .shipped import SHIPPED, shipped_generator
from .state import build_generator

__all__ = [
    "LoadedGenerator",
    "drawing",
    "load_generator",
    "resolve_device",
    "resolve_devices",
    "sample",
]

GENERATOR_NAME = "generator.safetensors"
EXPECTED = "a generator file"


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator ready to draw from, and what its file says about it."""

    path: Path
    sha256: str
    resolution: int
    label: str
    kimg: float | None  # None: unknown, as for an imported generator
    simulated: bool
    source: str
    metadata: dict[str, str]
    network: Generator
    device: torch.device
    precision: str = "fp32"
    classes: tuple[str, ...] = ()
    """Of a conditional generator, in the order of its one-hot labels."""

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
        rest: dict[str, Any] = {"before": []}
        rest |= {k: v for k, v in self.metadata.items() if k not in known}
        for name in ("network", "training", "classes", "imported", "patients", "before"):
            if isinstance(rest.get(name), str):
                rest[name] = json.loads(rest[name])
        return {**known, **rest}


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


def load_generator(
    path: Path, device: str | torch.device = "cpu", precision: str = "fp32"
) -> LoadedGenerator:
    """Load a generator file or the one of a run folder.

    ``precision``: type of the arithmetic of the four highest resolutions, ``fp32``, ``bf16`` or
    ``fp16``.

    Raises:
        BadInput: No such file, cut short, of another program, or of another format version; an
            unknown precision.
    """
    if precision not in PRECISIONS:
        raise BadInput(
            f"There is no precision '{precision}'.", hint=did_you_mean(precision, PRECISIONS)
        )
    path = generator_path(Path(path))
    where = torch.device(device)
    file = read_tensors(path, GENERATOR_FORMAT, EXPECTED)
    metadata = file.metadata
    try:
        settings = network_from_json(json.loads(metadata["network"]))
        kimg = float(metadata["kimg"]) if metadata["kimg"] else None
        resolution = int(metadata["resolution"])
        label, simulated = metadata["label"], metadata["simulated"] == "true"
        source = metadata["source"]
        json.loads(metadata["training"])
        classes = _classes(metadata.get("classes"), settings.c_dim)
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
    set_precision(network, precision)
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
        precision=precision,
        classes=classes,
    )


def _classes(text: str | None, count: int) -> tuple[str, ...]:
    """Names of the classes from a file's header; their numbers where it names none."""
    names = [str(n) for n in range(count)] if text is None or not count else json.loads(text)
    if not isinstance(names, list) or len(names) != count:
        raise ValueError(f"classes {names} do not fit {count} label inputs")
    return tuple(str(name) for name in names)


def drawing(
    generator: LoadedGenerator,
    *,
    truncation: float = 1.0,
    truncation_cutoff: int | None = None,
    noise: str = "const",
    label: str | None = None,
) -> Drawing:
    """The checked settings of drawing from ``generator``; :func:`sample` explains them.

    Raises:
        BadInput: A truncation outside [-2, 2], a cutoff outside 0..num_ws, an unknown noise, a
            class missing or given in vain, a generator of colour images.
    """
    if not -2.0 <= truncation <= 2.0:
        raise BadInput(
            f"Truncation {truncation} is out of range; 0 (the mean image) to 1 (none) is usual.",
            hint="Try --trunc 1 or --trunc 0.7.",
        )
    layers = generator.network.num_ws
    if truncation_cutoff is not None and not 0 <= truncation_cutoff <= layers:
        raise BadInput(
            f"The truncation cutoff is {truncation_cutoff}; this generator has {layers} layers.",
            hint=f"Give 0 to {layers}, or leave --trunc-cutoff away to truncate all layers.",
        )
    if noise not in NOISE_MODES:
        raise BadInput(
            f"noise is '{noise}'; {', '.join(NOISE_MODES)} was expected.",
            hint=did_you_mean(noise, NOISE_MODES),
        )
    if generator.network.image_channels != 1:
        raise BadInput(
            f"'{generator.path}' makes images of {generator.network.image_channels} channels; "
            "films are grey.",
            hint="Import it again as a grey generator: mammo-synth generator import --grey.",
        )
    classes = _one_hot(generator, label)
    return Drawing(float(truncation), truncation_cutoff, noise, label, classes)


def _one_hot(generator: LoadedGenerator, label: str | None) -> tuple[float, ...]:
    known = generator.classes
    if not known:
        if label is not None:
            raise BadInput(
                f"The class {label} was asked for, but '{generator.path}' is not conditional: all "
                f"its images are {generator.label}.",
                hint="Leave --class away.",
            )
        return ()
    if label is None:
        raise BadInput(
            f"'{generator.path}' draws several classes ({', '.join(known)}) and none was chosen.",
            hint=f"Add --class {known[-1]}, and draw each class into a folder of its own.",
        )
    if label not in known:
        raise BadInput(f"There is no class '{label}'.", hint=did_you_mean(label, known))
    return tuple(float(name == label) for name in known)


def sample(
    generator: LoadedGenerator,
    seeds: Sequence[int],
    *,
    truncation: float = 1.0,
    truncation_cutoff: int | None = None,
    noise: str = "const",
    label: str | None = None,
    batch: int = 16,
    workers: int | None = None,
    devices: Sequence[torch.device] = (),
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield ``(seed, image uint8 [R, R])`` for each seed, in order::

        generator = load_generator(Path("runs/cancer"))
        for seed, image in sample(generator, range(100), truncation=0.7):
            ...

    Pixels are ``floor(x * 127.5 + 128)`` clamped to 0..255. The image of a seed depends on the
    generator, its precision and the settings alone: it is the same bit for bit whatever ``batch``,
    ``workers``, the order and number of seeds (see `mammo_synth.gan.drawing`). On another kind of
    device or with another precision single pixels may differ by a grey level or more.

    Args:
        generator: Of :func:`load_generator`.
        seeds: Whole numbers from 0 to 2^32 - 1.
        truncation: psi, -2 to 2: w is moved towards its average; 1 not at all, 0 the mean image.
        truncation_cutoff: Truncate only the first so many layers (coarse shapes); ``None``: all.
        noise: ``const``: the generator's stored noise, the same for all seeds. ``none``.
            ``random``: maps drawn from the seed, so still a function of the seed alone.
        label: Class, for a conditional generator only.
        batch: Finished images that may wait to be taken: bounds memory, changes no image.
        workers: Threads on the processor; ``None``: all cores.
        devices: Where to draw; default: where the generator is. Several accelerators share the
            work.

    Raises:
        BadInput: As :func:`drawing`, or a batch or number of workers below 1. At the call, before
            the first image.
    """
    settings = drawing(
        generator,
        truncation=truncation,
        truncation_cutoff=truncation_cutoff,
        noise=noise,
        label=label,
    )
    for name, value in (("batch", batch), ("workers", workers)):
        if value is not None and value < 1:
            raise BadInput(f"{name} is {value}; 1 or more was expected.", hint=f"Try --{name} 4.")
    return draw(
        generator.network,
        seeds,
        settings,
        devices=devices or (generator.device,),
        workers=workers,
        batch=batch,
    )
