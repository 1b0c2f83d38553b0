"""Nothing but the lesion tells the classes apart on phantom films."""

from __future__ import annotations

import numpy as np
from scipy import stats

from mammo_synth.films.phantom import PhantomSettings, plan_patient, render_film

SEED, PATIENTS = 12, 2000


def test_density_and_side_do_not_depend_on_the_finding() -> None:
    plans = [plan_patient(SEED, n, PhantomSettings()) for n in range(PATIENTS)]
    worst = [
        "malignant" if "malignant" in (p.finding_left, p.finding_right)
        else "benign" if "benign" in (p.finding_left, p.finding_right)
        else "normal"
        for p in plans
    ]  # fmt: skip
    table = [
        [sum(w == f and p.density == d for w, p in zip(worst, plans, strict=True)) for d in "ABCD"]
        for f in ("normal", "benign", "malignant")
    ]
    assert stats.chi2_contingency(table).pvalue > 0.001
    left = sum(p.finding_left == "malignant" for p in plans)
    assert stats.binomtest(left, worst.count("malignant")).pvalue > 0.001


def test_without_the_lesion_the_classes_look_alike() -> None:
    """With conspicuity 0 the malignant films are a random sample of normal ones."""
    settings = PhantomSettings(height=48, conspicuity=0.0, cancer_patients=0.5, benign_patients=0.0)
    rows: dict[str, list[list[float]]] = {"normal": [], "malignant": []}
    for patient in range(140):
        for lat in ("L", "R"):
            film = render_film(SEED, patient, "CC", lat, settings)
            image = film.image if lat == "L" else film.image[:, ::-1]
            corner = image[:10, -16:]  # where markers stand
            rows[film.finding].append(
                [image.mean(), image.std(), (image > 30).mean(), corner.max(), image[:, -3:].std()]
            )
    normal, malignant = (np.array(rows[f]) for f in ("normal", "malignant"))
    for column in range(normal.shape[1]):
        assert stats.ks_2samp(normal[:, column], malignant[:, column]).pvalue > 0.001


def test_the_lesion_changes_its_surroundings_alone() -> None:
    settings = PhantomSettings(height=128)
    bare = PhantomSettings(height=128, cancer_patients=0.0, benign_patients=0.0)
    seen = 0
    for patient in range(30):
        for lat in ("L", "R"):
            film = render_film(SEED, patient, "MLO", lat, settings)
            if not film.lesions:
                continue
            seen += 1
            change = film.image != render_film(SEED, patient, "MLO", lat, bare).image
            y, x = np.nonzero(change)
            far = np.min(
                [np.hypot(y - s.centre_y, x - s.centre_x) / s.radius for s in film.lesions], axis=0
            )
            assert change.any()
            assert far.max() < 4.5
    assert seen >= 8
