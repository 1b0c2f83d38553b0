"""Portable grey maps, plain (P2) and raw (P5), of 8 and 16 bits (the netpbm manual, ``pgm``).

Pillow reads them too, but moves values to 255 or 65535 where the file's largest value is another,
and takes a second for every million pixels of such a file and of every plain one.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film

from .bounds import HINT, check_size

Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_DIGITS = b"0123456789"
_SPACES = b" \t\r\n\v\f"
_GAP = rb"(?:[ \t\r\n\v\f]|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(rb"(P[25])" + 3 * (_GAP + rb"(\d{1,9})") + rb"[ \t\r\n\v\f]")
_COMMENT = re.compile(rb"#[^\r\n]*")
_MAX_HEADER = 65536  # bytes, with its comments
_BLOCK = 1 << 22  # bytes of plain text that are read at a time


def is_pgm(data: bytes) -> bool:
    """Whether the content is a grey map."""
    return data[:2] in (b"P2", b"P5") and data[2:3] != b"" and data[2:3] in _SPACES + b"#"


def decode_pgm(data: bytes, name: str) -> Film:
    """Decode the bytes of one grey map; values as stored, uint8 for a largest value up to 255, else
    uint16.

    Raises:
        BadInput: No grey map, cut short, too large, or with a value above its own largest.
    """
    header = _HEADER.match(data[:_MAX_HEADER])
    if header is None:
        raise _damaged(name, "its header does not read")
    width, height, largest = (int(number) for number in header.groups()[1:])
    check_size(width, height, name)
    if not 1 <= largest <= 65535:
        raise _damaged(name, f"its largest value is {largest}, expected 1 to 65535")
    pixels = memoryview(data)[header.end() :]
    if header[1] == b"P2" and data.find(b"#", header.end()) >= 0:
        pixels = memoryview(_COMMENT.sub(b"", pixels))
    read = _raw if header[1] == b"P5" else _plain
    values: Grey = (
        read(pixels, np.empty(width * height, np.uint8), name)
        if largest < 256
        else read(pixels, np.empty(width * height, np.uint16), name)
    )
    if int(values.max()) > largest:
        raise _damaged(name, f"it has values up to {values.max()}, above its largest, {largest}")
    return Film(values.reshape(height, width), "pgm", max(8, largest.bit_length()))


def _raw(pixels: memoryview, values: Grey, name: str) -> Grey:
    """``values``, filled from bytes or big-endian words."""
    if len(pixels) < values.nbytes:
        raise _damaged(name, "it is cut short")
    values[:] = np.frombuffer(pixels, values.dtype.newbyteorder(">"), values.size)
    return values


def _plain(text: memoryview, values: Grey, name: str) -> Grey:
    """``values``, filled from numbers in text, read in blocks so that memory stays flat."""
    if len(text) < 2 * values.size - 1:
        raise _damaged(name, "it is cut short")
    filled = at = 0
    while filled < values.size and at < len(text):
        block = bytes(text[at : at + _BLOCK])
        if at + len(block) < len(text):
            block = block.rstrip(_DIGITS)  # the last number may go on in the next block
        at += len(block)
        if not block or block.translate(None, _DIGITS + _SPACES):
            raise _damaged(name, "it has something else than numbers among its values")
        # An empty text reads as one number, -1.
        numbers = np.fromstring(block, np.int64, sep=" ") if block.strip() else np.empty(0)
        numbers = numbers[: values.size - filled]
        if len(numbers) and numbers.max() > np.iinfo(values.dtype).max:
            raise _damaged(name, "it has a value above its largest")
        values[filled : filled + len(numbers)] = numbers
        filled += len(numbers)
    if filled < values.size:
        raise _damaged(name, "it is cut short")
    return values


def _damaged(name: str, what: str) -> BadInput:
    return BadInput(f"'{name}' is a damaged grey map (PGM): {what}.", hint=HINT)
