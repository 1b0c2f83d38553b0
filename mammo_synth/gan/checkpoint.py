"""Checkpoints and generator files: safetensors with a JSON header, never a pickle."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path

from .sampler import Sampler
from .settings import TrainSettings, to_json
from .state import TrainState

GENERATOR_FORMAT = "mammo-synth/generator/1"
CHECKPOINT_FORMAT = "mammo-synth/checkpoint/1"
NETWORKS_FORMAT = "mammo-synth/networks/1"
"""Generator, discriminator and average (tensors ``G.``, ``D.``, ``G_ema.``) to start a run from."""
_MAX_HEADER = 100 * 1024 * 1024


@dataclass(frozen=True)
class TensorFile:
    """A safetensors file: its metadata (values are strings) and tensors on the processor."""

    metadata: dict[str, str]
    tensors: dict[str, Tensor]


def _not_ours(path: Path, found: str, expected: str) -> BadInput:
    return BadInput(
        f"'{path}' {found}; {expected} was expected.",
        hint="Give a file that mammo-synth generator train wrote (generator.safetensors), or its "
        "run folder.",
    )


def read_header(path: Path, expected: str) -> dict[str, Any]:
    """The JSON header of a safetensors file, checked against the file's size.

    Raises:
        BadInput: No such file, not safetensors, or cut short.
    """
    if not path.is_file():
        raise _not_ours(path, "is not there" if not path.exists() else "is not a file", expected)
    size = path.stat().st_size
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            if not 2 <= length <= min(_MAX_HEADER, size - 8):
                raise _not_ours(path, "is not a safetensors file, or it was cut short", expected)
            header = json.loads(stream.read(length))
        ends = [int(e["data_offsets"][1]) for k, e in header.items() if k != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _not_ours(path, "is not a safetensors file", expected) from error
    wanted = 8 + length + max(ends, default=0)
    if size != wanted:
        raise BadInput(
            f"'{path}' has {size} bytes where its header says {wanted}: it was cut short or "
            "changed.",
            hint="Copy or download it again, or run the training command again: it resumes.",
        )
    return dict(header)


def read_tensors(path: Path, format_name: str, expected: str) -> TensorFile:
    """Read a whole file and check its format.

    Raises:
        BadInput: Not such a file; ``expected`` says in words what was.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    header = read_header(path, expected)
    metadata = header.get("__metadata__") or {}
    found = metadata.get("format")
    if found != format_name:
        word = f"has format {found!r}" if found else "is a safetensors file of another program"
        raise _not_ours(path, word, f"{expected} (format '{format_name}')")
    try:
        return TensorFile(dict(metadata), load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise _not_ours(path, f"cannot be read ({error})", expected) from error


_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.uint8: "U8",
}


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file atomically; equal content gives equal bytes.

    The safetensors library writes its metadata in random order, so that equal generators would
    have different digests; the format is simple enough to be written here.
    """
    # Wide types first: every tensor starts at a multiple of its item size.
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    ready, offset = [], 0
    for name in order:
        t = tensors[name].detach().to("cpu").contiguous()
        end = offset + t.numel() * t.element_size()
        header[name] = {
            "dtype": _DTYPES[t.dtype],
            "shape": list(t.shape),
            "data_offsets": [offset, end],
        }
        ready.append(t)
        offset = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)))
        stream.write(text)
        for t in ready:
            stream.write(t.numpy().tobytes())


def _optimizer_tensors(name: str, module: nn.Module, optimizer: torch.optim.Adam) -> dict[str, Any]:
    found = {}
    for key, parameter in module.named_parameters():
        for entry, value in optimizer.state.get(parameter, {}).items():
            found[f"{name}.{entry}.{key}"] = value
    return found


def save_checkpoint(
    path: Path,
    state: TrainState,
    settings: TrainSettings,
    origin: Mapping[str, str] | None = None,
    watch: str = "",
) -> None:
    """Everything that resuming needs; ``watch``: what stands beside the training remembers;
    ``origin``: the header's fields about the films, for runs that begin from this file."""
    tensors: dict[str, Tensor] = {
        "pl_mean": state.pl_mean,
        "signs": state.signs,
        "rng": state.rng.get_state(),
    }
    for name, module in (("G", state.G), ("D", state.D), ("G_ema", state.G_ema)):
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    tensors |= _optimizer_tensors("adam_g", state.G, state.adam_g)
    tensors |= _optimizer_tensors("adam_d", state.D, state.adam_d)
    if state.sampler is not None:
        tensors |= {f"sampler.{key}": value for key, value in state.sampler.state().items()}
    metadata = {
        "format": CHECKPOINT_FORMAT,
        "settings": json.dumps(to_json(settings), sort_keys=True),
        "seen": str(state.seen),
        "iteration": str(state.iteration),
        "p": state.p.hex(),
        "init": state.init,
        "init_from": state.init_from or "",
        "device": state.pl_mean.device.type,
        "watch": watch,
        **(origin or {}),
    }
    write_tensors(path, tensors, metadata)


