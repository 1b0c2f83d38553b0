"""Checkpoints of Hugging Face: tiny ones, made here and saved into a folder; no network."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_synth.bench.classifiers import hugging_face, make_classifier
from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.grid import Cell
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.bench.run import Bench
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.progress import SILENT
from mammo_synth.release.folder import Release
from tests.bench.test_background import films
from tests.bench.test_vgg16 import Killer

TRAIN, HELD, TEST = films(96, 0, False), films(32, 1000, False), films(40, 2000, False)
TINY = {"input_size": 32, "batch_size": 16, "epochs": 12, "learning_rate": 3e-3}


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vision transformer of one layer for 32 px and three classes, as save_pretrained has it."""
    transformers: Any = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-vit"
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=4,
        num_labels=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.ViTForImageClassification(config).save_pretrained(folder)
    processor = {"image_mean": [0.4, 0.4, 0.4], "image_std": [0.3, 0.3, 0.3]}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def fit(folder: Path, seed: int = 0, **settings: Any) -> Any:
    recipe = load_recipe(f"hf:{folder}", TINY | settings)
    classifier = make_classifier(recipe, Options(device="cpu"))
    history = classifier.fit(TRAIN, HELD, seed=seed, progress=SILENT)
    return classifier, history, classifier.predict_proba(TEST.images)


def test_a_checkpoint_is_fine_tuned_and_equal_seeds_give_equal_scores(vit: Path) -> None:
    classifier, history, p = fit(vit, epochs=30)
    losses = [epoch["val_loss"] for epoch in history.curves]
    assert losses[history.best_epoch] == min(losses)
    assert min(losses) < 0.5 < losses[0]  # a guess has 0.69
    assert p[TEST.label == 1].mean() > p[TEST.label == 0].mean() + 0.3
    assert p.dtype == np.float64
    assert classifier.weights == {
        "origin": "file",
        "sha256": sha256_file(vit / "model.safetensors"),
    }
    assert classifier.parameters == sum(a.numel() for a in classifier._model.parameters())
    classifier.fit(TRAIN, HELD, seed=0, progress=SILENT)
    assert np.array_equal(classifier.predict_proba(TEST.images), p)
    classifier.fit(TRAIN, HELD, seed=1, progress=SILENT)
    assert not np.array_equal(classifier.predict_proba(TEST.images), p)


def test_a_run_that_is_killed_goes_on_from_its_last_epoch(vit: Path, tmp_path: Path) -> None:
    _, history, p = fit(vit, epochs=4)
    state = tmp_path / "state.safetensors"

    def go_on(progress: Any, seed: int = 0) -> Any:
        classifier: Any = make_classifier(
            load_recipe(f"hf:{vit}", TINY | {"epochs": 4}), Options(device="cpu")
        )
        found = classifier.fit(TRAIN, HELD, seed=seed, progress=progress, checkpoint=state)
        return found, classifier.predict_proba(TEST.images)

    with pytest.raises(KeyboardInterrupt):
        go_on(Killer(14))  # six steps an epoch: in the third
    counting = Killer(10**9)
    found, q = go_on(counting)
    assert counting.steps == 12
    assert found.curves == history.curves
    assert np.array_equal(q, p)
    # the state of another seed is not gone on from
    assert go_on(counting, seed=1)[0].curves[0] != history.curves[0]


def test_torchs_own_generator_is_left_alone(vit: Path) -> None:
    import torch

    before = torch.random.get_rng_state()
    fit(vit, epochs=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_head_alone_learns_where_the_recipe_says_so(vit: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    first = transformers.ViTForImageClassification.from_pretrained(vit).state_dict()
    learned = fit(vit, trainable="head", epochs=2)[0]._model.state_dict()
    same = {k: np.array_equal(learned[k].numpy(), v.numpy()) for k, v in first.items()}
    assert {k for k, equal in same.items() if not equal} == {"classifier.weight", "classifier.bias"}


def test_grey_networks_without_a_preprocessor_file_work_too(tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        num_channels=1, embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic"
    )
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path / "grey")
    classifier, _, p = fit(tmp_path / "grey", epochs=1)
    assert classifier._mean.shape == (1,)
    assert np.isfinite(p).all()


def test_a_record_names_the_checkpoint_and_not_its_path(
    vit: Path, small_release: Release, tmp_path: Path
) -> None:
    recipe = load_recipe(f"hf:{vit}", TINY | {"epochs": 1, "validation_share": 0.3})
    bench = Bench(small_release, tmp_path, now=lambda: "2026-01-31T12:00:00Z")
    record = bench.run(Cell("50-50-90syn", recipe, 0, 0)).record
    assert record["classifier"]["name"] == "hf-tiny-vit"
    assert str(vit.parent) not in json.dumps(record)
    assert record["environment"]["backend"] == "torch"
    assert "transformers" in record["environment"]["packages"]
    assert load_recipe("hf:google/vit-base-patch16-224").classifier == (
        "hf-google-vit-base-patch16-224"
    )


def test_what_is_no_checkpoint_is_one_clear_error(
    vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="no checkpoint folder"):
        load_recipe(f"hf:{tmp_path}/none")
    with pytest.raises(BadInput, match=r"config.json and weights as \.safetensors"):
        load_recipe(f"hf:{tmp_path}")
    with pytest.raises(BadInput, match="the recipe expects 00"):
        load_recipe(f"hf:{vit}", {"weights_sha256": "00"})
    with pytest.raises(BadInput, match=r"does not take images of 40 px.*--set input_size"):
        fit(vit, input_size=40)
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.safetensors").write_bytes((vit / "model.safetensors").read_bytes())
    (other / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BadInput, match="cannot be loaded as an image classifier"):
        fit(other)
    (other / "config.json").write_bytes((vit / "config.json").read_bytes())
    (other / "preprocessor_config.json").write_text('{"image_mean": [1, 2]}')
    with pytest.raises(BadInput, match="does not fit a network of 3 channels"):
        fit(other)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        hugging_face.importlib.util,
        "find_spec",
        lambda n: None if n == "transformers" else found(n),
    )
    with pytest.raises(BadInput, match=r"pip install 'mammo-synth\[transformers\]'"):
        fit(vit)


def test_a_checkpoint_that_the_hub_does_not_give_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("transformers")
    import huggingface_hub

    def fails(*args: Any, **kwargs: Any) -> str:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
    with pytest.raises(BadInput, match=r"could not be fetched from the Hub.*no network"):
        fit(Path("org/name"))
