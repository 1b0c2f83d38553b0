"""Decoders that run in a process of their own: gdcm (lossless JPEG, JPEG-LS, 12-bit DCT), libtiff.

gdcm ends the process it runs in (abort, segmentation fault) on about one damaged stream in a
hundred, and both write to stderr from C. With the header checks of `jpeg` before it none of 6,000
did, but what it does with any stream is its own. A child process may end as it likes, has bounds on
its memory and its time, and its output goes nowhere. Starting it takes about 0.1 s a film.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput

from . import decoder_child
from .bounds import HINT, check_size

EXTENDED_SYNTAX = "1.2.840.10008.1.2.4.51"
LOSSLESS_SYNTAX = "1.2.840.10008.1.2.4.57"
JPEG_LS_SYNTAX = "1.2.840.10008.1.2.4.80"

_SECONDS = 60  # to start, and for the smallest stream
_PIXELS_A_SECOND = 100_000  # a hundredth of what a slow machine decodes


def decode_jpeg_apart(
    stream: bytes, syntax: str, width: int, height: int, bits: int, name: str
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """The samples of one grey JPEG stream whose header was read and checked.

    Args:
        stream: The stream, from its start marker to its end marker.
        syntax: `LOSSLESS_SYNTAX`, `JPEG_LS_SYNTAX` or `EXTENDED_SYNTAX`.
        width, height, bits: As the stream's own header declares.
        name: What to call the film in an error.

    Returns:
        ``[height, width]``, uint8 for up to 8 bits, else uint16.

    Raises:
        BadInput: The stream is damaged, or its decoder failed, crashed or took too long.
    """
    samples = _run(stream, width, height, ["gdcm", syntax, str(bits)], name)
    size = 1 if bits <= 8 else 2
    if len(samples) != width * height * size:
        raise _refused(name, "its decoder gave another size than the header declares")
    if size == 1:
        return np.frombuffer(samples, np.uint8).reshape(height, width)
    return np.frombuffer(samples, "<u2").astype(np.uint16, copy=False).reshape(height, width)


def decode_tiff_apart(data: bytes, mode: str, width: int, height: int, name: str) -> bytes:
    """The samples of a TIFF file as bytes of a Pillow image of this mode and size.

    Raises:
        BadInput: The file is damaged, or its decoder failed, crashed or took too long.
    """
    return _run(data, width, height, ["tiff", mode], name)


def _run(data: bytes, width: int, height: int, arguments: list[str], name: str) -> bytes:
    check_size(width, height, name)
    try:
        done = subprocess.run(
            [sys.executable, "-P", decoder_child.__file__, str(width), str(height), *arguments],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS + width * height / _PIXELS_A_SECOND,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(name, "its decoder took too long") from None
    except OSError as error:
        raise BadInput(
            f"'{name}' needs a decoder process, which cannot be started ({error.strerror}).",
            hint="Free some memory, or raise the limit on processes.",
        ) from error
    if done.returncode == decoder_child.DAMAGED:
        raise _refused(name, "its coded samples are damaged")
    if done.returncode < 0:
        raise _refused(name, f"its decoder crashed, signal {-done.returncode}")
    if done.returncode != 0:
        raise _refused(name, "its decoder refused it")
    return done.stdout


def _refused(name: str, why: str) -> BadInput:
    return BadInput(f"'{name}' does not decode as a film ({why}).", hint=HINT)
