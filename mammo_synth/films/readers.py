"""Decodes film files to grey pixel arrays: PNG (8 and 16 bit), PGM, JPEG, TIFF, by Pillow.

A file that is cut short, is not an image, is in colour or declares an absurd size is refused
with one sentence; nothing is guessed.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mammo_synth.errors import BadInput

SUFFIXES = (".png", ".pgm", ".jpg", ".jpeg", ".tif", ".tiff")
MAX_PIXELS = 120_000_000
"""A film digitised at 43.5 micron is about 5,500 x 6,900 = 38 million pixels; far above that a
declared size is a decompression bomb or a mistake."""

_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I")


def decode(data: bytes, name: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Decode the bytes of one film file.

    Args:
        data: The whole file.
        name: What to call it in an error.

    Returns:
        [H, W], uint8 for files of up to 8 bits, uint16 for deeper ones; values as stored.

    Raises:
        BadInput: Not an image, cut short, too large, or in colour.
    """
    hint = "Replace the file by an intact copy, or leave it out with --skip-bad-films."
    try:
        with warnings.catch_warnings():
            # Our own bound on the declared size is stricter than Pillow's warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise BadInput(
                        f"'{name}' declares {width} x {height} pixels; a film has at most "
                        f"{MAX_PIXELS:,}.",
                        hint=hint,
                    )
                image.load()
                return _to_grey(image, name)
    except BadInput:
        raise
    except Image.DecompressionBombError as error:
        raise BadInput(f"'{name}' declares an absurd size ({error}).", hint=hint) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadInput(
            f"'{name}' does not decode as a film ({_reason(error)}).", hint=hint
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "no image format that is known"
    return str(error) or type(error).__name__


def _to_grey(image: Image.Image, name: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    if image.mode in _SIXTEEN_BIT_MODES:
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise BadInput(
                f"'{name}' has values from {values.min()} to {values.max()}; 16 bits were expected."
            )
        return values.astype(np.uint16)
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"), dtype=np.uint8)
    if image.mode in ("RGB", "RGBA", "P", "LA"):
        channels = np.asarray(image.convert("RGB"), dtype=np.uint8)
        spread = int(np.ptp(channels.astype(np.int16), axis=2).max())
        # JPEG stores grey films as YCbCr at times; rounding leaves a level or two.
        if spread > 2:
            raise BadInput(
                f"'{name}' is in colour (channels differ by {spread} levels); a film is grey.",
                hint="Is it an annotated copy? Use the original film.",
            )
        return np.ascontiguousarray(channels[:, :, 0])
    raise BadInput(
        f"'{name}' has pixel mode {image.mode}; 8 or 16 bit grey was expected.",
        hint="Convert it to grey PNG.",
    )


def read_bytes(path: Path) -> bytes:
    """The bytes of a film file.

    Raises:
        BadInput: It is missing or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"The film '{path}' cannot be read ({error.strerror}).", hint="Check the path."
        ) from error
