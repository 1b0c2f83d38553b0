"""Decodes film files to grey pixel arrays.

A file that is cut short, is not an image, is in colour or declares an absurd size is refused
with one sentence; nothing is guessed. The format is that of the content, not of the name.
"""

from __future__ import annotations

import stat
from pathlib import Path

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film

from .bounds import MAX_BYTES
from .dicom import decode_dicom
from .dicom_elements import is_dicom
from .jpeg import LOSSLESS, jpeg_process
from .ljpeg import decode_ljpeg
from .raster import decode_raster

__all__ = ["SUFFIXES", "decode", "decode_ljpeg", "read_bytes"]

SUFFIXES = (".png", ".pgm", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom", ".ljpeg")
"""Of the files that may be films."""


def decode(data: bytes, name: str, *, for_processing: bool = False) -> Film:
    """Decode the bytes of one film file.

    Args:
        data: The whole file.
        name: What to call it in an error.
        for_processing: Take DICOM images that were not made for reading (raw detector data) too.

    Returns:
        The film: pixels ``[H, W]``, uint8 or uint16, at most `bounds.MAX_PIXELS` of them.

    Raises:
        BadInput: Not an image, cut short, too large, in colour, or a DICOM image that is no film
            for reading. No other error, whatever the bytes.
    """
    if is_dicom(data):
        return decode_dicom(data, name, for_processing=for_processing)
    if jpeg_process(data) == LOSSLESS:
        return decode_ljpeg(data, name)
    return decode_raster(data, name)


def read_bytes(path: Path) -> bytes:
    """The bytes of a film file.

    Raises:
        BadInput: It is missing, may not be read, or has more than `bounds.MAX_BYTES`.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # a folder, or a pipe that would never end
            raise BadInput(f"The film '{path}' is no file.", hint="Check the path.")
        size = about.st_size
        if size > MAX_BYTES:
            raise BadInput(
                f"The film '{path}' has {size / 1e9:.1f} GB; a film has at most "
                f"{MAX_BYTES / 1e9:.1f}.",
                hint="Check that it is a film.",
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(
            f"The film '{path}' cannot be read ({reason}).", hint="Check the path."
        ) from error
