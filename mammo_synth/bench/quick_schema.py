"""A JSON schema as one compiled question: does a value follow it? Yes or no, and no reason.

`jsonschema` needs 6 ms for a record of twenty epochs and says what is wrong; this needs a tenth
of it. So it is asked first, and `jsonschema` only where the answer is no.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]

_SILENT = {"$schema", "$defs", "$id", "title", "description", "$comment"}
_KINDS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "number": (int, float),
    "integer": (int,),
}
"""Types as JSON is read into them: exactly these, no class made from one."""
_NUMBERS = frozenset((int, float))
_TOGETHER = {"minimum", "maximum", "properties", "required", "additionalProperties"}


def compiled(schema: Mapping[str, Any]) -> Test:
    """The question that ``schema`` asks.

    Raises:
        NotImplementedError: It has a keyword that is not known here.
    """
    made: dict[str, Test] = {}
    return _test(schema, schema, made)


def _test(schema: Any, root: Mapping[str, Any], made: dict[str, Test]) -> Test:
    if isinstance(schema, bool):
        return lambda v: schema
    tests: list[Test] = []
    for name, wanted in schema.items():
        if name in _SILENT or name in _TOGETHER:
            continue
        if name == "$ref":
            tests.append(_reference(wanted, root, made))
        elif name == "type":
            tests.append(_type(schema))
        elif name == "pattern":
            tests.append(_pattern(wanted))
        elif name == "const":
            tests.append(_one_of([wanted]))
        elif name == "enum":
            tests.append(_one_of(wanted))
        elif name == "anyOf":
            tests.append(_any_of([_test(one, root, made) for one in wanted]))
        elif name == "items":
            tests.append(_items(_test(wanted, root, made)))
        else:
            raise NotImplementedError(f"the keyword {name}")
    if "type" not in schema and {"minimum", "maximum"} & schema.keys():
        tests.append(_type({**schema, "type": list(_KINDS)}))
    if {"properties", "required", "additionalProperties"} & schema.keys():
        tests.append(_object(schema, root, made))
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda v: first(v) and second(v)
    return lambda v: all(test(v) for test in tests)


def _reference(name: str, root: Mapping[str, Any], made: dict[str, Test]) -> Test:
    if not name.startswith("#/"):
        raise NotImplementedError(f"the reference {name}")
    if name not in made:
        made[name] = lambda v: made[name](v)  # for a definition that names itself
        target: Any = root
        for part in name[2:].split("/"):
            target = target[part]
        made[name] = _test(target, root, made)
    return made[name]


def _type(schema: Mapping[str, Any]) -> Test:
    """The type together with the limits, which only numbers have."""
    names = schema["type"]
    names = {names} if isinstance(names, str) else set(names)
    kinds = frozenset(kind for name in names for kind in _KINDS[name])
    whole = "integer" in names and "number" not in names
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not kinds & {int, float}:
        return lambda v: type(v) in kinds

    def test(v: Any) -> bool:
        kind = type(v)
        if kind in _NUMBERS:
            if kind in kinds or (whole and v.is_integer()):
                return bool(low <= v <= high)
            return False
        return kind in kinds

    return test


def _pattern(wanted: str) -> Test:
    search = re.compile(wanted).search
    return lambda v: not isinstance(v, str) or search(v) is not None


def _one_of(values: list[Any]) -> Test:
    return lambda v: any(_equal(v, one) for one in values)


def _any_of(ways: list[Test]) -> Test:
    return lambda v: any(way(v) for way in ways)


def _items(each: Test) -> Test:
    return lambda v: not isinstance(v, list) or all(map(each, v))


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], made: dict[str, Test]) -> Test:
    known = {name: _test(one, root, made) for name, one in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    other = _test(schema.get("additionalProperties", True), root, made)

    def test(v: Any) -> bool:
        if not isinstance(v, dict):
            return True
        if not required <= v.keys():
            return False
        return all(known.get(name, other)(one) for name, one in v.items())

    return test


def _equal(value: Any, wanted: Any) -> bool:
    """Equality of JSON for plain values: true is not 1."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)
