"""The search for likely copies: nothing is missed among many, and little is looked at in vain."""

from __future__ import annotations

import dataclasses
import io
import tempfile
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mammo_synth.errors import NoSpace
from mammo_synth.films.audit import search
from mammo_synth.films.audit.copies import same_tissue
from mammo_synth.films.audit.search import Signatures, likely_copies
from mammo_synth.films.audit.tissue import MOST_PATCHES, Tissue, agreement
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.films.sources.mias import MiasSource
from mammo_synth.png import encode_png
from tests._shared import shared_path
from tests.films.looks import SeenFilm, copies_of, look_of, thumbs_of


def likely(looks: list[SeenFilm]) -> list[tuple[int, int, bool]]:
    return list(likely_copies([look.image_id for look in looks], thumbs_of(looks)))


def signatures(looks: list[SeenFilm]) -> Signatures:
    with tempfile.TemporaryFile() as stream:
        return search.signatures([look.image_id for look in looks], thumbs_of(looks), stream)


def film(patient: int, view: str = "MLO") -> Any:
    return render_film(3, patient, view, "L", PhantomSettings(height=256)).image


@pytest.fixture(scope="module")
def looks() -> list[SeenFilm]:
    return [look_of(film(k, view), f"{view}{k}") for view in ("CC", "MLO") for k in range(12)]


def changed(look: SeenFilm, name: str, pixels: Any) -> SeenFilm:
    """The look of another film, with this thumb."""
    grey = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return dataclasses.replace(
        look, image_id=name, film_sha256=name, pixel_sha256=name, thumb=encode_png(grey)
    )


def test_a_signature_does_not_depend_on_grey_values(looks: list[SeenFilm]) -> None:
    thumb = looks[0].pixels().astype(float)
    tones = [thumb, 0.6 * thumb, 255 * (thumb / 255) ** 0.8]
    found = signatures([changed(looks[0], str(k), tone) for k, tone in enumerate(tones)])
    apart = np.bitwise_count(found.hashes[0] ^ found.hashes[0, 0])
    assert apart.max() <= 6
    assert np.bitwise_count(signatures(looks).hashes[0] ^ found.hashes[0, 0])[1:].min() > 6
    np.testing.assert_allclose(np.linalg.norm(found.coefficients, axis=2), 1, atol=1e-3)


@pytest.mark.parametrize("scale", [0.96, 1.04])
def test_a_film_that_was_prepared_larger_is_found(looks: list[SeenFilm], scale: float) -> None:
    thumb = looks[3].pixels().astype(float)
    offset = [63.5 - 63.5 * scale, 0.0]
    larger = ndimage.affine_transform(thumb, [scale, scale], offset, order=1)
    assert (3, len(looks), False) in likely([*looks, changed(looks[3], "z", larger)])


def test_a_film_that_is_upside_down_is_found_by_signs_alone(looks: list[SeenFilm]) -> None:
    over = changed(looks[3], "z", looks[3].pixels()[::-1])
    assert (3, len(looks), True) in likely([*looks, over])
    assert not any(upside_down for _, _, upside_down in likely(looks))
    upright, turned = signatures([looks[3], over]).coefficients
    signs = np.where(search._odd(), -1, 1)
    np.testing.assert_allclose(turned, upright * signs, atol=0.02)


def test_a_full_disk_is_said(looks: list[SeenFilm], monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: Full())
    with pytest.raises(NoSpace, match="No space left"):
        likely(looks)


def test_pairs_come_once_in_order_and_few_in_vain(looks: list[SeenFilm]) -> None:
    pairs = likely(looks)
    assert pairs == sorted(set(pairs)) and all(i < j for i, j, _ in pairs)
    assert len(pairs) < 0.02 * len(looks) ** 2
    assert likely([]) == [] == likely(looks[:1])


