"""The DICOM elements that are read, and the coded texts in them that are known."""

from __future__ import annotations

from mammo_synth.films.record import LATERALITIES, VIEWS

TAGS = {
    "SOPClassUID": 0x00080016,
    "Modality": 0x00080060,
    "PresentationIntentType": 0x00080068,
    "ViewPosition": 0x00185101,
    "Laterality": 0x00200060,
    "ImageLaterality": 0x00200062,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
    "PixelPaddingValue": 0x00280120,
    "PixelPaddingRangeLimit": 0x00280121,
    "WindowCenter": 0x00281050,
    "WindowWidth": 0x00281051,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
    "VOILUTFunction": 0x00281056,
    "ModalityLUTSequence": 0x00283000,
    "VOILUTSequence": 0x00283010,
    "ViewCodeSequence": 0x00540220,
    "SharedFunctionalGroupsSequence": 0x52009229,
}

# PS3.16 CID 4014, by SNOMED CT and by the older SNOMED RT code.
VIEW_CODES = {"399162004": "CC", "R-10242": "CC", "399368009": "MLO", "R-10226": "MLO"}

# Digital Mammography X-Ray Image Storage and Digital X-Ray Image Storage - For Processing.
FOR_PROCESSING = ("1.2.840.10008.5.1.4.1.1.1.2.1", "1.2.840.10008.5.1.4.1.1.1.1.1")

WINDOW_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

UNKNOWN = "unknown"
CODES = {
    "Modality": (
        *("MG", "DX", "CR", "OT", "CT", "MR", "NM", "PT", "US", "XA", "RF", "IO", "PX", "ES", "GM"),
        *("SM", "XC", "BI", "DG", "BMD", "SC", "SR", "PR", "KO", "DOC", "SEG", "REG", "RTIMAGE"),
    ),
    "PresentationIntentType": ("FOR PRESENTATION", "FOR PROCESSING"),
    "ViewPosition": VIEWS,
    "Laterality": LATERALITIES,
    "ImageLaterality": LATERALITIES,
    "FrameLaterality": LATERALITIES,
    "PhotometricInterpretation": (
        *("MONOCHROME1", "MONOCHROME2", "RGB", "ARGB", "CMYK", "HSV", "PALETTE COLOR"),
        *("YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422"),
    ),
    "VOILUTFunction": WINDOW_FUNCTIONS,
}
"""The coded texts that are passed on. In a damaged file anything may stand in their place, the
patient's name too, so a text that is none of these becomes `UNKNOWN`."""
