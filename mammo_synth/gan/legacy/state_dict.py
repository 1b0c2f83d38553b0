"""State dicts as ``torch.save`` writes them, read by the same machine: nothing in them is run."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .allowed import ALLOWED
from .records import StoredTensor, Unreadable
from .storages import DICTIONARY, read_saved

_NAMES = {
    name: ALLOWED[name]
    for name in (
        DICTIONARY,
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch.Size",
    )
}


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name: of the file's own dictionary, or of the one in it named ``state_dict``.

    Args:
        path: A file of ``torch.save``, in the format of today or of before version 1.6.

    Raises:
        Unreadable: No such file, damaged, a name that no state dict needs, or other values than
            tensors.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise Unreadable("is empty")
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    found: Any = read_saved(data, _NAMES, ("_metadata",))
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    tensors = isinstance(found, Mapping) and all(
        isinstance(value, StoredTensor) for value in found.values()
    )
    if not tensors or not found:
        raise Unreadable("holds no state dict (tensors by name)")
    if sum(value.size for value in found.values()) > 2 * len(data):
        raise Unreadable("unpacks to far more than its size: refused")
    return {str(name): torch.from_numpy(value.array()) for name, value in found.items()}
