"""The first sheet of an Excel file (.xlsx), row by row, every value as plain text.

Read as a stream, straight from the zip: one row and the file's shared strings are all that memory
holds, whatever the file declares. Formulas are not read, only what they gave when the file was
last saved. Dates come as Excel keeps them: the number of a day. A file that declares a document
type (where entities are defined that blow up or read other files) is refused.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from mammo_synth.errors import BadInput

MAX_UNPACKED = 512 * 1024 * 1024
MAX_DIRECTORY = 1024 * 1024  # bytes of the zip's list of parts; an Excel file has some dozen parts
MAX_SHEETS = 100  # that are tried, until one is a table
MAX_STRINGS = 2_000_000
MAX_CHARACTERS = 64 * 1024 * 1024  # of all shared strings
MAX_TOKEN = 1024 * 1024  # bytes of one tag
MAX_CELLS = 16_384  # of one row; Excel's own bound
MAX_COLUMNS = 1_000  # that are kept
MAX_TEXT = 32_768  # characters of one value; Excel's own bound
CHUNK = 65_536

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def read_sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of the first worksheet that hold anything, with their numbers (from 1) and with values
    up to the last column that has one.

    Raises:
        BadInput: Not an Excel file, damaged, encrypted, or a bound is broken.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as file:
            parts = _Parts(file, path)
            book = parts.related("", "/officeDocument")
            sheet = _first_sheet(parts, book)
            strings = _shared_strings(parts, book)
            yield from _rows(parts, sheet, strings)
    except BadInput:
        raise
    except (
        OSError,
        ValueError,
        LookupError,
        EOFError,
        RuntimeError,  # zipfile: encrypted, or packed in a way it does not know
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
    ) as error:
        raise BadInput(
            f"'{path}' is not an Excel file that can be read "
            f"({str(error)[:100] or type(error).__name__}).",
            hint="Save it again in Excel, or save it as CSV UTF-8.",
        ) from error


def _check_directory(path: Path) -> None:
    """Refuse a list of parts so long that reading it alone would fill the memory."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 65_557))
        tail = stream.read()
    at = len(tail) - 22
    if tail[at : at + 4] != b"PK\x05\x06" or tail[-2:] != b"\x00\x00":
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise BadInput(
            f"'{path}' is not an Excel file (.xlsx), or it is encrypted or cut short.",
            hint="Save it again in Excel without a password, or save it as CSV UTF-8.",
        )
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if directory > MAX_DIRECTORY or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise _too_much(path, "parts")


