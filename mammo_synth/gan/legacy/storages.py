"""The bytes that torch saves a tensor's numbers in, both formats, read without torch's reader.

The old format is a sequence of pickles (a magic number, a version, facts about the machine, the
object, the keys of its storages) and then each storage's count and raw numbers; the newer one is
a zip archive with the object's pickle and one entry per storage.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from .machine import Allowed, Machine
from .records import Name, Storage, Unreadable
from .window import Window

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
ENTRIES = 16  # a zip archive of one storage has eight or fewer
MAX_ENTRIES = 20_000  # of a whole network: one for each tensor
DICTIONARY = "collections.OrderedDict"

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


class _Seen(dict[str, _Reference]):
    """References by key. A key means one storage, however often it is referred to."""

    def __call__(self, value: Any) -> _Reference:
        """The reference that a persistent id stands for."""
        found = _refer(value)
        if self.setdefault(found.key, found) != found:
            raise _bad("one storage under two descriptions")
        return found


def read_storage(data: memoryview) -> Storage:
    """The one storage that ``data`` holds.

    Raises:
        Unreadable: Damaged, cut short, or something other than one storage.
    """
    found = read_saved(data, {}, entries=ENTRIES)
    if not isinstance(found, Storage):
        raise _bad("not one storage")
    return found


def read_saved(
    data: memoryview,
    allowed: Allowed,
    attributes: Collection[str] = (),
    *,
    entries: int = MAX_ENTRIES,
) -> Any:
    """What torch saved in ``data``, with a `Storage` wherever it refers to one.

    Args:
        data: All of it, in either format.
        allowed: What names may do, beside those of the storages.
        attributes: Of dictionaries, which are left out.
        entries: Most entries of an archive that are looked at.

    Raises:
        Unreadable: Damaged, cut short, or a name that is not allowed.
    """
    names = {**_STORAGE_NAMES, **allowed}
    if bytes(data[:4]) == b"PK\x03\x04":
        return _read_zip(data, names, attributes, entries)
    return _read_sequence(data, names, attributes)


def _read_sequence(data: memoryview, allowed: Allowed, attributes: Collection[str]) -> Any:
    source = Window(data)
    magic, version, facts = (Machine({}).run(source) for _ in range(3))
    if magic != MAGIC or version != VERSION:
        raise _bad("no magic number")
    if type(facts) is not dict or facts.get("little_endian") is not True:
        raise _bad("not little-endian")
    # The numbers stand behind the object. It is gone through once to see which, calling nothing.
    begin, seen = source.tell(), _Seen()
    Machine(_unbuilt(allowed), seen, attributes).run(source)
    keys = Machine({}).run(source)
    if type(keys) is not list or keys != sorted(seen):
        raise _bad("not the storages that it refers to")
    storages, place = {}, source.tell()
    for key in keys:
        wanted, start = seen[key], place + 8
        place = start + wanted.size
        if place > len(data) or struct.unpack("<q", data[start - 8 : start]) != (wanted.count,):
            raise _bad("another length than it claims")
        storages[key] = Storage(wanted.kind, data[start:place])
    if place != len(data):
        raise _bad("another length than it claims")
    return Machine(allowed, _lookup(storages), attributes).run(Window(data, begin))


def _unbuilt(allowed: Allowed) -> Allowed:
    """The same names, of which only dictionaries come to be."""

    def skip(_: tuple[Any, ...]) -> None:
        return None

    return {
        name: function if function is None or name == DICTIONARY else skip
        for name, function in allowed.items()
    }


def _lookup(storages: dict[str, Storage]) -> Callable[[Any], Storage]:
    return lambda value: storages[_refer(value).key]


def _read_zip(data: memoryview, allowed: Allowed, attributes: Collection[str], entries: int) -> Any:
    storages: dict[str, Storage] = {}
    seen = _Seen()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            held = {i.filename.partition("/")[2]: i for i in archive.infolist()[:entries]}
            if any(i.compress_type or i.file_size > len(data) for i in held.values()):
                raise _bad("compressed")
            if "byteorder" in held and archive.read(held["byteorder"]) != b"little":
                raise _bad("not little-endian")

            def storage(value: Any) -> Storage:
                wanted = seen(value)
                if wanted.key not in storages:
                    raw = archive.read(held[f"data/{wanted.key}"])
                    if len(raw) != wanted.size:
                        raise _bad("another length than it claims")
                    storages[wanted.key] = Storage(wanted.kind, memoryview(raw))
                return storages[wanted.key]

            source = Window(memoryview(archive.read(held["data.pkl"])))
            return Machine(allowed, storage, attributes).run(source)
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _bad("no whole archive") from error
    except (OSError, EOFError, struct.error) as error:
        raise _bad("no whole archive") from error
