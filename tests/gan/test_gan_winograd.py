"""Winograd's convolution, and networks that were prepared for sampling."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from mammo_synth.gan import ops
from mammo_synth.gan.networks import set_precision, synthesis
from mammo_synth.gan.ops import doubling, winograd
from tests.gan.gan_golden import GENERATORS, generator, tensor

LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
SHAPES = pytest.mark.parametrize(
    "shape", [(1, 3, 4, 4), (3, 5, 8, 12), (1, 4, 64, 32), (5, 2, 4, 8)]
)


def _inputs(shape, layout, out=7):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=rng).contiguous(memory_format=layout)
    styles = torch.randn(shape[:2], generator=rng)
    weight = torch.randn(out, shape[1], 3, 3, generator=rng)
    return x, styles, weight, x.double() * styles.double()[:, :, None, None]


@SHAPES
@LAYOUTS
@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("tiles", [1, 3, 256])  # per strip: one row of tiles, some, all images
def test_winograd_is_the_convolution(shape, layout, tile, tiles, monkeypatch):
    monkeypatch.setattr(winograd, "_TILES", tiles)
    x, styles, weight, scaled = _inputs(shape, layout)
    kernels = ops.WinogradKernels.of(weight, tile)
    expected = torch.conv2d(scaled, weight.double(), padding=1)
    result = ops.winograd_conv2d(x, kernels, styles)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert float((result - expected).abs().max()) < 1e-4
    plain = torch.conv2d(x.double(), weight.double(), padding=1)
    assert float((ops.winograd_conv2d(x, kernels) - plain).abs().max()) < 1e-4


def test_every_part_is_finished_once(monkeypatch):
    monkeypatch.setattr(winograd, "_TILES", 4)
    x, _, weight, _ = _inputs((3, 2, 8, 16), torch.channels_last)
    seen = torch.zeros(3, 8)

    def finish(part, samples, rows):
        seen[samples, rows] += 1
        part.mul_(2).add_(torch.arange(8.0)[rows][None, :, None, None])

    result = ops.winograd_conv2d(x, ops.WinogradKernels.of(weight), None, finish)
    assert torch.equal(seen, torch.ones(3, 8))
    expected = 2 * torch.conv2d(x, weight, padding=1) + torch.arange(8.0)[:, None]
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


@SHAPES
@LAYOUTS
@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("tiles", [1, 3, 256])
def test_doubling_is_the_transposed_convolution(shape, layout, tile, tiles, monkeypatch):
    monkeypatch.setattr(doubling, "_TILES", tiles)
    x, styles, weight, scaled = _inputs(shape, layout)
    kernel = weight.transpose(0, 1)
    expected = torch.conv_transpose2d(scaled, kernel.double(), stride=2)
    result = doubling.doubling_conv2d(x, doubling.DoublingKernels.of(kernel, tile), styles)
    assert result.shape == expected.shape
    assert float((result - expected).abs().max()) < 1e-4


def everywhere(monkeypatch):
    """Let narrow networks use it as well."""
    small = {key: (tile, 1) for key, (tile, _) in synthesis._WINOGRAD.items()}
    monkeypatch.setattr(synthesis, "_WINOGRAD", small)


@pytest.mark.parametrize("name", GENERATORS)
def test_prepared_networks_equal_the_reference(name, monkeypatch):
    everywhere(monkeypatch)
    G = generator(name)
    z, c = tensor(name, "z"), tensor(name, "c")
    keys = set(G.state_dict())
    G.synthesis.prepare()
    assert G.synthesis.b8.conv1._known(torch.float32) is None  # a derivative may be wanted
    with torch.no_grad():
        one, two = (x._known(torch.float32) for x in (G.synthesis.b4.conv1, G.synthesis.b8.conv0))
        assert isinstance(one.kernels, ops.WinogradKernels)
        assert isinstance(two.kernels, doubling.DoublingKernels)
        images = G(z, c, noise_mode="const")
        torch.testing.assert_close(images, tensor(name, "img_const_psi1"), rtol=1e-4, atol=1e-4)
    assert set(G.state_dict()) == keys


def test_prepared_networks_in_16_bits_are_near_those_in_32(monkeypatch):
    everywhere(monkeypatch)
    name = "g32_c0"
    G = generator(name)
    set_precision(G, "bf16", None)
    G.synthesis.prepare()
    with torch.no_grad():
        images = G(tensor(name, "z"), noise_mode="const")
    expected = tensor(name, "img_const_psi1")
    assert float((images - expected).square().mean().sqrt() / expected.std()) < 0.03


def test_what_was_prepared_is_forgotten_with_the_weights():
    G = generator("g32_c0")
    G.synthesis.prepare()
    z = tensor("g32_c0", "z")
    with torch.no_grad():
        for value in G.synthesis.parameters():
            value.add_(0.25)
        changed = G(z, noise_mode="const")
        plain = generator("g32_c0")
        plain.load_state_dict(G.state_dict())
        assert torch.equal(changed, plain(z, noise_mode="const"))
        assert deepcopy(G).synthesis.b8.conv1._known(torch.float32) is None


def test_what_was_prepared_is_for_one_precision():
    G, plain = generator("g32_c0"), generator("g32_c0")
    G.synthesis.prepare()
    z = tensor("g32_c0", "z")
    for network in (G, plain):
        set_precision(network, "bf16", None)
    with torch.no_grad():
        assert G.synthesis.b32.conv1._known(torch.bfloat16) is None
        near = plain(z, noise_mode="const")
        torch.testing.assert_close(G(z, noise_mode="const"), near, rtol=0.05, atol=0.05)


def test_without_derivatives_inputs_stay_as_they_are():
    x = torch.randn(2, 4, 8, 8)
    before, bias = x.clone(), torch.randn(4)
    with torch.no_grad():
        kept = ops.bias_act(x, bias, act="lrelu", clamp=1.0)
        assert torch.equal(x, before)
        assert torch.equal(ops.bias_act(x, bias, act="lrelu", clamp=1.0, overwrite=True), kept)
        w, styles, noise = torch.randn(4, 4, 3, 3), torch.randn(2, 4), torch.randn(1, 1, 8, 8)
        given = [t.clone() for t in (before, w, styles, noise)]
        ops.modulated_conv2d(given[0], w, styles, noise=noise, padding=1)
        assert torch.equal(given[0], before) and torch.equal(given[3], noise)
