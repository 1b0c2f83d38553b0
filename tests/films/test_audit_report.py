"""The shortcut score, the doubts about single films, and the page."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mammo_synth.films.audit import (
    Copy,
    Look,
    audit,
    border_statistics,
    judge,
    outline_of,
    page_thumbs,
    render_page,
    report,
    shortcut,
    shortcut_score,
    tones_of,
)
from mammo_synth.films.audit.shortcut import weighted_auroc
from mammo_synth.films.breast import find_breast
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.films.record import Refused
from mammo_synth.films.sources.mias import MiasSource
from tests._shared import shared_path
from tests.conftest import fake_film
from tests.films.looks import copies_of, look_of, thumbs_of


def looks_of(count: int, **by_label: Any) -> list[Look]:
    """``count`` patients, half of them with cancer, with fields set by label."""
    rng = np.random.default_rng(1)
    found = []
    base = look_of(fake_film(0, "normal", shape=(96, 80)), "x")
    for k in range(count):
        label = k % 2
        fields = {name: values[label] for name, values in by_label.items()}
        borders = tuple(rng.uniform(0, 0.1, 8))
        found.append(
            dataclasses.replace(
                base,
                image_id=f"i{k:03d}",
                patient_id=f"p{k // 2 * 2 + label}",
                label=label,
                finding="malignant" if label else "normal",
                borders=borders,
                **fields,
            )
        )
    return found


def test_files_that_are_alike_are_at_chance() -> None:
    found = shortcut_score(looks_of(120))
    assert found.auroc is not None and found.low <= 0.5 <= found.high
    assert found.words.startswith("at chance")


def test_how_many_draws_are_made_at_once_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shortcut_score(looks_of(80))
    monkeypatch.setattr(shortcut, "WEIGHTS_AT_ONCE", 600)
    assert shortcut_score(looks_of(80)) == whole


@pytest.mark.parametrize(
    ("by_label", "name"),
    [
        ({"format": ("png", "jpeg")}, "format"),
        ({"bits": (8, 12)}, "bits"),
        ({"width": (900, 1000)}, "width"),
        ({"inverted": (False, True)}, "inverted"),
        ({"file_bytes": (1000, 9000)}, "bytes"),
    ],
)
def test_a_pipeline_that_differs_by_class_is_named(by_label: Any, name: str) -> None:
    found = shortcut_score(looks_of(120, **by_label))
    assert found.auroc == 1.0 and found.low > 0.9
    assert found.words.startswith("a shortcut")
    assert any(name in prop for prop, _ in found.strongest)


def test_borders_that_differ_by_class_are_named() -> None:
    looks = [
        dataclasses.replace(look, borders=(*look.borders[:4], 0.5 * (look.label or 0), 0, 0, 0))
        for look in looks_of(80)
    ]
    found = shortcut_score(looks)
    assert found.auroc == 1.0 and found.strongest[0][0] == "left edge, mean"


def test_too_few_patients_are_said_and_constant_files_are_at_chance() -> None:
    found = shortcut_score(looks_of(12))
    assert found.auroc is None and "6 patients with cancer" in found.words
    flat = [dataclasses.replace(look, borders=(0.1,) * 8) for look in looks_of(60)]
    assert shortcut_score(flat).auroc == 0.5
    assert shortcut_score([]).auroc is None


@given(st.integers(0, 2**32 - 1), st.integers(4, 40))
def test_the_weighted_auroc_is_that_of_films_counted_so_often(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, count - 2)]
    scores = rng.integers(0, 6, count).astype(float)  # with ties
    weights = rng.integers(0, 3, (3, count)).astype(float)
    for weight, found in zip(weights, weighted_auroc(labels, scores, weights), strict=True):
        some = weight > 0
        if len(set(labels[some])) < 2:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(roc_auc_score(labels, scores, sample_weight=weight))


def test_borders_are_those_of_the_strips() -> None:
    film = np.zeros((100, 200), np.uint16)
    film[:2] = 1000  # 2 % of the height
    film[50:, -4:] = 500
    found = border_statistics(film)
    assert len(found) == 8
    assert found[0] == pytest.approx(1.0) and found[1] == 0.0
    assert found[4] == pytest.approx(0.02)  # two of a hundred rows
    assert found[6] == pytest.approx((2 + 25) / 100)


KNOWN: dict[str, Any] = {
    "patient_id": "p",
    "finding": "normal",
    "label": 0,
    "view": None,
    "laterality": None,
}


def found_of(looks: list[Look], refused: tuple[Refused, ...] = ()) -> Any:
    verdict = judge(looks, copies_of(looks))
    return audit(looks, (*refused, *verdict.refused), verdict, protocol="strict")


def doubts(look: Look, others: list[Look] | None = None) -> list[str]:
    """Kinds of what may be wrong with a film."""
    return [w.kind for w in found_of([look, *(others or [])]).warnings if w.film == look.image_id]


def reasons(look: Look) -> list[str]:
    return [w.reason for w in found_of([look]).warnings]


def test_a_good_film_raises_no_doubt() -> None:
    assert doubts(look_of(fake_film(1, "normal", shape=(200, 160)), "a")) == []


def test_what_file_and_label_say_differently_is_named() -> None:
    look = look_of(fake_film(1, "normal", shape=(200, 160)), "a", file_laterality="R")
    assert doubts(look) == ["laterality"] and "laterality R" in reasons(look)[0]
    look = dataclasses.replace(look, file_laterality="L", file_view="CC")
    assert doubts(look) == ["view"] and "view CC" in reasons(look)[0]


def test_a_mirrored_film_among_others_is_named() -> None:
    others = [look_of(fake_film(k, "normal", shape=(96, 80)), f"o{k}") for k in range(20)]
    mirrored = np.ascontiguousarray(fake_film(50, "normal", shape=(96, 80))[:, ::-1])
    assert doubts(look_of(mirrored, "m"), others) == ["wall"]


def test_a_turned_film_is_named() -> None:
    for times in (1, 3):
        turned = np.ascontiguousarray(np.rot90(fake_film(1, "normal", shape=(200, 160)), times))
        assert doubts(look_of(turned, "t")) == ["turned"]


def test_an_inverted_and_a_cut_film_are_named() -> None:
    film = fake_film(1, "normal", shape=(200, 160))
    assert "inverted" in doubts(look_of(255 - film, "i"))
    assert "inverted" in doubts(look_of(4095 - film.astype(np.uint16) * 16, "i"))
    film = film.copy()
    film[150:] = 128
    assert "cut_short" in doubts(look_of(film, "c"))


def test_phantoms_are_told_inverted_and_turned() -> None:
    settings = PhantomSettings(height=256)
    for patient, view in enumerate(("CC", "MLO", "CC", "MLO")):
        film = render_film(3, patient, view, "LR"[patient % 2], settings).image
        assert doubts(look_of(film, "a")) == []
        assert doubts(look_of(255 - film, "a")) == ["inverted"]
        assert doubts(look_of(np.ascontiguousarray(np.rot90(film)), "a")) == ["turned"]


def test_real_films_are_told_inverted_and_turned_and_not_otherwise() -> None:
    source = MiasSource(shared_path("data/mias-512"))
    upright, inverted, turned = [], [], []
    for record in source.list().records:
        pixels = source.read(record).pixels
        ways = (pixels, 255 - pixels, np.ascontiguousarray(np.rot90(pixels)))
        for seen, film in zip((upright, inverted, turned), ways, strict=True):
            breast = find_breast(film)
            outline, tones = outline_of(breast.mask, breast.wall), tones_of(film)
            look = Look.refused(image_id="a", problem="", **KNOWN)
            look = dataclasses.replace(look, outline=outline, tones=tones, borders=(0.0,) * 8)
            seen.append([kind for kind, _ in report._doubts(look, {})])
    assert upright == [[]] * 162
    assert inverted == [["inverted"]] * 162 and turned == [["turned"]] * 162


def test_the_outline_does_not_depend_on_the_side_of_the_wall() -> None:
    mask = np.zeros((40, 30), bool)
    mask[5:35, :12] = mask[10:20, 12:20] = True
    corners, high, taper = outline_of(mask, "left")
    assert (corners, high) == (0.0, 1.5) and taper < 0
    assert outline_of(mask[:, ::-1], "right") == (corners, high, taper)
    assert outline_of(np.ones((8, 8), bool), "left") == (1.0, 1.0, 0.0)


def test_the_tones_are_those_of_ground_and_edges() -> None:
    film = np.full((200, 100), 10, np.uint8)
    film[50:150, 20:60] = np.arange(100, 200)[:, None]
    assert tones_of(film) == (0.025, 0.0)
    assert tones_of(255 - film) == (0.975, 1.0)
    assert tones_of(np.zeros((8, 8), np.uint8)) == (0.025, 0.0)


def test_the_numbers_of_the_report() -> None:
    looks = [look_of(fake_film(k, "normal", shape=(96, 80)), f"a{k}") for k in range(4)]
    known = {"label": 1, "finding": "malignant", "view": "CC", "laterality": None}
    looks.append(Look.refused(image_id="b", patient_id="q", problem="cut short", **known))
    found = found_of(looks, (Refused("b", "cut short", "unreadable"),))
    facts = found.as_dict()
    assert (facts["films"], facts["patients"]) == (5, 5)
    assert facts["findings"] == {"normal": 4, "malignant": 1}
    assert facts["formats"] == {"png": 4} and facts["sizes"] == {"80 x 96": 4}
    assert facts["refused"] == [{"film": "b", "reason": "cut short", "kind": "unreadable"}]
    assert facts["warnings"] == [] == facts["same_patient"]
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    ((_, _, rows),) = found.tables()
    assert ["refused", "1"] in rows


def test_the_audit_says_who_is_one_patient_and_what_must_be_known() -> None:
    looks = [look_of(fake_film(k, "normal", shape=(96, 80)), f"a{k}") for k in range(2)]
    looks.append(dataclasses.replace(looks[0], image_id="copy", patient_id="other"))
    verdict = judge(looks, copies_of(looks))
    found = audit(looks, verdict.refused, verdict, protocol="strict", remarks=("First.",))
    facts = found.as_dict()
    assert facts["same_patient"] == [["other", "p-a0"]]
    assert [r["kind"] for r in facts["refused"]] == ["copy"]
    assert facts["copies"] == [
        {
            "first": "a0",
            "second": "copy",
            "kind": "file",
            "correlation": 1.0,
            "upside_down": False,
        }
    ]
    first, one, last = facts["remarks"]
    assert first == "First." and "one patient" in one
    assert last.startswith("Shortcut score not measured: 0 patients")


class Tags(HTMLParser):
    """Collects the tags of a page and the addresses in them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [v or "" for k, v in attrs if k in ("src", "href")]


