"""MIAS as it is distributed, and the readers of PNG, PGM, JPEG and TIFF."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.readers import decode
from mammo_synth.films.sources.mias import MiasSource, parse_info
from mammo_synth.films.split import SplitSettings
from mammo_synth.png import decode_png, encode_png
from tests._shared import shared_path
from tests.conftest import fake_film

INFO = """MINI-MIAS, prose that mentions mdb numbers in the middle of a line: mdb999
mdb001 G CIRC B 535 425 197
mdb002 F NORM
mdb003 D CALC M 10 10 5
mdb003 D CIRC B 20 20 5
mdb004 F CALC M *NOTE 3*
more prose
"""


@pytest.fixture()
def mias(tmp_path: Path) -> Path:
    """Four films in the layout of the distribution, PGM."""
    (tmp_path / "Info.txt").write_text(INFO)
    for number in range(1, 5):
        film = fake_film(number, "normal", "RL"[number % 2 == 0], (64, 64))
        Image.fromarray(film).save(tmp_path / f"mdb{number:03d}.pgm")
    return tmp_path


def test_mias_labels_pairs_and_several_rows(mias: Path) -> None:
    films = {r.image_id: r for r in MiasSource(mias).list().records}
    assert {k: r.finding for k, r in films.items()} == {
        "mias-mdb001": "benign",
        "mias-mdb002": "normal",
        "mias-mdb003": "malignant",  # one malignant and one benign row
        "mias-mdb004": "malignant",  # a calcification without coordinates
    }
    assert [r.patient_id for r in films.values()] == ["mias-p001"] * 2 + ["mias-p002"] * 2
    assert [r.laterality for r in films.values()] == ["L", "R", "L", "R"]
    assert {r.view for r in films.values()} == {"MLO"}
    assert films["mias-mdb003"].density == "dense-glandular"


def test_mias_takes_png_too_and_remarks_on_films_without_a_row(mias: Path) -> None:
    Image.open(mias / "mdb001.pgm").save(mias / "mdb001.png")
    (mias / "mdb001.pgm").unlink()
    Image.new("L", (9, 9)).save(mias / "mdb077.pgm")
    listing = MiasSource(mias).list()
    assert listing.records[0].locator == "mdb001.png"
    assert "mdb077" in listing.remarks[0]


def test_mias_row_without_a_film_is_refused_and_the_rest_goes_on(mias: Path) -> None:
    (mias / "mdb002.pgm").unlink()
    listing = MiasSource(mias).list()
    assert [r.image_id for r in listing.records] == ["mias-mdb001", "mias-mdb003", "mias-mdb004"]
    (refused,) = listing.refused
    assert refused.film == "mias-mdb002"
    assert refused.reason == "line 3: the folder has no mdb002.pgm or mdb002.png"


@pytest.mark.parametrize(
    "row",
    [
        "mdb001",
        "mdb001 G",
        "mdb001 X NORM",
        "mdb001 G LUMP M",
        "mdb001 G CIRC Q 1 2 3",
        "mdb001 G =1+1 M",
        "mdb000 G NORM",
        "mdb1 G NORM",
        f"mdb{'9' * 5000} G NORM",
    ],
)
def test_mias_bad_row_is_refused_with_its_line(mias: Path, row: str) -> None:
    (mias / "Info.txt").write_text(INFO.replace("mdb001 G CIRC B 535 425 197", row))
    listing = MiasSource(mias).list()
    assert [r.image_id for r in listing.records] == ["mias-mdb002", "mias-mdb003", "mias-mdb004"]
    (refused,) = listing.refused
    assert refused.reason.startswith("line 2: 'mdb") and "is not a MIAS row" in refused.reason


def test_mias_film_with_one_row_that_cannot_be_read_is_not_used(mias: Path) -> None:
    """The row that cannot be read may be the malignant one."""
    (mias / "Info.txt").write_text(INFO.replace("mdb003 D CALC M", "mdb003 D CALC ?"))
    listing = MiasSource(mias).list()
    assert "mias-mdb003" not in {r.image_id for r in listing.records}
    assert [r.reason.split(":")[0] for r in listing.refused] == ["line 4", "line 5"]


def test_mias_film_both_normal_and_not_is_refused(mias: Path) -> None:
    (mias / "Info.txt").write_text(INFO.replace("mdb003 D CALC M", "mdb003 D NORM"))
    listing = MiasSource(mias).list()
    assert "mias-mdb003" not in {r.image_id for r in listing.records}
    assert "both NORM and an abnormality" in listing.refused[0].reason


def test_mias_without_info_rows_or_films(mias: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        MiasSource(mias / "none").list()
    with pytest.raises(BadInput, match="no rows"):
        parse_info("prose only", Path("Info.txt"))
    with pytest.raises(BadInput, match=r"no rows.*Line 1: 'mdb001 G' is not a MIAS row"):
        parse_info("mdb001 G\n", Path("Info.txt"))
    for film in mias.glob("*.pgm"):
        film.unlink()
    with pytest.raises(BadInput, match=r"4 refused \(mias-mdb001: line 2: the folder has no"):
        MiasSource(mias).list()
    (mias / "Info.txt").rename(mias / "INFO.TXT")
    assert MiasSource(mias).settings["source"] == "mias"
    (mias / "INFO.TXT").unlink()
    with pytest.raises(BadInput, match=r"has no Info\.txt"):
        MiasSource(mias).list()


@given(st.text(max_size=40), st.integers(1, 4))
def test_mias_any_text_after_a_film_number(text: str, number: int) -> None:
    row = f"mdb{number:03d} {text}"
    rows, bad = parse_info(f"mdb001 G NORM\n{row}\n", Path("Info.txt"))
    assert rows[0].film == "mdb001" and len(rows) + len(bad) >= 2


def test_mias_as_distributed_and_reduced() -> None:
    full = {r.image_id: r for r in MiasSource(shared_path("data/mias-512")).list().records}
    findings = [r.finding for r in full.values()]
    assert len(full) == 162 and len({r.patient_id for r in full.values()}) == 81
    assert [findings.count(f) for f in ("normal", "benign", "malignant")] == [107, 27, 28]
    reduced = MiasSource(shared_path("data/mias-pgm")).list()
    assert len(reduced.records) == 8
    for record in reduced.records:
        assert full[record.image_id].finding == record.finding


def test_mias_prepared(tmp_path: Path) -> None:
    source = MiasSource(shared_path("data/mias-512"))
    settings = PrepareSettings(64, split=SplitSettings(50, 15, 35))
    prepared = prepare(source, tmp_path / "out", settings)
    assert prepared.table.num_rows == 162 - 27
    assert prepared.manifest.facts["left_out"] == {"benign": 27}
    # Odd films have the chest wall on the right edge: every one of them, and no other, is flipped.
    for row in prepared.table.to_pylist():
        assert row["geometry"]["flipped"] == (int(row["image_id"][-3:]) % 2 == 1)


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "PPM", "TIFF"])
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    pixels = fake_film(5, "malignant")
    assert np.array_equal(decode(encoded(Image.fromarray(pixels), kind), "x").pixels, pixels)


def test_sixteen_bit_png_keeps_its_values() -> None:
    pixels = np.arange(48 * 40, dtype=np.uint16).reshape(48, 40) * 34
    back = decode(encoded(Image.fromarray(pixels), "PNG"), "x").pixels
    assert back.dtype == np.uint16 and np.array_equal(back, pixels)


def test_grey_jpeg_and_grey_rgb_are_films_colour_is_not() -> None:
    grey = Image.fromarray(fake_film(6, "normal"))
    assert decode(encoded(grey, "JPEG"), "x").pixels.dtype == np.uint8
    assert np.array_equal(decode(encoded(grey.convert("RGB"), "PNG"), "x").pixels, np.asarray(grey))
    colour = grey.convert("RGB")
    colour.putpixel((3, 3), (255, 0, 0))
    with pytest.raises(BadInput, match="in colour"):
        decode(encoded(colour, "PNG"), "x")


def test_a_declared_size_beyond_any_film_is_refused_before_it_is_decoded() -> None:
    data = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    with pytest.raises(BadInput, match=r"declares|absurd"):
        decode(bytes(data), "bomb.png")


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(BadInput):
        decode(data, "random")


@given(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from(["PNG", "PPM", "JPEG"]))
def test_flipped_bytes_never_end_in_a_traceback(at: int, value: int, kind: str) -> None:
    data = bytearray(encoded(Image.fromarray(fake_film(7, "normal")), kind))
    data[at % len(data)] = value
    try:
        pixels = decode(bytes(data), "flipped").pixels
    except BadInput:
        return
    assert pixels.ndim == 2


def test_png_round_trip() -> None:
    pixels = fake_film(8, "malignant")
    assert np.array_equal(decode_png(encode_png(pixels)), pixels)
