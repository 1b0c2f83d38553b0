"""DICOM films: closed forms, every transfer syntax, what is refused, and that nobody is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.films.readers import decode
from mammo_synth.films.record import Film
from tests.films import dicom_files as dicom
from tests.films.dicom_files import Dataset, frame_of, ramp, write_dicom
from tests.films.film_files import refusal
from tests.films.jpeg_streams import flat_blocks_jpeg, lossless_jpeg


def row(values: list[int], bits: int = 12, **elements: Any) -> list[int]:
    """The grey values of a one-line DICOM film with these stored values."""
    kind = {True: (np.int8, np.int16), False: (np.uint8, np.uint16)}[min(values) < 0][bits > 8]
    film = decode(write_dicom(np.array([values], dtype=kind), bits, **elements), "film")
    return film.pixels[0].tolist()


def table(descriptor: list[int], data: bytes | list[int]) -> Dataset:
    """One item of a lookup table sequence."""
    item = Dataset()
    item.add_new(0x00283002, "SS" if descriptor[1] < 0 else "US", descriptor)
    item.add_new(0x00283006, "OW" if isinstance(data, bytes) else "US", data)
    return item


# DICOM: from stored values to grey values


def test_without_a_window_the_films_own_range_fills_sixteen_bits() -> None:
    assert row([0, 1, 2048, 4095]) == [0, 16, 32776, 65535]
    assert row([1000, 1001, 1002]) == [0, 32768, 65535]
    assert row([7, 7, 7]) == [0, 0, 0]


def test_monochrome1_is_turned() -> None:
    pixels = np.array([[0, 1, 2048, 4095]], np.uint16)
    film = decode(write_dicom(pixels, 12, PhotometricInterpretation="MONOCHROME1"), "film")
    assert film.pixels.tolist() == [[65535, 65519, 32759, 0]]
    assert (film.inverted, film.format, film.bits) == (True, "dicom", 12)


def test_eight_bit_films_stay_eight_bit() -> None:
    film = decode(write_dicom(np.array([[10, 60, 110]], np.uint8), 8), "film")
    assert film.pixels.dtype == np.uint8 and film.pixels.tolist() == [[0, 128, 255]]
    assert (film.bits, film.inverted) == (8, False)


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        # PS3.3 C.11.2.1.2.1, its own example: center 0, width 100.
        ("LINEAR", [-128, -50, -49, 0, 49, 50, 127], [0, 0, 3, 129, 255, 255, 255]),
        (None, [-128, -50, -49, 0, 49, 50, 127], [0, 0, 3, 129, 255, 255, 255]),
        # C.11.2.1.3.2
        ("LINEAR_EXACT", [-128, -50, -49, 0, 49, 50, 127], [0, 0, 3, 128, 252, 255, 255]),
        # C.11.2.1.3.1: 255 / (1 + exp(-4 x / 100))
        ("SIGMOID", [-100, -25, 0, 25, 100], [5, 69, 128, 186, 250]),
    ],
)
def test_window_functions(function: str | None, values: list[int], expected: list[int]) -> None:
    window: dict[str, Any] = {"WindowCenter": 0, "WindowWidth": 100}
    if function:
        window["VOILUTFunction"] = function
    assert row(values, 8, **window) == expected


def test_a_window_of_width_one_is_a_threshold() -> None:
    assert row([2046, 2047, 2048, 2049], WindowCenter=2048, WindowWidth=1) == [0, 0, 65535, 65535]


def test_the_whole_range_as_a_window_is_the_identity() -> None:
    values = [*range(0, 4096, 45), 4095]
    expected = np.floor(np.array(values) / 4095 * 65535 + 0.5).astype(int).tolist()
    assert row(values, WindowCenter=2048, WindowWidth=4096) == expected


def test_of_several_windows_the_first_one_counts_after_the_rescaling() -> None:
    window = {"WindowCenter": [100.5, 7], "WindowWidth": [101, 9]}
    assert row([75, 100, 125], RescaleSlope=2, RescaleIntercept=-100, **window) == [0, 32768, 65535]


def test_a_voi_table_comes_before_a_window_and_clamps_at_its_ends() -> None:
    luts = [table([4, 100, 8], [0, 85, 170, 255]), table([1, 0, 8], [9])]
    voi = {"VOILUTSequence": luts, "WindowCenter": 1, "WindowWidth": 2}
    assert row([90, 100, 101, 102, 103, 120], 8, **voi) == [0, 0, 85, 170, 255, 255]
    deep = np.array([0, 1000, 4095], "<u2").tobytes()
    expected = [0, 16004, 65535]
    assert row([0, 1, 2], VOILUTSequence=[table([3, 0, 12], deep)]) == expected
    bytes_ = table([4, -2, 8], bytes([0, 85, 170, 255]))
    assert row([-3, -2, -1, 0, 1], 8, VOILUTSequence=[bytes_]) == [0, 0, 85, 170, 255]


def test_a_modality_table_replaces_the_rescaling() -> None:
    lut = table([3, 10, 16], [500, 100, 900])
    elements = {"ModalityLUTSequence": [lut], "RescaleSlope": 3, "RescaleIntercept": 1}
    assert row([10, 11, 12, 99], **elements) == [32768, 0, 65535, 65535]


def test_padding_is_black_after_turning_and_does_not_widen_the_range() -> None:
    padding = {"PixelPaddingValue": 5, "PixelPaddingRangeLimit": 0}
    turned = {"PhotometricInterpretation": "MONOCHROME1", **padding}
    assert row([0, 3, 5, 10, 20], **turned) == [0, 0, 0, 65535, 0]
    assert row([5, 6, 10, 4], PixelPaddingValue=5) == [0, 21845, 65535, 0]
    assert row([-2000, -10, 0, 10], PixelPaddingValue=-2000) == [0, 0, 32768, 65535]
    assert "no pixels but padding" in refusal(
        write_dicom(np.full((2, 2), 5, np.uint16), 12, PixelPaddingValue=5)
    )


@pytest.mark.parametrize("syntax", dicom.NATIVE)
def test_tables_and_padding_read_alike_in_every_way_of_writing(syntax: str) -> None:
    order = ">u2" if syntax == dicom.EXPLICIT_BIG else "<u2"
    lut = table([3, 0, 12], np.array([0, 1000, 4095], order).tobytes())
    pixels = np.array([[0, 1, 2, 9]], np.uint16)
    data = write_dicom(pixels, 12, syntax, VOILUTSequence=[lut], PixelPaddingValue=9)
    assert decode(data, "film").pixels.tolist() == [[0, 16004, 65535, 0]]


def test_a_window_keeps_the_order_of_values() -> None:
    values = list(range(4096))
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        grey = row(values, WindowCenter=1800.3, WindowWidth=2500.7, VOILUTFunction=function)
        assert (np.diff(grey) >= 0).all() and len(set(grey)) > 2000


# DICOM: transfer syntaxes


@pytest.mark.parametrize("syntax", (*dicom.NATIVE, *dicom.COMPRESSED_WITHOUT_LOSS))
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_every_lossless_transfer_syntax_gives_the_same_pixels(syntax: str, bits: int) -> None:
    film = decode(write_dicom(ramp(bits=bits), bits, syntax, ViewPosition="CC"), "film")
    top = 255 if bits == 8 else 65535
    expected = np.floor(ramp(bits=bits) / ((1 << bits) - 1) * top + 0.5)
    assert np.array_equal(film.pixels, expected)
    assert (film.bits, film.view) == (bits, "CC")


@pytest.mark.parametrize(
    "syntax", (*dicom.NATIVE, dicom.RLE, dicom.LOSSLESS, dicom.JPEG_2000_LOSSLESS)
)
def test_signed_pixels(syntax: str) -> None:
    for bits in (8, 12):
        unsigned = ramp(bits=bits)
        shifted = unsigned.astype(np.int32) - (1 << (bits - 1))
        signed = shifted.astype(np.int8 if bits == 8 else np.int16)
        film = decode(write_dicom(signed, bits, syntax), "film")
        assert np.array_equal(film.pixels, decode(write_dicom(unsigned, bits), "film").pixels)


def test_lossy_transfer_syntaxes() -> None:
    smooth = ramp(64, 48, bits=8)
    stored = decode(write_dicom(smooth, 8), "film").pixels.astype(int)
    lossy = decode(write_dicom(smooth, 8, dicom.BASELINE), "film").pixels
    assert np.abs(lossy - stored).max() <= 12
    stream = frame_of(write_dicom(smooth, 8, dicom.BASELINE))
    extended = write_dicom(smooth, 8, dicom.EXTENDED, stream)
    assert np.array_equal(decode(extended, "film").pixels, lossy)
    near = decode(write_dicom(ramp(), 12, dicom.JPEG_LS_NEAR), "film").pixels
    assert np.array_equal(near, decode(write_dicom(ramp(), 12), "film").pixels)


def test_twelve_bit_extended_jpeg() -> None:
    levels = np.array([[0, 4095, 17], [2048, 2047, 999]])
    pixels = np.kron(levels, np.ones((8, 8), int)).astype(np.uint16)
    data = write_dicom(pixels, 12, dicom.EXTENDED, flat_blocks_jpeg(levels))
    assert np.array_equal(decode(data, "x").pixels, decode(write_dicom(pixels, 12), "x").pixels)


@pytest.mark.parametrize(("predictor", "bits"), [(2, 12), (5, 10), (7, 14), (6, 8), (4, 16)])
def test_lossless_jpeg_in_dicom_by_any_predictor(predictor: int, bits: int) -> None:
    film = ramp(bits=bits)
    data = write_dicom(film, bits, dicom.LOSSLESS, lossless_jpeg(film, bits, predictor=predictor))
    assert np.array_equal(decode(data, "x").pixels, decode(write_dicom(film, bits), "x").pixels)


def test_an_odd_number_of_bytes_is_padded_and_bytes_in_words_are_exchanged() -> None:
    pixels = np.array([[0, 9, 90], [180, 200, 255], [1, 2, 3]], np.uint8)
    assert np.array_equal(decode(write_dicom(pixels, 8), "film").pixels, pixels)
    data = bytearray(write_dicom(pixels, 8, dicom.EXPLICIT_BIG))
    assert np.array_equal(decode(bytes(data), "film").pixels, pixels)
    at = data.index(b"\x7f\xe0\x00\x10OB") + 4
    data[at : at + 2] = b"OW"
    words = np.frombuffer(bytes(data[-10:]), np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    assert np.array_equal(decode(bytes(data[:-10]) + words, "film").pixels, pixels)


def test_bits_beyond_those_stored_are_ignored() -> None:
    overlay = ramp() | 0x8000
    assert np.array_equal(
        decode(write_dicom(overlay, 12), "film").pixels,
        decode(write_dicom(ramp(), 12), "film").pixels,
    )


@pytest.mark.parametrize("syntax", [dicom.EXPLICIT_LITTLE, dicom.IMPLICIT_LITTLE])
def test_dicom_without_a_preamble(syntax: str) -> None:
    data = write_dicom(ramp(), 12, syntax)
    expected = decode(data, "film").pixels
    assert np.array_equal(decode(data[132:], "film").pixels, expected)
    meta = int.from_bytes(data[140:144], "little")  # the value of (0002,0000)
    assert np.array_equal(decode(data[144 + meta :], "film").pixels, expected)


# DICOM: what the header says


def code(value: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue = value
    return [item]


@pytest.mark.parametrize(
    ("elements", "view", "laterality"),
    [
        ({"ViewPosition": "MLO", "ImageLaterality": "R", "Laterality": "L"}, "MLO", "R"),
        ({"ViewPosition": "CC", "Laterality": "L"}, "CC", "L"),
        ({"ViewPosition": "ML", "ImageLaterality": "B"}, None, None),
        ({"ViewCodeSequence": code("R-10242")}, "CC", None),
        ({"ViewCodeSequence": code("399162004")}, "CC", None),
        ({"ViewCodeSequence": code("R-10226")}, "MLO", None),
        ({"ViewCodeSequence": code("399368009")}, "MLO", None),
        ({"ViewCodeSequence": code("R-10224")}, None, None),  # medio-lateral
        ({"ViewPosition": "", "ViewCodeSequence": []}, None, None),
    ],
)
def test_view_and_laterality(elements: Any, view: str | None, laterality: str | None) -> None:
    film = decode(write_dicom(ramp(), 12, **elements), "film")
    assert (film.view, film.laterality) == (view, laterality)


def test_laterality_of_the_frame() -> None:
    anatomy, groups = Dataset(), Dataset()
    anatomy.FrameLaterality = "R"
    groups.FrameAnatomySequence = [anatomy]
    data = write_dicom(ramp(), 12, SharedFunctionalGroupsSequence=[groups])
    assert decode(data, "film").laterality == "R"


def test_no_field_of_the_header_that_identifies_anyone_leaves_it() -> None:
    data = write_dicom(ramp(), 12, ViewPosition="CC", ImageLaterality="L")
    assert all(secret.encode() in data for secret in dicom.IDENTITY.values())
    film = decode(data, "film")
    shown = repr({name: getattr(film, name) for name in Film.__dataclass_fields__})
    assert not any(secret in shown for secret in dicom.IDENTITY.values())
    for name in ("Modality", "PhotometricInterpretation", "ViewPosition"):
        broken = write_dicom(ramp(), 12, **{name: "MG"}).replace(b"MG", b"^Q")
        try:
            decode(broken, "film")
        except BadInput as error:
            assert "^Q" not in str(error)


def test_digitised_films_under_other_modalities_are_taken() -> None:
    for modality in ("DX", "CR", "OT", None):
        decode(write_dicom(ramp(), 12, Modality=modality), "film")


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"Modality": "US"}, "modality US; expected MG"),
        ({"NumberOfFrames": 3}, "3 frames (tomosynthesis"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "interpretation RGB and 3"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "secondary captures are in colour"),
        ({"PhotometricInterpretation": None}, "interpretation missing"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "or add --for-processing"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}, "is FOR PROCESSING"),
        ({"HighBit": 15}, "the highest at 15"),
        ({"BitsStored": 17, "HighBit": 16}, "17 bits stored in 16"),
        ({"BitsAllocated": 12}, "12 bits stored in 12"),
        ({"Rows": None}, "no Rows"),
        ({"Rows": 0}, "declares 20 x 0 pixels"),
        ({"Rows": 65535, "Columns": 65535}, "declares 65535 x 65535 pixels"),
        ({"Rows": 25}, "960 bytes of pixels, expected 1,000"),
        ({"Columns": 10}, "960 bytes of pixels, expected 480"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "a window of width 0 and function LINEAR"),
        ({"WindowCenter": 5, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "function unknown"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "RescaleSlope of 0"),
        ({"VOILUTSequence": [table([9, 0, 8], [1, 2])]}, "table of 2 entries that declares 9"),
        ({"VOILUTSequence": [Dataset()]}, "with a value that does not read (KeyError)"),
    ],
)
def test_dicom_that_is_no_film_is_named(elements: Any, words: str) -> None:
    assert words in refusal(write_dicom(ramp(), 12, **elements))


def test_images_for_processing_are_taken_where_asked_for() -> None:
    data = write_dicom(ramp(), 12, PresentationIntentType="FOR PROCESSING")
    assert decode(data, "film", for_processing=True).bits == 12
    assert "modality US" in refusal(
        write_dicom(ramp(), 12, PresentationIntentType="FOR PROCESSING", Modality="US"),
        for_processing=True,
    )


def test_transfer_syntaxes_that_are_not_read_are_named() -> None:
    data = write_dicom(ramp(), 12)
    for uid, words in ((dicom.DEFLATED, "deflated"), ("1.2.840.10008.1.2.4.100", ".4.100, which")):
        length = data.index(b"\x02\x00\x10\x00UI") + 6
        old = int.from_bytes(data[length : length + 2], "little")
        value = uid.encode() + b"\x00" * (len(uid) % 2)
        changed = (
            data[:length] + len(value).to_bytes(2, "little") + value + data[length + 2 + old :]
        )
        assert words in refusal(changed)


def test_dicom_without_pixels_or_with_half_a_header() -> None:
    data = write_dicom(ramp(), 12)
    at = data.index(b"\xe0\x7f\x10\x00")
    assert "without pixel data" in refusal(data[:at])
    assert "cut short" in refusal(data[: at - 3])
    assert "bytes of pixels" in refusal(data[:-1])
    assert "damaged DICOM file" in refusal(data[:300])


def test_frames_that_contradict_the_header() -> None:
    stream = lossless_jpeg(ramp(), 12)
    assert "a frame of 20 x 24 pixels" in refusal(
        write_dicom(ramp(30, 20), 12, dicom.LOSSLESS, stream)
    )
    assert "transfer syntax is of JPEG-LS" in refusal(
        write_dicom(ramp(), 12, dicom.JPEG_LS, stream)
    )
    assert "beyond 10 bits" in refusal(write_dicom(ramp(), 10, dicom.LOSSLESS, stream))
    assert "3 components" in refusal(
        write_dicom(ramp(), 12, dicom.LOSSLESS, lossless_jpeg(ramp(), 12, components=3))
    )
    assert "no JPEG 2000 codestream" in refusal(write_dicom(ramp(), 12, dicom.JPEG_2000, stream))
    assert "RLE header" in refusal(write_dicom(ramp(), 12, dicom.RLE, b"\x02\x00"))
    assert "a frame of 6 bits, expected 8 to 16" in refusal(
        write_dicom(ramp(bits=6), 6, dicom.LOSSLESS, lossless_jpeg(ramp(bits=6), 6))
    )
    assert "9 RLE segments, expected 2" in refusal(
        write_dicom(ramp(), 12, dicom.RLE, b"\x09" + bytes(70))
    )


@pytest.mark.parametrize("syntax", dicom.COMPRESSED_WITHOUT_LOSS)
def test_a_frame_that_is_cut_short_is_refused(syntax: str) -> None:
    stream = frame_of(write_dicom(ramp(), 12, syntax)).rstrip(b"\x00")
    for kept in (len(stream) // 2, len(stream) - 2):
        text = refusal(write_dicom(ramp(), 12, syntax, stream[:kept]))
        assert "cut short" in text or "damaged" in text
