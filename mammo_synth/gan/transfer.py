"""Transfer learning: a new run that begins from the weights of other networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from mammo_synth.errors import BadInput

from .checkpoint import (
    CHECKPOINT_FORMAT,
    GENERATOR_FORMAT,
    NETWORKS_FORMAT,
    load_module,
    read_header,
    read_tensors,
)
from .origin import EXPECTED
from .settings import NetworkSettings, network_from_json, to_json
from .state import TrainState, digest

_RUN_DECIDES = ("resolution", "image_channels", "c_dim", "mbstd_group")


def stored_architecture(path: Path) -> tuple[str, NetworkSettings]:
    """The format of a file that a run can start from, and the architecture of its networks.

    Raises:
        BadInput: Another kind of file, or a damaged one.
    """
    metadata = read_header(path, EXPECTED).get("__metadata__") or {}
    kind = str(metadata.get("format"))
    try:
        if kind == CHECKPOINT_FORMAT:
            return kind, network_from_json(json.loads(metadata["settings"])["network"])
        if kind in (GENERATOR_FORMAT, NETWORKS_FORMAT):
            return kind, network_from_json(json.loads(metadata["network"]))
    except (KeyError, ValueError, TypeError) as error:
        raise BadInput(
            f"'{path}' has a damaged header ({type(error).__name__}: {str(error)[:100]}).",
            hint="Copy it again from where it was made.",
        ) from error
    raise BadInput(
        f"'{path}' is a safetensors file of another kind; {EXPECTED} was expected.",
        hint="Give a file that mammo-synth generator train or import wrote.",
    )


def adopt(network: NetworkSettings, path: Path) -> NetworkSettings:
    """``network`` with the architecture of the file that the run starts from, for weights fit no
    other. Size, image channels, labels and groups stay the run's own.

    Raises:
        BadInput: As :func:`stored_architecture`.
    """
    _, stored = stored_architecture(path)
    return replace(stored, **{name: getattr(network, name) for name in _RUN_DECIDES})


def check_fits(network: NetworkSettings, path: Path) -> str:
    """Whether a run of architecture ``network`` can start from ``path``; returns its format.

    Raises:
        BadInput: Another kind of file, or another architecture; the first difference is named.
    """
    kind, stored = stored_architecture(path)
    free = {"mbstd_group", *(["d_architecture"] if kind == GENERATOR_FORMAT else [])}
    old, new = to_json(stored), to_json(network)
    for name in (n for n in old if n not in free and old[n] != new[n]):
        hint = "Leave the options of the networks away: a run takes them from the file."
        if name == "image_channels":
            hint = "Films are grey: import the networks again with --grey."
        elif name == "resolution":
            hint = f"Prepare the films with --size {old[name]}, or start without --resume."
        elif name == "c_dim":
            hint = "Start from networks with the same number of classes, or without --resume."
        raise BadInput(
            f"The networks in '{path}' have another architecture than this run: {name} is "
            f"{old[name]} there and {new[name]} here.",
            hint=hint,
        )
    return kind


def start_from(state: TrainState, network: NetworkSettings, path: Path, sha256: str) -> None:
    """Begin ``state`` (of architecture ``network``) from the weights in ``path``.

    A checkpoint gives the generator's average and the discriminator, a generator file the
    generator alone, imported networks all three. Optimizers start anew.

    Raises:
        BadInput: Another kind of file, or another architecture; the first difference is named.
    """
    kind = check_fits(network, path)
    tensors = read_tensors(path, kind, EXPECTED).tensors
    names = {
        CHECKPOINT_FORMAT: ("G_ema.", "G_ema.", "D."),
        GENERATOR_FORMAT: ("", "", None),
        NETWORKS_FORMAT: ("G.", "G_ema.", "D."),
    }[kind]
    try:
        with torch.no_grad():
            for module, prefix in zip((state.G, state.G_ema, state.D), names, strict=True):
                if prefix is not None:
                    load_module(module, tensors, prefix)
    except RuntimeError as error:
        raise BadInput(
            f"The tensors in '{path}' do not fit its own header.",
            hint="Copy it again from where it was made.",
        ) from error
    state.init, state.init_from = digest(state.G), sha256
