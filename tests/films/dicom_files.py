"""Writes DICOM files for tests: any pixels, any header, any transfer syntax that films come in."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
BASELINE = "1.2.840.10008.1.2.4.50"
EXTENDED = "1.2.840.10008.1.2.4.51"
LOSSLESS = "1.2.840.10008.1.2.4.57"
LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"

NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)
COMPRESSED_WITHOUT_LOSS = (RLE, LOSSLESS, LOSSLESS_SV1, JPEG_LS, JPEG_2000_LOSSLESS)

IDENTITY = {
    "PatientName": "Quixote^Dulcinea",
    "PatientID": "ID-77401",
    "PatientBirthDate": "19501231",
    "PatientAddress": "12 Windmill Lane",
    "InstitutionName": "Hospital of Toboso",
    "ReferringPhysicianName": "Panza^Sancho",
    "OperatorsName": "Rocinante^R",
    "AccessionNumber": "ACC-99182",
    "StudyDate": "20031117",
    "StudyDescription": "Screening of Dulcinea",
    "StationName": "LAMANCHA3",
    "DeviceSerialNumber": "SN-5520917",
    "PatientComments": "lives at El Toboso",
}
"""Header fields that no film and no message may show; every file has them."""


def dataset(pixels: Any, bits: int, **elements: Any) -> Dataset:
    """A data set of [H, W] pixels, of any integer dtype of 8 or 16 bits; ``elements``: by keyword,
    None takes one out."""
    pixels = np.asarray(pixels)
    set_ = Dataset()
    set_.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"
    set_.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    set_.Modality = "MG"
    set_.PresentationIntentType = "FOR PRESENTATION"
    set_.SamplesPerPixel = 1
    set_.PhotometricInterpretation = "MONOCHROME2"
    set_.Rows, set_.Columns = pixels.shape
    set_.BitsAllocated = 8 * pixels.dtype.itemsize
    set_.BitsStored = bits
    set_.HighBit = bits - 1
    set_.PixelRepresentation = int(pixels.dtype.kind == "i")
    private = set_.private_block(0x0011, "LA MANCHA", create=True)
    private.add_new(0x01, "LO", IDENTITY["PatientName"])
    request = Dataset()
    request.ScheduledProcedureStepDescription = IDENTITY["StudyDescription"]
    set_.RequestAttributesSequence = [request]
    for keyword, value in {**IDENTITY, **elements}.items():
        if value is None:
            delattr(set_, keyword)
        else:
            setattr(set_, keyword, value)
    return set_


def write_dicom(
    pixels: Any,
    bits: int,
    syntax: str = EXPLICIT_LITTLE,
    stream: bytes | None = None,
    **elements: Any,
) -> bytes:
    """The bytes of a DICOM file.

    Args:
        pixels: [H, W]; they are encoded, unless ``stream`` is given.
        bits: BitsStored.
        syntax: Transfer syntax; with ``stream``, any that is encapsulated, else any of this module.
        stream: The encoded frame.
        elements: By keyword; None takes one out.
    """
    pixels = np.asarray(pixels)
    native = syntax if syntax in NATIVE else EXPLICIT_LITTLE
    set_ = dataset(pixels, bits, **elements)
    set_.file_meta = FileMetaDataset()
    set_.file_meta.TransferSyntaxUID = UID(native)
    if stream is not None:
        set_.file_meta.TransferSyntaxUID = UID(syntax)
        set_.PixelData = encapsulate([stream])
        set_["PixelData"].VR = "OB"
        set_["PixelData"].is_undefined_length = True
        return _saved(set_)
    order = ">" if native == EXPLICIT_BIG else "<"
    words = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    set_.PixelData = words + bytes(len(words) % 2)
    set_["PixelData"].VR = "OW" if pixels.dtype.itemsize == 2 else "OB"
    data = _saved(set_)
    return data if syntax in NATIVE else transcode(data, syntax)


def _saved(set_: Dataset) -> bytes:
    buffer = io.BytesIO()
    syntax = set_.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        set_.save_as(buffer, enforce_file_format=True)
    else:
        set_.save_as(
            buffer,
            implicit_vr=syntax == IMPLICIT_LITTLE,
            little_endian=syntax != EXPLICIT_BIG,
            enforce_file_format=True,
        )
    return buffer.getvalue()


def transcode(data: bytes, syntax: str) -> bytes:
    """The file, encoded by gdcm."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.dcm", Path(folder) / "target.dcm"
        source.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFile(reader.GetFile())
        writer.SetFileName(str(target))
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


def frame_of(data: bytes) -> bytes:
    """The encoded frame of an encapsulated file."""
    import pydicom
    from pydicom.encaps import get_frame

    return get_frame(pydicom.dcmread(io.BytesIO(data)).PixelData, 0, number_of_frames=1)


def ramp(height: int = 24, width: int = 20, bits: int = 12) -> Any:
    """A film without noise that reaches from 0 to the top of ``bits``, as uint8 or uint16."""
    count = height * width
    values = (np.arange(count) * ((1 << bits) - 1)) // (count - 1)
    values = values.reshape(height, width)
    values[::3] = values[::3, ::-1]
    return values.astype(np.uint8 if bits <= 8 else np.uint16)