class _Parts:
    """The parts of one Excel file, found by name whatever its case."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self.file = file
        self.path = path
        self.infos = {info.filename.lower().lstrip("/"): info for info in file.infolist()}
        unpacked = sum(info.file_size for info in self.infos.values())
        if unpacked > MAX_UNPACKED:
            raise BadInput(
                f"'{path}' unpacks to {unpacked / 1e6:.0f} MB; a label table has at most "
                f"{MAX_UNPACKED / 1e6:.0f}.",
                hint="Check that it is the table of the films.",
            )

    def chunks(self, name: str) -> Iterator[bytes]:
        """The part ``name``; never more bytes than it declares."""
        with self.file.open(self.infos[name.lower()]) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def related(self, name: str, kind: str, wanted: str | None = None) -> str:
        """The part that ``name`` ("": the file itself) relates to as ``kind``, and by the id
        ``wanted`` where one is given.

        Raises:
            KeyError: There is none.
        """
        folder, own = posixpath.split(name)
        relations = posixpath.join(folder, "_rels", f"{own}.rels")
        if self.infos[relations].file_size > MAX_DIRECTORY:
            raise _too_much(self.path, "relations of parts")
        found: list[str] = []

        def start(tag: str, values: dict[str, str]) -> None:
            fits = values.get("Type", "").endswith(kind) and wanted in (None, values.get("Id"))
            if tag == "Relationship" and fits and not found:
                found.append(values["Target"])

        for _ in self.parse(relations, start):
            pass
        if not found:
            raise KeyError(f"no part {kind}")
        return posixpath.normpath(posixpath.join(folder, found[0])).lstrip("/").lower()

    def parse(
        self, name: str, start: Start, end: End | None = None, text: Text | None = None
    ) -> Iterator[None]:
        """Parse the part ``name``; stops after each chunk, so that a caller can take what there
        is. Names of tags come without their prefix.

        Raises:
            BadInput: It declares a document type, or one of its tags is absurdly long.
        """
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda tag, values: start(tag.rpartition(":")[2], values)
        if end is not None:
            parser.EndElementHandler = lambda tag: end(tag.rpartition(":")[2])
        parser.CharacterDataHandler = text

        def document_type(*_: Any) -> None:
            raise BadInput(
                f"'{self.path}' declares an XML document type; an Excel file never does.",
                hint="Do not trust this file. Get the table from its publisher.",
            )

        parser.StartDoctypeDeclHandler = document_type
        fed = 0
        for chunk in self.chunks(name):
            fed += len(chunk)
            parser.Parse(chunk, False)
            if fed - parser.CurrentByteIndex > MAX_TOKEN:
                raise _too_much(self.path, "bytes in one tag")
            yield
        parser.Parse(b"", True)
        yield


def _first_sheet(parts: _Parts, book: str) -> str:
    """The first sheet of the book that is a table and no chart."""
    ids: list[str] = []

    def start(tag: str, values: dict[str, str]) -> None:
        if tag == "sheet" and len(ids) < MAX_SHEETS:
            ids.extend(value for key, value in values.items() if key.rpartition(":")[2] == "id")

    for _ in parts.parse(book, start):
        pass
    for sheet in ids:
        try:
            return parts.related(book, "/worksheet", sheet)
        except KeyError:
            continue
    raise KeyError("no sheet")


def _shared_strings(parts: _Parts, book: str) -> list[str]:
    """The texts that cells refer to by number."""
    try:
        part = parts.related(book, "/sharedStrings")
    except KeyError:
        return []
    if part not in parts.infos:
        return []
    strings: list[str] = []
    held = _Text()
    characters = 0

    def end(tag: str) -> None:
        nonlocal characters
        held.end(tag)
        if tag == "si":
            strings.append(held.take())
            characters += len(strings[-1])
            if len(strings) > MAX_STRINGS or characters > MAX_CHARACTERS:
                raise _too_much(parts.path, "texts")

    for _ in parts.parse(part, held.start, end, held.add):
        pass
    return strings


class _Text:
    """Gathers the text of one value: of its ``t`` and ``v`` tags, without phonetic guides."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self.open = False
        self.guide = False

    def start(self, tag: str, _: dict[str, str]) -> None:
        if tag == "rPh":
            self.guide = True
        self.open = tag in ("t", "v") and not self.guide

    def end(self, tag: str) -> None:
        if tag == "rPh":
            self.guide = False
        self.open = False

    def add(self, text: str) -> None:
        if self.open and self.length < MAX_TEXT:
            self.pieces.append(text)
            self.length += len(text)

    def take(self) -> str:
        text = "".join(self.pieces)[:MAX_TEXT].replace("_x005F_", "_")  # Excel's escaped "_"
        self.pieces.clear()
        self.length = 0
        return text


def _rows(parts: _Parts, sheet: str, strings: list[str]) -> Iterator[tuple[int, list[str]]]:
    ready: list[tuple[int, list[str]]] = []
    held = _Text()
    cells: dict[int, str] = {}
    row = place = seen = 0
    kind = ""

    def start(tag: str, values: dict[str, str]) -> None:
        nonlocal row, place, seen, kind
        if tag == "row":
            row = _number(values.get("r", ""), row + 1)
            place = seen = 0
        elif tag == "c":
            place = _column(values.get("r", ""), place + 1)
            kind = values.get("t", "n")
            seen += 1
            if seen > MAX_CELLS:
                raise _too_much(parts.path, f"cells in row {row}")
        held.start(tag, values)

    def end(tag: str) -> None:
        held.end(tag)
        if tag == "c":
            value = held.take()
            if value and 0 < place <= MAX_COLUMNS:
                cells[place] = _value(value, kind, strings)
        elif tag == "row":
            if cells:
                ready.append((row, [cells.get(i, "") for i in range(1, max(cells) + 1)]))
            cells.clear()

    for _ in parts.parse(sheet, start, end, held.add):
        yield from ready
        ready.clear()


def _value(text: str, kind: str, strings: list[str]) -> str:
    if kind == "s":
        index = _number(text, -1)
        if not 0 <= index < len(strings):
            raise IndexError("a cell refers to a text that is not there")
        return strings[index]
    if kind == "b":
        return {"1": "True", "0": "False"}.get(text, text)
    if kind == "n":
        try:
            number = float(text)
        except ValueError:
            return text
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else text
    return text


def _number(text: str, otherwise: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else otherwise


def _column(reference: str, otherwise: int) -> int:
    """1 for ``A7``, 28 for ``AB7``."""
    match = re.match(r"[A-Z]{1,3}(?=[0-9])", reference)
    if match is None:
        return otherwise
    place = 0
    for letter in match[0]:
        place = 26 * place + ord(letter) - 64
    return place


def _too_much(path: Path, what: str) -> BadInput:
    return BadInput(
        f"'{path}' has more {what} than a label table ever has.",
        hint="Check that it is the table of the films.",
    )
