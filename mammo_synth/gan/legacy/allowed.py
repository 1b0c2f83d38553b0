"""Every name that a reference pickle may use, and the function of ours that stands for it.

Nothing here imports or calls what the name means elsewhere: a network part becomes a
:class:`StoredModule`, a tensor a :class:`StoredTensor`, a dictionary a plain one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .machine import Allowed
from .records import Storage, StoredArray, StoredDtype, StoredModule, StoredTensor, Unreadable
from .storages import read_storage

MAX_DIMENSIONS = 8
MAX_SIDE = 1 << 40
_SCALARS = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i", "u1": "<B", "b1": "<?"}


def _wrong(what: str) -> Unreadable:
    return Unreadable(f"is no network pickle of the reference ({what} has unexpected parts)")


def _module(arguments: tuple[Any, ...]) -> StoredModule:
    meta = arguments[0] if len(arguments) == 1 else None
    if type(meta) is not dict or meta.get("type") != "class":
        raise _wrong("a network part")
    state, name = meta.get("state"), meta.get("class_name")
    if type(name) is not str or not (state is None or type(state) is dict):
        raise _wrong("a network part")
    meta.pop("module_src", None)  # source text: never read
    return StoredModule(name, state or {})


def _storage(arguments: tuple[Any, ...]) -> Storage:
    if len(arguments) != 1 or not isinstance(arguments[0], bytes | memoryview):
        raise _wrong("a tensor's storage")
    return read_storage(memoryview(arguments[0]))


def _whole_numbers(value: Any) -> bool:
    return type(value) is tuple and all(type(v) is int and v >= 0 for v in value)


def _tensor(arguments: tuple[Any, ...]) -> StoredTensor:
    """Arguments: storage, offset, size, stride, requires_grad, hooks (and metadata)."""
    if not 4 <= len(arguments) <= 7 or not isinstance(arguments[0], Storage):
        raise _wrong("a tensor")
    storage, offset, shape, strides = arguments[:4]
    fits = type(offset) is int and offset >= 0 and _whole_numbers(shape) and _whole_numbers(strides)
    if not fits or len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS:
        raise _wrong("a tensor")
    if max((offset, *shape)) > MAX_SIDE:
        raise _wrong("a tensor")
    tensor = StoredTensor(storage, offset, shape, strides)
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    # No more items than are stored: a stride of 0 could claim any number of them.
    if tensor.count > storage.count or (tensor.count and last >= storage.count):
        raise Unreadable("holds a tensor that claims more numbers than the file stores for it")
    return tensor


def _parameter(arguments: tuple[Any, ...]) -> StoredTensor:
    if not arguments or not isinstance(arguments[0], StoredTensor):
        raise _wrong("a parameter")
    return arguments[0]


def _dictionary(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """``OrderedDict()`` or, as older versions wrote it, ``OrderedDict([[key, value], ...])``."""
    found: dict[Any, Any] = {}
    pairs = arguments[0] if len(arguments) == 1 else []
    if len(arguments) > 1 or type(pairs) is not list:
        raise _wrong("a dictionary")
    for pair in pairs:
        if type(pair) not in (list, tuple) or len(pair) != 2 or type(pair[0]) is not str:
            raise _wrong("a dictionary")
        found[pair[0]] = pair[1]
    return found


def _sequence(kind: type) -> Callable[[tuple[Any, ...]], Any]:
    def build(arguments: tuple[Any, ...]) -> Any:
        if len(arguments) > 1 or (arguments and type(arguments[0]) not in (list, tuple)):
            raise _wrong("a list of values")
        return kind(arguments[0] if arguments else ())

    return build


def _dtype(arguments: tuple[Any, ...]) -> StoredDtype:
    if not arguments or type(arguments[0]) is not str or len(arguments[0]) > 8:
        raise _wrong("a number type")
    return StoredDtype(arguments[0])


def _scalar(arguments: tuple[Any, ...]) -> int | float | bool:
    if len(arguments) != 2 or not isinstance(arguments[0], StoredDtype):
        raise _wrong("a number")
    form = _SCALARS.get(arguments[0].code)
    raw = arguments[1]
    if form is None or not isinstance(raw, bytes) or len(raw) != struct.calcsize(form):
        raise _wrong("a number")
    value: int | float | bool = struct.unpack(form, raw)[0]
    return value


def _array(_: tuple[Any, ...]) -> StoredArray:
    return StoredArray()


def _encoded(arguments: tuple[Any, ...]) -> bytes:
    """How protocol 2 writes bytes: as text of the same codes."""
    if len(arguments) != 2 or type(arguments[0]) is not str or arguments[1] != "latin1":
        raise _wrong("a run of bytes")
    try:
        return arguments[0].encode("latin1")
    except UnicodeEncodeError as error:
        raise _wrong("a run of bytes") from error


def _device(arguments: tuple[Any, ...]) -> str:
    return "device"


ALLOWED: Allowed = {
    "torch_utils.persistence._reconstruct_persistent_obj": _module,
    "dnnlib.util.EasyDict": _dictionary,
    "collections.OrderedDict": _dictionary,
    "builtins.set": _sequence(list),
    "__builtin__.set": _sequence(list),
    "_codecs.encode": _encoded,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.storage._load_from_bytes": _storage,
    "torch.Size": _sequence(tuple),
    "torch.device": _device,
    "torch.float32": None,
    "torch.float16": None,
    "numpy.dtype": _dtype,
    "numpy.ndarray": None,
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray._reconstruct": _array for core in ("core", "_core")},
}
