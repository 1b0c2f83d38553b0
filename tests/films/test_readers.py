"""Film files by content: PNG, PGM, JPEG, TIFF, and the process that some of them are decoded in."""

from __future__ import annotations

import io
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.readers import apart, decode, read_bytes
from mammo_synth.films.readers.quiet import quiet
from tests.films.dicom_files import ramp, write_dicom
from tests.films.film_files import encoded, refusal
from tests.films.jpeg_streams import lossless_jpeg


def test_content_counts_and_not_the_name() -> None:
    data = write_dicom(ramp(), 12)
    assert decode(data, "film.png").format == "dicom"
    assert decode(encoded(ramp(bits=16), "PNG"), "film.dcm").format == "png"
    assert decode(lossless_jpeg(ramp(), 12), "film.jpg").format == "ljpeg"
    assert decode(encoded(ramp(bits=8), "JPEG"), "film.LJPEG").format == "jpeg"


@pytest.mark.parametrize("kind", ["PNG", "PPM", "TIFF"])
def test_sixteen_bits_as_stored(kind: str) -> None:
    film = decode(encoded(ramp(bits=16), kind), "film")
    assert film.pixels.dtype == np.uint16 and np.array_equal(film.pixels, ramp(bits=16))
    assert film.bits == 16


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(compression: str) -> None:
    for bits in (8, 16):
        film = decode(encoded(ramp(bits=bits), "TIFF", compression=compression), "film")
        assert np.array_equal(film.pixels, ramp(bits=bits)) and film.format == "tiff"
    palette = encoded(ramp(bits=8), "TIFF", "P", compression=compression)
    assert np.array_equal(decode(palette, "film").pixels, ramp(bits=8))


def test_tiff_that_stores_white_as_zero() -> None:
    data = encoded(ramp(bits=16), "TIFF", tiffinfo={262: 0})
    film = decode(data, "film")
    assert film.inverted and np.array_equal(film.pixels, 65535 - ramp(bits=16))


@pytest.mark.parametrize(
    ("data", "expected", "bits"),
    [
        (b"P5\n3 2\n255\n" + bytes([0, 1, 2, 253, 254, 255]), [[0, 1, 2], [253, 254, 255]], 8),
        (b"P5 # film\n2 1 # width, height\n4095\n\x0f\xff\x00\x01", [[4095, 1]], 12),
        (b"P5 2 1 65535 \xff\xfe\x80\x00", [[65534, 32768]], 16),
        (b"P2\n2 2\n100\n0 1\n99\n100 and more\n", None, 8),
        (b"P2\n2 2\n100\n0 1\n99\n100\n", [[0, 1], [99, 100]], 8),
        (b"P2 # c\n# d 7\n2 1 65535\n65535 # e 9\n 256", [[65535, 256]], 16),
    ],
)
def test_grey_maps(data: bytes, expected: list[list[int]] | None, bits: int) -> None:
    if expected is None:
        assert "something else than numbers" in refusal(data)
        return
    film = decode(data, "film")
    assert (film.format, film.bits) == ("pgm", bits) and film.pixels.tolist() == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"P5 2 2 255\nabc", "cut short"),
        (b"P2 2 2 255\n1 2 3 ", "cut short"),
        (b"P2 2 2 255\n1 2 3 256", "above its largest"),
        (b"P2 2 2 9\n1 2 3 10", "values up to 10, above its largest, 9"),
        (b"P2 1 2 255\n1 99999999999999999999999999", "above its largest"),
        (b"P5 2 2 65536\n", "its largest value is 65536"),
        (b"P5 2 2 0\nabcd", "its largest value is 0"),
        (b"P5 20000 20000 255\n", "declares 20000 x 20000 pixels"),
        (b"P5 0 2 255\n", "declares 0 x 2 pixels"),
        (b"P5 two", "its header does not read"),
        (b"P2 2 2 255\n        ", "cut short"),
    ],
)
def test_damaged_grey_maps(data: bytes, words: str) -> None:
    assert words in refusal(data)


def test_files_of_several_images() -> None:
    page = Image.fromarray(ramp(bits=8))
    for kind in ("TIFF", "PNG", "MPO"):
        buffer = io.BytesIO()
        page.save(buffer, kind, save_all=True, append_images=[Image.new("L", page.size, 9)])
        assert "several pages or frames" in refusal(buffer.getvalue())


def test_transparent_films_are_refused_and_opaque_ones_taken() -> None:
    opaque = Image.fromarray(ramp(bits=8)).convert("LA")
    for mode in ("LA", "RGBA"):
        assert np.array_equal(decode(encoded(opaque, "PNG", mode), "film").pixels, ramp(bits=8))
        clear = opaque.convert(mode)
        clear.putpixel((3, 3), (9, 254) if mode == "LA" else (9, 9, 9, 254))
        assert "transparent pixels" in refusal(encoded(clear, "PNG"))
    assert "transparent" in refusal(encoded(ramp(bits=16), "PNG", transparency=65535))
    assert decode(encoded(ramp(bits=12) * 2, "PNG", transparency=1), "film").bits == 16


def test_colour_and_printing_colours() -> None:
    colour = np.zeros((300, 9, 3), np.uint8)
    colour[299, 8] = (9, 9, 12)
    assert "in colour (channels differ by 3 levels)" in refusal(encoded(colour, "PNG"))
    assert "printing colours (CMYK)" in refusal(encoded(ramp(bits=8), "JPEG", "CMYK"))


def test_a_missing_and_an_enormous_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_bytes(tmp_path / "none.png")
    large = tmp_path / "large.dcm"
    with large.open("wb") as stream:
        stream.truncate(2 << 30)  # sparse
    with pytest.raises(BadInput, match=r"has 2\.1 GB; a film has at most 1\.1"):
        read_bytes(large)


def test_warnings_and_logs_are_off_while_a_film_is_read_and_on_again_after_it(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = list(warnings.filters)
    loggers = [logging.getLogger(name) for name in ("PIL", "pydicom")]
    state = [(logger.propagate, list(logger.handlers)) for logger in loggers]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: decode(encoded(ramp(bits=8), "PNG"), "film"), range(40)))
    with quiet():
        warnings.warn("unseen", stacklevel=1)
        logging.getLogger("PIL.TiffImagePlugin").error("unseen")
    assert list(warnings.filters) == before
    assert [(logger.propagate, list(logger.handlers)) for logger in loggers] == state
    assert capfd.readouterr().err == "" and not caplog.records


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.abort()", "its decoder crashed, signal 6"),
        ("import sys; sys.exit(1)", "its decoder refused it"),
        ("import sys; sys.stdout.write('few')", "gave another size"),
        ("import time; time.sleep(60)", "took too long"),
    ],
)
def test_whatever_a_decoder_does_one_refusal_comes_of_it(
    program: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "child.py"
    script.write_text(program)
    monkeypatch.setattr(apart.decoder_child, "__file__", str(script))
    monkeypatch.setattr(apart, "_SECONDS", 0.2 if "sleep" in program else 60)
    assert words in refusal(lossless_jpeg(ramp(), 12))
