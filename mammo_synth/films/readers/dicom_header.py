"""What a DICOM header says of the pixels, the view and the presentation: no more is ever read."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.films.record import LATERALITIES, VIEWS

from .bounds import HINT
from .dicom_codes import CODES, FOR_PROCESSING, TAGS, UNKNOWN, VIEW_CODES, WINDOW_FUNCTIONS
from .dicom_elements import Elements, read_elements
from .quiet import quiet


@dataclass(frozen=True)
class Table:
    """A lookup table (PS3.3 C.11.1.1.1): input ``first`` gives ``entries[0]``; inputs outside give
    the nearest end. ``bits``: of an entry."""

    first: int
    entries: npt.NDArray[np.uint16]
    bits: int


@dataclass(frozen=True, slots=True)
class Window:
    """Center, width and function of a window (PS3.3 C.11.2.1.2)."""

    center: float
    width: float
    function: str


@dataclass(frozen=True)
class DicomHeader:
    """What is known of a DICOM image before its pixels are read.

    Attributes:
        elements: Where its pixel data are, and how they are written.
        modality: ``MG``, ``UNKNOWN``, or ``""`` where the file does not say.
        for_processing: Raw detector data, not made for reading.
        photometric, samples, frames: PhotometricInterpretation, SamplesPerPixel, NumberOfFrames.
        rows, columns, allocated, bits, high_bit: Of a pixel; ``bits`` is BitsStored.
        signed: Pixels are two's complement.
        padding: Stored values from ... to (inclusive) that are no pixels of the film.
        slope, intercept, modality_table: The modality LUT; the table, if any, replaces the two.
        voi_table, window: The VOI LUT; the table, if any, comes before the window.
        view, laterality: ``CC`` or ``MLO``, ``L`` or ``R``, or None.
    """

    elements: Elements
    modality: str
    for_processing: bool
    photometric: str
    samples: int
    frames: int
    rows: int
    columns: int
    allocated: int
    bits: int
    high_bit: int
    signed: bool
    padding: tuple[int, int] | None
    slope: float
    intercept: float
    modality_table: Table | None
    voi_table: Table | None
    window: Window | None
    view: str | None
    laterality: str | None


def read_header(data: bytes, name: str) -> DicomHeader:
    """The header of a DICOM file.

    Raises:
        BadInput: It is damaged, has no pixel data, or lacks what describes its pixels.
    """
    elements = read_elements(data, frozenset(TAGS.values()), name)
    with quiet():
        try:
            return _header(elements, name)
        except BadInput:
            raise
        except Exception as error:  # pydicom raises whatever a damaged value leads it to
            # Its message may quote the header, so only its kind is told.
            raise BadInput(
                f"'{name}' has a DICOM header with a value that does not read "
                f"({type(error).__name__}).",
                hint=HINT,
            ) from None


def _header(elements: Elements, name: str) -> DicomHeader:
    from pydicom.filereader import read_dataset

    set_ = read_dataset(io.BytesIO(elements.kept), elements.implicit, not elements.big)
    signed = _integer(set_, "PixelRepresentation", name, 0) == 1
    bits = _integer(set_, "BitsStored", name)
    uid = str(_first(set_, "SOPClassUID") or "")
    intent = _code(set_, "PresentationIntentType")
    return DicomHeader(
        elements=elements,
        modality=_code(set_, "Modality"),
        for_processing=intent == "FOR PROCESSING" or uid in FOR_PROCESSING,
        photometric=_code(set_, "PhotometricInterpretation"),
        samples=_integer(set_, "SamplesPerPixel", name, 1),
        frames=_integer(set_, "NumberOfFrames", name, 1),
        rows=_integer(set_, "Rows", name),
        columns=_integer(set_, "Columns", name),
        allocated=_integer(set_, "BitsAllocated", name),
        bits=bits,
        high_bit=_integer(set_, "HighBit", name, bits - 1),
        signed=signed,
        padding=_padding(set_, signed, elements.big),
        slope=_real(set_, "RescaleSlope", 1.0),
        intercept=_real(set_, "RescaleIntercept", 0.0),
        modality_table=_table(set_, "ModalityLUTSequence", signed, elements.big, name),
        voi_table=_table(set_, "VOILUTSequence", signed, elements.big, name),
        window=_window(set_, name),
        view=_view(set_),
        laterality=_laterality(set_),
    )


def _first(set_: Any, keyword: str) -> Any:
    """The first value of an element, or None where it is missing or empty."""
    value = set_.get(keyword)
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return None if value in ("", b"") else value
    return value[0] if len(value) else None


def _code(set_: Any, keyword: str) -> str:
    """A coded text, upper case; ``""`` where it is missing or empty."""
    text = str(_first(set_, keyword) or "").strip().upper()
    return text if text in ("", *CODES[keyword]) else UNKNOWN


def _integer(set_: Any, keyword: str, name: str, default: int | None = None) -> int:
    value = _first(set_, keyword)
    if value is None:
        if default is None:
            raise BadInput(
                f"'{name}' is a DICOM file whose header has no {keyword}.",
                hint="Take the file as it was exported by the archive.",
            )
        return default
    return int(value)


def _real(set_: Any, keyword: str, default: float) -> float:
    value = _first(set_, keyword)
    number = default if value is None else float(value)
    if not math.isfinite(number) or abs(number) > 1e12:
        raise ValueError(keyword)
    return number


def _words(value: Any, big: bool) -> list[int]:
    """16-bit words of an element whose representation may be US, SS or unread bytes."""
    if isinstance(value, bytes):
        return [int(word) for word in np.frombuffer(value, ">u2" if big else "<u2")]
    return [int(word) for word in (value if hasattr(value, "__len__") else [value])]


def _stored(word: int, signed: bool) -> int:
    """A word as a stored value: words above 32767 are negative in signed pixels."""
    return word - 65536 if signed and word > 32767 else word


def _padding(set_: Any, signed: bool, big: bool) -> tuple[int, int] | None:
    value = set_.get("PixelPaddingValue")
    if value is None or value == b"":
        return None
    ends = [_stored(_words(value, big)[0], signed)]
    limit = set_.get("PixelPaddingRangeLimit")
    if limit is not None and limit != b"":
        ends.append(_stored(_words(limit, big)[0], signed))
    return min(ends), max(ends)


def _table(set_: Any, keyword: str, signed: bool, big: bool, name: str) -> Table | None:
    """The first table of a sequence of lookup tables (PS3.3 C.11.1 and C.11.2)."""
    item = _first(set_, keyword)
    if item is None:
        return None
    count, first, bits = _words(item["LUTDescriptor"].value, big)
    count = (count & 0xFFFF) or 65536
    data = item["LUTData"].value
    if isinstance(data, bytes) and len(data) in (count, count + 1):
        entries = np.frombuffer(data, np.uint8)[:count].astype(np.uint16)
    else:
        entries = np.array([word & 0xFFFF for word in _words(data, big)], dtype=np.uint16)
    if len(entries) != count or not 1 <= bits <= 16:
        raise BadInput(
            f"'{name}' has a lookup table of {len(entries)} entries that declares {count} of "
            f"{bits} bits.",
            hint=HINT,
        )
    return Table(_stored(first, signed), entries, bits)


def _window(set_: Any, name: str) -> Window | None:
    """The first window."""
    center, width = _first(set_, "WindowCenter"), _first(set_, "WindowWidth")
    if center is None or width is None:
        return None
    function = _code(set_, "VOILUTFunction") or "LINEAR"
    window = Window(_real(set_, "WindowCenter", 0.0), _real(set_, "WindowWidth", 0.0), function)
    narrowest = 1.0 if function == "LINEAR" else 0.0
    wide = window.width >= 1 if function == "LINEAR" else window.width > 0
    if function not in WINDOW_FUNCTIONS or not wide:
        raise BadInput(
            f"'{name}' has a window of width {window.width:g} and function {function}; expected "
            f"{', '.join(WINDOW_FUNCTIONS)} and a width above {narrowest:g}.",
            hint="Take the file as it was exported by the archive.",
        )
    return window


def _view(set_: Any) -> str | None:
    view = _code(set_, "ViewPosition")
    if view:
        return view if view in VIEWS else None
    item = _first(set_, "ViewCodeSequence")
    return VIEW_CODES.get(str(item.get("CodeValue", "")).strip()) if item is not None else None


def _laterality(set_: Any) -> str | None:
    groups = _first(set_, "SharedFunctionalGroupsSequence")
    anatomy = _first(groups, "FrameAnatomySequence") if groups is not None else None
    found = _code(set_, "ImageLaterality") or _code(set_, "Laterality")
    if not found and anatomy is not None:
        found = _code(anatomy, "FrameLaterality")
    return found if found in LATERALITIES else None
