"""Every measure reacts as it must: equal sets, blur, noise, half of the modes, copies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.gan.measures.texture import features
from mammo_synth.quality.measures import MEASURES, standardised
from mammo_synth.quality.measures.precision_recall import precision
from mammo_synth.quality.measures.realism import realism

SIZE, FILMS = 64, 60


def phantom_films(seed):
    settings = PhantomSettings(height=128, cancer_patients=0, benign_patients=0, marker_share=0)
    films = [render_film(seed, number, "MLO", "L", settings) for number in range(FILMS)]
    return np.stack([prepare_pixels(film.image, SIZE)[0] for film in films])


@pytest.fixture(scope="module")
def images():
    """Films, other films as a perfect generator draws them, and what goes wrong with those."""
    films, others = phantom_films(0), phantom_films(1)
    noise = np.random.default_rng(0).normal(0, 16, others.shape)
    brightness = others.mean(axis=(1, 2))
    darker = others[np.argsort(brightness)[: FILMS // 2]]
    flaws = {
        "blurred": gaussian_filter(others.astype(float), (0, 1.2, 1.2)).round(),
        "noisy": np.clip(others + noise, 0, 255).round(),
        "dropped": darker.repeat(2, axis=0),
        "copies": np.concatenate([films[: FILMS // 10], others[FILMS // 10 :]]),
        "dark": others * 0.7,
    }
    found = {name: flaw.astype(np.uint8) for name, flaw in flaws.items()}
    return {"films": films, "others": others, **found}


@pytest.fixture(scope="module")
def values(images):
    """The value of every measure for every set."""
    table = {}
    for name, measure in MEASURES.items():
        for other, pixels in images.items():
            if measure.on == "images":
                pair = measure.rows(images["films"]), measure.rows(pixels)
            else:
                pair = standardised(features(images["films"]), features(pixels))
            table[name, other] = measure.value(*pair)
    return table


PERFECT = {"precision": 1, "recall": 1, "density": 1, "coverage": 1, "diversity": 1, "vendi": 1}


@pytest.mark.parametrize("name", MEASURES)
def test_a_set_with_itself_is_as_good_as_can_be(name, values):
    value = values[name, "films"]
    if name in ("kid", "frechet_infinity"):
        assert value < 0 < values[name, "blurred"]  # copies are nearer than another sample is
    else:
        assert value == pytest.approx(PERFECT.get(name, 0), abs=1e-4)


@pytest.mark.parametrize(
    ("flaw", "names"),
    [
        ("blurred", ("frechet", "frechet_infinity", "kid", "precision", "recall", "density",
                     "coverage", "spectrum", "slope")),
        ("noisy", ("frechet", "frechet_infinity", "kid", "precision", "recall", "density",
                   "coverage", "spectrum", "slope")),
        ("dropped", ("frechet", "frechet_infinity", "kid", "recall", "coverage", "diversity",
                     "vendi", "exposure")),
        ("dark", ("frechet", "kid", "histogram", "exposure")),
    ],
)  # fmt: skip
def test_flaws_are_seen_by_those_that_must_see_them(flaw, names, values):
    for name in names:
        sign = 1 if MEASURES[name].better == "higher" else -1
        good, bad = values[name, "others"], values[name, flaw]
        assert sign * bad < sign * good, (name, flaw, good, bad)


def test_what_is_no_flaw_of_texture_leaves_texture_alone(values):
    assert values["slope", "dark"] < values["slope", "blurred"] / 3


def test_copies_go_unseen(values, images):
    """Why no measure of fidelity replaces the search for copies: to all of them they are films."""
    for name in MEASURES:
        good, copied = values[name, "others"], values[name, "copies"]
        worst = max(abs(values[name, flaw] - good) for flaw in ("blurred", "noisy", "dropped"))
        assert abs(copied - good) < 0.3 * worst, name
    real, fake = standardised(features(images["films"]), features(images["copies"]))
    assert precision(real[:6], fake[:6]) == 1
    assert np.isinf(realism(real, fake)[:6]).sum() >= 1


def test_realism_ranks_films_before_flaws(images):
    found = {}
    for name in ("others", "blurred", "noisy", "dark"):
        real, fake = standardised(features(images["films"]), features(images[name]))
        found[name] = np.median(realism(real, fake))
    assert found["others"] > 1.2 * max(found["blurred"], found["noisy"])
