"""PNG (8 and 16 bit), JPEG, TIFF and portable pixmap files, by Pillow; grey maps by `pgm`.

Compressed TIFF is decoded by libtiff, which writes to stderr whatever it dislikes: see `apart`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film

from .apart import decode_tiff_apart
from .bounds import HINT, check_size
from .pgm import decode_pgm, is_pgm
from .quiet import quiet

_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_WHITE_IS_ZERO, _PHOTOMETRIC, _BITS_PER_SAMPLE = 0, 262, 258  # of a TIFF file
_FORMATS = {"PNG": "png", "PPM": "pgm", "JPEG": "jpeg", "TIFF": "tiff"}
_ROWS = 256  # that are compared at a time

Grey = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def decode_raster(data: bytes, name: str) -> Film:
    """Decode the bytes of one file; uint8 for up to 8 bits, uint16 for deeper ones, as stored.

    Raises:
        BadInput: Not an image, cut short, too large, of several pages, in colour, or transparent.
    """
    if is_pgm(data):
        return decode_pgm(data, name)
    with quiet():
        try:
            with Image.open(io.BytesIO(data), formats=tuple(_FORMATS)) as image:
                check_size(*image.size, name)
                _check_single(image, name)
                loaded = _load(image, data, name)
                _check_opaque(loaded, name)
                pixels = _to_grey(loaded, name)
                inverted = _is_inverted(image)
                if inverted and pixels.dtype == np.uint16:  # Pillow turns those of 8 bits
                    pixels = _turned(pixels, image)
                kind = _FORMATS[image.format or ""]
                return Film(pixels, kind, 8 * pixels.dtype.itemsize, inverted=inverted)
        except BadInput:
            raise
        except Image.DecompressionBombError as error:
            raise BadInput(f"'{name}' declares an absurd size ({error}).", hint=HINT) from error
        except Exception as error:  # Pillow's plugins raise whatever a damaged file leads them to
            raise BadInput(
                f"'{name}' does not decode as a film ({_reason(error)}).", hint=HINT
            ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "no image format that is known"
    return str(error).splitlines()[0][:120] if str(error).strip() else type(error).__name__


def _check_single(image: Image.Image, name: str) -> None:
    """Raise BadInput for a file of several images. A second one is looked for, but not the rest: a
    file may have a million."""
    several = image.format not in _FORMATS  # Pillow calls a JPEG of several images MPO
    if not several:
        try:
            image.seek(1)
            several = True
        except EOFError:
            image.seek(0)
    if several:
        raise BadInput(
            f"'{name}' is a file of several pages or frames; a film is one image.",
            hint="Save the page of the film as a file of its own.",
        )


def _is_inverted(image: Any) -> bool:
    """Whether a TIFF file stores white as 0 (its tag PhotometricInterpretation)."""
    return bool(image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def _turned(pixels: Grey, image: Any) -> npt.NDArray[np.uint16]:
    bits = min(16, int(image.tag_v2[_BITS_PER_SAMPLE][0]))
    return np.subtract((1 << bits) - 1, pixels, dtype=np.uint16)


def _load(image: Any, data: bytes, name: str) -> Image.Image:
    """The image with its pixels."""
    if not any(tile[0] == "libtiff" for tile in image.tile):
        image.load()
        return image  # type: ignore[no-any-return]
    width, height = image.size
    samples = decode_tiff_apart(data, image.mode, width, height, name)
    loaded = Image.frombytes(image.mode, image.size, samples)
    loaded.palette = image.palette
    loaded.load()
    return loaded


def _check_opaque(image: Image.Image, name: str) -> None:
    if not image.has_transparency_data:
        return
    if image.mode in _SIXTEEN_BIT_MODES:
        hidden = bool((np.asarray(image) == image.info.get("transparency")).any())
    else:
        hidden = bool(np.asarray(image.convert("RGBA").getchannel("A")).min() < 255)
    if hidden:
        raise BadInput(
            f"'{name}' has transparent pixels, whose grey value is not known.",
            hint="Is it an annotated copy? Use the original film, or save it without transparency.",
        )


def _to_grey(image: Image.Image, name: str) -> Grey:
    if image.mode in _SIXTEEN_BIT_MODES:
        values = np.asarray(image)
        if values.dtype.itemsize > 2 and (values.min() < 0 or values.max() > 65535):
            raise BadInput(
                f"'{name}' has values from {values.min()} to {values.max()}; 16 bits are expected.",
                hint="Convert it to 16-bit grey PNG.",
            )
        return values.astype(np.uint16, copy=False)
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"), dtype=np.uint8)
    if image.mode in ("RGB", "RGBA", "P", "LA", "PA"):
        spread = max(_spreads(image.convert("RGB")))
        # JPEG stores grey films as YCbCr at times; rounding leaves a level or two.
        if spread > 2:
            raise BadInput(
                f"'{name}' is in colour (channels differ by {spread} levels); a film is grey.",
                hint="Is it an annotated copy? Use the original film.",
            )
        return np.asarray(image.convert("RGB").getchannel(0), dtype=np.uint8)
    what = "is in printing colours (CMYK)" if image.mode == "CMYK" else f"has mode {image.mode}"
    raise BadInput(
        f"'{name}' {what}; 8 or 16 bit grey was expected.", hint="Convert it to grey PNG."
    )


def _spreads(image: Image.Image) -> Iterator[int]:
    """The largest difference between channels, band of rows by band of rows."""
    width, height = image.size
    for top in range(0, height, _ROWS):
        band = np.asarray(image.crop((0, top, width, min(height, top + _ROWS))))
        yield int((band.max(axis=2) - band.min(axis=2)).max())
