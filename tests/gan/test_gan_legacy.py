"""The reader of reference pickles against the reference's own weights and images."""

from __future__ import annotations

import io
import pickle
import warnings
from collections import OrderedDict

import pytest
import torch

from mammo_synth.errors import BadInput
from mammo_synth.gan.legacy import read_networks
from mammo_synth.gan.legacy.allowed import ALLOWED, _tensor
from mammo_synth.gan.legacy.machine import Machine
from mammo_synth.gan.legacy.records import Storage, StoredTensor, Unreadable
from mammo_synth.gan.legacy.state_dict import read_state_dict
from mammo_synth.gan.legacy.storages import read_storage
from mammo_synth.gan.legacy.window import Window
from mammo_synth.gan.settings import NetworkSettings
from mammo_synth.gan.state import build_discriminator, build_generator
from tests.gan.gan_golden import meta, state, tensor
from tests.gan.gan_reference import Part, dump, golden_part, part, snapshot, write

PAIRS = [
    ("g64_auto", "d64_auto", 4),
    ("g32_c0", "d32_c0", 3),
    ("g32_c2", "d32_c2", 2),
    ("g16_orig", "d16_orig", 5),
    ("g16_resnet", "d16_skip", 4),
]


def loads(data: bytes) -> object:
    return Machine(ALLOWED).run(Window(memoryview(data)))


def refused(path, words: str, wanted=("G_ema",)) -> BadInput:
    with pytest.raises(BadInput, match=words) as caught:
        read_networks(path, wanted)
    assert str(path) in caught.value.message and caught.value.hint
    return caught.value


@pytest.mark.parametrize(("g", "d", "protocol"), PAIRS)
def test_imported_networks_give_the_reference_images_and_logits(g, d, protocol, tmp_path):
    content = snapshot(golden_part(g), golden_part(d), golden_part(g))
    read = read_networks(write(tmp_path / "network.pkl", content, protocol))
    networks = {"G": build_generator(read.settings), "G_ema": build_generator(read.settings)}
    for name, network in networks.items():
        network.load_state_dict(read.tensors[name], strict=True)
        with torch.no_grad():
            images = network.eval()(tensor(g, "z"), tensor(g, "c"), noise_mode="const")
        torch.testing.assert_close(images, tensor(g, "img_const_psi1"), rtol=1e-4, atol=1e-4)
    D = build_discriminator(read.settings)
    D.load_state_dict(read.tensors["D"], strict=True)
    with torch.no_grad():
        logits = D(tensor(d, "img"), tensor(d, "c"))
    torch.testing.assert_close(logits, tensor(d, "logits"), rtol=0.0, atol=1e-5)
    assert read.training_set == {"use_labels": False}  # and no path


def test_settings_come_from_keywords_and_absent_ones_mean_the_defaults(tmp_path):
    content = snapshot(None, None, golden_part("g32_c2"))
    read = read_networks(write(tmp_path / "n.pkl", content), ["G_ema"])
    assert read.settings == NetworkSettings(
        resolution=32,
        z_dim=64,
        w_dim=64,
        c_dim=2,
        mapping_layers=8,
        channel_base=1024,
        channel_max=64,
        conv_clamp=None,
    )
    assert sorted(read.tensors) == ["G_ema"]
    assert all(torch.equal(v, read.tensors["G_ema"][k]) for k, v in state("g32_c2", "sd/").items())


def test_keywords_without_effect_may_have_any_value(tmp_path):
    """Networks that were converted from the TensorFlow code spell all keywords out."""
    mapping = {"num_layers": 8, "embed_features": 512, "layer_features": None, "w_avg_beta": 0.998}
    synthesis = {
        "channel_base": 1024,
        "channel_max": 64,
        "conv_clamp": None,
        "use_noise": True,
        "architecture": "skip",
        "resample_filter": [1, 3, 3, 1],
        "activation": "lrelu",
        "num_fp16_res": 0,
    }
    g = golden_part("g32_c0", mapping_kwargs=mapping, synthesis_kwargs=synthesis)
    d = golden_part(
        "d32_c0",
        cmap_dim=512,
        mapping_kwargs={"num_layers": 0, "lr_multiplier": 0.1},
        block_kwargs={"freeze_layers": 4, "activation": "lrelu", "resample_filter": [1, 3, 3, 1]},
    )
    read = read_networks(write(tmp_path / "n.pkl", snapshot(g, d, g)))
    assert read.settings.mapping_layers == 8 and read.settings.c_dim == 0


