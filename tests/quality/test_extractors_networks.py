"""Extractors on PyTorch: architectures by closed form and independent routes, files, batches."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.quality.extractors import make_extractor
from mammo_synth.quality.extractors import network as network_module
from mammo_synth.quality.extractors.inception_network import BLOCKS, Block, Conv, Inception
from mammo_synth.quality.extractors.network import BATCH, NetworkExtractor
from mammo_synth.quality.extractors.preparation import SYMMETRIC
from mammo_synth.quality.extractors.resnet50_network import ResNet50
from mammo_synth.quality.extractors.squeezenet import read_keras_layers
from mammo_synth.quality.extractors.squeezenet_network import SqueezeNet
from tests._shared import shared_path

SQUEEZENET = "data/weights/squeezenet1.1_notop_tf_dim_ordering_tf_kernels.h5"
SQUEEZENET_SHA256 = "17154246284f555591549ac2c83e127abfbf4307dc4b0060fdaa2931d0fa38da"


def pictures(n: int, side: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), np.uint8)


@pytest.fixture()
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images a pass: the large networks take seconds for 32."""
    monkeypatch.setattr(network_module, "BATCH", 2)


def learned(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def drawn(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """He-uniform kernels and lively normalisations, so that a swapped layer shows."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if value.ndim > 1:
            limit = (6 / value[0].numel()) ** 0.5
            value.uniform_(-limit, limit, generator=generator)
        elif name.endswith(("running_var", "weight")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point():
            value.uniform_(-0.2, 0.2, generator=generator)
    return network.eval()


@pytest.fixture(scope="module")
def inception() -> Any:
    return drawn(Inception())


@pytest.fixture(scope="module")
def inception_file(inception: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(inception.state_dict(), path)
    return path


def test_inception_has_the_published_size(inception: Any) -> None:
    # Keras' Inception-v3 has 23,851,784 with 1000 classes: kernels, three numbers for each of
    # 17,216 normalised channels, a classifier of 2049 numbers a class.
    kernels = 23_851_784 - 3 * 17_216 - 1000 * 2049
    assert learned(inception) == kernels + 2 * 17_216 + 1008 * 2049 == 23_850_960
    names = set(inception.state_dict())
    assert sum(name.endswith("conv.weight") for name in names) == 94
    for name in (
        "Conv2d_1a_3x3.conv.weight",
        "Conv2d_4a_3x3.bn.running_mean",
        "Mixed_5b.branch5x5_2.conv.weight",
        "Mixed_6a.branch3x3.bn.bias",
        "Mixed_6e.branch7x7dbl_5.bn.running_var",
        "Mixed_7a.branch7x7x3_4.conv.weight",
        "Mixed_7c.branch3x3dbl_3b.conv.weight",
        "fc.bias",
    ):
        assert name in names
    assert inception.state_dict()["fc.weight"].shape == (1008, 2048)
    assert {m.eps for m in inception.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {1e-3}


def test_inceptions_maps_have_the_sizes_of_the_paper(inception: Any) -> None:
    with torch.inference_mode():
        maps = {name: tuple(x.shape[1:]) for name, x in inception.maps(torch.zeros(1, 3, 299, 299))}
    assert maps["Conv2d_1a_3x3"] == (32, 149, 149)
    assert maps["Conv2d_2b_3x3"] == (64, 147, 147)
    assert maps["Conv2d_4a_3x3"] == (192, 71, 71)
    assert [maps[name] for name in BLOCKS] == [
        *((256, 35, 35), (288, 35, 35), (288, 35, 35)),
        *[(768, 17, 17)] * 5,
        *((1280, 8, 8), (2048, 8, 8), (2048, 8, 8)),
    ]


def test_pools_do_as_in_the_graph_of_2015() -> None:
    """An average at the border divides by what it covers; the last block takes a maximum."""
    one = Conv("branch_pool", 1)
    x = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    made = {}
    for pool in ("average", "maximum"):
        block = Block(1, ((pool, one),)).eval()  # type: ignore[arg-type]
        block.branch_pool.conv.weight.data[:] = 1
        made[pool] = block(x)[0, 0] * (1 + 1e-3) ** 0.5  # out of the normalisation
    # corners cover 4 pixels, edges 6: (1 + 2 + 4 + 5) / 4, (1 + ... + 6) / 6, ...
    average = [[3, 3.5, 4], [4.5, 5, 5.5], [6, 6.5, 7]]
    assert made["average"].tolist() == [pytest.approx(row) for row in average]
    assert made["maximum"].tolist() == [pytest.approx(r) for r in ([5, 6, 6], [8, 9, 9], [8, 9, 9])]
    pools = {
        name: [b[0] for b in branches if isinstance(b[0], str)] for name, branches in BLOCKS.items()
    }
    assert [name for name, found in pools.items() if found == ["maximum"]] == ["Mixed_7c"]
    assert [name for name, found in pools.items() if found == ["halve"]] == ["Mixed_6a", "Mixed_7a"]
    assert sum(found == ["average"] for found in pools.values()) == 8


def test_inception_reads_its_file_and_scales_grey_as_the_graph_does(
    inception: Any, inception_file: Path, few: None
) -> None:
    extractor = make_extractor("inception", device="cpu", weights=inception_file)
    images = pictures(2, 40)
    found = extractor(images)
    assert found.shape == (2, extractor.dimension) == (2, 2048)
    assert extractor.weights["sha256"] == sha256_file(inception_file)
    assert len(extractor.digest) == 64
    flat = np.full((1, 64, 64), 192, np.uint8)  # (192 - 128) / 128
    with torch.inference_mode():
        expected = inception(torch.full((1, 3, 299, 299), 0.5)).numpy()
    assert extractor(flat) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_another_networks_file_is_refused(inception: Any, tmp_path: Path) -> None:
    state = inception.state_dict()
    auxiliary = state | {"AuxLogits.fc.bias": torch.zeros(1000)}
    short = {k: v for k, v in state.items() if k != "Mixed_7c.branch1x1.bn.bias"}
    thousand = state | {"fc.bias": torch.zeros(1000)}
    path = tmp_path / "w.pth"
    for other, words in (
        (auxiliary, r"has beside them 'AuxLogits\.fc\.bias'"),
        (short, r"lacks 'Mixed_7c\.branch1x1\.bn\.bias'"),
        (thousand, r"'fc\.bias' is \(1000,\), \(1008,\) was expected"),
    ):
        torch.save(other, path)
        with pytest.raises(BadInput, match=words):
            make_extractor("inception", device="cpu", weights=path)


def squeezenet_file(path: Path, network: Any) -> Path:
    """As Keras 1 wrote it: kernels [height, width, in, out] in nested groups."""
    h5py: Any = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, value in network.state_dict().items():
            layer, kind = name.replace(".", "/").rsplit("/", 1)
            key = f"{layer}/{layer}_b" if kind == "bias" else f"{layer}/uniform"
            file[key] = value.numpy().transpose(2, 3, 1, 0) if value.ndim == 4 else value.numpy()
    return path


def test_squeezenet_from_a_file_made_here(tmp_path: Path) -> None:
    network = drawn(SqueezeNet())
    assert learned(network) == 722_496
    assert sum(isinstance(m, torch.nn.Conv2d) for m in network.modules()) == 25
    path = squeezenet_file(tmp_path / "s.h5", network)
    read = read_keras_layers(path)
    assert all(torch.equal(read[k], v) for k, v in network.state_dict().items())
    extractor = make_extractor("squeezenet", device="cpu", weights=path)
    images = pictures(3, 227)
    with torch.inference_mode():
        colour = torch.from_numpy(images).float()[:, None].repeat(1, 3, 1, 1)
        means = torch.tensor([103.939, 116.779, 123.68])[:, None, None]  # blue, green, red
        expected = network(colour - means).numpy()
    assert extractor(images) == pytest.approx(expected, rel=1e-4, abs=1e-3)
    for damage in (b"", path.read_bytes()[:900]):
        path.write_bytes(damage)
        with pytest.raises(BadInput, match="cannot be read as a weights file of Keras"):
            make_extractor("squeezenet", device="cpu", weights=path)
    import h5py

    with h5py.File(path, "w") as file:
        file["conv1/dense"] = np.zeros((3, 3), np.float32)
    with pytest.raises(BadInput, match="kernels of convolutions"):
        make_extractor("squeezenet", device="cpu", weights=path)


def blobs(n: int, seed: int, spots: bool) -> Any:
    """Soft discs, or fine stripes: two kinds that a trained network tells apart."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    made = []
    for _ in range(n):
        cy, cx, r = generator.uniform(30, 66), generator.uniform(30, 66), generator.uniform(12, 24)
        if spots:
            made.append(40 + 170 * (np.hypot(y - cy, x - cx) < r))
        else:
            angle = generator.uniform(0, np.pi)
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * generator.uniform(0.8, 1.2))
            made.append(125 + 85 * wave)
    return np.array(made).astype(np.uint8)


def test_squeezenet_with_imagenet_weights_sees_what_it_must() -> None:
    extractor = make_extractor("squeezenet", device="cpu", weights=shared_path(SQUEEZENET))
    assert extractor.weights["sha256"] == SQUEEZENET_SHA256
    images = np.concatenate([blobs(6, 0, True), blobs(6, 1, False)])
    found = extractor(images)
    assert found.shape == (12, 512)
    assert (found >= 0).all()  # means of relu
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    alike = unit @ unit.T
    np.fill_diagonal(alike, np.nan)
    within = np.nanmean([alike[:6, :6], alike[6:, 6:]])
    assert within > alike[:6, 6:].mean() + 0.2
    # a mirrored picture stays nearer than another kind of picture
    mirrored = extractor(images[:, :, ::-1])
    own = np.linalg.norm(found - mirrored, axis=1)
    other = np.linalg.norm(found[:6].mean(0) - found[6:].mean(0))
    assert own.max() < other


def test_rows_do_not_depend_on_their_company() -> None:
    network = drawn(SqueezeNet())
    extractor = NetworkExtractor("it", 512, {}, network, 48, SYMMETRIC, torch.device("cpu"))
    images = pictures(BATCH + 3, 32)
    whole = extractor(images)
    assert np.array_equal(extractor(images[:5]), whole[:5])
    assert extractor(images[BATCH:]) == pytest.approx(whole[BATCH:], rel=1e-5, abs=1e-6)
    assert extractor(images[:0]).shape == (0, 512)


@pytest.fixture(scope="module")
def resnet() -> Any:
    return drawn(ResNet50())


def test_resnet50_agrees_with_transformers_own(resnet: Any) -> None:
    """An independent implementation with the same weights."""
    transformers: Any = pytest.importorskip("transformers")
    assert learned(resnet) == 25_557_032 - 1000 * 2049  # the published size, without classifier
    with torch.device("meta"):  # without first weights of its own, which take seconds
        theirs = transformers.ResNetModel(transformers.ResNetConfig()).eval()
    wanted = theirs.state_dict()
    names = [k for k in wanted if not k.endswith("tracked")]
    # Theirs has the shortcut before the convolutions of its block; ours after them.
    ordered = sorted(resnet.state_dict().items(), key=lambda item: _place(item[0]))
    values = [v for k, v in ordered if not k.endswith("tracked")]
    assert len(values) == len(names)
    theirs.load_state_dict(dict(zip(names, values, strict=True)), strict=False, assign=True)
    x = torch.from_numpy(pictures(2, 64)).float()[:, None].repeat(1, 3, 1, 1) / 127.5 - 1
    with torch.inference_mode():
        expected = theirs(x).pooler_output[..., 0, 0]
        assert resnet(x).numpy() == pytest.approx(expected.numpy(), rel=1e-3, abs=1e-3)


def _place(name: str) -> tuple[Any, ...]:
    parts = name.split(".")
    if parts[0].startswith("layer"):
        inner = -1 if parts[2] == "downsample" else int(parts[2][-1])
        kind = int(parts[3]) if inner < 0 else int(parts[2].startswith("bn"))
        return (int(parts[0][-1]), int(parts[1]), inner, kind)
    return (0, 0, 0, int(parts[0].startswith("bn")))


def test_radimagenet_reads_both_ways_of_naming(resnet: Any, tmp_path: Path, few: None) -> None:
    state = {k: v for k, v in resnet.state_dict().items() if not k.endswith("tracked")}
    numbers = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    numbered = {}
    for name, value in state.items():
        first, _, rest = name.partition(".")
        numbered[f"backbone.{numbers[first]}.{rest}"] = value
    wrapped = {f"module.{k}": v for k, v in state.items()} | {"module.fc.bias": torch.zeros(165)}
    images, found, digests = pictures(2, 64), [], set()
    for name, named in (("a", numbered), ("b", wrapped)):
        path = tmp_path / f"{name}.pt"
        torch.save(named, path)
        extractor = make_extractor("radimagenet", device="cpu", weights=path)
        assert extractor.dimension == 2048
        digests.add(extractor.digest)
        found.append(extractor(images))
    assert np.array_equal(*found)
    assert len(digests) == 2  # of two files
    torch.save({k: v for k, v in state.items() if k != "layer3.2.bn1.bias"}, path)
    with pytest.raises(BadInput, match=r"lacks 'layer3\.2\.bn1\.bias'"):
        make_extractor("radimagenet", device="cpu", weights=path)


def save_checkpoint(folder: Path, network: Any, **processor: Any) -> Path:
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A transformer of one layer with a classifier and no pooling layer, as is usual."""
    transformers: Any = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = transformers.ViTForImageClassification(config).eval()
    folder = tmp_path_factory.mktemp("hf") / "tiny-vit"
    save_checkpoint(folder, network, image_mean=[0.4] * 3, image_std=[0.2] * 3)
    return folder, network


def test_a_transformer_gives_its_class_token(vit: tuple[Path, Any]) -> None:
    folder, network = vit
    extractor = make_extractor(f"hf:{folder}", device="cpu")
    assert (extractor.name, extractor.dimension) == ("hf:tiny-vit", 16)
    assert extractor.weights["sha256"] == sha256_file(folder / "model.safetensors")
    images = pictures(3, 32)
    with torch.inference_mode():
        x = (torch.from_numpy(images).float()[:, None].repeat(1, 3, 1, 1) / 255 - 0.4) / 0.2
        expected = network.vit(x).last_hidden_state[:, 0].numpy()
    assert extractor(images) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert np.array_equal(make_extractor(f"hf:{folder}", device="cpu")(images), extractor(images))
    alias = make_extractor("dino", device="cpu", weights=folder)
    assert alias.name == "dino"
    assert np.array_equal(alias(images), extractor(images))


def test_an_older_checkpoint_goes_through_the_restricted_reader(
    vit: tuple[Path, Any], tmp_path: Path
) -> None:
    folder, network = vit
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    extractor = make_extractor(f"hf:{tmp_path}", device="cpu")
    assert extractor.weights["sha256"] == sha256_file(tmp_path / "pytorch_model.bin")
    assert extractor(pictures(1, 32)).shape == (1, 16)
    torch.save({"evil": Path("x"), "call": print}, tmp_path / "pytorch_model.bin")
    with pytest.raises(BadInput, match="cannot be loaded"):
        make_extractor(f"hf:{tmp_path}", device="cpu")


def test_a_convolutional_checkpoint_gives_the_mean_over_places(tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic"
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = transformers.ResNetModel(config).eval()
    folder = save_checkpoint(tmp_path / "r", network, crop_size={"height": 40, "width": 40})
    extractor = make_extractor(f"hf:{folder}", device="cpu")
    images = pictures(2, 40)
    with torch.inference_mode():
        x = torch.from_numpy(images).float()[:, None].repeat(1, 3, 1, 1) / 127.5 - 1
        expected = network(x).pooler_output[..., 0, 0].numpy()
    assert extractor(images) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_what_is_no_checkpoint_is_one_clear_error(
    vit: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="no checkpoint folder"):
        make_extractor(f"hf:{tmp_path}/none", device="cpu")
    with pytest.raises(BadInput, match=r"config.json and weights as \.safetensors"):
        make_extractor(f"hf:{tmp_path}", device="cpu")
    import safetensors.torch

    state = dict(vit[1].state_dict())
    del state["vit.embeddings.patch_embeddings.projection.weight"]
    (tmp_path / "config.json").write_bytes((vit[0] / "config.json").read_bytes())
    safetensors.torch.save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match="has no weights for 1 parts"):
        make_extractor(f"hf:{tmp_path}", device="cpu")
    import huggingface_hub

    def fails(*args: Any, **kwargs: Any) -> str:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
    with pytest.raises(BadInput, match=r"could not be fetched from the Hub.*no network"):
        make_extractor("dino", device="cpu")
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == "transformers" else found(n)
    )
    with pytest.raises(BadInput, match=r"pip install 'mammo-synth\[transformers\]'"):
        make_extractor(f"hf:{vit[0]}", device="cpu")


def _timm(network: torch.nn.Module) -> Any:
    """What of timm is used, without timm: it needs torchvision."""
    timm = types.ModuleType("timm")
    timm.__spec__ = importlib.util.spec_from_loader("timm", loader=None)
    made: Any = network
    made.num_features, made.default_cfg = 512, {"classifier": "head"}
    data = {"input_size": (3, 64, 64), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    told: dict[str, Any] = {}

    def create_model(name: str, **more: Any) -> Any:
        told.update(more)
        return made

    values = {
        "list_models": lambda: ["squeezenet1_1", "resnet18"],
        "create_model": create_model,
        "data": types.SimpleNamespace(resolve_model_data_config=lambda model: data),
        "told": told,
    }
    for key, value in values.items():
        setattr(timm, key, value)
    return timm


def test_timm_gives_size_normalisation_and_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("timm") is None:
        with pytest.raises(BadInput, match="pip install timm"):
            make_extractor("timm:resnet18", device="cpu")
    network = drawn(SqueezeNet())
    timm = _timm(SqueezeNet())
    monkeypatch.setitem(sys.modules, "timm", timm)
    path = tmp_path / "w.pth"
    torch.save(network.state_dict() | {"head.bias": torch.zeros(9)}, path)
    extractor = make_extractor("timm:squeezenet1_1.some_tag", device="cpu", weights=path)
    assert timm.told == {"pretrained": False, "num_classes": 0}
    images = pictures(2, 64)
    with torch.inference_mode():
        x = (torch.from_numpy(images).float()[:, None].repeat(1, 3, 1, 1) / 255 - 0.5) / 0.25
        expected = network(x).numpy()
    assert extractor(images) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    fetched = make_extractor("timm:squeezenet1_1", device="cpu")
    assert timm.told["pretrained"] is True
    assert len(fetched.weights["sha256"]) == 64
    with pytest.raises(BadInput, match="Did you mean resnet18"):
        make_extractor("timm:resnet19", device="cpu")
