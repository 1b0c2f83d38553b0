"""From a stored network part to named tensors and to the settings it was made with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .records import StoredModule, StoredTensor, Unreadable

MAX_DEPTH = 8
MAX_PARTS = 2000  # a generator of 1024 px has some 90


def _entries(module: StoredModule, name: str) -> dict[str, Any]:
    found = module.state.get(name, {})
    if type(found) is not dict or not all(type(key) is str for key in found):
        raise Unreadable(f"is no network pickle of the reference ({name} has unexpected parts)")
    return found


def walk(module: StoredModule, what: str) -> Iterator[tuple[str, StoredModule]]:
    """``module`` and all parts in it with their dotted names; ``what`` names it in an error.

    Raises:
        Unreadable: Nested without end, or no network parts.
    """
    waiting = [("", module)]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        name, part = waiting.pop()
        yield name, part
        for key, inner in _entries(part, "_modules").items():
            path = f"{name}{key}."
            if not isinstance(inner, StoredModule) or path.count(".") > MAX_DEPTH:
                raise Unreadable(f"has a network {what} with unexpected parts")
            waiting.append((path, inner))
    raise Unreadable(f"has a network {what} with far too many parts")


def named_tensors(module: StoredModule, what: str) -> dict[str, StoredTensor]:
    """Parameters and buffers by the names that a state dict has.

    Raises:
        Unreadable: An entry is something else.
    """
    found = {}
    for name, part in walk(module, what):
        for kind in ("_parameters", "_buffers"):
            for key, value in _entries(part, kind).items():
                if isinstance(value, StoredTensor):
                    found[f"{name}{key}"] = value
                elif value is not None:  # a layer without bias
                    raise Unreadable(f"has a network {what} with unexpected parts")
    return found


class Keywords:
    """The keywords of one constructor, taken out one by one; what is left over is refused by name.

    A value that we do not know may change the image, so nothing is passed over silently.
    """

    def __init__(self, where: str, values: Any) -> None:
        if type(values) is not dict:
            raise Unreadable(f"has no keywords where {where} should have them")
        self._where, self._values = where, dict(values)

    def _refuse(self, name: str, expected: str) -> Unreadable:
        value = self._values[name]
        seen = repr(value) if isinstance(value, bool | int | float | str) else "something else"
        return Unreadable(
            f"has {self._where} with {name} = {seen[:60]}, which mammo-synth cannot represent "
            f"({expected} was expected)",
            "Networks trained with the reference's own options can be imported.",
        )

    def whole(
        self, name: str, default: int | None, low: int, high: int, *, none: int | None = None
    ) -> int:
        """A whole number within bounds; ``default`` ``None``: it must be there. ``none``: what a
        given ``None`` means, where it means something."""
        if name not in self._values and default is not None:
            return default
        value = self._values.setdefault(name, None)
        if value is None and none is not None:
            value = none
        if type(value) is not int or not low <= value <= high:
            raise self._refuse(name, f"a whole number from {low} to {high}")
        del self._values[name]
        return value

    def choice(self, name: str, default: str, known: tuple[str, ...]) -> str:
        """One of the ``known`` words."""
        value = self._values.get(name, default)
        if type(value) is not str or value not in known:
            raise self._refuse(name, " or ".join(known))
        self._values.pop(name, None)
        return value

    def clamp(self, name: str) -> float | None:
        """A positive number or none."""
        value = self._values.get(name)
        if value is not None and (type(value) not in (int, float) or not 0 < value < 1e9):
            raise self._refuse(name, "a positive number or none")
        self._values.pop(name, None)
        return None if value is None else float(value)

    def must(self, name: str, *expected: Any) -> None:
        """If given, the value must be one of ``expected`` (the first says which in words)."""
        if name not in self._values:
            return
        value = self._values[name]
        if type(value) in (list, tuple) and len(value) < 16:
            value = [v for v in value if type(v) in (int, float)]
        if not any(type(value) is type(e) and value == e for e in expected):
            raise self._refuse(name, repr(expected[0]))
        del self._values[name]

    def ignore(self, *names: str) -> None:
        """Ways of computing that do not change what is computed."""
        for name in names:
            self._values.pop(name, None)

    def inner(self, name: str) -> Keywords:
        """The keywords within the keyword ``name``."""
        return Keywords(f"{self._where} {name}", self._values.pop(name, {}))

    def end(self) -> None:
        """Refuse what is left over."""
        for name in self._values:
            raise self._refuse(str(name)[:60], "no such keyword")
