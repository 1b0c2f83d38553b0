"""Finds the elements of a DICOM file that are wanted, and its pixel data, and passes over the rest.

A header names the patient, the hospital and the reader. What is not wanted is stepped over without
being read, so it can reach neither a film nor a message. Sequences are not built, so a header of a
million empty items costs no memory (PS3.5 section 7).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mammo_synth.errors import BadInput

from .bounds import HINT

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

MAX_ELEMENTS = 200_000  # of a header, with those inside its sequences
MAX_KEPT = 4 * 1024 * 1024  # bytes of the wanted elements together; the largest are lookup tables

UNDEFINED = 0xFFFFFFFF
_PREAMBLE = 128
_PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_SHORT = {
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN"),
    *(b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
}


@dataclass(frozen=True, slots=True)
class Elements:
    """The parts of a DICOM file that a film needs.

    Attributes:
        syntax: UID of the transfer syntax.
        implicit, big: How ``kept`` is written: without value representations, big-endian.
        kept: The wanted elements, as in the file, one after the other.
        pixel_words: The pixel data are written as 16-bit words (OW).
        pixel_at: Where the value of the pixel data begins.
        pixel_length: Its bytes, or `UNDEFINED` where it is encapsulated.
    """

    syntax: str
    implicit: bool
    big: bool
    kept: bytes
    pixel_words: bool
    pixel_at: int
    pixel_length: int


def is_dicom(data: bytes) -> bool:
    """Whether the content is DICOM: ``DICM`` after the preamble, or, without a preamble, two
    elements of group 0002 or 0008 in a row at the very beginning."""
    if data[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return True
    at = 0
    last = -1
    for _ in range(2):
        if len(data) < at + 8:
            return False
        tag, _, value_at, length = _element(data, at, implicit=False, order="<")
        if tag >> 16 not in (0x0002, 0x0008) or tag <= last or length > 1024:
            return False
        last, at = tag, value_at + length
    return True


def read_elements(data: bytes, wanted: Collection[int], name: str) -> Elements:
    """The elements of ``data`` with the tags ``wanted``, and where its pixel data are.

    Raises:
        BadInput: The header is damaged or endless, the file is deflated, or it has no pixel data.
    """
    start = _PREAMBLE + 4 if data[_PREAMBLE : _PREAMBLE + 4] == b"DICM" else 0
    syntax, at = _syntax(data, start, name)
    if syntax == DEFLATED:
        raise BadInput(
            f"'{name}' is DICOM in the deflated transfer syntax, which is not read: a small file "
            "may unpack to any size.",
            hint="Write it again without deflation (Explicit VR Little Endian).",
        )
    big = syntax == EXPLICIT_BIG
    # What is written counts, where it is not what is declared.
    implicit = data[at + 4 : at + 6] not in _LONG | _SHORT
    kept: list[bytes] = []
    size = 0
    for tag, begin, end in _top_elements(data, at, implicit, ">" if big else "<", name):
        if tag == _PIXEL_DATA:
            _, kind, value_at, length = _element(data, begin, implicit, ">" if big else "<")
            whole = b"".join(kept)
            if syntax == "":
                syntax = IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE
            words = kind == b"OW" or implicit
            return Elements(syntax, implicit, big, whole, words, value_at, length)
        if tag in wanted:
            size += end - begin
            if size > MAX_KEPT:
                raise _damaged(name, "lookup tables of more than 4 MB")
            kept.append(data[begin:end])
    raise BadInput(
        f"'{name}' is a DICOM file without pixel data.",
        hint="Leave it out: it is a directory, a report or a header that was cut off.",
    )


def _syntax(data: bytes, start: int, name: str) -> tuple[str, int]:
    """The transfer syntax that the file meta information (group 0002) names, ``""`` where there
    is none, and where the data set begins."""
    syntax = ""
    at = start
    for _ in range(64):
        if len(data) < at + 8 or data[at : at + 2] != b"\x02\x00":
            break
        tag, _, value_at, length = _element(data, at, implicit=False, order="<")
        end = value_at + length
        if end > len(data):
            raise _damaged(name, "the file meta information is cut short")
        if tag == 0x00020010:
            syntax = data[value_at:end].rstrip(b"\x00 ").decode("ascii", "replace")
        at = end
    return syntax, at


def _top_elements(
    data: bytes, at: int, implicit: bool, order: str, name: str
) -> Iterator[tuple[int, int, int]]:
    """Tag, begin and end of each element that is in no sequence; the last one is the pixel data.

    Elements and items of undefined length are entered, all others are stepped over.
    """
    depth = 0
    opened = (0, 0)  # tag and begin of the sequence that is open
    for _ in range(MAX_ELEMENTS):
        if len(data) < at + 8:
            if depth or len(data) > at:
                raise _damaged(name, "its header is cut short")
            return
        tag, _, value_at, length = _element(data, at, implicit, order)
        if tag == _PIXEL_DATA and depth == 0:
            yield tag, at, at
            return
        if tag in (_ITEM_END, _SEQUENCE_END):
            depth -= 1
            at += 8
            if depth < 0:
                raise _damaged(name, "a sequence ends that has not begun")
            if depth == 0:
                yield opened[0], opened[1], at
            continue
        if tag == _ITEM and depth == 0:
            raise _damaged(name, "an item in no sequence")
        if length == UNDEFINED:
            if depth == 0:
                opened = (tag, at)
            depth += 1
            at = value_at
            continue
        end = value_at + length
        if end > len(data):
            raise _damaged(name, "its header is cut short")
        if depth == 0:
            yield tag, at, end
        at = end
    raise _damaged(name, f"its header has more than {MAX_ELEMENTS:,} elements")


def _element(data: bytes, at: int, implicit: bool, order: str) -> tuple[int, bytes, int, int]:
    """Tag, value representation, where the value begins, and its length; there are 8 bytes."""
    group, number = struct.unpack_from(f"{order}HH", data, at)
    tag = group << 16 | number
    kind = data[at + 4 : at + 6]
    if group == 0xFFFE or implicit or not (kind in _SHORT or kind in _LONG):
        # Some writers leave the representation out inside sequences.
        return tag, b"", at + 8, struct.unpack_from(f"{order}I", data, at + 4)[0]
    if kind in _SHORT:
        return tag, kind, at + 8, struct.unpack_from(f"{order}H", data, at + 6)[0]
    if len(data) < at + 12:
        return tag, kind, len(data), UNDEFINED
    return tag, kind, at + 12, struct.unpack_from(f"{order}I", data, at + 8)[0]


def _damaged(name: str, what: str) -> BadInput:
    return BadInput(f"'{name}' is a damaged DICOM file ({what}).", hint=HINT)
