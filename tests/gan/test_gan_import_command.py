"""From a pickle to a file of ours, to a run that starts from it, to images: the whole way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.gan.importing import UNKNOWN_LICENCE
from mammo_synth.gan.sample import load_generator
from mammo_synth.gan.settings import NetworkSettings, TrainSettings
from mammo_synth.gan.state import digest, new_state
from mammo_synth.gan.transfer import adopt, start_from, stored_architecture
from tests.gan.gan_golden import tensor
from tests.gan.gan_reference import Part, golden_part, snapshot, write
from tests.gan.test_gan_commands import call


def pickled(folder: Path, g: str, d: str | None = None, name: str = "n.pkl") -> Path:
    whole = None if d is None else golden_part(g), None if d is None else golden_part(d)
    return write(folder / name, snapshot(*whole, golden_part(g)))


def test_a_generator_file_draws_the_reference_images_and_says_where_it_is_from(tmp_path):
    pickle = pickled(tmp_path, "g32_c0", name="network-snapshot-002400.pkl")
    out = tmp_path / "cancer.safetensors"
    shown = call(
        *("import", pickle, "--out", out, "--ema-only", "--label", "cancer", "--json"),
        *("--licence", "CC BY 4.0", "--source", "films of X"),
    )
    said = json.loads(shown)
    assert said["sha256"] == sha256_file(out) and not said["dry_run"]
    loaded = load_generator(out)
    assert (loaded.label, loaded.kimg, loaded.simulated) == ("cancer", 2400, False)
    with torch.no_grad():
        images = loaded.network(tensor("g32_c0", "z"), noise_mode="const")
    torch.testing.assert_close(images, tensor("g32_c0", "img_const_psi1"), rtol=1e-4, atol=1e-4)
    facts = json.loads(call("info", out, "--json"))
    assert facts["imported"]["sha256"] == sha256_file(pickle)
    assert (facts["licence"], facts["source"]) == ("CC BY 4.0", "films of X")
    assert facts["prepared_manifest"] == "" and facts["training"] == {}
    assert "someone" not in out.read_bytes()[:4000].decode("latin1")  # a path of the pickle's
    call("sample", out, "--seeds", "0-1", "--out", tmp_path / "pool")
    assert len(list((tmp_path / "pool").glob("*.png"))) == 2


def test_equal_imports_give_equal_bytes_and_other_files_are_kept(tmp_path):
    pickle, out = pickled(tmp_path, "g16_orig", "d16_orig"), tmp_path / "a.safetensors"
    call("import", pickle, "--out", out, "--grey")
    first = out.read_bytes()
    call("import", pickle, "--out", out, "--grey")
    assert out.read_bytes() == first
    call("import", pickle, "--out", out, fails="holds something else")
    note = tmp_path / "b.safetensors"
    note.write_text("mine")
    call("import", pickle, "--out", note, fails="holds something else")
    assert note.read_text() == "mine" and out.read_bytes() == first
    call("import", pickle, "--out", tmp_path / "c.safetensors", "--dry-run")
    assert not (tmp_path / "c.safetensors").exists()


def test_kimg_may_be_unknown_and_the_licence_is_never_left_open(tmp_path):
    pickle, out = pickled(tmp_path, "g32_c0"), tmp_path / "a.safetensors"
    shown = call("import", pickle, "--out", out, "--ema-only", "--label", "normal")
    assert UNKNOWN_LICENCE in " ".join(shown.split())
    facts = json.loads(call("info", out, "--json"))
    assert facts["kimg"] is None and facts["licence"] == UNKNOWN_LICENCE
    assert "network resolution" in call("info", out)


def test_networks_of_everything_are_shown_by_info(tmp_path):
    out = tmp_path / "a.safetensors"
    call("import", pickled(tmp_path, "g64_auto", "d64_auto"), "--out", out, "--grey")
    facts = json.loads(call("info", out, "--json"))
    assert facts["format"] == "mammo-synth/networks/1"
    assert facts["imported"]["grey"] == "Rec. 601"
    assert facts["network"]["image_channels"] == 1 and facts["resolution"] == 64
    assert facts["patients"] is None
    assert "imported sha256" in call("info", out)
    faces = tmp_path / "faces.safetensors"
    call("import", tmp_path / "n.pkl", "--out", faces, "--grey", "--no-films")
    assert json.loads(call("info", faces, "--json"))["patients"] == []
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(out.read_bytes()[:-8])
    call("info", cut, fails="cut short")


def test_labels_must_fit_the_classes(tmp_path):
    out = ("--out", tmp_path / "a.safetensors", "--ema-only")
    one, two = pickled(tmp_path, "g32_c0"), pickled(tmp_path, "g32_c2", name="two.pkl")
    call("import", one, *out, fails="no label was given")
    call("import", one, *out, "--label", "both", fails="'both' was given")
    call("import", one, *out, "--label", "benign", fails="no label 'benign'")
    call("import", two, *out, "--label", "cancer", fails="'cancer' was given")
    call("import", two, *out, "--label", "both")
    header = json.loads(call("info", out[1], "--json"))
    assert header["label"] == "both" and header["network"]["c_dim"] == 2
    assert header["classes"] == ["normal", "cancer"]


def test_what_cannot_be_imported_is_refused_and_leaves_nothing(tmp_path):
    grey, colour = pickled(tmp_path, "g32_c0"), pickled(tmp_path, "g16_orig", name="c.pkl")
    label = ("--ema-only", "--label", "cancer")
    out = tmp_path / "new" / "a.safetensors"
    call("import", colour, "--out", out, *label, fails="--grey")
    call("import", grey, "--out", out, *label, "--grey", fails="grey already")
    call("import", grey, "--out", out, fails="no network G")
    call("import", grey, "--out", tmp_path / "a.pt", *label, fails="a file *.safetensors")
    call("import", tmp_path / "none.pkl", "--out", out, *label, fails="is not there")
    call("import", tmp_path, "--out", out, *label, fails="not a file")
    call("import", grey, "--out", out, *label, "--kimg", "-3", fails="0 or more")
    assert not out.parent.exists()


# -- transfer ---------------------------------------------------------------------------------


def tiny(network: NetworkSettings) -> TrainSettings:
    return TrainSettings(preset="tiny", network=network, kimg=0.008, batch=4, gamma=0.1)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey networks of 32 px, G and G_ema different."""
    folder = tmp_path_factory.mktemp("networks")
    g, ema = golden_part("g32_c0"), golden_part("g32_c0")
    const = g.state["_modules"]["synthesis"].state["_modules"]["b4"].state["_parameters"]
    const["const"] = torch.nn.Parameter(const["const"] + 1, requires_grad=False)
    pickle = write(folder / "n.pkl", snapshot(g, golden_part("d32_c0"), ema))
    call("import", pickle, "--out", folder / "networks.safetensors")
    return folder / "networks.safetensors"


