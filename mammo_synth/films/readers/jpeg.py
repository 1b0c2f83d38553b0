"""Headers of JPEG, lossless JPEG, JPEG-LS and JPEG 2000 streams, read before any decoder sees them.

The decoders trust their streams more than they should. What a stream declares is read here (ITU-T
T.81 annex B, T.87 annex C, T.800 annex A), compared with what the film says, and a stream that does
not run to its end is refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mammo_synth.errors import BadInput

from .bounds import HINT, check_size

BASELINE, EXTENDED, LOSSLESS, JPEG_LS = 0xC0, 0xC1, 0xC3, 0xF7
"""Start-of-frame markers of the processes that films come in."""

PROCESSES = {
    BASELINE: "baseline JPEG",
    EXTENDED: "extended JPEG",
    0xC2: "progressive JPEG",
    LOSSLESS: "lossless JPEG",
    JPEG_LS: "JPEG-LS",
}
_FRAMES = frozenset({*range(0xC0, 0xD0), JPEG_LS}) - {0xC4, 0xC8, 0xCC}
_DRI, _SOS, _EOI = 0xDD, 0xDA, 0xD9

# Where a scan ends: FF before anything but a stuffed byte, a restart or a fill byte.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_AFTER_JPEG_LS_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG stream declares of its one frame and first scan.

    Attributes:
        process: The start-of-frame marker (`BASELINE`, `EXTENDED`, `LOSSLESS`, `JPEG_LS`, ...).
        bits: Bits of a sample.
        width, height: Pixels.
        components: 1 is grey.
        restart: Restart interval; 0 is none.
        predictor: Of a lossless stream, 1 to 7 (T.81 table H.1); NEAR of a JPEG-LS stream.
        point_transform: Bits that were shifted away before coding.
        bits_at, predictor_at: Where in the stream ``bits`` and ``predictor`` stand.
        scan_at: Where the coded samples begin.
    """

    process: int
    bits: int
    width: int
    height: int
    components: int
    restart: int
    predictor: int
    point_transform: int
    bits_at: int
    predictor_at: int
    scan_at: int


def jpeg_process(data: bytes) -> int | None:
    """The start-of-frame marker of a JPEG stream, or None where there is none."""
    try:
        for marker, _, _ in _segments(data, "x"):
            if marker in _FRAMES:
                return marker
    except BadInput:
        return None
    return None


def read_jpeg_header(data: bytes, name: str) -> JpegHeader:
    """What the JPEG stream ``data`` declares.

    Raises:
        BadInput: It is no JPEG stream, is cut short, has no frame or several, or is absurdly large.
    """
    frame: tuple[int, int, int, int, int, int] | None = None
    restart = 0
    for marker, start, stop in _segments(data, name):
        body = data[start:stop]
        if marker in _FRAMES:
            if frame is not None or len(body) < 6:
                raise _damaged(name, "two frames" if frame else "a frame header that is cut short")
            bits, height, width, components = struct.unpack_from(">BHHB", body)
            frame = (marker, bits, width, height, components, start)
        elif marker == _DRI and len(body) >= 2:
            restart = int.from_bytes(body[:2], "big")
        elif marker == _SOS:
            if frame is None or len(body) < 1 or len(body) < 4 + 2 * body[0]:
                raise _damaged(name, "a scan without a frame, or a scan header that is cut short")
            process, bits, width, height, components, frame_at = frame
            check_size(width, height, name)
            predictor_at = start + 1 + 2 * body[0]
            return JpegHeader(
                process,
                bits,
                width,
                height,
                components,
                restart,
                predictor=data[predictor_at],
                point_transform=data[predictor_at + 2] & 0x0F,
                bits_at=frame_at,
                predictor_at=predictor_at,
                scan_at=stop,
            )
    raise _damaged(name, "no scan")


def check_jpeg_end(data: bytes, header: JpegHeader, name: str) -> None:
    """Raise BadInput where the stream does not end with its first scan: a film has one, and what
    follows or is missing shows that the stream was cut or joined."""
    pattern = _AFTER_JPEG_LS_SCAN if header.process == JPEG_LS else _AFTER_SCAN
    found = pattern.search(data, header.scan_at)
    if found is None:
        raise _damaged(name, "no end: the stream is cut short")
    marker = data[found.start() + 1]
    if marker != _EOI:
        raise _damaged(name, f"marker FF{marker:02X} in or after its only scan")


def _segments(data: bytes, name: str) -> Iterator[tuple[int, int, int]]:
    """Marker, start and stop of the content of each segment up to the first scan, inclusive."""
    if data[:2] != b"\xff\xd8":
        raise _damaged(name, "no JPEG start")
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if len(data) < at + 4 or data[at] != 0xFF:
            raise _damaged(name, "a header that is cut short")
        marker = data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        stop = at + 2 + length
        if length < 2 or stop > len(data) or marker in (_EOI, 0x00):
            raise _damaged(name, "a header segment that is cut short")
        yield marker, at + 4, stop
        if marker == _SOS:
            return
        at = stop


@dataclass(frozen=True, slots=True)
class Jpeg2000Header:
    """What a JPEG 2000 codestream declares: size, components, bits and sign of a sample."""

    width: int
    height: int
    components: int
    bits: int
    signed: bool


def read_jpeg2000_header(data: bytes, name: str) -> Jpeg2000Header:
    """What the codestream ``data`` declares; it must run to its end marker.

    Raises:
        BadInput: No codestream (a JP2 file in its place is none: PS3.5 A.4.4), cut short, or
            absurdly large.
    """
    if data[:4] != b"\xff\x4f\xff\x51" or len(data) < 45:
        raise _damaged(name, "no JPEG 2000 codestream")
    right, lower, left, upper = struct.unpack_from(">4I", data, 8)
    (components,) = struct.unpack_from(">H", data, 40)
    width, height = right - left, lower - upper
    check_size(width, height, name)
    if not data.rstrip(b"\x00").endswith(b"\xff\xd9"):
        raise _damaged(name, "no end: the stream is cut short")
    sample, *steps = data[42:45]
    if steps != [1, 1]:
        raise _damaged(name, "samples that are not one a pixel")
    return Jpeg2000Header(width, height, components, (sample & 0x7F) + 1, bool(sample & 0x80))


def _damaged(name: str, what: str) -> BadInput:
    return BadInput(f"'{name}' is a damaged JPEG stream ({what}).", hint=HINT)
