"""Samples of the one frame of a DICOM image, as stored.

One decoder for each transfer syntax, so that a file has the same pixels on every machine:

- uncompressed and RLE: this module;
- baseline and 8-bit extended JPEG, JPEG 2000: Pillow (libjpeg-turbo, OpenJPEG);
- lossless JPEG, JPEG-LS, 12-bit extended JPEG: gdcm (see `apart`).

Every stream's own header is read first; its size and components must be those of the DICOM header.
Its bits need not be BitsStored (some writers declare 16 for 12-bit films), but samples must fit.
"""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image

from mammo_synth.errors import BadInput

from . import apart
from .bounds import HINT
from .dicom_elements import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, UNDEFINED
from .dicom_header import DicomHeader
from .jpeg import (
    BASELINE,
    EXTENDED,
    JPEG_LS,
    LOSSLESS,
    PROCESSES,
    check_jpeg_end,
    read_jpeg2000_header,
    read_jpeg_header,
)
from .quiet import quiet

Stored = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)
_RLE = "1.2.840.10008.1.2.5"
_JPEG = {
    "1.2.840.10008.1.2.4.50": (BASELINE,),
    "1.2.840.10008.1.2.4.51": (BASELINE, EXTENDED),
    "1.2.840.10008.1.2.4.57": (LOSSLESS,),
    "1.2.840.10008.1.2.4.70": (LOSSLESS,),
    "1.2.840.10008.1.2.4.80": (JPEG_LS,),
    "1.2.840.10008.1.2.4.81": (JPEG_LS,),
}
_JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")

_MAX_FRAGMENTS = 100_000
_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD


def read_frame(data: bytes, header: DicomHeader, name: str) -> Stored:
    """The stored samples of a grey, single-frame DICOM image whose size was checked.

    Returns:
        ``[rows, columns]``, the bit patterns of BitsStored bits (of a signed image: two's
        complement in these bits); uint8 or uint16.

    Raises:
        BadInput: A transfer syntax that is not read, or a frame that is damaged, is of another size
            or has samples of more than BitsStored bits.
    """
    syntax = header.elements.syntax
    if syntax in _NATIVE:
        return _native(data, header, name)
    if syntax not in (_RLE, *_JPEG, *_JPEG_2000):
        uid = syntax if set(syntax) <= set("0123456789.") else "unreadable"
        raise BadInput(
            f"'{name}' is DICOM of transfer syntax {uid[:64]}, which is not read.",
            hint="Write it again as Explicit VR Little Endian or JPEG 2000.",
        )
    frame = _frame(data, header, name)
    if syntax == _RLE:
        return _rle(frame, header, name)
    decode = _jpeg_2000 if syntax in _JPEG_2000 else _jpeg
    return _fitted(decode(frame, header, name), header, name)


def _native(data: bytes, header: DicomHeader, name: str) -> Stored:
    elements = header.elements
    count = header.rows * header.columns
    size = count * header.allocated // 8
    length = elements.pixel_length
    value = memoryview(data)[elements.pixel_at :][:length]
    # A value of an odd length is padded with one byte (PS3.5 section 7.1.1).
    if length not in (size, size + size % 2) or len(value) < length:
        raise _damaged(name, f"{len(value):,} bytes of pixels, expected {size:,}")
    if header.allocated == 8 and elements.big and elements.pixel_words:
        # Bytes that are written as big-endian words (OW) are exchanged in pairs.
        pairs = np.frombuffer(bytes(value) + bytes(length % 2), np.uint8).reshape(-1, 2)
        flat = pairs[:, ::-1].reshape(-1)[:count]
    else:
        order = ">" if elements.big else "<"
        flat = np.frombuffer(value[:size], np.uint8 if header.allocated == 8 else f"{order}u2")
    # Other bits than BitsStored may hold overlays, or nothing (PS3.5 section 8.1.1).
    mask = (1 << header.bits) - 1
    frame = flat.reshape(header.rows, header.columns)
    if int(frame.max()) > mask:
        frame = np.bitwise_and(frame, mask)
    if header.allocated == 8:
        return frame.astype(np.uint8, copy=False)
    return frame.astype(np.uint16, copy=False)


def _frame(data: bytes, header: DicomHeader, name: str) -> bytes:
    """The fragments of the frame, joined (PS3.5 annex A.4); the offset table is stepped over."""
    if header.elements.pixel_length != UNDEFINED:
        raise _damaged(name, "pixel data that are not encapsulated, against the transfer syntax")
    fragments: list[memoryview] = []
    at = header.elements.pixel_at
    while len(fragments) <= _MAX_FRAGMENTS:
        if len(data) < at + 8:
            raise _damaged(name, "pixel data that are cut short")
        group, number, length = struct.unpack_from("<HHI", data, at)
        tag = group << 16 | number
        if tag == _SEQUENCE_END and fragments:
            return b"".join(fragments[1:])
        if tag != _ITEM or length > len(data) - at - 8:
            raise _damaged(name, "pixel data that are cut short")
        fragments.append(memoryview(data)[at + 8 : at + 8 + length])
        at += 8 + length
    raise _damaged(name, f"more than {_MAX_FRAGMENTS:,} fragments of pixel data")


