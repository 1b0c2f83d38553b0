"""What no film file may exceed, whatever its format."""

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
