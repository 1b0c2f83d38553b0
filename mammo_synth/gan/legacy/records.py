"""What a reference pickle is turned into: inert records, none of which can call anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Unreadable(Exception):
    """The bytes are no pickle that we read; becomes a ``BadInput`` that names the file."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Name:
    """A name that a pickle mentions (``module.attribute``). It stays text: nothing is looked up."""

    text: str


@dataclass(frozen=True, eq=False)
class Storage:
    """The numbers of a tensor, still in the bytes of the file."""

    kind: str  # numpy's name of the type: float32, int64, ...
    data: memoryview

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return len(self.data) // np.dtype(self.kind).itemsize


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor whose place within its storage was checked; nothing is copied before
    :meth:`array`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in items

    @property
    def kind(self) -> str:
        """numpy's name of the type."""
        return self.storage.kind

    @property
    def count(self) -> int:
        """How many numbers the tensor has."""
        return int(np.prod(self.shape, dtype=object)) if self.shape else 1

    @property
    def size(self) -> int:
        """Bytes of a contiguous copy."""
        return self.count * np.dtype(self.kind).itemsize

    def _sides(self) -> Iterator[tuple[int, int]]:
        return zip(self.shape, self.strides, strict=True)

    def array(self) -> NDArray[Any]:
        """The values: a contiguous, writable copy of shape ``shape``."""
        flat = np.frombuffer(self.storage.data, np.dtype(self.kind).newbyteorder("<"))
        # Strides of sides with one item, or of a tensor with none, mean nothing: any number is
        # allowed there, also one that no address can have.
        steps = [s * flat.itemsize if n > 1 and self.count else 0 for n, s in self._sides()]
        view = np.lib.stride_tricks.as_strided(
            flat[self.offset :], self.shape, steps, writeable=False
        )
        return np.array(view, dtype=self.kind, order="C")


@dataclass(frozen=True, eq=False)
class StoredModule:
    """A network part as it was saved: its class's name and its attributes. The source text that
    the pickle carries for it is dropped unread."""

    class_name: str
    state: dict[Any, Any]


@dataclass(eq=False)
class StoredDtype:
    """A numpy type, such as ``f8``."""

    code: str
    order: str = "="


@dataclass(eq=False)
class StoredArray:
    """A numpy array that no setting needs: only its presence is kept."""

    facts: dict[str, Any] = field(default_factory=dict)
