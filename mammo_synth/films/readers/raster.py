"""PNG (8 and 16 bit), PGM, JPEG and TIFF files, by Pillow."""

from __future__ import annotations

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film

from .bounds import HINT, check_size

_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I")


_FORMATS = {"PNG": "png", "PPM": "pgm", "JPEG": "jpeg", "TIFF": "tiff"}


def decode_raster(data: bytes, name: str) -> Film:
    """Decode the bytes of one file; uint8 for up to 8 bits, uint16 for deeper ones, as stored.

    Raises:
        BadInput: Not an image, cut short, too large, or in colour.
    """
    try:
        with warnings.catch_warnings():
            # Our own bound on the declared size is stricter than Pillow's warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=tuple(_FORMATS)) as image:
                check_size(*image.size, name)
                image.load()
                pixels = _to_grey(image, name)
                return Film(pixels, _FORMATS[image.format or ""], 8 * pixels.dtype.itemsize)
    except BadInput:
        raise
    except Image.DecompressionBombError as error:
        raise BadInput(f"'{name}' declares an absurd size ({error}).", hint=HINT) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadInput(
            f"'{name}' does not decode as a film ({_reason(error)}).", hint=HINT
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