def test_a_discriminator_of_labels_may_have_few_layers_and_compare_the_whole_batch(tmp_path):
    keywords = meta()["d16_clamp"]["kwargs"]
    settings = NetworkSettings(
        16, 3, 8, 8, 2, channel_base=256, channel_max=16, conv_clamp=keywords["conv_clamp"]
    )
    generator = {name: keywords[name] for name in ("c_dim", "img_resolution", "img_channels")}
    generator |= {"z_dim": 8, "w_dim": 8, "mapping_kwargs": {"num_layers": 2}}
    channels = ("channel_base", "channel_max", "conv_clamp")
    generator["synthesis_kwargs"] = {name: keywords[name] for name in channels}
    g = part("Generator", dict(build_generator(settings).state_dict()), generator)
    for group, name in ((4, "logits"), (None, "logits_first4")):
        epilogue = {"mbstd_group_size": group}
        content = snapshot(g, golden_part("d16_clamp", epilogue_kwargs=epilogue), g)
        read = read_networks(write(tmp_path / "n.pkl", content))
        assert read.settings.d_mapping_layers == 2
        D = build_discriminator(read.settings)
        D.load_state_dict(read.tensors["D"], strict=True)
        expected = tensor("d16_clamp", name)
        images, c = tensor("d16_clamp", "img"), tensor("d16_clamp", "c")
        with torch.no_grad():
            logits = D(images[: len(expected)], c[: len(expected)])
            eight = D(images, c)
        torch.testing.assert_close(logits, expected, rtol=0.0, atol=1e-5)
        same = torch.allclose(eight, tensor("d16_clamp", "logits"), rtol=0.0, atol=1e-5)
        assert same == (group == 4)  # eight at once are one group, not two


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"synthesis_kwargs": {"activation": "relu"}}, "activation = 'relu'"),
        ({"synthesis_kwargs": {"resample_filter": [1, 2, 1]}}, "resample_filter"),
        ({"synthesis_kwargs": {"channel_base": 1024, "magic": 1}}, "magic = 1"),
        ({"mapping_kwargs": {"layer_features": 32}}, "layer_features = 32"),
        ({"mapping_kwargs": {"num_layers": 9}}, "lacks mapping.fc8"),
        ({"img_resolution": 48}, "no power of two"),
        ({"img_resolution": 2**40}, "img_resolution"),
        ({"c_dim": None}, "c_dim = something else"),
        ({"synthesis_kwargs": {"channel_base": 2048, "channel_max": 64}}, "shape"),
        ({"synthesis_kwargs": {"conv_clamp": -1}}, "conv_clamp = -1"),
        ({"synthesis_kwargs": [1]}, "no keywords"),
    ],
)
def test_what_we_cannot_represent_is_refused_by_name(changed, words, tmp_path):
    content = snapshot(None, None, golden_part("g32_c0", **changed))
    refused(write(tmp_path / "n.pkl", content), words)


def test_a_discriminator_of_another_kind_is_refused_by_name(tmp_path):
    g = golden_part("g32_c0")
    for changed, words in (
        ({"epilogue_kwargs": {"mbstd_num_channels": 2}}, "mbstd_num_channels = 2"),
        ({"conv_clamp": 256}, "conv_clamp None and a discriminator with 256"),
        ({"img_channels": 3}, "image_channels 1 and a discriminator with 3"),
    ):
        content = snapshot(g, golden_part("d32_c0", **changed), g)
        refused(write(tmp_path / "n.pkl", content), words, ("G", "D", "G_ema"))
    labelled = golden_part("d32_c2", cmap_dim=7)
    refused(write(tmp_path / "n.pkl", snapshot(g, labelled, g)), "cmap_dim = 7", ("D",))
    content = snapshot(golden_part("g32_c2"), golden_part("d32_c0"), g)
    refused(write(tmp_path / "n.pkl", content), "different architecture", ("G", "G_ema"))


def _changed(name: str, value: object, place: str = "_parameters") -> Part:
    top = golden_part("g32_c0")
    inner = top.state["_modules"]["synthesis"].state["_modules"]["b8"].state["_modules"]["conv1"]
    inner.state[place][name] = value
    return top


def test_values_that_are_none_or_of_another_type_are_refused(tmp_path):
    nan = torch.full([32 * 2], float("nan"))
    for value, words in (
        (nan, r"G_ema synthesis.b8.conv1.bias that are no numbers"),
        (torch.zeros(64, dtype=torch.float64), "float64 numbers"),
        (torch.zeros(3), r"shape \[3\]"),
        ("text", "unexpected parts"),
        (None, "lacks synthesis.b8.conv1.bias"),
    ):
        refused(write(tmp_path / "n.pkl", snapshot(None, None, _changed("bias", value))), words)
    more = _changed("unknown", torch.zeros(2))
    refused(write(tmp_path / "n.pkl", snapshot(None, None, more)), "conv1.unknown")
    other = _changed("resample_filter", torch.ones(4, 4) / 16, "_buffers")
    refused(write(tmp_path / "n.pkl", snapshot(None, None, other)), "another resampling filter")
    changed = golden_part("g32_c0")
    changed.state["_modules"]["synthesis"].state["activation"] = "swish"
    refused(write(tmp_path / "n.pkl", snapshot(None, None, changed)), "activation = 'swish'")
    changed.state["_modules"]["synthesis"].state.update(activation="lrelu", conv_clamp=7)
    refused(write(tmp_path / "n.pkl", snapshot(None, None, changed)), "clamped at 7")
    placed = golden_part("g32_c0")
    placed.state["_init_args"] = (512, 0)
    refused(write(tmp_path / "n.pkl", snapshot(None, None, placed)), "by position")
    renamed = part("StyledGenerator", state("g32_c0", "sd/"), {})
    refused(write(tmp_path / "n.pkl", snapshot(None, None, renamed)), "StyledGenerator")


