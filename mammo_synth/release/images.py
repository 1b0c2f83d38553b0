"""The stored images of a release, checked byte for byte: 8-bit grey PNG, whole, of one size."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.png import decode_png

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_FRAME = 12  # length, name and checksum around the data of a chunk
_GREY = (8, 0)  # bits of a pixel, colour type


@dataclass(frozen=True)
class Checked:
    """One image: ``problem`` says what is wrong with it (None: nothing), ``pixels`` is the sha256
    of its uint8 pixels, row by row (None where it does not decode)."""

    problem: str | None
    pixels: str | None


def check_image(data: bytes | None, size: int) -> Checked:
    """Check the PNG bytes of an image that should be ``size`` px square."""
    if not data:
        return Checked("it has no image.", None)
    broken = _broken(data)
    if broken is not None:
        return Checked(f"its image does not decode ({broken}).", None)
    width, height, *kind = struct.unpack(">IIBB", data[16:26])
    if (width, height) != (size, size):
        return Checked(f"its image is {width} x {height} px, not {size} px square.", None)
    if tuple(kind) != _GREY:
        return Checked(f"its image is not 8-bit grey ({kind[0]} bits, colour {kind[1]}).", None)
    try:
        return Checked(None, sha256_bytes(decode_png(data).tobytes()))
    except (OSError, SyntaxError, ValueError, BadInput) as error:
        return Checked(f"its image does not decode ({error}).", None)


def _broken(data: bytes) -> str | None:
    """What is wrong with the frame of a PNG: decoders do not look at every checksum of it."""
    if not data.startswith(_SIGNATURE):
        return "it is no PNG"
    at, first = len(_SIGNATURE), True
    while at + _CHUNK_FRAME <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + _CHUNK_FRAME + length
        if end > len(data):
            return "it is cut short"
        body, (checksum,) = data[at + 4 : end - 4], struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(body) != checksum:
            return "a checksum in it is wrong"
        if first and (body[:4] != b"IHDR" or length != 13):
            return "its header is not that of a PNG"
        if body[:4] == b"IEND":
            return None if end == len(data) else "bytes follow its end"
        at, first = end, False
    return "it is cut short"