def test_a_run_starts_from_all_three_networks(networks):
    _, stored = stored_architecture(networks)
    state = new_state(tiny(stored), torch.device("cpu"))
    start_from(state, stored, networks, "ab" * 32)
    with torch.no_grad():
        images = state.G_ema(tensor("g32_c0", "z"), noise_mode="const")
        logits = state.D(tensor("d32_c0", "img"))
    torch.testing.assert_close(images, tensor("g32_c0", "img_const_psi1"), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits, tensor("d32_c0", "logits"), rtol=0.0, atol=1e-5)
    off = state.G.synthesis.b4.const - state.G_ema.synthesis.b4.const
    torch.testing.assert_close(off, torch.ones_like(off))
    assert state.init == digest(state.G) and state.init_from == "ab" * 32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mapping_layers": 2}, "mapping_layers is 8 there and 2 here"),
        ({"conv_clamp": 256.0}, "conv_clamp is None there and 256.0 here"),
        ({"resolution": 64}, "resolution is 32 there and 64 here"),
        ({"c_dim": 2}, "c_dim is 0 there and 2 here"),
        ({"d_architecture": "skip"}, "d_architecture is resnet there and skip here"),
        ({"channel_base": 512}, "channel_base is 1024 there and 512 here"),
    ],
)
def test_another_architecture_is_refused_by_the_first_difference(change, words, networks):
    _, stored = stored_architecture(networks)
    wanted = replace(stored, **change)
    state = new_state(tiny(wanted), torch.device("cpu"))
    before = digest(state.G)
    with pytest.raises(BadInput, match=words):
        start_from(state, wanted, networks, "")
    assert digest(state.G) == before


