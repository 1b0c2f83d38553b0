"""Recipes: every setting explicit, errors that name file and key, digests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from mammo_synth.bench import grid, metrics, record
from mammo_synth.bench.classifiers import CLASSIFIERS
from mammo_synth.bench.operating_point import MAX_BALANCED_ACCURACY
from mammo_synth.bench.recipes import load_recipe, make_recipe, parse_overrides, recipe_names
from mammo_synth.errors import BadInput
from mammo_synth.resources import resource


def document_of(name: str = "vgg16") -> dict[str, Any]:
    return tomllib.loads((resource("benchmarks/recipes") / f"{name}.toml").read_text("utf-8"))


def test_the_study_recipe_says_what_the_study_did() -> None:
    s = load_recipe("vgg16").plain
    assert (s["input_size"], s["batch_size"], s["epochs"], s["patience"]) == (224, 64, 50, 10)
    assert (s["learning_rate"], s["beta_1"], s["beta_2"]) == (1e-4, 0.9, 0.999)
    assert (s["head"], s["dropout"], s["trainable_layers"]) == ([4096, 1072], 0.2, 2)
    assert (s["weights"], s["monitor"], s["preprocessing"]) == ("imagenet", "val_loss", "caffe")
    assert s["operating_point"] == MAX_BALANCED_ACCURACY


def test_all_shipped_recipes_load_and_every_classifier_has_one() -> None:
    recipes = [load_recipe(name) for name in recipe_names()]
    assert {recipe.kind for recipe in recipes} == set(CLASSIFIERS)
    assert [recipe.name for recipe in recipes] == recipe_names()
    assert len({recipe.sha256 for recipe in recipes}) == len(recipes)


def test_the_demo_recipe_has_the_same_head() -> None:
    study, demo = load_recipe("vgg16").plain, load_recipe("vgg16-demo").plain
    assert {key for key in study if study[key] != demo[key]} == {
        "input_size",
        "batch_size",
        "epochs",
        "patience",
        "weights",
        "validation_share",
    }


def test_the_studys_other_options_differ_in_what_is_trained_alone() -> None:
    study = load_recipe("vgg16").plain
    for name, layers in (("vgg16-feature-extraction", 0), ("vgg16-full", 18)):
        other = load_recipe(name).plain
        assert {k for k in study if study[k] != other[k]} == {"classifier", "trainable_layers"}
        assert other["trainable_layers"] == layers


def test_the_digest_is_of_the_settings_alone() -> None:
    document = document_of()
    one = make_recipe(document, "a", {})
    document["name"], document["description"] = "other", "other words"
    document["settings"] = dict(reversed(document["settings"].items()))
    assert make_recipe(document, "b", {}).sha256 == one.sha256
    changed = make_recipe(document, "b", {"epochs": 3})
    assert changed.sha256 != one.sha256
    assert changed.plain["epochs"] == 3
    assert changed.name == "other with epochs=3"
    # a whole number for a number is the same setting
    assert make_recipe(document, "b", {"min_delta": 0}).sha256 == one.sha256


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epoch": 3}, ("unknown key 'epoch'", "Did you mean 'epochs'")),
        ({"epochs": None}, ("missing key 'epochs'",)),
        ({"epochs": "3"}, ("'epochs' is '3'", "a whole number was expected")),
        ({"epochs": 2.5}, ("a whole number was expected",)),
        ({"epochs": True}, ("a whole number was expected",)),
        ({"epochs": 0}, ("at least 1 was expected",)),
        ({"dropout": 1.5}, ("between 0.0 and 0.99 was expected",)),
        ({"dropout": float("nan")}, ("between 0.0 and 0.99 was expected",)),
        ({"shuffle": 1}, ("true or false was expected",)),
        ({"head": 4096}, ("a list of whole numbers was expected",)),
        ({"head": [4096, "x"]}, ("'head' is 'x'",)),
        ({"weights": "imagnet"}, ("one of imagenet, file, random", "Did you mean 'imagenet'")),
    ],
)
def test_wrong_settings_are_refused(change: dict[str, Any], words: tuple[str, ...]) -> None:
    document = document_of()
    document["settings"] |= change
    document["settings"] = {k: v for k, v in document["settings"].items() if v is not None}
    with pytest.raises(BadInput) as caught:
        make_recipe(document, "'my.toml'", {})
    assert "'my.toml'" in caught.value.message
    for word in words:
        assert word in str(caught.value)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"Did you mean 'vgg16'"):
        load_recipe("vgg")
    with pytest.raises(BadInput, match="no recipe file"):
        load_recipe(str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(BadInput, match=r"broken.toml' is not TOML"):
        load_recipe(str(broken))
    document = document_of()
    with pytest.raises(BadInput, match="no classifier 'vgg17'"):
        make_recipe(document | {"classifier": "vgg17"}, "x", {})
    with pytest.raises(BadInput, match="'settings' is 3"):
        make_recipe(document | {"settings": 3}, "x", {})
    with pytest.raises(BadInput, match="unknown key 'colour'"):
        make_recipe(document | {"colour": "grey"}, "x", {})


def test_overrides_are_toml_values_or_words() -> None:
    assert parse_overrides(["epochs=3", "weights=random", "head=[8, 4]", "shuffle=false"]) == {
        "epochs": 3,
        "weights": "random",
        "head": [8, 4],
        "shuffle": False,
    }
    for wrong in (["epochs"], ["=3"], ["a=1", "a=2"]):
        with pytest.raises(BadInput, match="--set"):
            parse_overrides(wrong)
    with pytest.raises(BadInput, match=r"--set: unknown key 'epoch'.*Did you mean 'epochs'"):
        load_recipe("vgg16", {"epoch": 3})


def test_the_protocol_file_says_what_the_code_does() -> None:
    protocol = tomllib.loads(resource("benchmarks/protocol.toml").read_text("utf-8"))
    assert protocol == {
        "format": record.FORMAT,
        "positive_class": metrics.POSITIVE_CLASS,
        "ranked_on": record.SPLITS[0],
        "also_scored_on": record.SPLITS[1],
        "shortcut_gap": record.GAP_METRIC,
        "operating_point": MAX_BALANCED_ACCURACY,
        "replicates": grid.REPLICATES,
        "baseline": record.baseline_of("real"),
        "baseline_twin": record.baseline_of("synthetic-reduced"),
        "intervals": {
            "unit": "patient",
            "resamples": metrics.RESAMPLES,
            "confidence": metrics.CONFIDENCE,
        },
    }
