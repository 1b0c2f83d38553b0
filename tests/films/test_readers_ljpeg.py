"""Lossless JPEG streams of the original DDSM volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mammo_synth.errors import BadInput
from mammo_synth.films.readers import decode, decode_ljpeg
from tests.films.dicom_files import ramp
from tests.films.film_files import encoded, refusal
from tests.films.jpeg_streams import lossless_jpeg


@pytest.mark.parametrize("predictor", range(1, 8))
def test_ljpeg_by_every_predictor_with_the_first_line_of_pvrg_and_of_t81(predictor: int) -> None:
    film = ramp(40, 30)
    film[:6] = 300  # a dark border, as films have
    for pvrg in (True, False):
        decoded = decode(lossless_jpeg(film, 12, predictor=predictor, pvrg=pvrg), "film")
        assert np.array_equal(decoded.pixels, film)
        assert (decoded.format, decoded.bits, decoded.inverted) == ("ljpeg", 12, False)


def test_ljpeg_of_sixteen_and_of_eight_bits() -> None:
    deep = ramp(bits=16)
    deep[0, :4] = (0, 32768, 0, 65535)  # differences of all sizes, 32768 among them
    assert np.array_equal(decode(lossless_jpeg(deep, 16), "film").pixels, deep)
    dark = (ramp(bits=12) // 8).astype(np.uint16)  # 12-bit values in a 16-bit stream
    stream = lossless_jpeg(dark, 16, predictor=7, pvrg=True)
    assert np.array_equal(decode(stream, "film").pixels, dark)
    shallow = decode(lossless_jpeg(ramp(bits=8), 8, predictor=7, pvrg=True), "film").pixels
    assert shallow.dtype == np.uint8 and np.array_equal(shallow, ramp(bits=8))


def test_ljpeg_whose_width_and_height_are_exchanged() -> None:
    film = ramp(40, 30)
    lines_as_declared = film.reshape(30, 40)
    stream = lossless_jpeg(lines_as_declared, 12, predictor=7, pvrg=True)
    decoded = decode_ljpeg(stream, "film", width=30, height=40)
    assert np.array_equal(decoded.pixels, film)
    assert "40 x 30 pixels, wider than high" in refusal(stream)
    with pytest.raises(BadInput, match="its case file says 31 x 40"):
        decode_ljpeg(stream, "film", width=31, height=40)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"restart": 20}, "restart interval 20"),
        ({"shift": 1}, "point transform 1"),
        ({"components": 3}, "has 3 components"),
        ({"size": (30000, 30000)}, "declares 30000 x 30000 pixels"),
        ({"size": (20, 0)}, "declares 20 x 0 pixels"),
    ],
)
def test_ljpeg_that_is_no_ddsm_film(options: Any, words: str) -> None:
    assert words in refusal(lossless_jpeg(ramp(), 12, **options))


def test_damaged_ljpeg() -> None:
    stream = lossless_jpeg(ramp(), 12)
    assert "the stream is cut short" in refusal(stream[:-2])
    assert "samples up to" in refusal(lossless_jpeg(ramp(), 10))
    assert "coded samples are damaged" in refusal(stream[:-400] + stream[-2:])
    with pytest.raises(BadInput, match="is baseline JPEG"):
        decode_ljpeg(encoded(ramp(bits=8), "JPEG"), "film")
