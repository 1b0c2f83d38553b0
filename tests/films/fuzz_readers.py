"""Damages film files of every format and reads them: a film within bounds, or one clear refusal.

As a program it does so many times, in processes of their own, so that a decoder that brings its
process down is counted and does not end the run:

    python -m tests.films.fuzz_readers --examples 20000
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.readers import decode
from mammo_synth.films.readers.bounds import MAX_PIXELS
from tests.films import dicom_files as dicom
from tests.films.jpeg_streams import flat_blocks_jpeg, lossless_jpeg

BATCH = 500  # examples of one process


def _image(kind: str, bits: int = 8, mode: str | None = None, **options: Any) -> bytes:
    image = Image.fromarray(dicom.ramp(bits=bits))
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def _plain_pgm() -> bytes:
    film = dicom.ramp(bits=12)
    rows = "\n".join(" ".join(map(str, row)) for row in film.tolist())
    return f"P2\n# plain\n{film.shape[1]} {film.shape[0]}\n4095\n{rows}\n".encode()


def _raw_pgm() -> bytes:
    film = dicom.ramp(bits=16)
    return f"P5 {film.shape[1]} {film.shape[0]} 65535\n".encode() + film.astype(">u2").tobytes()


def _windowed(syntax: str = dicom.EXPLICIT_LITTLE) -> bytes:
    return dicom.write_dicom(
        dicom.ramp(),
        12,
        syntax,
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter=[2000, 1000],
        WindowWidth=[3000, 500],
        VOILUTFunction="SIGMOID",
        RescaleSlope=2,
        RescaleIntercept=-10,
        ViewPosition="MLO",
        ImageLaterality="L",
    )


def _with_tables() -> bytes:
    lut = dicom.Dataset()
    lut.LUTDescriptor = [4096, 0, 12]
    lut.LUTData = np.arange(4096, dtype="<u2")[::-1].tobytes()
    lut["LUTData"].VR = "OW"
    code = dicom.Dataset()
    code.CodeValue = "R-10226"
    return dicom.write_dicom(
        dicom.ramp(),
        12,
        VOILUTSequence=[lut],
        ViewCodeSequence=[code],
        PixelPaddingValue=0,
        PixelPaddingRangeLimit=10,
    )


FORMATS: dict[str, Callable[[], bytes]] = {
    "png8": lambda: _image("PNG"),
    "png16": lambda: _image("PNG", 16),
    "png-palette": lambda: _image("PNG", mode="P"),
    "jpeg": lambda: _image("JPEG"),
    "jpeg-rgb": lambda: _image("JPEG", mode="RGB"),
    "tiff16": lambda: _image("TIFF", 16),
    "tiff-deflate": lambda: _image("TIFF", 16, compression="tiff_adobe_deflate"),
    "tiff-lzw": lambda: _image("TIFF", compression="tiff_lzw"),
    "pgm-plain": _plain_pgm,
    "pgm-raw": _raw_pgm,
    "ljpeg": lambda: lossless_jpeg(dicom.ramp(), 12),
    "ljpeg-pvrg": lambda: lossless_jpeg(dicom.ramp(bits=16), 16, predictor=7, pvrg=True),
    "dicom-explicit": _windowed,
    "dicom-implicit": lambda: _windowed(dicom.IMPLICIT_LITTLE),
    "dicom-big-endian": lambda: _windowed(dicom.EXPLICIT_BIG),
    "dicom-tables": _with_tables,
    "dicom-rle": lambda: _windowed(dicom.RLE),
    "dicom-baseline": lambda: dicom.write_dicom(dicom.ramp(bits=8), 8, dicom.BASELINE),
    "dicom-extended": lambda: dicom.write_dicom(
        np.zeros((24, 16), np.uint16),
        12,
        dicom.EXTENDED,
        flat_blocks_jpeg([[0, 4095], [9, 2000], [7, 3]]),
    ),
    "dicom-lossless": lambda: _windowed(dicom.LOSSLESS_SV1),
    "dicom-jpeg-ls": lambda: _windowed(dicom.JPEG_LS),
    "dicom-jpeg-2000": lambda: _windowed(dicom.JPEG_2000_LOSSLESS),
    "random": lambda: b"",
}
APART = ("ljpeg", "ljpeg-pvrg", "dicom-extended", "dicom-lossless", "dicom-jpeg-ls")
"""Formats that a process of its own decodes: a tenth of a second an example."""


@cache
def intact(kind: str) -> bytes:
    """A small intact file of a format."""
    return FORMATS[kind]()


def damaged(kind: str, chance: random.Random) -> bytes:
    """The file of a format, damaged in one to four ways."""
    data = bytearray(intact(kind))
    if kind == "random":
        starts = (b"", b"\xff\xd8\xff\xc3", b"P5 9 9 255\n", b"\x89PNG\r\n\x1a\n", b"II*\x00")
        start = chance.choice((*starts, bytes(128) + b"DICM\x02\x00\x10\x00UI"))
        return start + chance.randbytes(chance.randrange(300))
    for _ in range(chance.randint(1, 4)):
        _damage(data, chance)
    return _resealed(data) if kind.startswith("png") and chance.random() < 0.7 else bytes(data)


def _resealed(data: bytearray) -> bytes:
    """A PNG file with the checksums of its chunks made right, so that more than they is tested."""
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(data)


def _damage(data: bytearray, chance: random.Random) -> None:
    if not data:
        return
    # Headers are small beside pixels, so half of the damage is done at the beginning.
    reach = len(data) if chance.random() < 0.5 else min(len(data), 700)
    at = chance.randrange(reach)
    way = chance.randrange(8)
    if way == 0:
        del data[at:]
    elif way == 1:
        del data[at : at + chance.randint(1, 40)]
    elif way == 2:
        data[at:at] = chance.randbytes(chance.randint(1, 40))
    elif way == 3:
        data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)))
    elif way == 4:
        data[at] = chance.randrange(256)
    elif way == 5:
        other = chance.randrange(len(data))
        data[at : at + 8] = data[other : other + 8]
    else:
        data[at] ^= 1 << chance.randrange(8)


def outcome(data: bytes) -> str:
    """``accepted`` or ``refused``; any other outcome raises AssertionError or what was raised."""
    try:
        film = decode(data, "film")
    except BadInput as error:
        assert error.hint and error.message and "\n" not in str(error), repr(error)
        assert not any(secret in str(error) for secret in dicom.IDENTITY.values()), str(error)
        return "refused"
    pixels = film.pixels
    assert pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16), (pixels.ndim, pixels.dtype)
    assert 0 < pixels.size <= MAX_PIXELS
    assert film.view in ("CC", "MLO", None) and film.laterality in ("L", "R", None)
    assert 1 <= film.bits <= 16
    return "accepted"


def _work(kind: str, first: int, last: int) -> None:
    """Examples ``first`` to ``last``; each writes its number, then a letter for its outcome."""
    for seed in range(first, last):
        sys.stdout.write(f"{seed} ")
        sys.stdout.flush()
        try:
            letter = outcome(damaged(kind, random.Random(seed)))[0]
        except Exception:
            letter = "o"
            sys.stderr.write(f"{kind} {seed}\n{traceback.format_exc()}\n")
        sys.stdout.write(f"{letter}\n")
    sys.stdout.write("end\n")


def run(kind: str, first: int, last: int) -> tuple[Counter[str], str]:
    """Counts of one batch, and what its process wrote to stderr."""
    counts: Counter[str] = Counter()
    noise = ""
    while first < last:
        command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, "--work"]
        with tempfile.TemporaryFile() as errors:
            done = subprocess.run(
                [*command, kind, str(first), str(last)],
                stdout=subprocess.PIPE,
                stderr=errors,
                check=False,
            )
            errors.seek(0)
            noise += errors.read(5000).decode("utf-8", "replace")
        words = done.stdout.decode().split()
        names = {"a": "accepted", "r": "refused", "o": "other"}
        counts.update(names[word] for word in words if word in names)
        if words and words[-1] == "end":
            break
        counts["crashed"] += 1
        numbers = [int(word) for word in words if word.isdigit()]
        noise += f"{kind} {numbers[-1] if numbers else first}: exit code {done.returncode}\n"
        first = (numbers[-1] if numbers else first) + 1
    return counts, noise


def main() -> int:
    """Run every format and print a table; exit code 1 if anything but films and refusals came."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--examples", type=int, default=20_000, help="of each format")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--first", type=int, default=0, help="number of the first example")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        _work(options.work[0], int(options.work[1]), int(options.work[2]))
        return 0
    sys.stdout.write(f"{'format':<18}{'accepted':>10}{'refused':>10}{'other':>8}{'crashed':>9}\n")
    totals: Counter[str] = Counter()
    said = ""
    with ThreadPoolExecutor(options.jobs) as pool:
        for kind in options.formats:
            end = options.first + options.examples
            starts = range(options.first, end, BATCH)
            batches = pool.map(lambda at, k=kind, e=end: run(k, at, min(at + BATCH, e)), starts)
            counts: Counter[str] = Counter()
            for batch, noise in batches:
                counts += batch
                said += noise
            totals += counts
            numbers = [counts[name] for name in ("accepted", "refused", "other", "crashed")]
            sys.stdout.write("{:<18}{:>10}{:>10}{:>8}{:>9}\n".format(kind, *numbers))
            sys.stdout.flush()
    sys.stdout.write(f"{json.dumps(dict(totals))}\nstderr: {len(said)} characters\n{said[:5000]}")
    return int(totals["other"] + totals["crashed"] > 0 or bool(said))


if __name__ == "__main__":
    sys.exit(main())
