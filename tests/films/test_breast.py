"""The breast's mask, the crop and the way back to the film."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mammo_synth.errors import BadInput
from mammo_synth.films.breast import (
    _fourth_fifth,
    _opened,
    _over_disk,
    _spread,
    find_breast,
    reduce_mean,
)
from mammo_synth.films.geometry import (
    Geometry,
    crop_box,
    fit,
    prepare_pixels,
    to_eight_bits,
)
from mammo_synth.films.grey_table import look_up
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.films.readers import decode
from mammo_synth.films.sources.mias import MiasSource
from tests._shared import shared_path
from tests.conftest import fake_film


def scan(film: Any, left: int = 60, top: int = 40, shape: tuple[int, int] = (400, 420)) -> Any:
    """``film`` laid on a black scan."""
    whole = np.zeros(shape, film.dtype)
    whole[top : top + film.shape[0], left : left + film.shape[1]] = film
    return whole


BREAST = fake_film(1, "normal", "L", (300, 240))


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("shape", [(48, 40), (40, 48), (64, 64), (700, 500)])
def test_the_chest_wall_ends_on_the_left(side: str, shape: tuple[int, int]) -> None:
    film = np.ascontiguousarray(fake_film(1, "normal", side, shape))
    assert find_breast(film).wall == {"L": "left", "R": "right"}[side]
    prepared, geometry = prepare_pixels(film, 32)
    assert prepared.shape == (32, 32) and prepared.dtype == np.uint8
    assert geometry.flipped == (side == "R")
    assert find_breast(prepared).wall == "left"
    assert prepared[:, :2].max() > 100  # the wall is at the edge, without a gap


def test_the_mask_is_the_breast_and_the_crop_fits_it() -> None:
    film = scan(BREAST)
    found = find_breast(film)
    truth = film > 60
    mask = np.kron(found.mask, np.ones((found.step, found.step), bool))
    truth = truth[: mask.shape[0], : mask.shape[1]]
    overlap = (mask & truth).sum() / (mask | truth).sum()
    assert overlap > 0.9  # the mask adds a little skin
    left, top, right, bottom = crop_box(found, 420, 400)
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    assert abs(left - columns[0]) <= 2 * found.step  # flush at the wall
    assert 0 <= rows[0] - top <= 14 and 0 <= bottom - rows[-1] <= 18
    assert 0 <= right - columns[-1] <= 18


@pytest.mark.parametrize("bits", [8, 16])
def test_plates_tape_and_borders_go(bits: int) -> None:
    film = scan(BREAST).astype(np.uint16)
    clean, _ = prepare_pixels(film.astype(np.uint8), 128)
    film[10:40, 370:400] = 255  # a plate far off
    film[100:120, 250:262] = 255  # a plate beside the skin
    film[:, :12] = 250  # the border of the film
    film[392:, :] = 240  # tape along the lower edge
    if bits == 16:
        film = film * 257
    marked, _ = prepare_pixels(film.astype(np.uint8) if bits == 8 else film, 128)
    differ = np.abs(marked.astype(int) - clean.astype(int))
    assert (differ > 40).mean() < 0.01
    assert find_breast(film).wall == "left"


def test_a_bright_lesion_in_the_breast_stays() -> None:
    film = scan(fake_film(3, "malignant", "L", (300, 240)))
    y, x = np.mgrid[:400, :420]
    film[(y - 190) ** 2 + (x - 130) ** 2 < 144] = 255
    prepared, geometry = prepare_pixels(film, 128)
    px, py = geometry.to_prepared(130, 190)
    assert prepared[round(py), round(px)] > 240


def test_what_is_outside_the_breast_is_black() -> None:
    rng = np.random.default_rng(0)
    film = scan(BREAST).astype(float) + rng.uniform(0, 12, (400, 420))  # a noisy background
    prepared, _ = prepare_pixels(film.astype(np.uint8), 128)
    assert np.all(prepared[:, 110:] == 0)
    assert (prepared == 0).mean() > 0.2


def test_the_whole_film_is_kept_when_asked_for() -> None:
    film = scan(BREAST)
    film[10:40, 370:400] = 255
    prepared, geometry = prepare_pixels(film, 105, "film")
    assert (geometry.crop_left, geometry.crop_top) == (0, 0)
    assert (geometry.crop_width, geometry.crop_height) == (420, 400)
    assert prepared[5:9, 94:98].min() > 240  # the plate
    assert geometry.pad_top + geometry.pad_bottom == 5 and geometry.pad_right == 0


def test_eight_and_sixteen_bits_of_one_film_come_out_alike() -> None:
    film = scan(BREAST)
    eight, a = prepare_pixels(film, 128)
    sixteen, b = prepare_pixels(film.astype(np.uint16) * 16 + 100, 128)
    assert a == b
    assert np.abs(eight.astype(int) - sixteen.astype(int)).max() <= 1


def test_grey_values_are_linear_between_the_percentiles() -> None:
    ramp = np.arange(0, 50_000, 5, dtype=np.uint16).reshape(100, 100)
    grey = to_eight_bits(ramp, 1000, 41_000)
    assert grey[0, 0] == 0 and grey[-1, -1] == 255
    assert np.all(np.diff(grey.ravel().astype(int)) >= 0)
    place = np.searchsorted(ramp.ravel(), 21_000)
    assert abs(int(grey.ravel()[place]) - 128) <= 1


@pytest.mark.parametrize("value", [0, 3, 65535])
def test_an_empty_film_is_refused(value: int) -> None:
    for dtype in (np.uint8, np.uint16):
        film = np.full((50, 40), min(value, np.iinfo(dtype).max), dtype)
        with pytest.raises(BadInput, match="empty"):
            prepare_pixels(film, 32)


@pytest.mark.parametrize("shape", [(8, 3000), (3000, 8), (20, 9000)])
def test_a_film_too_thin_for_its_reduced_copy_is_refused(shape: tuple[int, int]) -> None:
    film = np.zeros(shape, np.uint16)
    film[: shape[0] // 2 + 1, : shape[1] // 2] = 3000
    with pytest.raises(BadInput, match="too thin to show a breast"):
        find_breast(film)


@pytest.mark.parametrize("radius", [1, 2, 5, 9])
def test_disks_open_and_grow_as_scipy_has_it(radius: int) -> None:
    rng = np.random.default_rng(radius)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = x * x + y * y <= radius * radius + 0.5
    for share in (0.3, 0.9, 0.99):
        mask = rng.random((70, 61)) < share
        grown, opened = (_over_disk(mask, radius, np.logical_or), _opened(mask, radius))
        assert np.array_equal(grown, ndimage.binary_dilation(mask, disk))
        padded = np.pad(mask, radius, mode="edge")
        expected = ndimage.binary_opening(padded, disk)[radius:-radius, radius:-radius]
        assert np.array_equal(opened, expected)
        assert np.array_equal(_spread(mask, 4), ndimage.binary_dilation(mask, iterations=4))


def test_the_reduced_copy_is_of_means_and_its_rank_that_of_numpy() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 65536, (103, 71)).astype(np.uint16)
    for longest, step in ((103, 1), (60, 2), (35, 3), (26, 4)):
        small, found = reduce_mean(pixels, longest)
        assert found == step and small.dtype == np.float32
        high, wide = (side // step * step for side in pixels.shape)
        blocks = pixels[:high, :wide].reshape(high // step, step, wide // step, step)
        assert np.array_equal(small, blocks.mean(axis=(1, 3), dtype=np.float32))
    for count in (1, 2, 7, 100, 101):
        values = rng.random(count, np.float32)
        assert _fourth_fifth(values) == pytest.approx(float(np.quantile(values, 0.8)), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (3, 70_000), (700, 300)])
def test_looking_up_is_indexing(dtype: Any, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    for entries in (np.uint8, np.uint16):
        table = rng.integers(0, 256, int(np.iinfo(dtype).max) + 1).astype(entries)
        for part in (pixels, pixels[:, ::2], pixels[1:, 5:]):
            found = look_up(table, part)
            assert found.dtype == entries and np.array_equal(found, table[part])


@given(
    st.integers(8, 300),
    st.integers(8, 300),
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.uint8, np.uint16]),
)
def test_any_pixels_are_prepared_or_refused(height: int, width: int, seed: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    top = int(np.iinfo(dtype).max)
    film = rng.integers(0, rng.integers(1, top, endpoint=True) + 1, (height, width)).astype(dtype)
    film[: rng.integers(0, height), : rng.integers(0, width)] = rng.integers(0, top)
    try:
        prepared, geometry = prepare_pixels(film, 32)
    except BadInput as error:
        assert "empty" in error.message
        return
    assert prepared.shape == (32, 32) and prepared.dtype == np.uint8
    kept = geometry.crop_left + geometry.crop_width, geometry.crop_top + geometry.crop_height
    assert min(geometry.crop_left, geometry.crop_top) >= 0 and kept <= (width, kept[1])
    assert kept[1] <= height


@given(
    st.integers(8, 500),
    st.integers(8, 500),
    st.booleans(),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_geometry_maps_there_and_back(
    width: int, height: int, flipped: bool, u: float, v: float, left: int, top: int
) -> None:
    wide, high = fit(width, height, 64)
    pad = (64 - high) // 2
    geometry = Geometry(
        width + left,
        height + top,
        left,
        top,
        width,
        height,
        flipped,
        wide / width,
        high / height,
        pad,
        64 - high - pad,
        64 - wide,
    )
    x, y = left + u * (width - 1), top + v * (height - 1)
    px, py = geometry.to_prepared(x, y)
    assert -1 <= px <= wide and pad - 1 <= py <= pad + high
    assert geometry.to_film(px, py) == pytest.approx((x, y), abs=1e-6)
    assert Geometry(**geometry.as_dict()) == geometry


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_point_lands_where_the_geometry_says(side: str) -> None:
    film = np.ascontiguousarray(scan(fake_film(4, "normal", side, (300, 240))))
    x = 150 if side == "L" else 210
    film[186:194, x - 4 : x + 4] = 255
    prepared, geometry = prepare_pixels(film, 64)
    px, py = geometry.to_prepared(x - 0.5, 189.5)
    row, column = np.unravel_index(int(prepared.argmax()), prepared.shape)
    assert abs(column - px) <= 1 and abs(row - py) <= 1


def test_the_same_film_at_other_sizes_has_the_same_crop() -> None:
    big, small = (
        render_film(3, 5, "MLO", "R", PhantomSettings(height=h, marker_share=0.0)).image
        for h in (1000, 250)
    )
    boxes = [np.array(find_breast(film).box) / film.shape[0] for film in (big, small)]
    assert np.abs(boxes[0] - boxes[1]).max() < 0.02


def test_phantom_markers_go_and_findings_stay() -> None:
    settings = PhantomSettings(height=256, cancer_patients=1.0, benign_patients=0.0)
    bare = dataclasses.replace(settings, marker_share=0.0)
    marked = dataclasses.replace(settings, marker_share=1.0)
    for patient in range(6):
        for view in ("CC", "MLO"):
            with_marker, without = (
                prepare_pixels(render_film(7, patient, view, "L", s).image, 128)[0].astype(int)
                for s in (marked, bare)
            )
            assert (np.abs(with_marker - without) > 60).mean() < 0.002, (patient, view)


@pytest.mark.parametrize("share", [0.01, 0.02, 0.04, 0.08])
@pytest.mark.parametrize("sides", ["all", "top and bottom", "left and right"])
def test_a_white_frame_of_the_scan_is_no_breast(share: float, sides: str) -> None:
    settings = PhantomSettings(height=400, marker_share=0.0)
    for patient, view in ((1, "CC"), (2, "MLO")):
        bare = render_film(5, patient, view, "L", settings).image
        width = round(share * bare.shape[0])
        framed = np.pad(bare, width, constant_values=np.iinfo(bare.dtype).max)
        if sides == "top and bottom":
            framed = framed[:, width:-width]
        if sides == "left and right":
            framed = framed[width:-width]
        expected, found = find_breast(bare), find_breast(framed)
        assert found.wall == expected.wall
        shift = np.array([width * (sides != "top and bottom"), width * (sides != "left and right")])
        moved = np.array(found.box) - np.tile(shift, 2)
        assert np.abs(moved - expected.box).max() <= 0.03 * bare.shape[0], (found, expected)


def test_real_films_lose_plates_and_borders_and_keep_the_breast() -> None:
    folder = shared_path("data/mias-512")
    source = MiasSource(folder)
    areas, walls = [], []
    for record in source.list().records:
        film = source.read(record)
        found = find_breast(film.pixels)
        areas.append(found.mask.mean())
        number = int(record.image_id[-3:])
        walls.append(found.wall == ("right" if number % 2 else "left"))
        left, top, right, bottom = found.box
        assert right - left > 60 and bottom - top > 150, record.image_id
        prepared, _ = prepare_pixels(film.pixels, 128, breast=found)
        corner = prepared[:16, -16:]  # where plates stand once the wall is on the left
        assert corner.mean() < 128, record.image_id
    assert all(walls)  # all odd films have their wall on one side, all even ones on the other
    assert min(areas) > 0.08 and max(areas) < 0.85


def test_films_as_distributed_agree_with_their_reductions() -> None:
    large, small = shared_path("data/mias-pgm"), shared_path("data/mias-512")
    for path in sorted(large.glob("*.pgm")):
        reduced = small / f"{path.stem}.png"
        if not reduced.is_file():
            continue
        a, b = (
            prepare_pixels(decode(p.read_bytes(), p.name).pixels, 128)[0].astype(float)
            for p in (path, reduced)
        )
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98, path.name