def read_checkpoint(path: Path) -> TensorFile:
    """Read a checkpoint. Raises :class:`BadInput` if it is none."""
    return read_tensors(path, CHECKPOINT_FORMAT, "a checkpoint of a training run")


def checkpoint_settings(file: TensorFile) -> dict[str, Any]:
    """The settings a checkpoint was made with, as JSON values."""
    return dict(json.loads(file.metadata["settings"]))


def load_module(module: nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Copy the tensors that begin with ``prefix`` into ``module``, which they must fill."""
    # Copying keeps the memory layout of the module's own tensors, which decides the kernels and
    # with them the last bits of every result.
    part = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
    module.load_state_dict(part, strict=True)


def _load_optimizer(
    name: str, module: nn.Module, optimizer: torch.optim.Adam, tensors: dict[str, Tensor]
) -> None:
    for key, parameter in module.named_parameters():
        if f"{name}.step.{key}" not in tensors:
            continue  # it had no gradient yet
        moments = {}
        for entry in ("exp_avg", "exp_avg_sq"):
            moments[entry] = torch.empty_like(parameter, memory_format=torch.preserve_format)
            moments[entry].copy_(tensors[f"{name}.{entry}.{key}"])
        optimizer.state[parameter] = {
            "step": tensors[f"{name}.step.{key}"].to(parameter.device, copy=True),
            **moments,
        }


def restore(state: TrainState, file: TensorFile, path: Path) -> None:
    """Continue ``state`` (fresh, of equal settings) from a checkpoint.

    Raises:
        BadInput: Tensors are missing or have other shapes.
    """
    tensors, metadata = file.tensors, file.metadata
    device = state.pl_mean.device
    try:
        with torch.no_grad():
            load_module(state.G, tensors, "G.")
            load_module(state.D, tensors, "D.")
            load_module(state.G_ema, tensors, "G_ema.")
            _load_optimizer("adam_g", state.G, state.adam_g, tensors)
            _load_optimizer("adam_d", state.D, state.adam_d, tensors)
        if state.sampler is not None:
            state.sampler.restore({key: tensors[f"sampler.{key}"] for key in Sampler.STATE})
        state.pl_mean = tensors["pl_mean"].to(device)
        state.signs = tensors["signs"].to(device)
        state.seen, state.iteration = int(metadata["seen"]), int(metadata["iteration"])
        state.p = float.fromhex(metadata["p"])
        state.init, state.init_from = metadata["init"], metadata["init_from"] or None
        if metadata["device"] == device.type:
            state.rng.set_state(tensors["rng"])
        else:
            # Another kind of device has another generator: a new stream from the position.
            state.rng.manual_seed(state.rng.initial_seed() * 1_000_003 + state.seen)
    except (KeyError, ValueError, RuntimeError) as error:
        raise BadInput(
            f"'{path}' does not fit the settings it names ({error}).",
            hint="It is damaged: train into a new folder.",
        ) from error
