"""Films that are one are found, different ones are not, and what follows is right."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mammo_synth.films.audit import Copy, Look, judge, tissue_agreement
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.films.sources.mias import MiasSource
from tests._shared import shared_path
from tests.films.looks import copies_of, look_of

PHANTOM = PhantomSettings(height=256)


def film(patient: int, view: str = "MLO", side: str = "L") -> Any:
    return render_film(5, patient, view, side, PHANTOM).image


def jpeg(pixels: Any) -> Any:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=60)
    return np.asarray(Image.open(data))


def resized(pixels: Any, factor: float) -> Any:
    height, width = pixels.shape
    size = round(width * factor), round(height * factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


ALTERED = {
    "jpeg": jpeg,
    "smaller": lambda p: resized(p, 0.6),
    "larger": lambda p: resized(p, 1.5),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "brighter": lambda p: np.clip(p * 1.1 + 8, 0, 255).astype(np.uint8),
    "deep": lambda p: p.astype(np.uint16) * 200 + 50,
    "cut": lambda p: np.ascontiguousarray(p[: -p.shape[0] // 40]),
    "upside down": lambda p: np.ascontiguousarray(jpeg(p)[::-1, ::-1]),
    "top to bottom": lambda p: np.ascontiguousarray(resized(p, 0.8)[::-1]),
    "turned": lambda p: np.asarray(Image.fromarray(p).rotate(1, Image.Resampling.BICUBIC)),
}


@pytest.mark.parametrize("how", ALTERED)
def test_altered_copies_are_found(how: str) -> None:
    original = film(1)
    looks = [look_of(film(k), f"film-{k}") for k in range(6)]
    looks.append(look_of(ALTERED[how](original), "other", "somebody"))
    (copy,) = copies_of(looks)
    assert (copy.first, copy.second) == ("film-1", "other")
    assert copy.kind in ("near", "pixels") and copy.correlation >= 0.7
    assert copy.upside_down == (how in ("upside down", "top to bottom"))


def test_only_identical_films_correlate_by_one() -> None:
    a = look_of(film(1), "a")
    b = dataclasses.replace(a, image_id="b", film_sha256="b", pixel_sha256="b")
    (copy,) = copies_of([a, b])
    assert (copy.kind, copy.correlation) == ("near", 0.999)


def test_different_films_are_not_copies_even_of_one_patient() -> None:
    looks = [
        look_of(film(p, view, side), f"{p}{view}{side}", f"p{p}")
        for p in range(8)
        for view in ("CC", "MLO")
        for side in "LR"
    ]
    assert copies_of(looks) == ()


def test_real_films_and_their_copies() -> None:
    source = MiasSource(shared_path("data/mias-512"))
    records = source.list().records
    pixels = [source.read(record).pixels for record in records]
    looks = [look_of(p, r.image_id, r.patient_id) for p, r in zip(pixels, records, strict=True)]
    assert copies_of(looks) == ()
    chosen = range(0, len(looks), 9)
    again = [look_of(jpeg(resized(pixels[k], 0.7)), f"z{k:03d}") for k in chosen]
    found = {(c.first, c.second) for c in copies_of([*looks, *again])}
    wanted = {(looks[k].image_id, f"z{k:03d}") for k in chosen}
    assert found <= wanted and len(found) >= 0.9 * len(wanted)


def test_the_same_file_and_the_same_pixels_are_told_apart() -> None:
    a = look_of(film(0), "a")
    b = dataclasses.replace(a, image_id="b", patient_id="p-b")
    c = dataclasses.replace(a, image_id="c", film_sha256="0" * 64)
    kinds = {(x.first, x.second): x.kind for x in copies_of([c, b, a])}
    assert kinds == {("a", "b"): "file", ("a", "c"): "pixels"}
    assert copies_of([a]) == () == copies_of([])


def test_agreement_is_that_of_tissue_not_of_outline() -> None:
    a, b = (look_of(film(k), str(k)).pixels() for k in (2, 3))
    assert tissue_agreement(a, a) == pytest.approx(1.0, abs=0.01)
    assert tissue_agreement(a, b) < 0.6
    smooth = np.zeros((128, 128), np.uint8)
    smooth[20:110, :60] = 150  # an outline and nothing inside
    assert tissue_agreement(smooth, smooth) is None


def named(name: str, patient: str, finding: str = "normal", **labels: Any) -> Look:
    known = {"label": 0, "view": None, "laterality": None, "problem": "", **labels}
    return Look.refused(image_id=name, patient_id=patient, finding=finding, **known)


def pair(a: str, b: str, upside_down: bool = False) -> Copy:
    return Copy(a, b, "near", 0.9, upside_down)


def test_the_first_of_copies_stays() -> None:
    looks = [named("a", "p"), named("b", "p"), named("c", "p")]
    verdict = judge(looks, [pair("a", "b"), pair("b", "c")])
    assert [(r.film, r.reason, r.kind) for r in verdict.refused] == [
        ("b", "a copy of a", "copy"),
        ("c", "a copy of a", "copy"),
    ]
    assert verdict.same_patient == () and verdict.remarks == ()


def test_a_copy_is_told_with_what_the_labels_differ_in() -> None:
    looks = [
        named("a", "p", view="CC", laterality="L"),
        named("b", "q", view="MLO", laterality="L"),
        named("c", "p", view="CC"),
    ]
    verdict = judge(looks, [pair("a", "b", True), pair("a", "c")])
    assert [r.reason for r in verdict.refused] == [
        "a copy of a, upside down; they differ in view (CC or MLO) and patient (p or q)",
        "a copy of a; they differ in laterality (L or unknown)",
    ]


def test_conflicting_labels_take_all_of_them_out() -> None:
    looks = [named("a", "p"), named("b", "p", "malignant"), named("c", "q")]
    verdict = judge(looks, [pair("a", "b")])
    assert [r.film for r in verdict.refused] == ["a", "b"]
    same = "they differ in finding (malignant or normal)"
    assert [r.reason for r in verdict.refused] == [
        f"its labels conflict: it is the same film as {other}; {same}" for other in "ba"
    ]
    assert {r.kind for r in verdict.refused} == {"conflict"}


def test_patients_who_share_a_film_are_one_also_round_corners() -> None:
    looks = [named("a", "p"), named("b", "q"), named("c", "q"), named("d", "r"), named("e", "s")]
    verdict = judge(looks, [pair("a", "b"), pair("c", "d")])
    assert verdict.same_patient == (("p", "q", "r"),)
    assert "p, q, r share a film" in verdict.remarks[0]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_any_pairs_leave_one_film_of_each_group(pairs: list[tuple[int, int]]) -> None:
    looks = [named(f"f{k}", f"p{k}") for k in range(10)]
    copies = [pair(f"f{min(p)}", f"f{max(p)}") for p in pairs if p[0] != p[1]]
    verdict = judge(looks, copies)
    gone = {r.film for r in verdict.refused}
    for person in verdict.same_patient:
        films = {name.replace("p", "f") for name in person}
        assert len(films - gone) == 1 and min(films) not in gone
    joined = {name for person in verdict.same_patient for name in person}
    assert {f"p{c.first[1:]}" for c in copies} <= joined
