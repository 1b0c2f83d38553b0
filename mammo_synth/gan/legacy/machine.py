"""A stack machine for pickles, of our own: it builds plain values and inert records only.

``pickletools.genops`` cuts the bytes into opcodes with their arguments and runs nothing. What an
opcode does is decided here, and what a name may do is decided by an explicit allow-list of
functions of ours (:mod:`.allowed`): any other name is refused before it is used, and no name is
ever imported or looked up. Everything that a file could make large is bounded.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Collection, Mapping
from typing import IO, Any, cast

from .records import Name, StoredArray, StoredDtype, Unreadable
from .window import Window, shown

MAX_OPCODES = 1_000_000  # three networks of 1024 px have some 60,000
MAX_STACK = 50_000
MAX_INTEGER_BITS = 128

# A function of ours for each name that a pickle may call; ``None`` marks a name that may only be
# mentioned.
Allowed = Mapping[str, Callable[[tuple[Any, ...]], Any] | None]

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE"),
    *("SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_FOREIGN_HINT = (
    "Nothing of it was run. Give a network pickle of the reference (stylegan2-ada-pytorch, with "
    "G, D and G_ema); if this should be one, do not trust the file."
)
TENSORFLOW_HINT = (
    "It is a pickle of the older TensorFlow code. Convert it with the reference's own "
    "legacy.py (stylegan2-ada-pytorch) in an environment of its own, then import the result."
)


class Machine:
    """Builds one value from one pickle.

    Args:
        allowed: What names may do.
        persistent: What a persistent id stands for; ``None`` refuses them.
        attributes: Attributes that a dictionary may have; they are left out.
    """

    def __init__(
        self,
        allowed: Allowed,
        persistent: Callable[[Any], Any] | None = None,
        attributes: Collection[str] = (),
    ) -> None:
        self._allowed, self._persistent, self._attributes = allowed, persistent, attributes
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._work = 0

    def run(self, source: Window) -> Any:
        """The value of the pickle that begins at ``source``'s place, which moves behind it.

        Raises:
            Unreadable: Cut short, garbage, too large, or a name that is not allowed.
        """
        # Calls may look at each byte a few times; more would be one value unpacked again and again.
        self._work = 4 * len(source.data) + 1_000_000
        operations = pickletools.genops(cast(IO[bytes], source))  # read, readline, tell
        for _ in range(MAX_OPCODES):
            try:
                opcode, argument, _place = next(operations)
            except (ValueError, OverflowError, struct.error, StopIteration) as error:
                raise Unreadable(
                    "is no whole pickle (it is cut short or something else)"
                ) from error
            if opcode.name == "STOP":
                value = self._pop()
                if self._stack or self._marks:
                    raise Unreadable("is no well-formed pickle (values are left over)")
                return value
            self._step(opcode.name, argument)
            if len(self._stack) + len(self._marks) > MAX_STACK:
                raise Unreadable("nests or lists more values than a network has")
        raise Unreadable(f"has more than {MAX_OPCODES} steps, far more than a network needs")

    def _step(self, name: str, argument: Any) -> None:
        if name in _LITERALS:
            if isinstance(argument, int) and argument.bit_length() > MAX_INTEGER_BITS:
                raise Unreadable("holds an integer of absurd size")
            self._push(argument)
        elif name in _CONSTANTS:
            self._push(_CONSTANTS[name])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._top()
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._top()
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if argument not in self._memo:
                raise Unreadable("is no well-formed pickle (it refers to a value it never had)")
            self._push(self._memo[argument])
        else:
            action = _ACTIONS.get(name)
            if action is None:
                raise Unreadable(f"uses the pickle opcode {name}, which no network needs")
            action(self, argument)

    # -- the stack ------------------------------------------------------------------------------

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _floor(self) -> int:
        return self._marks[-1] if self._marks else 0

    def _top(self) -> Any:
        if len(self._stack) <= self._floor():
            raise Unreadable("is no well-formed pickle (a value is missing)")
        return self._stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        self._stack.pop()
        return value

    def _since_mark(self) -> list[Any]:
        if not self._marks:
            raise Unreadable("is no well-formed pickle (a mark is missing)")
        first = self._marks.pop()
        found = self._stack[first:]
        del self._stack[first:]
        return found

    # -- opcodes --------------------------------------------------------------------------------

    def _protocol(self, argument: int) -> None:
        if not 2 <= argument <= 5:
            raise Unreadable(f"is a pickle of protocol {argument}; 2 to 5 was expected")

    def _nothing(self, _: Any) -> None:
        """FRAME only announces a length."""

    def _mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def _pop_one(self, _: Any) -> None:
        self._pop()

    def _pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _empty_tuple(self, _: Any) -> None:
        self._push(())

    def _tuple(self, _: Any) -> None:
        self._push(tuple(self._since_mark()))

    def _tuple_of(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(values)))

    def _empty_list(self, _: Any) -> None:
        self._push([])

    def _empty_dict(self, _: Any) -> None:
        self._push({})

    def _list(self, _: Any) -> None:
        self._push(self._since_mark())

    def _dict(self, _: Any) -> None:
        pairs = self._since_mark()
        self._push({})
        self._set_items(pairs)

    def _append(self, _: Any) -> None:
        value = self._pop()
        self._extend([value])

    def _appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _extend(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is not list:
            raise Unreadable("is no well-formed pickle (it appends to what is no list)")
        target.extend(values)

    def _set_item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _set_many(self, _: Any) -> None:
        self._set_items(self._since_mark())

    def _set_items(self, pairs: list[Any]) -> None:
        target = self._top()
        if type(target) is not dict or len(pairs) % 2:
            raise Unreadable("is no well-formed pickle (it sets items of what is no dictionary)")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # Plain keys only: hashing nested values could exhaust the interpreter's stack.
            if type(key) not in (str, int, float, bool, type(None)):
                raise Unreadable("has a dictionary with keys that no network has")
            target[key] = value

    def _global(self, argument: str) -> None:
        self._mention(argument.replace(" ", ".", 1))

    def _stack_global(self, _: Any) -> None:
        attribute, module = self._pop(), self._pop()
        if type(attribute) is not str or type(module) is not str:
            raise Unreadable("is no well-formed pickle (a name is no text)")
        self._mention(f"{module}.{attribute}")

    def _mention(self, text: str) -> None:
        if text not in self._allowed:
            if text.startswith("dnnlib.tflib."):
                raise Unreadable("is not supported", TENSORFLOW_HINT)
            raise Unreadable(
                f"names '{shown(text)}', which is no part of a network of the reference: refused",
                _FOREIGN_HINT,
            )
        self._push(Name(text))

    def _reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        ours = self._allowed.get(function.text) if isinstance(function, Name) else None
        if ours is None or type(arguments) is not tuple:
            raise Unreadable("calls something that may not be called: refused", _FOREIGN_HINT)
        self._work -= sum(len(a) for a in arguments if hasattr(a, "__len__"))
        if self._work < 0:
            raise Unreadable("unpacks to far more than its size: refused", _FOREIGN_HINT)
        self._push(ours(arguments))

    def _build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, StoredDtype) and type(state) is tuple and len(state) >= 2:
            if state[1] not in ("<", "|", "="):
                raise Unreadable("holds numbers in big-endian order, which is not supported")
            target.order = state[1]
        elif isinstance(target, StoredArray) and type(state) is tuple:
            target.facts["parts"] = len(state)
        elif not (
            type(target) is dict and type(state) is dict and state.keys() <= {*self._attributes}
        ):
            # An empty state is what an EasyDict without attributes leaves.
            raise Unreadable("sets the state of an object that has none: refused", _FOREIGN_HINT)

    def _persistent_id(self, _: Any) -> None:
        if self._persistent is None:
            raise Unreadable("refers to data outside itself: refused", _FOREIGN_HINT)
        self._push(self._persistent(self._pop()))


_ACTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": Machine._protocol,
    "FRAME": Machine._nothing,
    "MARK": Machine._mark,
    "POP": Machine._pop_one,
    "POP_MARK": Machine._pop_mark,
    "EMPTY_TUPLE": Machine._empty_tuple,
    "TUPLE": Machine._tuple,
    "TUPLE1": lambda machine, _: machine._tuple_of(1),
    "TUPLE2": lambda machine, _: machine._tuple_of(2),
    "TUPLE3": lambda machine, _: machine._tuple_of(3),
    "EMPTY_LIST": Machine._empty_list,
    "EMPTY_SET": Machine._empty_list,  # a set's order and uniqueness matter to nobody here
    "EMPTY_DICT": Machine._empty_dict,
    "LIST": Machine._list,
    "DICT": Machine._dict,
    "APPEND": Machine._append,
    "APPENDS": Machine._appends,
    "ADDITEMS": Machine._appends,
    "SETITEM": Machine._set_item,
    "SETITEMS": Machine._set_many,
    "GLOBAL": Machine._global,
    "STACK_GLOBAL": Machine._stack_global,
    "REDUCE": Machine._reduce,
    "NEWOBJ": Machine._reduce,
    "BUILD": Machine._build,
    "BINPERSID": Machine._persistent_id,
}
