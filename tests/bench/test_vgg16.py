"""VGG16 on Keras: tiny whole runs at 32 px with random weights, its weights, cache and limits."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mammo_synth import keras_backend
from mammo_synth.bench.classifiers import vgg16, vgg16_network
from mammo_synth.bench.classifiers.activations import Activations
from mammo_synth.bench.classifiers.adam import adam
from mammo_synth.bench.classifiers.base import Options, Part
from mammo_synth.bench.classifiers.features import ROUNDING, TOLERANCE
from mammo_synth.bench.classifiers.images import resize
from mammo_synth.bench.classifiers.vgg16 import BACKEND_TOLERANCE, VGG16
from mammo_synth.bench.grid import Cell
from mammo_synth.bench.recipes import load_recipe
from mammo_synth.bench.results import differences, read_records
from mammo_synth.bench.run import Bench
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.keras_applications import arrays_sha256
from mammo_synth.progress import SILENT
from mammo_synth.release.folder import SPLITS, Release
from tests.conftest import Command, assert_friendly, fake_film

TINY = {"input_size": 32, "epochs": 2, "head": [32, 16], "learning_rate": 1e-3, "batch_size": 16}
SETTINGS: Any = load_recipe("vgg16-demo", TINY).settings


def part(n: int, offset: int = 0) -> Part:
    label = np.arange(n) % 2
    finding = ("normal", "malignant")
    films = [fake_film(offset + i, finding[k], shape=(40, 40)) for i, k in enumerate(label)]
    return Part(np.stack(films), label)


TRAIN, HELD, TEST = part(50), part(20, 1000), part(40, 2000)


class Killer(type(SILENT)):  # type: ignore[misc]
    """Progress that ends the run at a certain training step, as a kill would."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def advance(self, n: int = 1, note: str = "") -> None:
        self.steps += bool(note)
        if self.steps >= self.at:
            raise KeyboardInterrupt


def fit(settings: Any = SETTINGS, seed: int = 0, **options: Any) -> tuple[VGG16, Any, np.ndarray]:
    classifier = VGG16(settings, Options(device="cpu", **options))
    history = classifier.fit(TRAIN, HELD, seed=seed, progress=SILENT)
    return classifier, history, classifier.predict_proba(TEST.images)


@pytest.fixture(scope="module")
def fitted() -> tuple[VGG16, Any, np.ndarray]:
    return fit()


def test_a_whole_run_leaves_a_sound_record(small_release: Release, tmp_path: Path) -> None:
    recipe = load_recipe("vgg16-demo", {"input_size": 32, "epochs": 3})
    bench = Bench(small_release, tmp_path, now=lambda: "2026-01-31T12:00:00Z")
    record = bench.run(Cell("50-50-90syn", recipe, 0, 0)).record
    (stored,) = read_records(tmp_path)
    assert differences(tmp_path, stored) == []
    training = record["training"]
    assert training is not None
    assert training["epochs"] == len(training["curves"]) == 3
    assert record["environment"]["backend"] == "tensorflow"
    assert record["environment"]["features_cached"] is True
    assert record["classifier"]["weights"]["origin"] == "random"
    # 13 convolutions, then 512 -> 4096 -> 1072 -> 1
    head = 513 * 4096 + 4097 * 1072 + 1073
    assert record["classifier"]["parameters"] == 14_714_688 + head
    assert (record["evaluations"]["real_test"]["metrics"]["auroc"]["value"] or 0) > 0.7


def test_the_network_is_cut_where_the_recipe_says(fitted: tuple[VGG16, Any, np.ndarray]) -> None:
    network = fitted[0]._network
    assert network is not None
    assert network.frozen.layers[-1].name == "block5_conv2"
    names = [layer.name for layer in network.top.layers]
    assert names[1:] == [
        "block5_conv3", "block5_pool", "flatten", "head_0", "head_1", "dropout", "p_cancer",
    ]  # fmt: skip
    assert vgg16_network.frozen_shape(SETTINGS) == network.feature_shape == (2, 2, 512)
    for i, layer in enumerate(network.frozen.layers):
        cut = replace(SETTINGS, trainable_layers=vgg16_network.BASE_LAYERS - i - 1)
        if i:  # at 0 every layer learns
            assert vgg16_network.frozen_shape(cut) == layer.output.shape[1:]
    assert vgg16_network.frozen_shape(replace(SETTINGS, trainable_layers=18)) is None
    assert not network.frozen.trainable_variables
    learned, first = network.top.get_weights()[0], network.initial[0]
    assert not np.array_equal(learned, first)
    base = [*network.frozen.get_weights(), *network.initial]
    assert arrays_sha256(base) == network.weights_sha256


