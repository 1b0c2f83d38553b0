"""Mixed precision: near float32, finite gradients, the same state."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from mammo_synth.gan.loss import Fakes, path_length_penalty, path_lengths, r1_penalty
from mammo_synth.gan.networks import PRECISIONS, Discriminator, Generator, set_precision
from tests.gan.gan_golden import discriminator, generator, tensor

ROUNDING = {"bf16": 2.0**-8, "fp16": 2.0**-11}


def _relative(result: torch.Tensor, expected: torch.Tensor) -> float:
    return float((result - expected).norm() / expected.norm())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", ["g32_c0", "g64_auto", "g16_clamp", "g16_orig", "g16_resnet"])
def test_images_are_near_those_of_float32(name, precision):
    G = generator(name)
    z, c = tensor(name, "z"), tensor(name, "c")
    before = {k: v.clone() for k, v in G.state_dict().items()}
    with torch.no_grad():
        exact = G(z, c, noise_mode="const")
        set_precision(G, precision, None)
        near = G(z, c, noise_mode="const")
        set_precision(G, "fp32")
        assert torch.equal(G(z, c, noise_mode="const"), exact)
    assert near.dtype == torch.float32
    assert 0 < _relative(near, exact) < 8 * ROUNDING[precision]
    assert before.keys() == G.state_dict().keys()
    assert all(torch.equal(before[k], v) for k, v in G.state_dict().items())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", ["d32_c0", "d64_auto", "d16_orig", "d16_skip", "d16_clamp"])
def test_logits_are_near_those_of_float32(name, precision):
    D = discriminator(name)
    images, c = tensor(name, "img"), tensor(name, "c")
    with torch.no_grad():
        exact = D(images, c)
        set_precision(D, precision, None)
        near = D(images, c)
    assert near.dtype == torch.float32
    assert 0 < _relative(near, exact) < 8 * ROUNDING[precision]


def test_the_number_of_resolutions_counts_from_the_highest():
    G, D = generator("g64_auto"), discriminator("d64_auto")
    set_precision(G, "bf16", 2)
    set_precision(D, "bf16", 2)
    low = {64, 32}
    for size in (4, 8, 16, 32, 64):
        wanted = torch.bfloat16 if size in low else torch.float32
        assert getattr(G.synthesis, f"b{size}").dtype == wanted
        if size > 4:
            assert getattr(D, f"b{size}").dtype == wanted
    set_precision(G, "fp16", None)
    assert G.synthesis.b8.dtype == torch.float16 and G.synthesis.b4.dtype == torch.float32
    assert deepcopy(G).synthesis.b8.dtype == torch.float16
    with pytest.raises(ValueError, match="precision"):
        set_precision(G, "fp8")
    with pytest.raises(ValueError, match="resolutions"):
        set_precision(G, "bf16", -1)
    assert PRECISIONS == ("fp32", "bf16", "fp16")


def test_half_precision_survives_weights_and_styles_that_would_overflow():
    torch.manual_seed(0)
    G = Generator(resolution=16, z_dim=8, w_dim=8, channel_base=256, channel_max=16)
    for size in G.synthesis.resolutions[1:]:
        for layer in (
            getattr(G.synthesis, f"b{size}").conv0,
            getattr(G.synthesis, f"b{size}").conv1,
        ):
            with torch.no_grad():
                layer.weight.mul_(3e3)
                layer.affine.bias.mul_(3e3)
    z = torch.randn(2, 8)
    with torch.no_grad():
        exact = G(z, noise_mode="const")
        set_precision(G, "fp16", None)
        near = G(z, noise_mode="const")
    assert bool(near.isfinite().all())
    assert _relative(near, exact) < 8 * ROUNDING["fp16"]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_gradients_of_the_regularisers_are_finite_and_near(precision):
    torch.manual_seed(0)
    kind = {"resolution": 16, "channel_base": 128, "channel_max": 8, "conv_clamp": 256.0}
    G, D = Generator(z_dim=8, w_dim=8, **kind), Discriminator(**kind)
    z, directions, reals = torch.randn(4, 8), torch.randn(4, 1, 16, 16), torch.rand(4, 1, 16, 16)
    found = {}
    for name in ("fp32", precision):
        set_precision(G, name, None)
        set_precision(D, name, None)
        G.zero_grad()
        D.zero_grad()
        fakes = Fakes(G, mixing=0.0, noise_mode="none")
        lengths, images = path_lengths(fakes, z, directions=directions)
        mean = lengths.detach().mean()
        path_length_penalty(lengths, images, torch.zeros([]), mean, len(z)).value.backward()
        r1_penalty(D, reals, 1.0, len(reals)).value.backward()
        found[name] = torch.cat(
            [p.grad.flatten() for net in (G, D) for p in net.parameters() if p.grad is not None]
        )
        assert all(p.dtype == torch.float32 for p in G.parameters())
    assert bool(found[precision].isfinite().all())
    assert _relative(found[precision], found["fp32"]) < 0.1
