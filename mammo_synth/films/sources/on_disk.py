"""What all sources of film files share: where the films are, and how one is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.films.readers import decode, read_bytes
from mammo_synth.films.record import LATERALITIES, VIEWS, Film, FilmRecord
from mammo_synth.films.tree import inside

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class DiskSource:
    """The films below ``folder``.

    ``for_processing``: also take DICOM images that were not made for reading (raw detector data).
    """

    folder: Path
    for_processing: bool = False

    def read(self, record: FilmRecord) -> Film:
        """One film."""
        path = inside(self.folder, record.locator)
        return decode(read_bytes(path), record.locator, for_processing=self.for_processing)

    def size(self, record: FilmRecord) -> int:
        """Bytes of the film's file."""
        return inside(self.folder, record.locator).stat().st_size

    def digest(self, record: FilmRecord) -> str:
        """sha256 of the film's file.

        It is read for this, and once more to be decoded: measured, that is faster than hashing what
        was read as a whole (benchmarks/speed/README.md).
        """
        return sha256_file(inside(self.folder, record.locator))


def safe_id(text: str, what: str) -> str:
    """``text``, if it can stand in an identifier of ours: letters, digits, ``_ . -``.

    Raises:
        BadInput: It cannot.
    """
    if not _ID.fullmatch(text):
        raise BadInput(
            f"{what} '{text[:60]}' is not an identifier of letters, digits, '_', '.' and '-'.",
            hint="Use the table as it is distributed.",
        )
    return text


def view_of(text: str) -> str | None:
    """``CC`` or ``MLO``, or None for any other projection and for an empty text."""
    name = text.strip().upper()
    return name if name in VIEWS else None


def laterality_of(text: str) -> str | None:
    """``L`` or ``R`` of L, R, LEFT, RIGHT; None for anything else."""
    name = text.strip().upper()[:1]
    full = text.strip().upper() in ("L", "R", "LEFT", "RIGHT")
    return name if full and name in LATERALITIES else None
