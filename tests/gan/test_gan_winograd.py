"""Winograd's convolution, and networks that were prepared for sampling."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from mammo_synth.gan import ops
from mammo_synth.gan.networks import synthesis
from tests.gan.gan_golden import GENERATORS, generator, tensor


@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (2, 5, 8, 6), (1, 4, 64, 32)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_winograd_is_the_convolution(shape, layout, monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(shape).contiguous(memory_format=layout)
    weight = torch.randn(7, shape[1], 3, 3)
    expected = torch.conv2d(x.double(), weight.double(), padding=1)
    kernels = ops.winograd_kernels(weight)
    for strip in (1, 3000, 1 << 22):  # one row of tiles at a time, some, all
        monkeypatch.setattr("mammo_synth.gan.ops.winograd._STRIP", strip)
        result = ops.winograd_conv2d(x, kernels)
        assert float((result - expected).abs().max()) < 2e-5


@pytest.mark.parametrize("name", GENERATORS)
def test_prepared_networks_equal_the_reference(name, monkeypatch):
    monkeypatch.setattr(synthesis, "_WINOGRAD_MAPS", 1)  # so that narrow networks use it as well
    G = generator(name)
    z, c = tensor(name, "z"), tensor(name, "c")
    keys = set(G.state_dict())
    G.synthesis.prepare()
    assert G.synthesis.b8.conv1._known() is None  # a derivative may be wanted
    with torch.no_grad():
        assert G.synthesis.b8.conv1._known().kernels is not None
        assert G.synthesis.b4.conv1._known().kernels is None
        images = G(z, c, noise_mode="const")
        torch.testing.assert_close(images, tensor(name, "img_const_psi1"), rtol=1e-4, atol=1e-4)
    assert set(G.state_dict()) == keys


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
        assert deepcopy(G).synthesis.b8.conv1._known() is None


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
