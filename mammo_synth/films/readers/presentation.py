"""From stored DICOM values to grey values for reading: modality LUT, VOI LUT, inversion, padding.

A film has at most 16 bits, so the whole chain is computed once for each possible stored value, in
double precision, and the film is looked up in that table. The chain is PS3.3 C.11.1 (modality LUT),
C.11.2 (VOI LUT) and C.7.6.3.1.2 (MONOCHROME1):

1. stored value → modality table, or ``slope * value + intercept``;
2. → VOI table, or the first window by its function, or, where the file has neither, a straight line
   from the smallest to the largest value that the film has (padding left out);
3. → 0 ... 255 where BitsStored is up to 8, else 0 ... 65535, rounded half up;
4. MONOCHROME1: turned, so that 0 is black;
5. padding → 0.

A window and step 3 never exchange the order of two values; MONOCHROME1 exchanges it for all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.films.grey_table import Grey, look_up

from .bounds import HINT
from .dicom_header import DicomHeader, Table, Window

Values = npt.NDArray[np.float64]

_BLOCK = 1 << 18  # pixels that are counted at a time: bounds what counting takes


def to_grey(stored: Grey, header: DicomHeader, name: str) -> Grey:
    """Grey values of stored samples.

    Args:
        stored: ``[H, W]``, patterns of ``header.bits`` bits, from `dicom_frame.read_frame`.
        header: Of the film.
        name: What to call it in an error.

    Returns:
        ``[H, W]``, uint8 where BitsStored is up to 8, else uint16; 0 is black.

    Raises:
        BadInput: It is all padding, or its slope is 0.
    """
    table = grey_table(header, _present(stored, header), name)
    return look_up(table, stored)


def _present(stored: Grey, header: DicomHeader) -> npt.NDArray[np.bool_]:
    """Which patterns the film has; all of them where nothing depends on it."""
    given = header.voi_table is not None or header.window is not None
    if given and header.padding is None:
        return np.ones(1 << header.bits, dtype=bool)
    flat = stored.reshape(-1)
    counts = np.zeros(1 << header.bits, dtype=np.int64)
    for start in range(0, flat.size, _BLOCK):
        counts += np.bincount(flat[start : start + _BLOCK], minlength=len(counts))
    return counts > 0


def grey_table(header: DicomHeader, present: npt.NDArray[np.bool_], name: str) -> Grey:
    """The grey value of each pattern of ``header.bits`` bits; ``present``: those of the film."""
    values = np.arange(1 << header.bits, dtype=np.int64)
    if header.signed:
        values[len(values) // 2 :] -= len(values)
    padding = np.zeros(len(values), dtype=bool)
    if header.padding is not None:
        padding = (header.padding[0] <= values) & (values <= header.padding[1])
    present = present & ~padding
    if not present.any():
        raise BadInput(f"'{name}' has no pixels but padding.", hint=HINT)
    levels = _voi(_modality(values, header, name), header, present)
    top = 255 if header.bits <= 8 else 65535
    grey = np.floor(levels * top + 0.5)
    if header.photometric == "MONOCHROME1":
        grey = top - grey
    grey[padding] = 0
    return grey.astype(np.uint8) if top == 255 else grey.astype(np.uint16)


def _modality(values: npt.NDArray[np.int64], header: DicomHeader, name: str) -> Values:
    if header.modality_table is not None:
        return _looked_up(values, header.modality_table).astype(np.float64)
    if header.slope == 0:
        raise BadInput(f"'{name}' has a RescaleSlope of 0.", hint=HINT)
    return values.astype(np.float64) * header.slope + header.intercept


def _voi(values: Values, header: DicomHeader, present: npt.NDArray[np.bool_]) -> Values:
    """Levels from 0 to 1."""
    if header.voi_table is not None:
        entries = _looked_up(np.rint(values).astype(np.int64), header.voi_table)
        levels = entries.astype(np.float64) / ((1 << header.voi_table.bits) - 1)
        return np.minimum(levels, 1.0)
    if header.window is not None:
        return window_levels(values, header.window)
    low, high = float(values[present].min()), float(values[present].max())
    if low == high:
        return np.zeros_like(values)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _looked_up(values: npt.NDArray[np.int64], table: Table) -> npt.NDArray[np.uint16]:
    return table.entries[np.clip(values - table.first, 0, len(table.entries) - 1)]


def window_levels(values: Values, window: Window) -> Values:
    """Levels from 0 to 1 of modality values under a window.

    PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.2 (LINEAR_EXACT), C.11.2.1.3.1 (SIGMOID).
    """
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        steepness = np.clip(-4.0 * (values - center) / width, -700.0, 700.0)
        levels: Values = 1.0 / (1.0 + np.exp(steepness))
        return levels
    if window.function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if width == 1:  # a threshold: the line would have no width
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)
