"""One iteration under every option: what learns, in which numbers, and from a checkpoint on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mammo_synth.errors import BadInput
from mammo_synth.gan import networks
from mammo_synth.gan.checkpoint import read_checkpoint, restore, save_checkpoint
from mammo_synth.gan.data import RealImages
from mammo_synth.gan.iteration import iterate
from mammo_synth.gan.settings import PRECISIONS, TrainSettings, check, override
from mammo_synth.gan.state import TrainState, collect, new_state, trainable
from tests.gan.gan_runs import TINY, blobs

LABELS = (np.arange(24) % 3 == 0).astype(np.int64)


def _settings(**run: Any) -> TrainSettings:
    network = run.pop("network", {})
    return check(override(TINY, run=run, network=network))


def _begin(settings: TrainSettings) -> tuple[TrainState, RealImages]:
    data = RealImages(blobs(), settings, labels=LABELS)
    state = new_state(settings, torch.device("cpu"))
    state.sampler = data.sampler
    return state, data


def _after(count: int, settings: TrainSettings) -> TrainState:
    state, data = _begin(settings)
    for _ in range(count):
        iterate(state, settings, data)
    return state


def _weights(state: TrainState) -> dict[str, torch.Tensor]:
    parts = {"G": state.G, "D": state.D, "G_ema": state.G_ema}
    return {f"{k}.{n}": t for k, m in parts.items() for n, t in m.state_dict().items()}


EVERYTHING = {
    "batch": 8,
    "batch_gpu": 4,
    "conditional": True,
    "mirror": True,
    "subset": 11,
    "freeze_d": 1,
    "d_learning_rate": 0.001,
    "precision": "bf16",
    "low_precision_resolutions": 1,
    "augment": "bgc",
}


@pytest.mark.parametrize("run", [{}, EVERYTHING], ids=["plain", "everything"])
def test_checkpoint_goes_on_to_the_same_bits(run, tmp_path: Path):
    settings = _settings(**run)
    whole = _after(9, settings)
    first = _after(5, settings)
    save_checkpoint(tmp_path / "c.safetensors", first, settings)
    state, data = _begin(settings)
    restore(state, read_checkpoint(tmp_path / "c.safetensors"), tmp_path)
    assert state.sampler is not None and state.sampler.position == state.seen == 5 * settings.batch
    for _ in range(4):
        iterate(state, settings, data)
    for name, value in _weights(whole).items():
        assert torch.equal(value, _weights(state)[name]), name
    assert state.p == whole.p and torch.equal(state.rng.get_state(), whole.rng.get_state())


def test_checkpoint_of_other_films_is_refused(tmp_path):
    save_checkpoint(tmp_path / "c.safetensors", _after(1, TINY), TINY)
    state, _ = _begin(replace(TINY, subset=20))
    with pytest.raises(BadInput, match="24 images, and there are 20"):
        restore(state, read_checkpoint(tmp_path / "c.safetensors"), tmp_path)


def test_frozen_resolutions_of_the_discriminator_stay_as_they_are():
    settings = _settings(freeze_d=1)
    before = {n: p.clone() for n, p in _begin(settings)[0].D.named_parameters()}
    state = _after(3, settings)
    still = {n for n, p in state.D.named_parameters() if torch.equal(p, before[n])}
    assert still == {n for n in before if n.startswith("b16.")}
    assert len(trainable(state.D, 0)) == len(before) == len(trainable(state.D, 1)) + len(still)


def test_networks_learn_at_their_own_rates():
    state = new_state(_settings(d_learning_rate=0.001), torch.device("cpu"))
    assert state.adam_g.param_groups[0]["lr"] == pytest.approx(TINY.learning_rate * 4 / 5)
    assert state.adam_d.param_groups[0]["lr"] == pytest.approx(0.001 * 16 / 17)


def test_fixed_augmentation_strength_does_not_adapt():
    assert _after(5, _settings(augment_p=0.4)).p == 0.4
    assert _after(5, _settings(ada_target=-1.0, ada_start=0.3)).p != 0.3


def test_both_networks_of_a_conditional_run_learn_from_labels():
    settings = _settings(conditional=True)
    before = _weights(_begin(settings)[0])
    after = _weights(_after(2, settings))
    for name in ("G.mapping.embed.weight", "D.mapping.embed.weight"):
        assert before[name].shape[1] == 2 and not torch.equal(before[name], after[name])


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 0.05), ("fp16", 0.01)])
def test_low_precision_follows_the_losses_of_full_precision(precision, tolerance):
    plain = _settings(network={"conv_clamp": 256.0})
    full, low = _after(9, plain), _after(9, replace(plain, precision=precision))
    assert all(t.dtype == torch.float32 for t in _weights(low).values())
    assert any(not torch.equal(_weights(full)[n], t) for n, t in _weights(low).items())
    ours, theirs = collect(low), collect(full)
    for name in ("loss_g", "loss_d"):
        assert ours[name] == pytest.approx(theirs[name], rel=tolerance), name


def test_float16_without_a_clamp_is_refused():
    with pytest.raises(BadInput, match="conv_clamp") as refusal:
        _settings(precision="fp16")
    assert "--conv-clamp 256" in refusal.value.hint
    assert PRECISIONS == networks.PRECISIONS


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(BadInput, match="needs a C\\+\\+ compiler") as refusal:
        new_state(replace(TINY, compile=True), torch.device("cpu"))
    assert "without --compile" in refusal.value.hint


def test_compiled_networks_compute_the_same(monkeypatch):
    # Traced and differentiated as on an accelerator; only the generation of code is left out.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    images = blobs(size=8)
    plain = _settings(network={"resolution": 8})
    states = []
    for settings in (plain, replace(plain, compile=True)):
        state, data = new_state(settings, torch.device("cpu")), RealImages(images, settings)
        for _ in range(2):
            iterate(state, settings, data)
        states.append(_weights(state))
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, atol=1e-6, rtol=1e-5, msg=name)
