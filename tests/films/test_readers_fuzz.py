"""Damaged and hostile film files: a film within bounds or one clear refusal, without noise.

A few examples of each format; `tests.films.fuzz_readers` runs as many as wanted.
"""

from __future__ import annotations

import io
import pickle
import random
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.films import dicom_files as dicom
from tests.films.fuzz_readers import APART, FORMATS, damaged, intact, outcome
from tests.films.jpeg_streams import lossless_jpeg

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "random"])
def test_the_files_that_are_damaged_are_intact_before(kind: str) -> None:
    assert outcome(intact(kind)) == "accepted"


@pytest.mark.parametrize("kind", list(FORMATS))
def test_damage_ends_in_a_film_or_a_refusal(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    slow = kind in APART or kind in ("tiff-deflate", "tiff-lzw")

    @settings(max_examples=8 if slow else 60, derandomize=True)
    @given(st.integers(0, 1 << 30))
    def holds(seed: int) -> None:
        outcome(damaged(kind, random.Random(seed)))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        holds()
    assert [str(warning.message) for warning in warned] == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind not in APART])
def test_every_cut_ends_in_a_film_or_a_refusal(kind: str) -> None:
    data = intact(kind)
    for length in {*range(0, len(data), 41), *range(len(data) - 4, len(data))}:
        if length >= 0 and not kind.startswith("tiff-"):
            outcome(data[:length])


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_film_or_a_refusal(data: bytes) -> None:
    outcome(data)


@given(
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.sampled_from((dicom.EXPLICIT_LITTLE, dicom.RLE, dicom.JPEG_2000_LOSSLESS, dicom.LOSSLESS)),
)
def test_any_other_size_than_the_pixels_have_is_refused(rows: int, columns: int, at: str) -> None:
    data = intact(
        {
            dicom.EXPLICIT_LITTLE: "dicom-explicit",
            dicom.RLE: "dicom-rle",
            dicom.JPEG_2000_LOSSLESS: "dicom-jpeg-2000",
            dicom.LOSSLESS: "dicom-lossless",
        }[at]
    )
    for tag, value in ((b"\x28\x00\x10\x00US", rows), (b"\x28\x00\x11\x00US", columns)):
        where = data.index(tag) + 8
        data = data[:where] + value.to_bytes(2, "little") + data[where + 2 :]
    if rows * columns != 24 * 20:
        assert outcome(data) == "refused"


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def swollen(size: int = 400_000_000) -> bytes:
    """zlib data of a few hundred kilobytes that unpack to ``size`` zeros."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(10_000_000)) for _ in range(size // 10_000_000)]
    return b"".join([*parts, packer.flush()])


def bombs() -> dict[str, bytes]:
    """Small files that unpack to 400 MB or more, or declare as much."""
    big = swollen()
    head = chunk(b"IHDR", (8).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0]))
    end = chunk(b"IEND", b"")
    row = chunk(b"IDAT", zlib.compress(bytes(72)))
    start = b"\x89PNG\r\n\x1a\n"
    tiff = io.BytesIO()
    Image.new("L", (8, 8)).save(tiff, "TIFF", compression="tiff_adobe_deflate")
    strip = tiff.getvalue()
    packed = strip.index(b"\x78\x9c")
    explicit = dicom.write_dicom(np.zeros((8, 8), np.uint8), 8)
    item = b"\xfe\xff\x00\xe0" + bytes(4)
    data_set = explicit.index(b"\x08\x00\x16\x00UI")
    sequence = b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff"
    segment = b"\x81\x00" * 4_000_000
    framed = dicom.write_dicom(np.zeros((8, 8), np.uint8), 8, dicom.RLE, bytes(2))
    fragments = framed.index(b"\xe0\x7f\x10\x00OB") + 12
    return {
        "png pixels": start + head + chunk(b"IDAT", big) + end,
        "png text": start + head + chunk(b"zTXt", b"Comment\x00\x00" + big) + row + end,
        "png profile": start + head + chunk(b"iCCP", b"p\x00\x00" + big) + row + end,
        "png size": start
        + chunk(b"IHDR", (60_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0]))
        + chunk(b"IDAT", big)
        + end,
        "tiff strip": strip[:packed] + big + strip[packed + 12 :],
        "pgm size": b"P5 10000 12000 65535\n" + bytes(9),
        "plain pgm size": b"P2 10000 12000 65535\n" + b"1 " * 99,
        "dicom deflated": explicit.replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2.1.99")
        + big,
        "dicom items": explicit[:data_set] + sequence + item * 1_500_000 + explicit[data_set:],
        "dicom rle": dicom.write_dicom(
            np.zeros((8, 8), np.uint8), 8, dicom.RLE, b"\x01\0\0\0\x40" + bytes(59) + segment
        ),
        "dicom fragments": framed[:fragments] + item * 1_500_000,
        "ljpeg size": lossless_jpeg(dicom.ramp(), 12, size=(10_000, 12_000)),
        "jpeg size": intact("jpeg").replace(b"\x00\x18\x00\x14", b"\xff\xff\xff\xff", 1),
    }


CHILD = """
import pickle, sys, zlib
from tests.films.fuzz_readers import intact, outcome

def peak():  # kB, of this program alone; what getrusage tells includes the parent's
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

files = pickle.load(sys.stdin.buffer)
for kind in ("png8", "tiff16", "jpeg", "dicom-explicit", "dicom-jpeg-2000"):
    outcome(intact(kind))
for name, data in files.items():
    before = peak()
    got = outcome(data)
    sys.stdout.write(f"{name}:{got}:{(peak() - before) // 1024}\\n")
before = peak()
data = files["png pixels"]
zlib.decompress(data[data.index(b"IDAT") + 4 :])  # shows that a bomb would be seen
sys.stdout.write(f"unpacked:accepted:{(peak() - before) // 1024}\\n")
"""


def test_bombs_take_no_more_memory_than_their_declared_size() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a program's memory is read from Linux")
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=pickle.dumps(bombs()),
        capture_output=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stderr == b""
    lines = [line.split(":") for line in done.stdout.decode().split("\n") if line]
    assert len(lines) == len(bombs()) + 1
    assert int(lines.pop()[2]) > 300
    for name, _, megabytes in lines:
        # None of them is larger than a film of 8 x 8 pixels, its file apart.
        assert int(megabytes) < 60, (name, megabytes)
    outcomes = {name: got for name, got, _ in lines}
    accepted = {name for name, got in outcomes.items() if got == "accepted"}
    assert accepted <= {"png pixels", "png text", "png profile", "dicom rle", "tiff strip"}
