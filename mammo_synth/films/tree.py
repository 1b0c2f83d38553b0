"""Which files a folder of films holds, and which of them a name in a table may mean.

Symbolic links to folders are not followed (they can lead round in circles, or out of the folder),
and a name in a table never leaves the folder, whatever it says.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Refused

MAX_FILES = 1_000_000


@dataclass(frozen=True)
class Tree:
    """Files below ``root`` as POSIX paths relative to it, sorted; ``refused``: names that no table
    of ours could hold, what is no file of data (a pipe, a broken link), folders that may not be
    read."""

    root: Path
    files: tuple[str, ...]
    refused: tuple[Refused, ...]

    def named(self, *names: str) -> list[str]:
        """The files with one of these names (case aside), wherever they lie."""
        wanted = {name.lower() for name in names}
        return [path for path in self.files if PurePosixPath(path).name.lower() in wanted]

    def ending(self, *suffixes: str) -> list[str]:
        """The files that end so (case aside)."""
        return [path for path in self.files if path.lower().endswith(suffixes)]


def read_tree(root: Path, suffixes: Collection[str] = ()) -> Tree:
    """List the files below ``root`` that end in one of ``suffixes`` (lower case; none: all files);
    hidden files and folders are passed over, and so is ``__MACOSX``.

    Raises:
        BadInput: ``root`` is no folder, cannot be read, or holds more than `MAX_FILES` such files.
    """
    _check_folder(root)
    found: list[str] = []
    refused: list[Refused] = []
    endings = tuple(suffixes)
    waiting = [""]  # folders still to be read, relative to the root; a tree may be deep
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as entries:
                listed = list(entries)
        except OSError as error:
            if not folder:
                raise BadInput(
                    f"The folder '{root}' cannot be read ({error.strerror}).",
                    hint="Change its permissions.",
                ) from error
            reason = f"this folder cannot be read ({error.strerror}); its films are left aside"
            refused.append(Refused(_shown(folder), reason))
            continue
        for entry in listed:
            name = entry.name
            path = f"{folder}/{name}" if folder else name
            if name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if name != "__MACOSX":
                    waiting.append(path)
                continue
            if endings and not name.lower().endswith(endings):
                continue
            wrong = _unusable(entry, path)
            if wrong == "":
                found.append(path)
            elif wrong is not None:
                refused.append(Refused(_shown(path), wrong))
            if len(found) + len(refused) > MAX_FILES:
                raise BadInput(
                    f"'{root}' holds more than {MAX_FILES:,} files.",
                    hint="Give the folder of one collection of films.",
                )
    return Tree(root, tuple(sorted(found)), tuple(sorted(refused, key=lambda r: r.film)))


def _check_folder(root: Path) -> None:
    try:
        if root.is_dir():
            return
        what = "is a file" if root.is_file() else "does not exist"
    except (OSError, ValueError) as error:
        what = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    raise BadInput(f"The folder '{root}' {what}.", hint="Give the folder of the films.")


def _unusable(entry: os.DirEntry[str], path: str) -> str | None:
    """Why a film may not be read from ``entry``: "" where it may, None where it is a link to a
    folder, which is passed over."""
    if (wrong := _not_text(path)) is not None:
        return wrong
    try:
        if entry.is_file():
            return ""
        if entry.is_dir():
            return None
    except OSError:
        pass  # a link that leads round in circles: no file either
    return "it is no file of data (a broken link, a pipe or a device)"


def _not_text(name: str) -> str | None:
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        return "its name is not UTF-8: rename it"
    if categories & {"Cc", "Zl", "Zp"}:
        return "its name holds a control character or a line break: rename it"
    return None


def _shown(path: str) -> str:
    """``path`` as text that can be printed: what is not text in it stands escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if _not_text(c) is None else ascii(c)[1:-1] for c in text)


def inside(root: Path, name: str) -> Path:
    """The file that ``name``, a path relative to ``root``, means.

    Raises:
        BadInput: It is absolute, no path at all, or leads out of ``root`` (by ``..`` or by a link).
    """
    path = name.replace("\\", "/")
    try:
        target = (root / path).resolve()
        fits = target.is_relative_to(root.resolve()) and not PurePosixPath(path).is_absolute()
    except (OSError, ValueError, RuntimeError):  # a loop of links, a NUL in the name
        fits = False
    if not fits:
        raise BadInput(
            f"'{name[:200]}' points outside '{root}'.",
            hint="Paths are relative to the folder of the films.",
        )
    return root / path


def is_film_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