def test_missing_networks_are_named(tmp_path):
    path = write(tmp_path / "n.pkl", snapshot(None, None, golden_part("g16_orig")))
    error = refused(path, r"no network G \(it has: G_ema\)", ("G", "D", "G_ema"))
    assert "--ema-only" in str(error.hint)
    for content in ({}, {"a": 1}, [1], 7, {"G_ema": {"a": 1}}):
        refused(write(tmp_path / "n.pkl", content), "network")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_of_every_type_and_layout(protocol):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    cases = [whole, whole.permute(2, 0, 1), whole[:, 1:, ::2], whole[0, 0, 0], torch.empty(0, 3)]
    types = (torch.float64, torch.float16, torch.int64, torch.int32, torch.uint8, torch.bool)
    cases += [whole.to(kind) for kind in types]
    cases += [torch.nn.Parameter(whole), whole.to(memory_format=torch.contiguous_format)]
    for case in cases:
        read = loads(pickle.dumps(case, protocol=protocol))
        assert isinstance(read, StoredTensor)
        assert torch.equal(torch.from_numpy(read.array()), case.detach())


def test_strides_that_no_address_can_have_mean_nothing_where_one_item_is():
    storage = Storage("float32", memoryview(bytes(8)))
    assert StoredTensor(storage, 1, (1, 1), (2**100, 2**100)).array().shape == (1, 1)
    assert StoredTensor(storage, 0, (0, 3), (2**100, 2**100)).array().shape == (0, 3)
    for shape, strides in (((0, 2**90), (1, 1)), ((2,), (2**90,)), ((2, 2), (1, 1))):
        with pytest.raises(Unreadable):
            _tensor((storage, 0, shape, strides))
    with pytest.raises(Unreadable):
        _tensor((storage, 2, (1,), (1,)))


def test_both_formats_of_a_saved_storage_are_read():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has newer names for the old format
        storage = torch.arange(5.0)._typed_storage()
        for zipped in (False, True):
            stream = io.BytesIO()
            torch.save(storage, stream, _use_new_zipfile_serialization=zipped)
            read = read_storage(memoryview(stream.getvalue()))
            assert read.kind == "float32" and read.count == 5
            assert StoredTensor(read, 0, (5,), (1,)).array().tolist() == [0, 1, 2, 3, 4]
            data = stream.getvalue()
            for cut in range(0, len(data), 7):
                with pytest.raises(Unreadable):
                    read_storage(memoryview(data[:cut]))


def test_plain_values_of_every_kind():
    content = {
        "a": [1, -1, 2**40, 2**100, 1.5, True, None, "é", b"raw", b"x" * 9000],
        "b": (1, (2,), (1, 2, 3, 4)),
        "c": OrderedDict(x=1),
        3: {},
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda:1"),
    }
    for protocol in (2, 3, 4, 5):
        read = loads(pickle.dumps(content, protocol=protocol))
        assert read == {**content, "c": {"x": 1}, "size": (2, 3), "device": "device"}


def test_a_pickle_of_the_whole_snapshot_names_only_what_is_allowed():
    data = dump(snapshot(golden_part("g16_orig"), golden_part("d16_orig"), None), 4)
    top = loads(data)
    assert sorted(top) == ["D", "G", "G_ema", "augment_pipe", "training_set_kwargs"]
    assert top["augment_pipe"].class_name == "AugmentPipe"
    inner = top["G"].state["_modules"]["mapping"].state["_modules"]["fc0"].state
    assert inner["weight_gain"] == pytest.approx(3**-0.5)
    assert "raise SystemExit" not in repr(top["G"])


@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_of_torch_are_read_without_its_reader(tmp_path, zipped):
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4))
    state = network.state_dict()
    state["tied"], state["turned"] = state["0.weight"], state["0.weight"].transpose(0, 3)
    state["half"], state["flags"] = torch.ones(3).half(), torch.tensor([True, False])
    path = tmp_path / "w.pth"
    for saved in (state, {"state_dict": state, "epoch": 3, "rates": [0.1]}):
        torch.save(saved, path, _use_new_zipfile_serialization=zipped)
        found = read_state_dict(path)
        assert found.keys() == state.keys()
        for name, value in state.items():
            assert found[name].dtype == value.dtype and torch.equal(found[name], value), name


@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_no_state_dict_is_refused(tmp_path, zipped):
    path = tmp_path / "w.pth"
    for other in (torch.nn.Linear(2, 2), {"a": 1}, [torch.ones(2)], {}):
        torch.save(other, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(Unreadable):
            read_state_dict(path)
    torch.save({"a": torch.ones(40)}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for end in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(Unreadable):
            read_state_dict(path)
    # One stored number that stands for many tensors of it would fill the memory.
    many = dict.fromkeys(map(str, range(200)), torch.ones(1000))
    torch.save(many, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(Unreadable, match="far more than its size"):
        read_state_dict(path)