def test_equal_seeds_give_equal_scores_and_other_seeds_others(
    fitted: tuple[VGG16, Any, np.ndarray],
) -> None:
    classifier, history, p = fitted
    assert p.shape == (40,)
    assert p.dtype == np.float64
    assert ((p >= 0) & (p <= 1)).all()
    # the same object, begun anew: nothing is left of the first run
    again = classifier.fit(TRAIN, HELD, seed=0, progress=SILENT)
    assert again.curves == history.curves
    assert np.array_equal(classifier.predict_proba(TEST.images), p)
    classifier.fit(TRAIN, HELD, seed=1, progress=SILENT)
    assert not np.allclose(classifier.predict_proba(TEST.images), p, atol=1e-3)


def refit(
    classifier: VGG16, options: Options | None = None, **settings: Any
) -> tuple[Any, np.ndarray]:
    """Fit again with settings that do not touch the network (building one takes seconds)."""
    classifier._settings = replace(SETTINGS, **settings)
    if options is not None:
        assert classifier._network is not None
        classifier._activations = Activations(classifier._network, SETTINGS, options, "tensorflow")
    history = classifier.fit(TRAIN, HELD, seed=0, progress=SILENT)
    return history, classifier.predict_proba(TEST.images)


@pytest.fixture
def spare(fitted: tuple[VGG16, Any, np.ndarray]) -> Iterator[VGG16]:
    """The fitted classifier, to be changed: it is put back."""
    classifier = fitted[0]
    kept = vars(classifier).copy()
    yield classifier
    vars(classifier).update(kept)


def test_kept_features_give_the_same_predictions(
    fitted: tuple[VGG16, Any, np.ndarray], spare: VGG16, tmp_path: Path
) -> None:
    history, p = refit(spare, Options(device="cpu", cache_features=False))
    assert spare.features_cached is False
    assert p == pytest.approx(fitted[2], abs=TOLERANCE)
    assert not np.array_equal(p, fitted[2])
    assert spare._activations is not None
    # the same trained weights on features in half precision
    options = Options(device="cpu", cache_folder=tmp_path / "same")
    assert spare._network is not None
    half = Activations(spare._network, SETTINGS, options, "tensorflow")
    half.begin([half.prepare(TEST.images)], SILENT)
    spare._activations = half
    assert spare.predict_proba(TEST.images) == pytest.approx(p, abs=ROUNDING)
    full = Options(device="cpu", cache_folder=tmp_path / "full", cache_precision="float32")
    assert refit(spare, full)[1] == pytest.approx(p, abs=1e-6)
    with pytest.raises(BadInput, match="cannot be kept as 'int8'"):
        refit(spare, replace(full, cache_precision="int8"))
    for ours, theirs in zip(history.curves, fitted[1].curves, strict=True):
        assert abs((ours["val_loss"] or 9) - (theirs["val_loss"] or 0)) < TOLERANCE
    each = 2 * 2 * 512 * 2 + 20
    # 50 to train on, 20 held; the 40 to predict are kept only where they fit as well
    for images, fits, there in ((69, False, 0), (112, True, 110)):
        folder = tmp_path / str(images)
        options = Options(device="cpu", cache_bytes=images * each, cache_folder=folder)
        _, again = refit(spare, options)
        assert spare.features_cached is fits
        assert spare._activations is not None
        assert len(spare._activations.store) == there
        # Not bit for bit on every processor: kernels depend on how many images a batch has left.
        assert again == pytest.approx(fitted[2] if fits else p, abs=1e-6)


