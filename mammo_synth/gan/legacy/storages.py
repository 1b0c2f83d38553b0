"""The bytes that torch saves a tensor's numbers in, both formats, read without torch's reader.

The old format is a sequence of pickles (a magic number, a version, facts about the machine, the
object, the keys of its storages) and then each storage's count and raw numbers; the newer one is
a zip archive with the object's pickle and one entry per storage.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from .machine import Allowed, Machine
from .records import Name, Storage, Unreadable
from .window import Window

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
ENTRIES = 16  # a zip archive of one storage has eight or fewer

KINDS = {
    "torch.FloatStorage": "float32",
    "torch.DoubleStorage": "float64",
    "torch.HalfStorage": "float16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}
_STORAGE_NAMES: Allowed = dict.fromkeys(KINDS)


@dataclass(frozen=True)
class _Reference:
    kind: str
    key: str
    count: int

    @property
    def size(self) -> int:
        return self.count * np.dtype(self.kind).itemsize


def _bad(what: str) -> Unreadable:
    return Unreadable(f"holds a tensor whose bytes are damaged ({what})")


def _refer(value: Any) -> _Reference:
    """A persistent id: ('storage', type, key, device, count, view)."""
    if type(value) is not tuple or len(value) not in (5, 6) or value[0] != "storage":
        raise _bad("unknown reference")
    _, kind, key, _, count = value[:5]
    if not isinstance(kind, Name) or type(key) is not str or type(count) is not int or count < 0:
        raise _bad("unknown reference")
    if len(value) == 6 and value[5] is not None:
        raise _bad("a view into another storage")
    return _Reference(KINDS[kind.text], key, count)


def _pickle(source: Window) -> Any:
    return Machine(_STORAGE_NAMES, _refer).run(source)


def read_storage(data: memoryview) -> Storage:
    """The one storage that ``data`` holds.

    Raises:
        Unreadable: Damaged, cut short, or something other than one storage.
    """
    return _read_zip(data) if bytes(data[:4]) == b"PK\x03\x04" else _read_sequence(data)


def _read_sequence(data: memoryview) -> Storage:
    source = Window(data)
    if _pickle(source) != MAGIC or _pickle(source) != VERSION:
        raise _bad("no magic number")
    facts = _pickle(source)
    if type(facts) is not dict or facts.get("little_endian") is not True:
        raise _bad("not little-endian")
    wanted, keys = _pickle(source), _pickle(source)
    if not isinstance(wanted, _Reference) or keys != [wanted.key]:
        raise _bad("not one storage")
    start = source.tell() + 8
    if len(data) != start + wanted.size:
        raise _bad("another length than it claims")
    (count,) = struct.unpack("<q", data[start - 8 : start])
    if count != wanted.count:
        raise _bad("another length than it claims")
    return Storage(wanted.kind, data[start:])


def _read_zip(data: memoryview) -> Storage:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = {i.filename.partition("/")[2]: i for i in archive.infolist()[:ENTRIES]}
            if any(i.compress_type or i.file_size > len(data) for i in entries.values()):
                raise _bad("compressed")
            if "byteorder" in entries and archive.read(entries["byteorder"]) != b"little":
                raise _bad("not little-endian")
            wanted = _pickle(Window(memoryview(archive.read(entries["data.pkl"]))))
            if not isinstance(wanted, _Reference):
                raise _bad("not one storage")
            raw = archive.read(entries[f"data/{wanted.key}"])
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _bad("no whole archive") from error
    except (OSError, EOFError, struct.error) as error:
        raise _bad("no whole archive") from error
    if len(raw) != wanted.size:
        raise _bad("another length than it claims")
    return Storage(wanted.kind, memoryview(raw))
