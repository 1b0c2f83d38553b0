"""Texts, times and numbers of a JSON file from a stranger: nothing in them may act on a page."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mammo_synth.bench.record import MAX_RECORD_BYTES
from mammo_synth.leaderboard.check_problem import Found

_TAG = re.compile(r"<\s*[a-z!/?]|&(#\d+|#x[0-9a-f]+|[a-z]+);", re.IGNORECASE)
_SCHEME = re.compile(r"\b(javascript|vbscript|data\s*:\s*text|file)\s*:", re.IGNORECASE)
# Control characters, and those that turn the direction of text or have no width.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_FORM = "%Y-%m-%dT%H:%M:%SZ"
_LARGEST = 2**63
_SHOWN = 60


class _Twice(ValueError):
    """A key stands twice in an object."""


def read_value(path: Path) -> tuple[Any, list[Found]]:
    """The JSON of a file and what is wrong with it as JSON; None where it cannot be read.

    A key that stands twice is refused: two readers would read two values.
    """
    if path.stat().st_size > MAX_RECORD_BYTES:
        message = f"it has {path.stat().st_size} bytes; at most {MAX_RECORD_BYTES} were expected"
        return None, [("too-large", message)]
    try:
        value = json.loads(path.read_bytes(), parse_constant=_constant, object_pairs_hook=_object)
        list(leaves(value))
    except (ValueError, RecursionError) as error:
        return None, [("not-json", f"it is not JSON ({error})")]
    return value, []


def _constant(name: str) -> float:
    raise ValueError(f"{name} stands in it, and JSON has no such number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"the key '{twice[:_SHOWN]}' stands in it twice")
    return found


def leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every key and every value that is neither object nor array, with its place."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield (*place, name), name
            yield from leaves(entry, (*place, name))
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from leaves(entry, (*place, str(i)))
    else:
        yield place, value


def text_problems(value: Any) -> tuple[list[Found], set[tuple[str, ...]]]:
    """Markup, scripts, invisible characters, unsafe links and numbers beyond any use in a JSON
    value; and the places at which they stand."""
    problems: list[Found] = []
    places: set[tuple[str, ...]] = set()
    for place, leaf in leaves(value):
        found = _text(leaf) if isinstance(leaf, str) else _number(leaf)
        if found is not None:
            code, what = found
            shown = ascii(leaf)[: _SHOWN + 2]
            problems.append((code, f"{where(place)} {what}: {shown}"))
            places.add(place)
    return problems, places


def moment(text: str) -> datetime | None:
    """The time of ``2026-01-31T12:00:00Z``; None where it is none."""
    try:
        found = datetime.strptime(text, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.strftime(_FORM) == text else None


def where(place: tuple[str, ...]) -> str:
    """A place in words, without anything that a terminal or a page would act on."""
    return ".".join(_TAG.sub("?", _INVISIBLE.sub("?", part))[:_SHOWN] for part in place) or "it"


def _text(text: str) -> Found | None:
    if _TAG.search(text):
        return "markup", "holds HTML"
    if _SCHEME.search(text):
        return "unsafe-link", "holds a link that runs or opens what is no page"
    if _INVISIBLE.search(text):
        return "markup", "holds invisible characters"
    return None


def _number(value: Any) -> Found | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if (isinstance(value, float) and not math.isfinite(value)) or abs(value) >= _LARGEST:
        return "schema", "is a number beyond any use"
    return None
