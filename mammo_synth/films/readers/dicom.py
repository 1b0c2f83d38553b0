"""DICOM images: mammograms (and digitised films) of one frame, in grey."""

from __future__ import annotations

from mammo_synth.errors import BadInput
from mammo_synth.films.record import Film

from .bounds import HINT, check_size
from .dicom_frame import read_frame
from .dicom_header import DicomHeader, read_header
from .presentation import to_grey

MODALITIES = ("MG", "DX", "CR", "OT", "")
"""Mammography, and what digitised or exported mammograms are filed under; ``""``: not said."""


def decode_dicom(data: bytes, name: str, *, for_processing: bool = False) -> Film:
    """Decode the bytes of one DICOM file as it would be shown for reading (see `presentation`).

    Args:
        data: The whole file.
        name: What to call it in an error.
        for_processing: Take images that were not made for reading (raw detector data) too.

    Returns:
        Pixels ``[H, W]``, uint8 (0 to 255) where BitsStored is up to 8, else uint16 (0 to 65535);
        ``bits`` is BitsStored, ``inverted`` is MONOCHROME1. Nothing else of the header.

    Raises:
        BadInput: Damaged, of several frames, in colour, not a mammogram, or for processing only.
    """
    header = read_header(data, name)
    _check_kind(header, name, for_processing)
    check_size(header.columns, header.rows, name)
    _check_bits(header, name)
    return Film(
        to_grey(read_frame(data, header, name), header, name),
        "dicom",
        header.bits,
        inverted=header.photometric == "MONOCHROME1",
        view=header.view,
        laterality=header.laterality,
    )


def _check_kind(header: DicomHeader, name: str, for_processing: bool) -> None:
    if header.modality not in MODALITIES:
        raise BadInput(
            f"'{name}' is a DICOM image of modality {header.modality}; expected MG (mammography).",
            hint="Leave images of other modalities out.",
        )
    if header.frames != 1:
        raise BadInput(
            f"'{name}' has {header.frames} frames (tomosynthesis or a cine loop); a film has one.",
            hint="Use the two-dimensional image of the same view.",
        )
    if header.photometric not in ("MONOCHROME1", "MONOCHROME2") or header.samples != 1:
        raise BadInput(
            f"'{name}' has photometric interpretation {header.photometric or 'missing'} and "
            f"{header.samples} samples per pixel; a film is grey (MONOCHROME1 or MONOCHROME2).",
            hint="Ultrasound images and secondary captures are in colour: leave them out.",
        )
    if header.for_processing and not for_processing:
        raise BadInput(
            f"'{name}' is FOR PROCESSING: raw detector data, not made for reading.",
            hint="Use the FOR PRESENTATION image of the same view, or add --for-processing.",
        )


def _check_bits(header: DicomHeader, name: str) -> None:
    fits = header.allocated in (8, 16) and 2 <= header.bits <= header.allocated
    if not fits or header.high_bit != header.bits - 1:
        raise BadInput(
            f"'{name}' has {header.bits} bits stored in {header.allocated}, the highest at "
            f"{header.high_bit}; expected up to 16 bits in 8 or 16, the highest one below.",
            hint=HINT,
        )
