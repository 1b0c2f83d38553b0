"""The lossless JPEG streams (``*.LJPEG``) of the original DDSM volumes.

DDSM was compressed with the JPEG codec of Stanford's Portable Video Research Group (PVRG). From its
source, from public programs that read DDSM with it, and from a stream that was dumped in public
(A_1465_1.RIGHT_MLO: 16 bits, predictor 7, declared 5491 wide and 2776 high):

- Samples are numbers; a stream has no byte order. (Programs that run PVRG swap bytes because its
  raw output is big-endian.)
- PVRG predicts the first line with the scan's own predictor, the line above taken as middle grey.
  T.81 (H.1.2.1) predicts it from the left. Predictors 2, 3, 6 and 7 differ, and with predictor 7 a
  decoder that follows T.81 smears the difference over the whole film.
- Width and height are exchanged in some streams. The samples are in the order of the film's lines
  all the same, so they are decoded as declared and then laid out as the case's ``.ics`` file says
  (``LINES``, ``PIXELS_PER_LINE``).

Here gdcm only undoes the Huffman code: it gets the stream as 16-bit samples with predictor 1, whose
output differs from neighbour to neighbour by just the coded differences, modulo 2**16 (T.81
H.1.2.1). The prediction is then redone in this module.

Assumed: one grey component, one scan, no restart interval, no point transform, and a declared size
that is the film's or its exchange. A stream that contradicts this is refused with what was found.
A film is taller than wide, so a stream that declares the contrary needs the size of its ``.ics``
file.
Whether the first line is PVRG's or T.81's is told by the samples: read by the wrong rule they leave
their range again and again. Where neither reading does, T.81 is taken.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film

from .apart import LOSSLESS_SYNTAX, decode_jpeg_apart
from .bounds import HINT
from .jpeg import LOSSLESS, PROCESSES, JpegHeader, check_jpeg_end, read_jpeg_header

_BITS = 16
_MIDDLE = 1 << (_BITS - 1)

Samples = npt.NDArray[np.uint16]


def decode_ljpeg(
    data: bytes, name: str, *, width: int | None = None, height: int | None = None
) -> Film:
    """Decode the bytes of one lossless JPEG stream.

    Args:
        data: The whole file.
        name: What to call it in an error.
        width, height: Of the film, from its ``.ics`` file (``PIXELS_PER_LINE`` and ``LINES``).
            Without them the size that the stream declares is taken, if it is taller than wide.

    Returns:
        The samples as stored: uint8 for up to 8 bits, else uint16.

    Raises:
        BadInput: Damaged, not a stream as described above, or its size is not the film's.
    """
    header = read_jpeg_header(data, name)
    _check(header, name)
    check_jpeg_end(data, header, name)
    shape = _shape(header, width, height, name)
    plain = bytearray(data)
    plain[header.bits_at] = _BITS
    plain[header.predictor_at] = 1
    sums = decode_jpeg_apart(
        bytes(plain), LOSSLESS_SYNTAX, header.width, header.height, _BITS, name
    )
    samples = _predict(_differences(sums.astype(np.uint16, copy=False)), header)
    if int(samples.max()) >> header.bits:
        raise BadInput(
            f"'{name}' has samples up to {samples.max()}, but declares {header.bits} bits.",
            hint=HINT,
        )
    pixels = samples.reshape(shape)
    if header.bits <= 8:
        return Film(pixels.astype(np.uint8), "ljpeg", header.bits)
    return Film(pixels, "ljpeg", header.bits)


def _check(header: JpegHeader, name: str) -> None:
    found = None
    if header.process != LOSSLESS:
        kind = PROCESSES.get(header.process, f"JPEG of frame type FF{header.process:02X}")
        found = f"is {kind}"
    elif header.components != 1:
        found = f"has {header.components} components"
    elif not 2 <= header.bits <= _BITS:
        found = f"declares {header.bits} bits"
    elif not 1 <= header.predictor <= 7:
        found = f"declares predictor {header.predictor}"
    elif header.restart or header.point_transform:
        found = (
            f"has restart interval {header.restart} and point transform {header.point_transform}"
        )
    if found:
        raise BadInput(
            f"'{name}' {found}; a DDSM film is grey lossless JPEG of 2 to {_BITS} bits, predictor "
            "1 to 7, without restart interval and point transform.",
            hint="Convert it to 16-bit PNG with the program that it came with.",
        )


def _shape(header: JpegHeader, width: int | None, height: int | None, name: str) -> tuple[int, int]:
    """Height and width of the film."""
    declared = (header.height, header.width)
    if width is None or height is None:
        if header.width > header.height:
            raise BadInput(
                f"'{name}' declares {header.width} x {header.height} pixels, wider than high; in "
                "some DDSM streams the two are exchanged.",
                hint="Prepare it as a film of source ddsm, with the .ics file of its case.",
            )
        return declared
    if (height, width) not in (declared, declared[::-1]):
        raise BadInput(
            f"'{name}' declares {header.width} x {header.height} pixels; its case file says "
            f"{width} x {height}.",
            hint="Check that the film and the .ics file are of the same case.",
        )
    return height, width


def _differences(sums: Samples) -> Samples:
    """The coded differences, modulo 2**16, of samples that were decoded with predictor 1."""
    differences = sums.copy()
    differences[:, 1:] -= sums[:, :-1]
    differences[1:, 0] -= sums[:-1, 0]
    differences[:1, :1] -= np.uint16(_MIDDLE)
    return differences


def _predict(differences: Samples, header: JpegHeader) -> Samples:
    """Samples from their differences, by the predictor of the header (T.81 table H.1)."""
    samples = differences  # each line needs its own differences only, so it is done in place
    samples[0] = _first_line(differences[0], header.bits, header.predictor)
    # A line's first sample is predicted from above.
    samples[:, 0] = np.cumsum(samples[:, 0], dtype=np.uint16)
    if header.predictor == 1:
        np.cumsum(samples[1:], axis=1, dtype=np.uint16, out=samples[1:])
    elif header.predictor == 2:
        np.cumsum(samples[:, 1:], axis=0, dtype=np.uint16, out=samples[:, 1:])
    elif header.predictor <= 5:
        for above, line in pairwise(samples):
            _next_line(above, line, header.predictor)
    else:
        _by_diagonals(samples, header.predictor)
    return samples


def _next_line(above: Samples, line: Samples, predictor: int) -> None:
    """Turn the differences of ``line`` into samples; its first one is a sample already.

    Predictors with the left neighbour are running sums of what does not depend on it.
    """
    if predictor == 3:
        line[1:] += above[:-1]
        return
    slope = above[1:].astype(np.int32) - above[:-1]
    if predictor == 5:
        slope >>= 1
    line[1:] += slope.astype(np.uint16)
    np.cumsum(line, dtype=np.uint16, out=line)


def _by_diagonals(samples: Samples, predictor: int) -> None:
    """Predictors 6 and 7, whose left neighbour is halved: no running sum, but all samples of one
    falling diagonal depend on the two diagonals before it only."""
    height, width = samples.shape
    if width == 1:
        return
    flat = samples.reshape(-1)
    step = width - 1
    for diagonal in range(2, height + width - 1):
        first = max(1, diagonal - width + 1)
        last = min(diagonal - 1, height - 1)
        if first > last:
            continue
        here = slice(diagonal + first * step, diagonal + last * step + 1, step)
        left = flat[here.start - 1 : here.stop - 1 : step].astype(np.int32)
        above = flat[here.start - width : here.stop - width : step].astype(np.int32)
        if predictor == 7:
            predicted = (left + above) >> 1
        else:
            corner = flat[here.start - width - 1 : here.stop - width - 1 : step]
            predicted = above + ((left - corner) >> 1)
        flat[here] += predicted.astype(np.uint16)


def _first_line(differences: Samples, bits: int, predictor: int) -> Samples:
    """The first line by PVRG's rule or by T.81's: the one that leaves ``bits`` less often."""
    signed = differences.astype(np.int32)
    signed[signed > _MIDDLE] -= 1 << _BITS
    steps: list[int] = signed.tolist()
    standard, outside = _walk(steps, bits, 1)
    if outside and predictor in (2, 3, 6, 7):
        pvrg, outside_pvrg = _walk(steps, bits, predictor)
        if outside_pvrg < outside:
            return pvrg
    return standard


def _walk(steps: list[int], bits: int, predictor: int) -> tuple[Samples, int]:
    """Samples of a first line, with middle grey above it, and how many left the range of ``bits``
    before they were reduced modulo 2**16."""
    middle, top = 1 << (bits - 1), 1 << bits
    line = []
    outside = 0
    predicted = middle
    for step in steps:
        value = predicted + step
        outside += not 0 <= value < top
        value &= 0xFFFF
        line.append(value)
        if predictor == 1:
            predicted = value
        elif predictor == 7:
            predicted = (value + middle) >> 1
        elif predictor == 6:
            predicted = middle + ((value - middle) >> 1)
        else:
            predicted = middle
    return np.array(line, dtype=np.uint16), outside
