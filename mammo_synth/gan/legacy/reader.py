"""From a reference pickle to settings and tensors under our names (which are the reference's)."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mammo_synth.errors import BadInput

from ..settings import NetworkSettings
from ..state import build_discriminator, build_generator
from .allowed import ALLOWED
from .machine import TENSORFLOW_HINT, Machine
from .parts import named_tensors
from .records import StoredModule, StoredTensor, Unreadable
from .translate import FILTER, combine, discriminator_settings, generator_settings
from .window import Window

NETWORKS = ("G", "D", "G_ema")
MAX_BYTES = 4 * 1024**3
_HINT = (
    "Give a network pickle that stylegan2-ada-pytorch wrote (network-snapshot-*.pkl, or a "
    "downloaded one, whole)."
)


@dataclass(frozen=True)
class ReferenceNetworks:
    """What a reference pickle holds, ready for our networks."""

    settings: NetworkSettings
    tensors: dict[str, dict[str, Tensor]]  # by network (G, D, G_ema) and name
    training_set: dict[str, Any]  # plain facts about the data, without paths


def read_networks(path: Path, wanted: Sequence[str] = NETWORKS) -> ReferenceNetworks:
    """Read the networks ``wanted`` (of G, D, G_ema) from a reference pickle. Nothing in the file is
    run, whatever it says; memory stays within some times the file's size.

    Tensors are float32 copies under the reference's names, checked against our networks' names and
    shapes.

    Raises:
        BadInput: No such file, no pickle, a name outside the allow-list, another architecture, a
            network missing, values that are no numbers.
    """
    if not path.is_file():
        word = "is not there" if not path.exists() else "is not a file"
        raise BadInput(f"'{path}' {word}; a network pickle was expected.", hint=_HINT)
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        word = "is empty" if size == 0 else f"has {size / 1024**3:.1f} GiB, more than any network"
        raise BadInput(f"'{path}' {word}; a network pickle was expected.", hint=_HINT)
    try:
        with path.open("rb") as file:
            # Not closed by hand: records look into it, and it goes when the last of them goes.
            raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return _read(memoryview(raw), wanted)
    except Unreadable as error:
        raise BadInput(f"'{path}' {error.message}.", hint=error.hint or _HINT) from None


def _read(data: memoryview, wanted: Sequence[str]) -> ReferenceNetworks:
    if bytes(data[:4]) == b"PK\x03\x04":
        raise Unreadable("is a zip archive (torch.save?), not a pickle of the reference")
    source = Window(data)
    top = Machine(ALLOWED).run(source)
    if type(top) is tuple:
        raise Unreadable("is not supported", TENSORFLOW_HINT)
    if type(top) is not dict or not any(name in top for name in NETWORKS):
        raise Unreadable("is a pickle without the networks G, D and G_ema")
    modules: dict[str, StoredModule] = {}
    for name in wanted:
        if not isinstance(top.get(name), StoredModule):
            others = [n for n in NETWORKS if isinstance(top.get(n), StoredModule)]
            hint = "Use --ema-only." if "G_ema" in others else None
            raise Unreadable(f"has no network {name} (it has: {', '.join(others) or 'none'})", hint)
        modules[name] = top[name]
    said = {
        name: (discriminator_settings if name == "D" else generator_settings)(module)
        for name, module in modules.items()
    }
    if "G" in said and "G_ema" in said and said["G"] != said["G_ema"]:
        raise Unreadable("has a G and a G_ema of different architecture")
    settings = combine(dict(said.get("G_ema") or said["G"]), said.get("D"))
    # Each stored number belongs to one tensor; one storage used again and again is no network.
    stored = {name: named_tensors(module, name) for name, module in modules.items()}
    if sum(t.size for part in stored.values() for t in part.values()) > 2 * len(data):
        raise Unreadable("unpacks to far more than its size: refused")
    tensors = {name: _tensors(part, name, settings) for name, part in stored.items()}
    return ReferenceNetworks(settings, tensors, _training_set(top.get("training_set_kwargs")))


def _tensors(
    stored: dict[str, StoredTensor], name: str, settings: NetworkSettings
) -> dict[str, Tensor]:
    """The tensors of one network, its names and shapes compared with ours."""
    with torch.device("meta"):
        ours = (build_discriminator if name == "D" else build_generator)(settings).state_dict()
    for key in sorted(set(ours) ^ set(stored)):
        word = "lacks" if key in ours else "has a tensor that ours has not,"
        raise Unreadable(f"has another architecture than it says: {name} {word} {key[:80]}")
    found = {}
    for key, like in ours.items():
        value = stored[key]
        if value.kind != "float32":
            raise Unreadable(f"has {value.kind} numbers in {name} {key}; float32 was expected")
        if value.shape != tuple(like.shape):
            raise Unreadable(
                f"has another architecture than it says: {name} {key} has shape "
                f"{list(value.shape)}; {list(like.shape)} was expected"
            )
        array = value.array()
        if not np.isfinite(array).all():
            raise Unreadable(f"has values in {name} {key} that are no numbers (NaN or infinite)")
        if key.endswith("resample_filter") and not np.allclose(array, _FILTER, atol=1e-6):
            raise Unreadable(f"has another resampling filter in {name} {key} than [1, 3, 3, 1]")
        found[key] = torch.from_numpy(array)
    return found


_FILTER = np.outer(FILTER, FILTER) / np.sum(FILTER) ** 2


def _training_set(value: Any) -> dict[str, Any]:
    """Plain facts about the training data. Not its path, which may name people or machines."""
    known = ("resolution", "use_labels", "max_size", "xflip")
    facts = value if type(value) is dict else {}
    return {k: facts[k] for k in known if type(facts.get(k)) in (int, bool)}
