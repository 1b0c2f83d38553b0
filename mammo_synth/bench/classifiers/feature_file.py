"""Features of some images, in half precision if wanted, and the file that holds them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import CheckFailed
from mammo_synth.tensors import map_tensors, write_tensors

Features = npt.NDArray[np.float32]
Packed = npt.NDArray[np.float16] | npt.NDArray[np.float32]

FORMAT = "mammo-synth/features/1"
KEY_BYTES = 16
_LARGEST = float(np.finfo(np.float16).max)


def pack(features: Features, half: bool) -> tuple[Packed, Features]:
    """Features as they are kept, float16 or float32 [N, ...], and a scale float32 [N] to multiply
    them with.

    The scale is 1 but where a value exceeds the range of half precision; there it is the power of
    two that brings the image into it.
    """
    if not half:
        return features, np.ones(len(features), np.float32)
    largest = np.abs(features.reshape(len(features), -1)).max(axis=1, initial=0.0)
    scale = np.ones(len(features), np.float32)
    over = np.isfinite(largest) & (largest > _LARGEST)
    scale[over] = np.exp2(np.ceil(np.log2(largest[over] / _LARGEST)))
    with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity stay what they are
        packed = (features / _columns(scale, features.ndim)).astype(np.float16)
    return packed, scale


def unpack(packed: Packed, scale: Features) -> Features:
    """float32 [N, ...] of what `pack` gave."""
    full = packed.astype(np.float32)
    if (scale != 1).any():
        full *= _columns(scale, packed.ndim)
    return full


def _columns(scale: Features, dimensions: int) -> Features:
    return scale.reshape(-1, *[1] * (dimensions - 1))


@dataclass
class Block:
    """Features of some images: mapped from one file, or in memory."""

    keys: list[bytes]
    packed: Packed
    scale: Features
    path: Path | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        if self.path is None:
            return int(self.packed.nbytes) + len(self.keys) * (KEY_BYTES + 4)
        return size_of(self.path)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # another process dropped it


def write_block(path: Path, keys: list[bytes], packed: Packed, scale: Features) -> None:
    """Write features of some images.

    Raises:
        NoSpace: The disk is full or the folder may not be written to.
    """
    rows = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), KEY_BYTES)
    metadata = {"format": FORMAT, "crc32": str(_checksum(rows, scale, packed))}
    write_tensors(path, {"keys": rows, "scale": scale, "features": packed}, metadata)


def _checksum(keys: npt.NDArray[np.uint8], scale: Features, packed: Packed) -> int:
    value = 0
    for array in (keys, scale, packed):
        value = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, value)
    return value


def open_block(path: Path, shape: tuple[int, ...], half: bool) -> Block:
    """Map one file of the cache.

    Raises:
        CheckFailed: It is damaged, or of another format.
    """
    tensors, metadata = map_tensors(path)
    try:
        rows, scale, packed = tensors["keys"], tensors["scale"], tensors["features"]
        sound = metadata["format"] == FORMAT and packed.shape == (len(rows), *shape)
        sound = sound and packed.dtype == (np.float16 if half else np.float32)
        sound = sound and int(metadata["crc32"]) == _checksum(rows, scale, packed)
    except (KeyError, ValueError):
        sound = False
    if not sound:
        raise CheckFailed(f"'{path}' is damaged.", hint="Remove it: it is computed again.")
    return Block([row.tobytes() for row in rows], packed, np.array(scale), path)
