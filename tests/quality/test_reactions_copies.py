"""The last steps of the alignment: they only ever add agreement, and most to altered copies."""

from __future__ import annotations

import numpy as np
import pytest

from mammo_synth.quality.privacy import alignment
from mammo_synth.quality.privacy.alignment import Films, align
from mammo_synth.quality.privacy.gate import GateSettings
from mammo_synth.quality.privacy.patterns import small
from tests.quality.privacy_films import cropped, phantoms

ALTERED = {
    "gamma 2": lambda film: np.rint(255 * (film / 255) ** 2).astype(np.uint8),
    "crop of 10 %": lambda film: cropped(film, (0.03, 0.06, 0.93, 0.96)),
    "crop of 6 %, gamma 1.5": lambda film: np.rint(
        255 * (cropped(film, (0.05, 0.01, 0.99, 0.95)) / 255) ** 1.5
    ).astype(np.uint8),
}


@pytest.fixture(scope="module")
def known() -> Films:
    return Films.of(small(phantoms(0, 20)))


@pytest.mark.parametrize("how", ALTERED)
def test_small_steps_find_copies_that_lie_beside_a_whole_pixel(known, how, monkeypatch):
    copies = small(np.stack([ALTERED[how](film) for film in phantoms(0, 20)]))
    stepped = align(copies, known)
    monkeypatch.setattr(alignment, "STEPS", ())
    plain = align(copies, known)
    assert (stepped.film == plain.film).all()
    assert (stepped.alike >= plain.alike).all()
    right = stepped.film == np.arange(40)
    near = GateSettings().near_copy
    found = (right & (stepped.alike >= near)).mean()
    assert found >= 0.95 and found >= (right & (plain.alike >= near)).mean()
    assert (stepped.alike - plain.alike)[right].mean() > 0


def test_other_films_gain_little(known, monkeypatch):
    others = small(phantoms(100, 15))
    stepped = align(others, known).alike
    monkeypatch.setattr(alignment, "STEPS", ())
    plain = align(others, known).alike
    assert (stepped >= plain).all() and stepped.max() < GateSettings().near_copy - 0.1
    assert np.mean(stepped - plain) < 0.1


def test_agreement_is_that_of_the_variant_that_is_named(known):
    thumbs = small(np.stack([ALTERED["crop of 10 %"](film) for film in phantoms(0, 20)[:8]]))
    found = align(thumbs, known)
    patterned = alignment.patterns(thumbs)
    again = alignment._agreement(patterned, known.patterns[found.film], found.variants)
    assert np.allclose(again, found.alike, atol=1e-6)
