"""Three iterations of training against the reference: losses, gradients, weights, averages."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from mammo_synth.gan.loss import (
    Fakes,
    discriminator_loss,
    generator_loss,
    mixed_ws,
    moved_mean,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from mammo_synth.gan.networks import Discriminator, Generator
from mammo_synth.gan.state import lazy_adam, update_average
from tests.gan.gan_golden import arrays, meta, state, tensor

NAME = "trainstep"
QUIET = {"mixing": 0.0, "noise_mode": "none"}


def _close(actual: torch.Tensor, key: str, atol: float = 1e-5, rtol: float = 1e-4) -> None:
    torch.testing.assert_close(actual, tensor(NAME, key), atol=atol, rtol=rtol)


def _check_gradients(network: torch.nn.Module, phase: str) -> None:
    expected = {k for k in arrays(NAME) if k.startswith(f"it0/{phase}/grad/")}
    seen = set()
    for name, parameter in network.named_parameters():
        key = f"it0/{phase}/grad/{name}"
        if key in expected:
            assert parameter.grad is not None, name
            scale = float(tensor(NAME, key).abs().max())
            _close(parameter.grad, key, atol=1e-5 * max(scale, 1e-2))
            seen.add(key)
    assert seen == expected


def _check_weights(network: torch.nn.Module, prefix: str) -> None:
    values = network.state_dict()
    for key, expected in state(NAME, prefix).items():
        torch.testing.assert_close(values[key], expected, atol=1e-4, rtol=0.0)


def _step(value: torch.Tensor, optimizer: torch.optim.Adam) -> None:
    optimizer.zero_grad(set_to_none=True)
    value.backward()
    optimizer.step()


def _report(it: int, phase: str, name: str) -> str:
    return f"it{it}/{phase}/report/Loss.{name}"


def test_three_iterations_equal_the_reference():
    G = Generator(
        resolution=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8
    )
    D = Discriminator(resolution=16, channel_base=128, channel_max=8)
    G.load_state_dict(state(NAME, "G0/"), strict=True)
    D.load_state_dict(state(NAME, "D0/"), strict=True)
    average = deepcopy(G).eval()
    adam_g, adam_d = lazy_adam(G.parameters(), 0.0025, 4), lazy_adam(D.parameters(), 0.0025, 16)
    mean = torch.zeros([])
    fakes = Fakes(G, **QUIET)
    for it in range(3):

        def z(phase: str, it: int = it) -> torch.Tensor:
            return tensor(NAME, f"it{it}/{phase}/z")

        reals = tensor(NAME, f"it{it}/reals")
        part = generator_loss(fakes, D.requires_grad_(False), z("Gmain"))
        _close(part.report["scores_fake"].flatten(), _report(it, "Gmain", "scores.fake"))
        _close(part.report["loss"].flatten(), _report(it, "Gmain", "G.loss"))
        _step(part.value, adam_g)
        if it == 0:
            _check_gradients(G, "Gmain")
            noise = tensor(NAME, "it0/Greg/pl_randn")
            lengths, images = path_lengths(fakes, z("Greg")[:4], directions=noise)
            batch_mean = lengths.detach().mean()
            part = path_length_penalty(lengths, images, mean, batch_mean, 4)
            mean = moved_mean(mean, batch_mean, 0.01)
            _close(part.report["pl_penalty"], _report(it, "Greg", "pl_penalty"))
            _close(mean, "it0/Greg/pl_mean_after")
            _step(part.value * 4, adam_g)
            _check_gradients(G, "Greg")
        part = discriminator_loss(fakes, D.requires_grad_(True), z("Dmain"), reals)
        _close(part.report["scores_fake"].flatten(), _report(it, "Dmain", "scores.fake"))
        _close(part.report["scores_real"].flatten(), _report(it, "Dmain", "scores.real"))
        _step(part.value, adam_d)
        if it == 0:
            _check_gradients(D, "Dmain")
            part = r1_penalty(D, reals, 0.5, len(reals))
            _close(part.report["r1_penalty"], _report(it, "Dreg", "r1_penalty"))
            _step(part.value * 16, adam_d)
            _check_gradients(D, "Dreg")
        update_average(average, G, meta()[NAME]["ema_beta"])
        if it in (0, 2):
            _check_weights(G, f"it{it}/G_after/")
            _check_weights(D, f"it{it}/D_after/")
    _check_weights(average, "it2/G_ema_after/")


def test_style_mixing_replaces_the_later_layers_only():
    torch.manual_seed(0)
    G = Generator(resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8)
    z = torch.randn(4, 8)
    plain = G.mapping(z, update_w_avg=False)
    average = G.mapping.w_avg.clone()
    cuts = set()
    for seed in range(30):
        rng = torch.Generator().manual_seed(seed)
        mixed = mixed_ws(G, z, None, 1.0, rng)
        same = (mixed == plain).all(dim=2).all(dim=0)
        cut = int(same.sum())
        assert same.tolist() == [True] * cut + [False] * (G.num_ws - cut)
        cuts.add(cut)
    assert cuts == set(range(1, G.num_ws))
    G.mapping.w_avg.copy_(average)
    rng = torch.Generator().manual_seed(0)
    assert torch.equal(mixed_ws(G, z, None, 0.0, rng), plain)
    shares = [
        not torch.equal(mixed_ws(G, z, None, 0.5, torch.Generator().manual_seed(s)), plain)
        for s in range(200)
    ]
    assert 70 <= sum(shares) <= 130


@pytest.mark.parametrize("gamma", [0.1, 10.0])
def test_r1_of_a_linear_discriminator_is_its_squared_weights(gamma):
    weights = torch.randn(1, 1, 4, 4)

    class Linear(torch.nn.Module):
        def forward(self, images: torch.Tensor, c: object = None) -> torch.Tensor:
            return (images * weights).sum(dim=[1, 2, 3])[:, None]

    part = r1_penalty(Linear(), torch.randn(3, 1, 4, 4), gamma, 3)
    torch.testing.assert_close(part.value, gamma / 2 * weights.square().sum())