def test_kept_features_are_said_beforehand_and_shared(spare: VGG16, tmp_path: Path) -> None:
    said: list[str] = []
    computed: list[int] = []

    class Heard(type(SILENT)):  # type: ignore[misc]
        def say(self, text: str) -> None:
            said.append(text)

    assert spare._network is not None
    for bound in (2**20, 2**20, 1000):
        options = Options(device="cpu", cache_folder=tmp_path, cache_bytes=bound)
        activations = Activations(spare._network, SETTINGS, options, "tensorflow")
        frozen = activations.store.compute

        def counted(images: Any, frozen: Any = frozen) -> Any:
            computed.append(len(images))
            return frozen(images)

        activations.store.compute = counted
        activations.begin([activations.prepare(TRAIN.images)], Heard())
    assert len(said) == 2  # nothing to say where all is there
    assert "0.2 MiB for 50 images more, 0.2 MiB in all, float16, in" in said[0]
    assert "(bound 1.0 MiB)" in said[0]
    assert "more than the bound (0.0 MiB; --cache-gib)" in said[1]
    assert computed == [32, 32]  # 50 images in batches of 32, once


def test_a_curve_counts_every_image(spare: VGG16, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spare._network is not None
    top, seen = spare._network.top, []
    train = top.train_on_batch

    def watched(x: Any, y: Any, **more: Any) -> Any:
        logs = train(x, y, **more)
        seen.append((len(y), float(logs["loss"]), float(logs["tp"]) + float(logs["tn"])))
        return logs

    monkeypatch.setattr(top, "train_on_batch", watched)
    history, _ = refit(spare, epochs=1)
    assert [n for n, _, _ in seen] == [16, 16, 16, 2]
    (epoch,) = history.curves
    assert epoch["loss"] == pytest.approx(sum(n * loss for n, loss, _ in seen) / 50)
    assert epoch["accuracy"] == pytest.approx(sum(right for _, _, right in seen) / 50)
    assert epoch["recall"] is not None


def test_early_stopping_keeps_the_best_epoch(spare: VGG16) -> None:
    # with this min_delta no epoch improves on the first
    settings: Any = {"patience": 2, "min_delta": 100.0}
    history, p = refit(spare, epochs=9, **settings)
    assert (history.epochs, history.best_epoch) == (3, 0)
    _, one = refit(spare, epochs=1, **settings)
    assert np.array_equal(p, one)
    last, q = refit(spare, epochs=4, restore_best=False, early_stopping=False, **settings)
    assert last.epochs == 4
    assert not np.array_equal(q, one)


def test_a_training_killed_twice_goes_on_to_the_same_scores(spare: VGG16, tmp_path: Path) -> None:
    # No epoch improves on the first, so what is written of the others is not the best.
    settings: Any = {"epochs": 5, "min_delta": 100.0, "patience": 9, "restore_best": False}
    straight, p = refit(spare, **settings)
    state = tmp_path / "state.safetensors"
    for steps in (9, 7):  # four are one epoch: killed in the third, and in the fourth
        with pytest.raises(KeyboardInterrupt):
            spare.fit(TRAIN, HELD, seed=0, progress=Killer(steps), checkpoint=state)
    last = Killer(10**9)
    history = spare.fit(TRAIN, HELD, seed=0, progress=last, checkpoint=state)
    assert last.steps == 8
    assert history.curves == straight.curves
    assert np.array_equal(spare.predict_proba(TEST.images), p)


def test_weights_come_from_a_file_that_is_checked(
    fitted: tuple[VGG16, Any, np.ndarray], tmp_path: Path
) -> None:
    keras = keras_backend.load_keras()
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    base.set_weights(vgg16_network.random_weights([w.shape for w in base.get_weights()]))
    path = tmp_path / "vgg.weights.h5"
    base.save_weights(path)
    from_file = replace(SETTINGS, weights="file")
    classifier, _, p = fit(from_file, weights_file=path)
    assert np.array_equal(p, fitted[2])
    assert classifier.weights == {"origin": "file", "sha256": fitted[0].weights["sha256"]}
    with pytest.raises(BadInput, match="has the sha256"):
        fit(replace(from_file, weights_sha256="0" * 64), weights_file=path)
    with pytest.raises(BadInput, match="no file was given"):
        fit(from_file)
    with pytest.raises(BadInput, match="is not a weights file"):
        fit(from_file, weights_file=tmp_path / "none.h5")
    (tmp_path / "cut.h5").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadInput, match="does not hold the weights of VGG16"):
        fit(from_file, weights_file=tmp_path / "cut.h5")