def test_the_page_shows_everything_refused_and_needs_no_network() -> None:
    looks = [look_of(fake_film(k, "normal", shape=(96, 80)), f"a{k}") for k in range(3)]
    looks.append(dataclasses.replace(looks[0], image_id="copy", patient_id="other"))
    reason = "<script>alert(1)</script> & more"
    found = found_of(looks, (Refused("<b>bad</b>", reason),))
    page = render_page(found, looks, thumbs_of(looks), "Films of <x>")
    assert page == render_page(found, looks, page_thumbs(found, thumbs_of(looks)), "Films of <x>")
    parser = Tags()
    parser.feed(page)
    assert "script" not in parser.tags and "b" in parser.tags
    assert parser.sources and all(s.startswith("data:image/png;base64,") for s in parser.sources)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "a copy of a0" in page and "Refused: 2" in page
    assert "never for diagnosis" in page and "<p>Not measured: 0 patients" in page
    assert "exact: the same file" in page


def test_a_film_stands_on_the_page_once_with_all_that_may_be_wrong() -> None:
    film = fake_film(1, "normal", shape=(200, 160))
    look = look_of(film, "here", file_laterality="R", file_view="CC")
    other = look_of(np.roll(film, 1, axis=0), "near", "p-here")
    found = found_of([look, other])
    found = dataclasses.replace(found, copies=(Copy("here", "near", "near", 0.997, True),))
    found = dataclasses.replace(found, refused=(Refused("x", "one"), Refused("x", "two")))
    assert [w.film for w in found.warnings] == ["here", "here"]
    page = render_page(found, [look, other], thumbs_of([look, other]), "Films")
    assert page.count("<b>here</b>") == 1 and "worth a look: 1<" in page
    assert "laterality R, its label L; its file says view CC" in page
    assert "nearly the same, upside down (correlation 0.997)" in page
    assert "Refused: 1<" in page and "one; two" in page and page.count("<b>x</b>") == 1
    ((_, _, rows),) = found.tables()
    assert ["to look at", "1"] in rows and ["refused", "1"] in rows
    assert any(row[1].startswith("Not measured") for row in rows)


