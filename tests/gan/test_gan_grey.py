"""RGB networks folded to grey ones: images are the luminance, discriminators see grey as before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mammo_synth.gan.grey import LUMINANCE, grey_discriminator, grey_generator
from mammo_synth.gan.networks import Discriminator, Generator
from mammo_synth.gan.settings import NetworkSettings
from mammo_synth.gan.state import build_discriminator, build_generator
from tests.gan.gan_golden import tensor
from tests.gan.gan_reference import golden_part, snapshot, write

SMALL = NetworkSettings(
    resolution=32, image_channels=3, z_dim=16, w_dim=16, channel_base=256, channel_max=16
)


def _random(network: Generator | Discriminator) -> None:
    """Nothing may be zero by chance: biases and noise strengths begin there."""
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(torch.randn(value.shape))


def _luminance(images: torch.Tensor) -> torch.Tensor:
    return torch.einsum("nchw,c->nhw", images.double(), torch.tensor(LUMINANCE).double())[:, None]


def generators(settings: NetworkSettings) -> tuple[Generator, Generator]:
    torch.manual_seed(1)
    rgb = build_generator(settings).eval()
    _random(rgb)
    grey = build_generator(replace(settings, image_channels=1)).eval()
    grey.load_state_dict(grey_generator(rgb.state_dict()), strict=True)
    return rgb, grey


@pytest.mark.parametrize("architecture", ["skip", "orig", "resnet"])
def test_the_grey_generator_draws_the_luminance_of_the_rgb_one(architecture):
    rgb, grey = generators(replace(SMALL, g_architecture=architecture))
    z = torch.randn(4, 16)
    for noise, psi in (("const", 1.0), ("none", 0.5)):
        with torch.no_grad():
            colour = rgb(z, noise_mode=noise, truncation_psi=psi)
            images = grey(z, noise_mode=noise, truncation_psi=psi)
        assert images.shape == (4, 1, 32, 32)
        assert not torch.allclose(colour[:, 0], colour[:, 1], atol=0.1)  # it is in colour
        scale = float(colour.abs().max())
        torch.testing.assert_close(images.double() / scale, _luminance(colour) / scale, **CLOSE)


CLOSE = {"rtol": 0.0, "atol": 2e-6}


def test_with_a_clamp_the_images_are_equal_where_no_image_layer_reaches_it():
    wide, wide_grey = generators(replace(SMALL, conv_clamp=1e4))
    z = torch.randn(4, 16)
    with torch.no_grad():
        colour = wide(z, noise_mode="const")
        off = (wide_grey(z, noise_mode="const").double() - _luminance(colour)).abs().max()
    assert off < 1e-5 * colour.abs().max()
    tight, tight_grey = generators(replace(SMALL, conv_clamp=0.5))
    with torch.no_grad():
        colour = tight(z, noise_mode="const")
        images = tight_grey(z, noise_mode="const").double()
    # Beyond the clamp they differ, and both stay within it (of each of the four resolutions).
    assert (images - _luminance(colour)).abs().max() > 0.01
    assert images.abs().max() <= 4 * 0.5 * 1.5 and colour.abs().max() <= 4 * 0.5 * 1.5


@pytest.mark.parametrize("clamp", [None, 0.5])
@pytest.mark.parametrize("architecture", ["resnet", "skip", "orig"])
def test_the_grey_discriminator_sees_grey_as_the_rgb_one_saw_three_equal_channels(
    architecture, clamp
):
    settings = replace(SMALL, d_architecture=architecture, conv_clamp=clamp)
    torch.manual_seed(2)
    rgb = build_discriminator(settings)
    _random(rgb)
    grey = build_discriminator(replace(settings, image_channels=1))
    grey.load_state_dict(grey_discriminator(rgb.state_dict()), strict=True)
    images = torch.randn(4, 1, 32, 32)
    with torch.no_grad():
        expected, found = rgb(images.expand(-1, 3, -1, -1)), grey(images)
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_the_reference_s_own_images_in_grey_are_what_pillow_makes_of_them(tmp_path):
    from mammo_synth.gan.importing import ImportOptions, import_networks
    from mammo_synth.gan.sample import load_generator

    pickle = write(tmp_path / "n.pkl", snapshot(None, None, golden_part("g64_auto")))
    out = tmp_path / "grey.safetensors"
    import_networks(pickle, out, ImportOptions(ema_only=True, grey=True, label="normal"))
    network = load_generator(out).network
    with torch.no_grad():
        images = network(tensor("g64_auto", "z"), noise_mode="const").numpy()
    colour = tensor("g64_auto", "img_const_psi1").numpy()
    scale = np.abs(colour).max()  # untrained weights draw far beyond [-1, 1]
    as_rgb = np.round(colour / scale * 127 + 128).astype(np.uint8).transpose(0, 2, 3, 1)
    ours = np.round(images[:, 0] / scale * 127 + 128)
    theirs = np.stack([np.asarray(Image.fromarray(one).convert("L")) for one in as_rgb])
    assert np.abs(ours - theirs.astype(float)).max() <= 1  # both round


def test_a_network_that_is_no_rgb_one_is_refused():
    grey = replace(SMALL, image_channels=1)
    with pytest.raises(ValueError, match=r"torgb.* has 1 image channels"):
        grey_generator(build_generator(grey).state_dict())
    with pytest.raises(ValueError, match=r"fromrgb.* has 1 image channels"):
        grey_discriminator(build_discriminator(grey).state_dict())