def test_rgb_networks_are_refused_with_the_way_to_grey_ones(tmp_path):
    out = tmp_path / "rgb.safetensors"
    call("import", pickled(tmp_path, "g16_orig", "d16_orig"), "--out", out)
    _, stored = stored_architecture(out)
    assert stored.image_channels == 3
    run = adopt(NetworkSettings(resolution=16), out)
    assert run.image_channels == 1 and run.g_architecture == "orig"
    with pytest.raises(BadInput, match="--grey"):
        start_from(new_state(tiny(run), torch.device("cpu")), run, out, "")


def test_from_a_pickle_by_training_to_images(prepared_set, tmp_path):
    """The prepared films have 32 px; the pickle is an RGB one, as of photographs."""
    rgb = NetworkSettings(
        resolution=32,
        image_channels=3,
        z_dim=16,
        w_dim=16,
        mapping_layers=3,
        channel_base=128,
        channel_max=8,
        conv_clamp=256.0,
    )
    state = new_state(tiny(rgb), torch.device("cpu"))
    pickle = write(tmp_path / "photographs.pkl", snapshot(*_parts(state, rgb)))
    start = tmp_path / "start.safetensors"
    call("import", pickle, "--out", start, "--grey")
    run = tmp_path / "run"
    arguments = (
        *("train", prepared_set.folder, "--label", "cancer", "--preset", "demo", "--out", run),
        *("--kimg", "0.008", "--batch", "4", "--threads", "1", "--device", "cpu"),
    )
    call(*arguments, "--resume", start, "--channel-max", "16", fails="channel_max is 8 there")
    call(*arguments, "--resume", start)
    loaded = load_generator(run)
    assert loaded.metadata["init_from"] == sha256_file(start)
    assert loaded.network.mapping.num_layers == 3
    # Two updates away from where it began, not at random weights.
    before = state.G_ema.mapping.fc0.weight
    assert float((loaded.network.mapping.fc0.weight - before).norm() / before.norm()) < 0.05
    call("sample", run, "--seeds", "0", "--out", tmp_path / "pool")
    assert (tmp_path / "pool").is_dir()


def _parts(state, rgb: NetworkSettings) -> tuple[Part, Part, Part]:
    from tests.gan.gan_reference import part

    common = {"c_dim": 0, "img_resolution": rgb.resolution, "img_channels": 3}
    channels = {"channel_base": rgb.channel_base, "channel_max": rgb.channel_max}
    clamp = {"num_fp16_res": 4, "conv_clamp": 256}
    of_g = {
        **common,
        "z_dim": rgb.z_dim,
        "w_dim": rgb.w_dim,
        "mapping_kwargs": {"num_layers": 3},
        "synthesis_kwargs": {**channels, **clamp},
    }
    of_d = {**common, **channels, **clamp, "epilogue_kwargs": {"mbstd_group_size": 4}}
    g, ema = (part("Generator", dict(m.state_dict()), of_g) for m in (state.G, state.G_ema))
    return g, part("Discriminator", dict(state.D.state_dict()), of_d), ema