def test_every_layer_or_none_of_vgg16_can_learn() -> None:
    short = replace(SETTINGS, epochs=1)
    for layers, boundary in ((0, "block5_pool"), (18, "input")):
        classifier = VGG16(replace(short, trainable_layers=layers), Options(device="cpu"))
        few = Part(TRAIN.images[:8], TRAIN.label[:8])
        classifier.fit(few, few, seed=0, progress=SILENT)
        p = classifier.predict_proba(few.images)
        network = classifier._network
        assert network is not None
        assert network.boundary == boundary
        assert classifier.features_cached is (True if layers == 0 else None)
        assert len(network.top.trainable_variables) == 6 + 2 * 13 * (layers == 18)
        assert np.isfinite(p).all()


def test_mixed_precision_learns_too(fitted: tuple[VGG16, Any, np.ndarray]) -> None:
    classifier, _, p = fit(replace(SETTINGS, precision="mixed_bfloat16"))
    # How far the scores move depends on the processor's kernels; what they tell apart does not.
    assert np.corrcoef(p, fitted[2])[0, 1] > 0.95
    for scores in (p, fitted[2]):
        assert scores[TEST.label == 1].min() > scores[TEST.label == 0].max()
    assert classifier._keras.config.dtype_policy().name == "float32"  # put back


def test_half_precision_on_a_processor_is_said_to_be_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []

    class Heard(type(SILENT)):  # type: ignore[misc]
        def say(self, text: str) -> None:
            said.append(text)

    def stops(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Activations, "begin", stops)
    monkeypatch.setattr(
        vgg16,
        "build_network",
        lambda *a: SimpleNamespace(
            top=None,
            frozen=None,
            boundary="",
            feature_shape=(1,),
            weights_sha256="",
        ),
    )
    for precision, lines in (("mixed_bfloat16", 0), ("mixed_float16", 1)):
        classifier = VGG16(replace(SETTINGS, precision=precision), Options(device="cpu"))
        with pytest.raises(KeyboardInterrupt):
            classifier.fit(TRAIN, HELD, seed=0, progress=Heard())
        assert len(said) == lines
    assert "mixed_float16 is for GPUs" in said[0]


def test_xla_compiles_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    # The flags alone: compiling takes a minute. In a process of its own scores were equal to 4e-6.
    keras = keras_backend.load_keras()
    trainer = sys.modules[keras.Model.compile.__module__]
    monkeypatch.setattr(trainer, "model_supports_jit", lambda model: True)
    network = vgg16_network.build_network(keras, SETTINGS, Options(device="cpu", xla=True))
    assert network.top.jit_compile is True
    assert network.frozen.jit_compile is True


def test_preprocessing_is_caffe() -> None:
    x = vgg16_network.caffe(np.array([[[0, 255]]], np.uint8))
    assert x.shape == (1, 1, 2, 3)
    assert x[0, 0, 0].tolist() == pytest.approx([-103.939, -116.779, -123.68])
    assert x[0, 0, 1].tolist() == pytest.approx([151.061, 138.221, 131.32], abs=1e-4)
    keras = keras_backend.load_keras()
    rgb = np.repeat(np.arange(256, dtype=np.float32)[:, None], 3, axis=1)[None]
    expected = keras.applications.vgg16.preprocess_input(rgb.copy())
    assert vgg16_network.caffe(np.arange(256, dtype=np.uint8)[None]) == pytest.approx(expected)


