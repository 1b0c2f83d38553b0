"""What no film file may exceed, whatever its format, and so how much memory one film takes.

With a film of `MAX_PIXELS` and its file in memory, decoding takes, beside the file:

- this process: at most 12 bytes a pixel (1.4 GB); measured: JPEG 2000 11, colour PNG of a grey film
  9, all others 2 to 7;
- the decoder's process (lossless JPEG, JPEG-LS, compressed TIFF): at most 1 GB + 16 bytes a pixel,
  by a limit of the system where it has one; measured: 11.

A film of 12 million pixels therefore takes up to 150 MB here and 170 MB in its decoder.
"""

from __future__ import annotations

from mammo_synth.errors import BadInput

MAX_PIXELS = 120_000_000
"""A film digitised at 43.5 micron is about 5,500 x 6,900 = 38 million pixels; far above that a
declared size is a decompression bomb or a mistake."""

MAX_BYTES = 1024 * 1024 * 1024
"""Of one file."""

HINT = (
    "Replace the file by an intact copy; without --strict-files the other films go on without it."
)


def check_size(width: int, height: int, name: str) -> None:
    """Raise BadInput where a file declares an absurd size, before anything is unpacked."""
    if width * height > MAX_PIXELS or min(width, height) < 1:
        raise BadInput(
            f"'{name}' declares {width} x {height} pixels; a film has at most {MAX_PIXELS:,}.",
            hint=HINT,
        )
