"""TensorBoard events, written without TensorBoard: a length, a checksum and a few protobuf fields.

The file is a function of the rows (`mammo_synth.gan.rows`): a resumed run cuts off what came after
its checkpoint, so no step stands there twice. The step is the number of real images shown. An
event's time is the time spent on the run, so that TensorBoard's "relative" axis shows hours of
training, without the pauses.

Formats: TFRecord (length, masked CRC-32C of it, data, masked CRC-32C of these) and the messages
``Event`` and ``Summary`` of TensorFlow's public event.proto and summary.proto.
"""

from __future__ import annotations

import struct
from pathlib import Path

from mammo_synth.files import write_bytes

from .rows import Row, full_disk, images_of

NAME = "events.out.tfevents.0000000000.mammo-synth"
_GROUPS = {
    "loss": ("loss_d", "loss_g", "r1_penalty", "path_length"),
    "augmentation": ("p", "sign_real", "sign_fake"),
    "run": ("hours", "sec_per_kimg", "memory_gb", "cuda_gb"),
}
_TAGS = {name: f"{group}/{name}" for group, names in _GROUPS.items() for name in names}
_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed


def _table() -> tuple[int, ...]:
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        values.append(value)
    return tuple(values)


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C of ``data``, rotated and shifted as TFRecord wants it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """One TFRecord."""
    length = struct.pack("<Q", len(data))
    checks = [struct.pack("<I", masked_crc(part)) for part in (length, data)]
    return length + checks[0] + data + checks[1]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def encode(row: Row) -> bytes:
    """One row as a record: an ``Event`` with a scalar for each of its numbers."""
    values = b""
    for name, value in row.items():
        if name == "kimg" or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        tag = _TAGS.get(name, f"measure/{name}").encode()
        values += _field(1, _field(1, tag) + b"\x15" + struct.pack("<f", value))
    time = struct.pack("<d", (row.get("hours") or 0.0) * 3600)
    return record(b"\x09" + time + b"\x10" + _varint(images_of(row)) + _field(5, values))


def begin(folder: Path, rows: list[Row]) -> None:
    """Make the file in ``folder`` hold exactly ``rows``: cut off what is beyond them, in place, or
    write it anew where it holds something else."""
    path = folder / NAME
    wanted = record(b"\x09" + bytes(8) + _field(3, b"brain.Event:2"))
    wanted += b"".join(encode(row) for row in rows)
    found = path.read_bytes() if path.is_file() else b""
    if found.startswith(wanted) and found:
        if len(found) > len(wanted):
            with path.open("r+b") as stream:
                stream.truncate(len(wanted))
        return
    write_bytes(path, wanted)


def append(folder: Path, row: Row) -> None:
    """Add one row. Raises :class:`NoSpace` where the disk is full."""
    path = folder / NAME
    try:
        with path.open("ab") as stream:
            stream.write(encode(row))
    except OSError as error:
        raise full_disk(error, path) from error
