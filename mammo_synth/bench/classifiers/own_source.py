"""Where a classifier of one's own lies: a class in a file, or one that an installed package offers.

Nothing of the file is run here.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mammo_synth.bench.classifiers.images import FILTERS
from mammo_synth.bench.recipes import CommonSettings, setting
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import sha256_file

GROUP = "mammo_synth.classifiers"
"""Entry points of this group are classifiers: name = "package.module:Class"."""
HINT = "For example --classifier path/to/file.py:MyClassifier; see benchmarks/classifiers.md."
"""Ends an error about a class that was not named rightly."""


@dataclass(frozen=True, kw_only=True)
class OwnSettings(CommonSettings):
    """Settings of an own classifier.

    Attributes:
        source: ``file.py:MyClassifier``, or the name of an installed classifier.
        source_sha256: Of the file; filled in when the recipe is read, checked if it stands there.
        input_size: Images are brought to this side in px.
        resize_filter: Filter of that.
    """

    source: str = setting()
    source_sha256: str = setting()
    input_size: int = setting(low=4, high=1024)
    resize_filter: str = setting(choices=FILTERS)


def installed() -> dict[str, metadata.EntryPoint]:
    """Classifiers that installed packages offer, by name."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def board_name(settings: OwnSettings) -> str:
    """Name on the leaderboard: the class, or the name of the entry point.

    Raises:
        BadInput: It is the name of a built-in classifier, or no name that a record may have.
    """
    from mammo_synth.bench.classifiers import CLASSIFIERS

    if not settings.source:
        return "own"
    name = settings.source.rpartition(":")[2]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise BadInput(
            f"'{name}' cannot be a classifier's name; letters, digits, '.', '_' and '-' were "
            f"expected, a letter or digit first, at most 80.",
            hint="Rename the class.",
        )
    if name.casefold() in CLASSIFIERS:
        raise BadInput(
            f"'{name}' is the name of a built-in classifier.", hint="Give yours another name."
        )
    return name


def locate(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Path]]:
    """Settings with the file's name and digest in place of its path; and the file. Nothing of the
    file is run.

    Raises:
        BadInput: No such file, it is not Python, has another sha256, or has no such class.
    """
    given = dict(values)
    source = given.get("source")
    if not isinstance(source, str) or not source:
        return given, {}  # refused when it is made: the recipe itself may be listed
    points = installed()
    if source in points:
        path = _file_of(points[source])
    else:
        path, name = _split(source, points)
        _check_class(path, name)
        given["source"] = f"{path.name}:{name}"
    digest = sha256_file(path)
    if given.get("source_sha256") not in ("", digest):
        raise BadInput(
            f"'{path}' has the sha256 {digest}; the recipe expects {given.get('source_sha256')}.",
            hint="Use the file that the recipe means, or change source_sha256.",
        )
    given["source_sha256"] = digest
    return given, {"source": path}


def _split(source: str, points: Mapping[str, Any]) -> tuple[Path, str]:
    """``path/to/file.py:Name`` in two."""
    file, colon, name = source.rpartition(":")
    if not colon or not file.endswith(".py"):
        if source.endswith(".py"):
            raise BadInput(f"'{source}' names no class.", hint=HINT)
        others = f" {did_you_mean(source, points)}" if points else ""
        raise BadInput(f"There is no installed classifier '{source}'.", hint=HINT + others)
    path = Path(file)
    if not path.is_file():
        raise BadInput(f"There is no file '{file}'.", hint=HINT)
    return path, name


def _check_class(path: Path, name: str) -> None:
    """Look for ``name`` at the top of the file without running it."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise BadInput(
            f"'{path}' is not Python ({getattr(error, 'msg', error)}{line}).", hint="Correct it."
        ) from error
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if name not in classes:
        raise BadInput(
            f"'{path}' has no class '{name}' at its top.",
            hint=did_you_mean(name, classes) if classes else HINT,
        )


def _file_of(point: metadata.EntryPoint) -> Path:
    """The file behind an entry point."""
    try:
        spec = importlib.util.find_spec(point.module)
    except Exception as error:  # the package that holds the module is run to find it
        raise BadInput(
            f"The installed classifier '{point.name}' cannot be found "
            f"({type(error).__name__}: {error}).",
            hint=f"Mend or reinstall the package that offers it ({point.value}).",
        ) from error
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise BadInput(
            f"The installed classifier '{point.name}' points to '{point.value}', which is not "
            f"there.",
            hint="Reinstall the package that offers it.",
        )
    return Path(spec.origin)