def test_the_page_names_chance_beside_the_score() -> None:
    looks = looks_of(60, bits=(8, 12))  # all of one picture, which is not the point here
    found = audit(looks, (), judge(looks, ()), protocol="strict")
    page = render_page(found, looks, thumbs_of(looks), "Films")
    assert "AUROC 1.00" in page and "chance is 0.50" in page and "bits" in page


def test_a_page_of_many_films_stays_small() -> None:
    look = look_of(fake_film(0, "normal", shape=(96, 80)), "x")
    looks = [dataclasses.replace(look, image_id=f"f{k:04d}") for k in range(700)]
    page = render_page(found_of(looks), looks, thumbs_of(looks), "Many")
    assert "399 more are not shown" in page and len(page) < 9_000_000


def test_a_look_comes_back_from_plain_values() -> None:
    look = look_of(fake_film(1, "normal", shape=(96, 80)), "a")
    plain = Look(**{f.name: getattr(look, f.name) for f in dataclasses.fields(Look)})
    assert Look.from_dict(json.loads(json.dumps(plain.as_dict()))) == plain


def test_a_look_is_small() -> None:
    look = look_of(fake_film(1, "normal", shape=(96, 80)), "folder-0123456789ab")
    names = {f.name for f in dataclasses.fields(Look)}
    text = json.dumps({k: v for k, v in dataclasses.asdict(look).items() if k in names})
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    looks = [Look.from_dict(json.loads(text)) for _ in range(200)]
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held / len(looks) < 1500
