"""Arrays in one safetensors file: written atomically without a copy, read by memory mapping."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import CheckFailed
from mammo_synth.files import atomic_path

Array = npt.NDArray[Any]
_TYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "U8": np.dtype("u1"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_MAX_HEADER = 50_000_000


def write_tensors(
    path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str], *, sync: bool = True
) -> None:
    """Write ``tensors`` and ``metadata`` to ``path``, which is the old file or the whole new one
    at any moment, however the writer ends.

    The library's own writer first makes one more copy of everything, which for a training state
    of hundreds of megabytes costs as much as the writing.

    Args:
        path: The file.
        tensors: Arrays of the types of a safetensors file that NumPy has.
        metadata: Texts.
        sync: Wait until the disk has it, so that a power failure cannot harm it either.

    Raises:
        NoSpace: The disk is full or the folder may not be written to.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    arrays, offset = [], 0
    for name, value in tensors.items():
        # ascontiguousarray makes one dimension of none
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        end = offset + array.nbytes
        dtype = _NAMES[array.dtype.newbyteorder("<") if array.dtype.itemsize > 1 else array.dtype]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [offset, end]}
        arrays.append(array)
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_path(path, sync=sync) as temporary, temporary.open("wb", buffering=0) as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in arrays:
            view = array.reshape(-1).view(np.uint8).data
            while view:
                view = view[stream.write(view) :]


def map_tensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays of a safetensors file, mapped and read-only, and its metadata.

    Raises:
        CheckFailed: It is no such file, or not a whole one.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(size - 8, _MAX_HEADER):
                raise ValueError("its header is cut off")
            header = json.loads(stream.read(length))
        metadata = {str(k): str(v) for k, v in header.pop("__metadata__", {}).items()}
        tensors: dict[str, Array] = {}
        for name, entry in header.items():
            begin, end = (int(x) for x in entry["data_offsets"])
            shape, dtype = tuple(int(x) for x in entry["shape"]), _TYPES[entry["dtype"]]
            if end - begin != math.prod(shape) * dtype.itemsize or not 0 <= begin <= end:
                raise ValueError(f"'{name}' does not fit its place")
            if 8 + length + end > size:
                raise ValueError("its end is missing")
            if end == begin:
                tensors[name] = np.zeros(shape, dtype)
            else:
                tensors[name] = _mapped(path, dtype, 8 + length + begin, shape)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckFailed(
            f"'{path}' is not a whole safetensors file ({error}).",
            hint="Remove it: what it held is computed again.",
        ) from error
    return tensors, metadata


def _mapped(path: Path, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...]) -> Array:
    return np.memmap(path, dtype, "r", offset, shape)


def sampled(tensors: Mapping[str, Array]) -> str:
    """A checksum of one byte in each page of 4096: cheap, and it misses no lost page, which is
    what a power failure leaves in a file that the disk did not have yet."""
    value = 0
    for name in sorted(tensors):
        flat = np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8)
        value = zlib.crc32(np.ascontiguousarray(flat[::4096]).data, value)
    return str(value)