def test_a_diverged_training_is_refused(spare: VGG16, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spare._network is not None
    logs = {"loss": float("nan"), "tp": 0, "fp": 0, "fn": 1, "tn": 1}
    monkeypatch.setattr(spare._network.top, "train_on_batch", lambda *a, **k: logs)
    with pytest.raises(CheckFailed, match="loss became NaN in epoch 0"):
        refit(spare)
    with pytest.raises(CheckFailed, match="before fit"):
        VGG16(SETTINGS, Options()).predict_proba(TEST.images)


def test_adam_in_one_kernel_is_kerass_adam() -> None:
    keras = keras_backend.load_keras()
    generator = np.random.default_rng(3)
    shapes = [(40, 30), (30,)]
    values = [generator.normal(size=shape).astype(np.float32) for shape in shapes]
    ours, theirs = ([keras.Variable(value) for value in values] for _ in range(2))
    fused = adam(keras, 1e-2, 0.9, 0.999, 1e-7)
    plain = keras.optimizers.Adam(1e-2, 0.9, 0.999, 1e-7)
    for _ in range(5):
        gradients = [
            keras.ops.convert_to_tensor(generator.normal(size=shape).astype(np.float32))
            for shape in shapes
        ]
        fused.apply(gradients, ours)
        plain.apply(gradients, theirs)
    number = keras.ops.convert_to_numpy
    for mine, other in zip([*ours, *fused.variables], [*theirs, *plain.variables], strict=True):
        assert number(mine) == pytest.approx(number(other), rel=1e-5, abs=1e-6)
    assert not np.allclose(number(ours[0]), values[0], atol=1e-2)


def test_a_loss_in_float16_begins_anew_with_its_scale() -> None:
    keras = keras_backend.load_keras()
    small = replace(SETTINGS, precision="mixed_float16", trainable_layers=0)
    network = vgg16_network.build_network(keras, small, Options(device="cpu"))
    optimizer = network.top.optimizer
    assert type(optimizer).__name__ == "LossScaleOptimizer"
    (scale,) = [v for v in optimizer.variables if "dynamic_scale" in v.path]
    scale.assign(2.0)
    vgg16_network.begin(keras, network, 0)
    assert float(keras.ops.convert_to_numpy(scale)) == 2.0**15
    assert not network.top.jit_compile
    assert float(keras.ops.convert_to_numpy(optimizer.learning_rate)) == pytest.approx(1e-3)


@pytest.mark.parametrize("kind", ["ResourceExhaustedError", "OutOfMemoryError", "XLA"])
def test_too_little_memory_names_a_batch_size(
    spare: VGG16, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    error: Exception
    if kind == "ResourceExhaustedError":
        import tensorflow as tf

        error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
    elif kind == "OutOfMemoryError":
        torch = pytest.importorskip("torch")
        error = torch.OutOfMemoryError("CUDA out of memory")
    else:
        error = RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")

    def fails(*args: Any, **kwargs: Any) -> None:
        raise error

    assert spare._network is not None
    with monkeypatch.context() as patch:
        patch.setattr(spare._network.top, "train_on_batch", fails)
        with pytest.raises(BadInput, match=r"for 16 images at a time.*--set batch_size=8"):
            refit(spare)
        error = RuntimeError("something else")
        with pytest.raises(RuntimeError, match="something else"):
            refit(spare)
    for text in ("CUDA error: out of memory", "CUDNN_STATUS_ALLOC_FAILED"):
        error = RuntimeError(text)
        with monkeypatch.context() as patch:
            patch.setattr(vgg16, "build_network", fails)
            with pytest.raises(BadInput, match=r"does not suffice for the network.*--device cpu"):
                fit()
    error = RuntimeError("RESOURCE_EXHAUSTED")
    monkeypatch.setattr(spare._network.top, "predict_on_batch", fails)
    with pytest.raises(BadInput, match="smaller input_size"):
        spare.predict_proba(TEST.images)


def test_resize_is_antialiased() -> None:
    stripes = np.zeros((1, 64, 64), np.uint8)
    stripes[:, :, ::2] = 200
    for name in ("box", "lanczos"):
        small = resize(stripes, 16, name)
        assert small.shape == (1, 16, 16)
        assert np.abs(small[0, 4:-4, 4:-4].astype(int) - 100).max() <= 1
    assert resize(stripes, 64, "box") is stripes
    for wrong in (stripes[0], stripes.astype(float), stripes[:, :32]):
        with pytest.raises(BadInput, match=r"uint8 images \[N, S, S\]"):
            resize(wrong, 16, "box")


def test_a_backend_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load = keras_backend._load_keras.__wrapped__
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    with pytest.raises(BadInput, match="'jax' is not installed"):
        load(False)
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(BadInput, match="KERAS_BACKEND is 'theano'"):
        load(False)


def test_xla_wants_a_process_of_its_own() -> None:
    keras_backend.load_keras()
    with pytest.raises(BadInput, match="process of its own"):
        keras_backend.load_keras(xla=True)


def test_devices_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = keras_backend.load_keras()
    monkeypatch.setattr(keras_backend, "has_gpu", lambda keras: False)
    assert keras_backend.resolve_device(keras, "auto") == "cpu"
    with pytest.raises(BadInput, match="sees no CUDA device"):
        keras_backend.resolve_device(keras, "cuda")
    with pytest.raises(BadInput, match="no device 'tpu'"):
        keras_backend.resolve_device(keras, "tpu")


def test_a_download_that_fails_names_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(**kwargs: Any) -> None:
        sys.stdout.write("Downloading data from ...")  # as Keras does
        raise Exception("URL fetch failure")

    offline = SimpleNamespace(applications=SimpleNamespace(VGG16=fails))
    with pytest.raises(BadInput, match=r"could not be downloaded.*--weights FILE"):
        vgg16_network._imagenet(offline)
    assert capsys.readouterr().out == ""  # stdout is for results


SAME_ON_TORCH = """
import sys, numpy as np
from collections.abc import Iterator
from dataclasses import replace
from tests.bench.test_vgg16 import SETTINGS, fit
classifier, history, p = fit(replace(SETTINGS, dropout=0.0))
assert classifier.backend == "torch", classifier.backend
assert "tensorflow" not in sys.modules
np.save(sys.argv[1], p)
"""


def test_the_torch_backend_agrees(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAME_ON_TORCH, str(tmp_path / "p.npy")],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, _, p = fit(replace(SETTINGS, dropout=0.0))
    assert np.load(tmp_path / "p.npy") == pytest.approx(p, abs=BACKEND_TOLERANCE)


def test_commands(run: Command, small_release: Release, tmp_path: Path) -> None:
    folder, out = small_release.folder, tmp_path / "results"
    one = ("bench", "run", folder, "--config", "50-50-90syn", "--out", out)
    tiny = ("--recipe", "vgg16-demo", "--set", "input_size=32", "--set", "epochs=1")
    plan = run(*one, *tiny, "--dry-run")
    assert plan.code == 0, plan.stderr
    assert "dry run" in plan.stdout
    said = " ".join(plan.stdout.split())
    assert "Activations of the frozen layers of vgg16-demo" in said
    told = json.loads(run(*one, *tiny, "--dry-run", "--json").stdout)
    counts = {split: small_release.counts("50-50-90syn", split) for split in SPLITS}
    n = sum(sum(blocks.values()) for blocks in counts.values())
    (cache,) = told["cache"]
    assert f"at most {cache['size'] / 2**20:.1f} MiB for {n} images" in said
    each = 2 * 2 * 512 * 2 + 20
    assert cache == {
        "recipe": told["cells"][0]["recipe"],
        "images": n,
        "size": n * each,
        "training": sum(counts["train"].values()) * each,
        "precision": "float16",
        "bound": 4 * 2**30,
    }
    small = run(*one, *tiny, "--dry-run", "--cache-gib", "1e-6", "--cache-precision", "float32")
    assert "float32 (bound 0.0 MiB; --cache-gib). They exceed the bound" in " ".join(
        small.stdout.split()
    )
    assert not out.exists()
    done = run(*one, *tiny)
    assert done.code == 0, done.stderr
    assert "positive class: cancer" in done.stdout
    for noise in ("tensorflow", "oneDNN", "cuda", "Warning"):
        assert noise not in done.stderr
    mistake = run(*one, "--classifier", "vgg16", "--set", "epoch=1")
    assert_friendly(mistake, "unknown key 'epoch'", "Did you mean 'epochs'")
    grid = ("bench", "grid", folder, "--out", out, "--classifiers", "prior,logistic-regression")
    done = run(*grid, "--configs", "30-70-100syn", "--replicates", "1", "--json")
    assert done.code == 0, done.stderr
    assert '"failed": []' in done.stdout
    failed = run(*grid, "--configs", "real", "--replicates", "1", "--set", "validation_share=0.01")
    assert_friendly(failed, "2 of 2 cells failed", "validation part", code=1)
