"""Which files Xet's storage holds, read from its shards.

A commit names a file by its sha256, while the Xet client asks for it by its Xet hash; only the
shard, which the client wrote with its upload, knows both. A shard is a header of 48 bytes, then
per file a record of 48 bytes (hash, flags, number of entries), its entries, the same number of
verification records (flag 31) and one record with the sha256 (flag 30). A hash of ones ends it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECORD = 48
VERIFIED, WITH_SHA256 = 1 << 31, 1 << 30
END = b"\xff" * 32


@dataclass(frozen=True)
class StoredFile:
    """A file in Xet's storage: its Xet hash and its bytes."""

    hash: str
    size: int


def stored_files(cas: str) -> dict[str, StoredFile]:
    """The files of a local storage (`local:///folder`) by their sha256."""
    found: dict[str, StoredFile] = {}
    for shard in sorted(Path(cas.removeprefix("local://")).rglob("*.mdb")):
        found.update(_files(shard.read_bytes()))
    return found


def _files(shard: bytes) -> Iterator[tuple[str, StoredFile]]:
    at = RECORD
    while at + RECORD <= len(shard) and shard[at : at + 32] != END:
        name = _hash(shard[at : at + 32])
        flags, entries = struct.unpack_from("<II", shard, at + 32)
        at += RECORD
        # An entry: hash of the block, its flags, unpacked bytes, first and last chunk.
        size = sum(
            struct.unpack_from("<I", shard, at + RECORD * entry + 36)[0] for entry in range(entries)
        )
        at += RECORD * entries * (2 if flags & VERIFIED else 1)
        if flags & WITH_SHA256:
            yield _hash(shard[at : at + 32]), StoredFile(name, size)
            at += RECORD


def _hash(raw: bytes) -> str:
    """Xet writes a hash as four little-endian numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))
