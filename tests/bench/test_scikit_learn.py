"""scikit-learn's estimators, and the radiomics features against values worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.classifiers import make_classifier
from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.classifiers.radiomics import (
    ANGLES,
    NAMES,
    binary_patterns,
    co_occurrence,
    first_order,
    radiomics,
    texture,
)
from mammo_synth.bench.grid import Cell
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.bench.run import Bench
from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT
from mammo_synth.release.folder import Release
from tests.bench.test_background import films

FOREST = "random-forest-radiomics"
ALL = np.ones((4, 4), bool)
# The example of Haralick, Shanmugam & Dinstein (1973), figure 3.
GREY = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]])
PRINTED = {
    "0": [[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]],
    "45": [[4, 1, 0, 0], [1, 2, 2, 0], [0, 2, 4, 1], [0, 0, 1, 0]],
    "90": [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]],
    "135": [[2, 1, 3, 0], [1, 2, 1, 0], [3, 1, 0, 2], [0, 0, 2, 0]],
}


@pytest.mark.parametrize("angle", ANGLES)
def test_co_occurrence_is_the_printed_example(angle: str) -> None:
    expected = np.array(PRINTED[angle])
    found = co_occurrence(GREY, ALL, ANGLES[angle], 4)
    assert np.array_equal(found * expected.sum(), expected)


def test_texture_of_a_matrix_worked_out_by_hand() -> None:
    contrast, homogeneity, energy, correlation = texture(np.array([[0.4, 0.1], [0.1, 0.4]]))
    assert contrast == pytest.approx(0.2)
    assert homogeneity == pytest.approx(0.8 + 0.2 / 2)
    assert energy == pytest.approx(np.sqrt(0.34))
    assert correlation == pytest.approx(0.6)  # (0.8 - 0.2) of variance 0.25 each
    assert texture(np.array([[1.0, 0.0], [0.0, 0.0]])) == [0.0, 1.0, 1.0, 1.0]


def test_first_order_of_grey_levels_worked_out_by_hand() -> None:
    image = np.array([[0, 0], [255, 255]], np.uint8)
    mask = np.ones((2, 2), bool)
    values = dict(zip(NAMES, first_order(image, image.astype(np.int64) // 128, mask, 2)))  # noqa: B905
    assert values["mean"] == values["deviation"] == values["p50"] == 127.5
    assert (values["skewness"], values["kurtosis"]) == (0, -2)
    assert (values["entropy"], values["uniformity"], values["share"]) == (1, 0.5, 1)


def test_binary_patterns_of_a_flat_image_a_spot_and_an_edge() -> None:
    flat = np.full((3, 3), 7, np.uint8)
    assert binary_patterns(flat, np.ones((3, 3), bool)).tolist() == [0] * 8 + [1, 0]
    spot = flat.copy()
    spot[1, 1] = 9
    assert binary_patterns(spot, np.ones((3, 3), bool)).argmax() == 0
    edge = np.array([[0, 5, 5]] * 3, np.uint8)
    assert binary_patterns(edge, np.ones((3, 3), bool)).argmax() == 5
    cross = np.array([[0, 9, 0], [9, 5, 9], [0, 9, 0]], np.uint8)
    assert binary_patterns(cross, np.ones((3, 3), bool)).argmax() == 9


def test_features_are_of_the_breast_alone_and_finite() -> None:
    images = films(6, 0, mark=False).images
    assert len(set(NAMES)) == len(NAMES) == 37
    found = radiomics(images, 12, 16)
    assert found.shape == (6, 37)
    assert np.isfinite(found).all()
    marked = images.copy()
    marked[:, 1:4, -4:-1] = 90  # outside the breast
    assert np.array_equal(radiomics(marked, 12, 16), found)
    odd = np.zeros((2, 8, 8), np.uint8)
    odd[1, 3, 3] = 255  # a breast of one pixel
    assert np.isfinite(radiomics(odd, 12, 16)).all()


def _fit(**settings: Any) -> Any:
    recipe = load_recipe(FOREST, {"input_size": 40, "parameters": {"n_estimators": 20}} | settings)
    classifier = make_classifier(recipe, Options())
    classifier.fit(films(80, 0, False), films(8, 900, False), seed=3, progress=SILENT)
    return classifier


def test_the_forest_learns_and_is_the_same_for_a_seed() -> None:
    test = films(60, 7000, False)
    p = _fit().predict_proba(test.images)
    assert p[test.label == 1].mean() > p[test.label == 0].mean() + 0.4
    assert np.array_equal(_fit().predict_proba(test.images), p)


def test_any_estimator_on_pixels() -> None:
    neighbours = {
        "estimator": "sklearn.neighbors.KNeighborsClassifier",
        "parameters": {"n_neighbors": 3},
        "features": "pixels",
        "standardise": True,
    }
    test = films(20, 7000, False)
    p = _fit(**neighbours).predict_proba(test.images)
    assert p.shape == (20,)
    assert set(np.round(p * 3)) <= {0, 1, 2, 3}


def test_a_record_names_the_estimator(small_release: Release, tmp_path: Path) -> None:
    recipe = load_recipe(
        "sklearn",
        {"input_size": 32, "validation_share": 0.3, "parameters": {"n_estimators": 20}},
    )
    bench = Bench(small_release, tmp_path, now=lambda: "2026-01-31T12:00:00Z")
    record = bench.run(Cell("50-50-90syn", recipe, 0, 0)).record
    assert record["classifier"]["name"] == "RandomForestClassifier-radiomics"
    assert record["recipe"]["settings"]["parameters"] == {"n_estimators": 20}
    assert {"scipy", "scikit-learn"} <= set(record["environment"]["packages"])
    assert record["evaluations"]["real_test"]["metrics"]["auroc"]["value"] > 0.7


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"estimator": "os.system"}, "is not below sklearn"),
        (
            {"estimator": "sklearn.ensemble.RandomForest"},
            "Did you mean 'sklearn.ensemble.RandomForestClassifier'",
        ),
        ({"estimator": "sklearn.svm.SVR"}, "is no classifier"),
        ({"estimator": "sklearn.utils.resample"}, "is no classifier"),
        ({"estimator": "sklearn.svm.LinearSVC", "parameters": {}}, "gives no probabilities"),
        ({"parameters": {"n_estimator": 3}}, "Did you mean 'n_estimators'"),
        ({"estimator": "sklearn.ensemble.VotingClassifier", "parameters": {}}, "cannot be made"),
        ({"parameters": {"n_estimators": -3}}, "cannot be fitted"),
        ({"parameters": 3}, "a table of numbers"),
        ({"parameters": {"a": {"b": 1}}}, "a table of numbers"),
    ],
)
def test_a_wrong_estimator_or_parameter_is_one_clear_error(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        _fit(**settings)
