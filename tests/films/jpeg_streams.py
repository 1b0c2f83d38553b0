"""Writes JPEG streams that no common library writes: lossless by any predictor, 12-bit DCT."""

from __future__ import annotations

from typing import Any

import numpy as np

# Seventeen codes of five bits each: the Huffman code of category n is n (T.81 H.1.2.2).
_CODE_BITS = 5


def lossless_jpeg(
    pixels: Any,
    bits: int,
    *,
    predictor: int = 1,
    pvrg: bool = False,
    size: tuple[int, int] | None = None,
    restart: int = 0,
    shift: int = 0,
    components: int = 1,
) -> bytes:
    """A lossless JPEG stream (SOF3) of [H, W] pixels.

    Args:
        pixels: Values below ``2 ** bits``.
        bits: Declared bits of a sample.
        predictor: 1 to 7, T.81 table H.1.
        pvrg: Predict the first line as the PVRG codec does, and not as T.81 says.
        size: Declared width and height, where they are to differ from the true ones.
        restart, shift, components: Declared in the headers only.
    """
    values = np.asarray(pixels).astype(np.int64)
    residuals = values - _predictions(values, 1 << (bits - 1), predictor, pvrg)
    residuals = ((residuals + 32767) & 0xFFFF) - 32767  # modulo 2**16, as -32767 ... 32768
    height, width = values.shape
    declared = size or (width, height)
    samples = b"".join(bytes([number + 1, 0x11, 0]) for number in range(components))
    frame = bytes([bits]) + _word(declared[1]) + _word(declared[0]) + bytes([components])
    scan = bytes([1, 1, 0, predictor, 0, shift])
    parts = [b"\xff\xd8", _segment(0xC3, frame + samples), _segment(0xC4, _table(0x00, range(17)))]
    if restart:
        parts.append(_segment(0xDD, _word(restart)))
    return b"".join([*parts, _segment(0xDA, scan), _packed(residuals.ravel()), b"\xff\xd9"])


def _predictions(values: Any, middle: int, predictor: int, pvrg: bool) -> Any:
    above = np.full_like(values, middle)
    above[1:] = values[:-1]
    left = np.full_like(values, middle)
    left[:, 1:] = values[:, :-1]
    corner = np.full_like(values, middle)
    corner[1:, 1:] = values[:-1, :-1]
    predicted = {
        1: left,
        2: above,
        3: corner,
        4: left + above - corner,
        5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }[predictor].copy()
    if not pvrg:
        predicted[0] = left[0]
    predicted[0, 0] = middle
    predicted[1:, 0] = above[1:, 0]
    return predicted


def flat_blocks_jpeg(levels: Any) -> bytes:
    """A 12-bit extended JPEG (SOF1) of 8 x 8 blocks, each of one level (0 to 4095).

    Only the mean of a block is coded, and the quantiser is 1, so that it decodes exactly.
    """
    levels = np.asarray(levels).astype(np.int64)
    means = 8 * (levels.ravel() - 2048)
    residuals = np.diff(means, prepend=0)
    height, width = (8 * side for side in levels.shape)
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xDB, bytes([0]) + bytes([1]) * 64),
            _segment(0xC1, bytes([12]) + _word(height) + _word(width) + bytes([1, 1, 0x11, 0])),
            _segment(0xC4, _table(0x00, range(16)) + _table(0x10, range(2))),
            _segment(0xDA, bytes([1, 1, 0, 0, 63, 0])),
            _packed(residuals, after="00000"),  # after each mean: the end of its block
            b"\xff\xd9",
        ]
    )


def _table(kind: int, symbols: range) -> bytes:
    lengths = [0] * 16
    lengths[_CODE_BITS - 1] = len(symbols)
    return bytes([kind, *lengths, *symbols])


def _packed(residuals: Any, after: str = "") -> bytes:
    text = []
    for residual in residuals.tolist():
        category = abs(residual).bit_length() if residual != 32768 else 16
        text.append(format(category, f"0{_CODE_BITS}b"))
        if 0 < category < 16:
            extra = residual if residual > 0 else residual + (1 << category) - 1
            text.append(format(extra, f"0{category}b"))
        text.append(after)
    joined = "".join(text)
    joined += "1" * (-len(joined) % 8)
    packed = int(joined, 2).to_bytes(len(joined) // 8, "big")
    return packed.replace(b"\xff", b"\xff\x00")


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + _word(len(body) + 2) + body


def _word(value: int) -> bytes:
    return value.to_bytes(2, "big")
