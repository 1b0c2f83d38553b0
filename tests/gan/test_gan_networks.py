"""Generator and discriminator against the reference numbers."""

from __future__ import annotations

import pytest
import torch

from mammo_synth.gan.networks import Generator, minibatch_stddev, normalize_2nd_moment
from tests.gan.gan_golden import (
    DISCRIMINATORS,
    GENERATORS,
    arrays,
    discriminator,
    generator,
    tensor,
)

IMAGES = {"rtol": 1e-4, "atol": 1e-4}
LOGITS = {"rtol": 0.0, "atol": 1e-5}
LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("name", GENERATORS)
def test_mapping_equals_the_reference(name):
    G, z, c = generator(name), tensor(name, "z"), tensor(name, "c")
    with torch.no_grad():
        plain = G.mapping(z, c)
        near = G.mapping(z, c, truncation_psi=0.7)
        cut = G.mapping(z, c, truncation_psi=0.5, truncation_cutoff=4)
        torch.testing.assert_close(G.mapping.w_avg, tensor(name, "sd/mapping.w_avg"))
        G.train()
        G.mapping(z, c)
    torch.testing.assert_close(plain, tensor(name, "ws_psi1"), **LOGITS)
    torch.testing.assert_close(near, tensor(name, "ws_psi07"), **LOGITS)
    torch.testing.assert_close(cut, tensor(name, "ws_psi05_cutoff4"), **LOGITS)
    torch.testing.assert_close(G.mapping.w_avg, tensor(name, "w_avg_after_train_call"), **LOGITS)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("name", GENERATORS)
def test_images_equal_the_reference(name, layout):
    G = generator(name).to(memory_format=layout)
    z, c = tensor(name, "z"), tensor(name, "c")
    for noise in ("const", "none"):
        for word, psi in (("psi1", 1.0), ("psi07", 0.7)):
            with torch.no_grad():
                images = G(z, c, truncation_psi=psi, noise_mode=noise)
            torch.testing.assert_close(images, tensor(name, f"img_{noise}_{word}"), **IMAGES)


@pytest.mark.parametrize("name", [n for n in GENERATORS if n != "g64_auto" and n != "g32_c2"])
def test_activations_of_every_block_equal_the_reference(name):
    G = generator(name)
    with torch.no_grad():
        ws = G.mapping(tensor(name, "z"), tensor(name, "c"))
        x = image = None
        index = 0
        for size in G.synthesis.resolutions:
            block = getattr(G.synthesis, f"b{size}")
            part = ws[:, index : index + block.num_conv + 1]
            x, image = block(x, image, part, noise_mode="const")
            index += block.num_conv
            expected = tensor(name, f"blk/x_b{size}_ch0to7")
            torch.testing.assert_close(x[0, :8], expected, **IMAGES)
            seen = tensor(name, f"blk/img_b{size}")
            if seen.numel():
                torch.testing.assert_close(image[0], seen, **IMAGES)
            else:
                assert image is None


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_logits_and_r1_equal_the_reference(name, layout):
    D = discriminator(name).to(memory_format=layout)
    images, c = tensor(name, "img").requires_grad_(), tensor(name, "c")
    logits = D(images, c)
    torch.testing.assert_close(logits.detach(), tensor(name, "logits"), **LOGITS)
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    penalty = slope.square().sum(dim=[1, 2, 3])
    torch.testing.assert_close(penalty.detach(), tensor(name, "r1_penalty"), **LOGITS)
    penalty.sum().backward()  # differentiable twice
    assert all(p.grad is not None and p.grad.isfinite().all() for p in [D.b4.fc.weight])
    if "r1_grad" in arrays(name):
        # A feature within rounding of the leaky ReLU's kink may fall to either side of it, which
        # moves the slopes of the few pixels that it sees; all others agree to 1e-6. How many fall
        # so depends on the processor's kernels (none to 1.2 % of pixels were seen).
        off = (slope.detach() - tensor(name, "r1_grad")).abs()
        assert off.max() < 1e-3
        assert (off > 1e-6).float().mean() < 0.02
    with torch.no_grad():
        for count in (4, 2, 1):
            part = D(images[:count], c[:count])
            torch.testing.assert_close(part, tensor(name, f"logits_first{count}"), **LOGITS)


def test_minibatch_stddev_equals_the_reference():
    x = tensor("conv_and_layers", "mbstd/x")
    for key in arrays("conv_and_layers"):
        if not key.startswith("mbstd/y_"):
            continue
        words = key.removeprefix("mbstd/y_").split("_")
        count = int(words.pop(0)[1:]) if words[0].startswith("N") else len(x)
        group = None if words[0] == "GNone" else int(words[0][1:])
        result = minibatch_stddev(x[:count], group, int(words[1][1:]))
        torch.testing.assert_close(result, tensor("conv_and_layers", key), **LOGITS)
    with pytest.raises(ValueError, match="batch of 6"):
        minibatch_stddev(x[:6], 4)


def test_second_moment_equals_the_reference():
    result = normalize_2nd_moment(tensor("conv_and_layers", "norm2/x"))
    torch.testing.assert_close(result, tensor("conv_and_layers", "norm2/y"), **LOGITS)


def _tiny() -> Generator:
    torch.manual_seed(0)
    return Generator(resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8)


def test_random_noise_comes_from_the_given_generator_alone():
    G = _tiny()
    for size in G.synthesis.resolutions:
        torch.nn.init.ones_(getattr(G.synthesis, f"b{size}").conv1.noise_strength)
    z = torch.randn(2, 8)
    draw = [G(z, rng=torch.Generator().manual_seed(s)).detach() for s in (1, 1, 2)]
    assert torch.equal(draw[0], draw[1])
    assert not torch.allclose(draw[0], draw[2])
    with pytest.raises(ValueError, match="noise mode"):
        G(z, noise_mode="loud")


def test_truncation_zero_gives_every_seed_the_mean_image():
    G = _tiny().eval()
    images = G(torch.randn(3, 8), truncation_psi=0.0, noise_mode="const").detach()
    torch.testing.assert_close(images[0], images[1])
    torch.testing.assert_close(images[0], images[2])


def test_missing_inputs_are_refused():
    with pytest.raises(ValueError, match="latents"):
        _tiny().mapping(None)
    with pytest.raises(ValueError, match="labels"):
        generator("g32_c2").mapping(torch.randn(1, 64))