def test_blocks_do_not_matter(looks: list[SeenFilm], monkeypatch: pytest.MonkeyPatch) -> None:
    many = [*looks, *(changed(look, f"z{k}", look.pixels()) for k, look in enumerate(looks))]
    whole = likely(many)
    for name, value in (("_BLOCK", 5), ("_ROWS", 3), ("_COLUMNS", 7), ("_PAIRS", 2)):
        monkeypatch.setattr(search, name, value)
    assert likely(many) == whole
    assert {(k, k + len(looks), False) for k in range(len(looks))} <= set(whole)


def test_films_without_a_pattern_are_passed_over(looks: list[SeenFilm]) -> None:
    flat = [changed(looks[0], f"flat{k}", np.full((128, 128), 40 * k)) for k in range(4)]
    assert likely(flat) == []
    assert copies_of(flat) == ()


def test_each_film_is_looked_at_beside_a_few_others_at_most(
    looks: list[SeenFilm], monkeypatch: pytest.MonkeyPatch
) -> None:
    same = [changed(looks[0], f"s{k:02d}", looks[0].pixels()) for k in range(20)]
    monkeypatch.setattr(search, "MANY", 10)
    pairs = [pair for pair in likely(same) if not pair[2]]
    assert max(np.bincount([i for i, _, _ in pairs])) == search.OF_MANY.most
    assert {j for _, j, _ in pairs} == set(range(1, 20))  # none is left alone


def test_many_films_of_the_same_pixels_are_compared_once(looks: list[SeenFilm]) -> None:
    again = [dataclasses.replace(looks[0], image_id=f"z{k:03d}") for k in range(300)]
    found = copies_of([*looks, *again])
    assert len(found) == 300 and {copy.first for copy in found} == {looks[0].image_id}


def test_few_patches_must_agree_better_and_both_ways() -> None:
    tissue = Tissue(look_of(film(0), "a").pixels())
    found, patches = agreement(tissue, tissue)
    assert found == pytest.approx(1, abs=0.01) and 3 <= patches <= MOST_PATCHES
    assert same_tissue(tissue, tissue) == pytest.approx(1, abs=0.01)
    assert same_tissue(tissue, Tissue(look_of(film(1), "b").pixels())) is None
    bare = Tissue(np.zeros((128, 128), np.uint8))
    assert agreement(bare, tissue) == (0.0, 0) and same_tissue(tissue, bare) is None


def altered(pixels: Any) -> dict[str, Any]:
    """Copies of a film as they get into collections."""
    height, width = pixels.shape
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=50)
    half = Image.fromarray(pixels).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    cut = round(0.03 * height)
    return {
        "jpeg": np.asarray(Image.open(data)),
        "half": np.asarray(half),
        "mirrored": np.ascontiguousarray(pixels[:, ::-1]),
        "upside down": np.ascontiguousarray(pixels[::-1, ::-1]),
        "top to bottom": np.ascontiguousarray(np.asarray(half)[::-1]),
        "cut": np.ascontiguousarray(pixels[cut:-cut, : -cut or None]),
        "turned": np.asarray(Image.fromarray(pixels).rotate(1, Image.Resampling.BILINEAR)),
        "gamma": np.rint(255 * (pixels / 255.0) ** 1.4).astype(np.uint8),
    }


def test_altered_copies_of_real_films_are_found_and_no_others() -> None:
    source = MiasSource(shared_path("data/mias-512"))
    records = source.list().records[::9]
    pixels = [source.read(record).pixels for record in records]
    looks = [look_of(p, r.image_id, r.patient_id) for p, r in zip(pixels, records, strict=True)]
    for how in altered(pixels[0]):
        again = [
            look_of(altered(p)[how], f"z-{look.image_id}")
            for p, look in zip(pixels, looks, strict=True)
        ]
        found = {(copy.first, copy.second) for copy in copies_of([*looks, *again])}
        wanted = {(look.image_id, f"z-{look.image_id}") for look in looks}
        assert found <= wanted and len(found) >= 0.88 * len(wanted), how
