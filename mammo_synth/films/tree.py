"""Which files a folder of films holds, and which of them a name in a table may mean.

Symbolic links to folders are not followed (they can lead round in circles, or out of the folder),
and a name in a table never leaves the folder, whatever it says.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Refused

MAX_FILES = 1_000_000


@dataclass(frozen=True)
class Tree:
    """Files below ``root`` as POSIX paths relative to it, sorted; ``refused``: names that are no
    Unicode text, which no table of ours could hold."""

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
    if not root.is_dir():
        what = "is a file" if root.is_file() else "does not exist"
        raise BadInput(f"The folder '{root}' {what}.", hint="Give the folder of the films.")
    found: list[str] = []
    refused: list[Refused] = []
    endings = tuple(suffixes)
    base = os.fspath(root)
    for folder, folders, names in os.walk(base, onerror=_unreadable):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__MACOSX")
        for name in names:
            if name.startswith(".") or (endings and not name.lower().endswith(endings)):
                continue
            path = Path(os.path.relpath(os.path.join(folder, name), base)).as_posix()  # noqa: PTH118
            if not _is_text(path):
                shown = os.fsencode(path).decode("utf-8", "backslashreplace")
                refused.append(Refused(shown, "its name is not UTF-8: rename it"))
                continue
            found.append(path)
            if len(found) > MAX_FILES:
                raise BadInput(
                    f"'{root}' holds more than {MAX_FILES:,} files.",
                    hint="Give the folder of one collection of films.",
                )
    return Tree(root, tuple(sorted(found)), tuple(sorted(refused, key=lambda r: r.film)))


def _unreadable(error: OSError) -> None:
    raise BadInput(
        f"The folder '{error.filename}' cannot be read ({error.strerror}).",
        hint="Change its permissions, or move it out of the films.",
    ) from error


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name.isprintable()


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
