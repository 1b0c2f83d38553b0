"""The phantom simulator: determinism, geometry, shares, lesions, hostile input."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.films.phantom import (
    DENSITY_SHARES,
    PhantomFilm,
    PhantomSettings,
    plan_patient,
    render_film,
)
from mammo_synth.films.phantom.anatomy import depth, make_shape, pectoral
from mammo_synth.films.phantom.film import _grid
from mammo_synth.films.phantom.texture import power_law

SMALL = PhantomSettings(height=96)
FILMS = [(v, lat) for v in ("CC", "MLO") for lat in ("L", "R")]


def digest(film: PhantomFilm) -> str:
    return hashlib.sha256(film.image.tobytes()).hexdigest()


def affected(
    seed: int, settings: PhantomSettings, finding: str, count: int
) -> list[tuple[int, str]]:
    """The first `count` (patient, laterality) with this finding."""
    out: list[tuple[int, str]] = []
    patient = 0
    while len(out) < count:
        plan = plan_patient(seed, patient, settings)
        out += [(patient, lat) for lat in ("L", "R") if plan.finding(lat) == finding]
        patient += 1
    return out[:count]


def test_same_bytes_in_another_process_and_in_another_order() -> None:
    keys = [(3, p, v, lat) for p in (0, 4) for v, lat in FILMS]
    here = [digest(render_film(*key, SMALL)) for key in keys]
    backwards = [digest(render_film(*key, SMALL)) for key in reversed(keys)]
    assert backwards[::-1] == here
    assert len(set(here)) == len(here)
    code = (
        "import hashlib\n"
        "from mammo_synth.films.phantom import PhantomSettings, render_film\n"
        f"for key in {keys[::-1]!r}:\n"
        "    film = render_film(*key, PhantomSettings(height=96))\n"
        "    print(hashlib.sha256(film.image.tobytes()).hexdigest())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == backwards


@pytest.mark.parametrize("height", [32, 33, 64, 100, 257, 1024])
def test_any_height(height: int) -> None:
    film = render_film(0, 0, "MLO", "L", PhantomSettings(height=height))
    assert film.image.shape == (height, round(0.8 * height))
    assert film.image.dtype == np.uint8
    assert film.image.std() > 20


@pytest.mark.parametrize(("large", "small"), [(512, 256), (256, 64)])
def test_sizes_show_the_same_breast(large: int, small: int) -> None:
    for view in ("CC", "MLO"):
        big = render_film(1, 2, view, "R", PhantomSettings(height=large, marker_share=0.0)).image
        little = render_film(1, 2, view, "R", PhantomSettings(height=small, marker_share=0.0)).image
        step = large // small
        rows, columns = small, little.shape[1]
        # From the chest wall (right edge here), where the sizes are aligned.
        cut = big[: rows * step, big.shape[1] - (big.shape[1] // step) * step :].astype(float)
        mean = cut.reshape(rows, step, -1, step).mean((1, 3))
        width = min(columns, mean.shape[1])
        a, b = mean[:, -width:], little[:, -width:].astype(float)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99
        assert abs(a.mean() - b.mean()) < 2.0


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_texture_follows_the_power_law(beta: float) -> None:
    axis = np.fft.fftfreq(256, 1 / 256)
    radius = np.hypot(axis[:, None], axis)
    mean = np.zeros((256, 256))
    for seed in range(8):
        field = power_law((seed, 1), 256, beta)
        mean += np.abs(np.fft.fft2(field)) ** 2
    rings = [(radius >= r) & (radius < 1.2 * r) for r in np.geomspace(4, 100, 16)]
    slope = np.polyfit(
        np.log([radius[ring].mean() for ring in rings]),
        np.log([mean[ring].mean() for ring in rings]),
        1,
    )[0]
    assert slope == pytest.approx(-beta, abs=0.12)


def test_texture_has_unit_variance_and_keeps_its_low_frequencies() -> None:
    spread = np.mean([power_law((n, 2), 128, 3.0).var() for n in range(200)])
    assert spread == pytest.approx(1.0, abs=0.15)
    big, small = power_law((5,), 256, 3.0), power_law((5,), 64, 3.0)
    assert np.corrcoef(big.reshape(64, 4, 64, 4).mean((1, 3)).ravel(), small.ravel())[0, 1] > 0.99


def test_chest_wall_side_and_black_background() -> None:
    settings = PhantomSettings(height=128, marker_share=0.0)
    for patient in range(4):
        for view, lat in FILMS:
            image = render_film(2, patient, view, lat, settings).image
            wall, far = (
                (image[:, :6], image[:, -6:]) if lat == "L" else (image[:, -6:], image[:, :6])
            )
            assert wall.mean() > 60
            assert far.mean() < 30
            assert np.median(far) < 25


def test_pectoral_muscle_in_mlo_alone() -> None:
    across, down = _grid(128, 102)
    flat = np.zeros_like(across)
    for patient in range(20):
        mlo = pectoral(make_shape(0, patient, "MLO", "L"), across, down, flat)
        cc = pectoral(make_shape(0, patient, "CC", "L"), across, down, flat)
        assert mlo[0, 0] > 0.6  # bright in the upper corner at the chest wall
        assert mlo[-10:].max() == 0.0
        assert 0.02 < (mlo > 0.3).mean() < 0.25
        assert (cc > 0.3).mean() < 0.02  # nothing, or a thin sliver
        assert cc[0].max() == 0.0


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    count=st.integers(1, 300),
    cancer=st.floats(0, 1),
    benign=st.floats(0, 1),
)
def test_any_prefix_holds_the_shares(seed: int, count: int, cancer: float, benign: float) -> None:
    total = max(1.0, cancer + benign)
    settings = PhantomSettings(cancer_patients=cancer / total, benign_patients=benign / total)
    plans = [plan_patient(seed, n, settings) for n in range(count)]
    findings = [{p.finding_left, p.finding_right} for p in plans]
    assert all(len(f - {"normal"}) <= 1 for f in findings)
    assert all("normal" in f for f in findings)  # one breast at most
    malignant = sum("malignant" in f for f in findings)
    abnormal = sum(f != {"normal"} for f in findings)
    assert abs(malignant - settings.cancer_patients * count) < 2 + 1e-6
    assert abs(abnormal - (settings.cancer_patients + settings.benign_patients) * count) < 1 + 1e-6


def test_density_shares() -> None:
    seen = [plan_patient(9, n).density for n in range(3000)]
    for name, share in zip("ABCD", DENSITY_SHARES, strict=True):
        assert seen.count(name) / 3000 == pytest.approx(share, abs=4 * np.sqrt(share / 3000))


def test_healthy_breast_of_a_cancer_patient_is_normal() -> None:
    for patient, lat in affected(0, SMALL, "malignant", 4):
        other = "R" if lat == "L" else "L"
        film = render_film(0, patient, "CC", other, SMALL)
        assert film.finding == "normal"
        assert film.lesions == ()
        without = PhantomSettings(height=96, cancer_patients=0.0, benign_patients=0.0)
        assert np.array_equal(film.image, render_film(0, patient, "CC", other, without).image)


@pytest.mark.parametrize("finding", ["malignant", "benign"])
def test_lesions_lie_inside_the_breast_in_both_views(finding: str) -> None:
    across, down = _grid(96, 77)
    for patient, lat in affected(4, SMALL, finding, 15):
        kinds = []
        for view in ("CC", "MLO"):
            film = render_film(4, patient, view, lat, SMALL)
            assert film.finding == finding
            assert film.lesions
            kinds.append([lesion.kind for lesion in film.lesions])
            shape = make_shape(4, patient, view, lat)
            inside = depth(shape, across, down)
            muscle = pectoral(shape, across, down, np.zeros_like(across))
            for lesion in film.lesions:
                x = lesion.centre_x if lat == "L" else 77 - lesion.centre_x
                assert inside[int(lesion.centre_y), int(x)] > 0.01
                assert muscle[int(lesion.centre_y), int(x)] < 0.3
                assert lesion.radius > 0
        assert kinds[0] == kinds[1]


def around(film: PhantomFilm, image: npt.NDArray[np.float64]) -> float:
    lesion = film.lesions[0]
    y, x = int(lesion.centre_y), int(lesion.centre_x)
    reach = max(2, int(lesion.radius))
    return float(image[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].mean())


@pytest.mark.parametrize("finding", ["malignant", "benign"])
def test_conspicuity_zero_removes_the_lesion_and_more_shows_more(finding: str) -> None:
    normal = PhantomSettings(height=96, cancer_patients=0.0, benign_patients=0.0)
    for patient, lat in affected(6, SMALL, finding, 6):
        bare = render_film(6, patient, "CC", lat, normal)
        assert bare.finding == "normal"
        seen = []
        for conspicuity in (0.0, 0.5, 1.0, 2.0):
            settings = PhantomSettings(height=96, conspicuity=conspicuity)
            film = render_film(6, patient, "CC", lat, settings)
            change = film.image.astype(float) - bare.image.astype(float)
            if conspicuity == 0.0:
                assert np.array_equal(film.image, bare.image)
            seen.append(around(film, change))
        assert seen == sorted(seen)
        assert seen[-1] > seen[1] > 0


@pytest.mark.parametrize(
    "bad",
    [
        {"height": 31},
        {"height": 1025},
        {"height": 64.0},
        {"height": True},
        {"conspicuity": -0.1},
        {"conspicuity": float("nan")},
        {"conspicuity": "high"},
        {"cancer_patients": 1.1},
        {"cancer_patients": 0.7, "benign_patients": 0.4},
        {"marker_share": 2},
    ],
)
def test_bad_settings(bad: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        PhantomSettings(**bad)  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize(
    ("seed", "patient", "view", "lat"),
    [
        (-1, 0, "CC", "L"),
        (0, -1, "CC", "L"),
        (0, 1.5, "CC", "L"),
        (0, 0, "ML", "L"),
        (0, 0, "CC", "l"),
    ],
)
def test_bad_arguments(seed: int, patient: int, view: str, lat: str) -> None:
    with pytest.raises(BadInput):
        render_film(seed, patient, view, lat, SMALL)