def _rle(frame: bytes, header: DicomHeader, name: str) -> Stored:
    """PS3.5 annex G: one segment for each byte of a sample, the high byte first."""
    depth = header.allocated // 8
    count = header.rows * header.columns
    if len(frame) < 64:
        raise _damaged(name, "an RLE header that is cut short")
    segments, *offsets = struct.unpack_from("<16I", frame)
    ends = [*offsets[1:depth], len(frame)]
    if segments != depth or any(not 64 <= o <= e for o, e in zip(offsets, ends, strict=False)):
        raise _damaged(name, f"{segments} RLE segments, expected {depth}")
    planes = [
        np.frombuffer(_rle_segment(frame[start:end], count, name), np.uint8)
        for start, end in zip(offsets, ends, strict=False)
    ]
    mask = (1 << header.bits) - 1
    if depth == 1:
        return (planes[0] & mask).astype(np.uint8).reshape(header.rows, header.columns)
    words = planes[0].astype(np.uint16)
    words <<= 8
    words |= planes[1]
    words &= mask
    return words.reshape(header.rows, header.columns)


def _rle_segment(segment: bytes, count: int, name: str) -> bytes:
    """The ``count`` bytes that a segment unpacks to; what follows them is not unpacked."""
    unpacked = bytearray()
    at = 0
    while len(unpacked) < count and at < len(segment):
        control = segment[at]
        if control < 128:
            unpacked += segment[at + 1 : at + 2 + control]
            at += 2 + control
        elif control > 128:
            unpacked += segment[at + 1 : at + 2] * (257 - control)
            at += 2
        else:
            at += 1
    # Segments are padded to an even length, by some writers in pixels.
    if not count <= len(unpacked) <= count + 2 or at < len(segment) - 2:
        raise _damaged(name, f"an RLE segment that does not unpack to {count:,} bytes")
    return bytes(unpacked[:count])


def _jpeg(frame: bytes, header: DicomHeader, name: str) -> npt.NDArray[np.uint16]:
    stream = read_jpeg_header(frame, name)
    check_jpeg_end(frame, stream, name)
    allowed = _JPEG[header.elements.syntax]
    if stream.process not in allowed:
        kind = PROCESSES.get(stream.process, f"JPEG of frame type FF{stream.process:02X}")
        expected = " or ".join(PROCESSES[process] for process in allowed)
        raise _damaged(name, f"pixel data in {kind}; its transfer syntax is of {expected}")
    _check_stream(stream.width, stream.height, stream.components, stream.bits, header, name)
    size = (stream.width, stream.height)
    if stream.process in (BASELINE, EXTENDED) and stream.bits == 8:
        return _by_pillow(frame, "JPEG", "L", size, name).astype(np.uint16)
    if stream.process in (BASELINE, EXTENDED) and stream.bits != 12:
        raise _damaged(name, f"DCT samples of {stream.bits} bits")
    syntax = {LOSSLESS: apart.LOSSLESS_SYNTAX, JPEG_LS: apart.JPEG_LS_SYNTAX}.get(
        stream.process, apart.EXTENDED_SYNTAX
    )
    samples = apart.decode_jpeg_apart(frame, syntax, *size, stream.bits, name)
    return samples.astype(np.uint16, copy=False)


def _jpeg_2000(frame: bytes, header: DicomHeader, name: str) -> npt.NDArray[np.uint16]:
    stream = read_jpeg2000_header(frame, name)
    _check_stream(stream.width, stream.height, stream.components, stream.bits, header, name)
    mode, depth = ("L", 8) if stream.bits <= 8 else ("I;16", 16)
    pixels = _by_pillow(frame, "JPEG2000", mode, (stream.width, stream.height), name)
    # Pillow moves samples to the top of its 8 or 16 bits, and signed ones up by half their range.
    samples = pixels.astype(np.uint16)
    samples >>= depth - stream.bits
    if stream.signed:
        samples -= np.uint16(1 << (stream.bits - 1))
    return samples


def _by_pillow(
    frame: bytes, kind: str, mode: str, size: tuple[int, int], name: str
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    with quiet():
        try:
            with Image.open(io.BytesIO(frame), formats=(kind,)) as image:
                if image.mode != mode or image.size != size:
                    raise _damaged(name, f"a frame that reads as {image.mode} {image.size}")
                image.load()
                return np.asarray(image)
        except BadInput:
            raise
        except Exception as error:  # Pillow raises whatever a damaged stream leads it to
            raise _damaged(name, f"a frame that does not decode, {type(error).__name__}") from error


def _check_stream(
    width: int, height: int, components: int, bits: int, header: DicomHeader, name: str
) -> None:
    expected = (header.columns, header.rows, 1)
    if (width, height, components) != expected:
        raise _damaged(
            name,
            f"a frame of {width} x {height} pixels and {components} components; its header says "
            f"{header.columns} x {header.rows} and 1",
        )
    # gdcm gives wrong samples, or none, for fewer bits than 8; no mammogram has so few.
    if not 8 <= bits <= 16:
        raise _damaged(name, f"a frame of {bits} bits, expected 8 to 16")


def _fitted(samples: npt.NDArray[np.uint16], header: DicomHeader, name: str) -> Stored:
    """Samples in BitsStored bits. The sign of signed ones may have been carried on to 16 bits."""
    mask = (1 << header.bits) - 1
    if int(samples.max()) > mask:
        beyond = samples > mask
        if header.signed:
            beyond &= samples < 65536 - (1 << (header.bits - 1))
        if beyond.any():
            most = samples[beyond].max()
            raise _damaged(name, f"samples up to {most}, beyond {header.bits} bits")
        samples = np.bitwise_and(samples, mask, dtype=np.uint16)
    return samples.astype(np.uint8) if header.allocated == 8 else samples


def _damaged(name: str, what: str) -> BadInput:
    return BadInput(f"'{name}' is a damaged DICOM file: {what}.", hint=HINT)
