"""Augmentations: pinned values against the reference, distributions, invariances."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from scipy.special import erfinv

from mammo_synth.gan.augment import PIPELINES, AugmentSettings, Draws, apply, augment, draw
from mammo_synth.gan.augment.filters import SYM6_LOWPASS, band_filters
from tests.gan.gan_golden import arrays, meta, tensor

PINNED = [
    match.groups()
    for key in arrays("augment")
    if (match := re.match(r"out_(.+)_p(30|80)_(in.*)$", key))
]


def _pinned(pipe: str, q: float, images: torch.Tensor, noise: torch.Tensor | None) -> Draws:
    """Every enabled transform at percentile q of its distribution, as the reference recorded it."""
    on = meta()["augment"]["pipes"][pipe]
    count, channels = images.shape[:2]
    Q = float(erfinv(2 * q - 1))
    turn = (2 * q - 1) * math.pi
    values = {
        "xflip": math.floor(2 * q),
        "rotate90": math.floor(4 * q),
        "scale": 2 ** (0.2 * Q),
        "aniso": 2 ** (0.2 * Q),
        "brightness": 0.2 * Q,
        "contrast": 2 ** (0.5 * Q),
        "lumaflip": math.floor(2 * q),
    }
    if channels > 1:
        values |= {"hue": turn, "saturation": 2**Q}
    found = {k: torch.full([count], float(v)) for k, v in values.items() if k in on}
    if "rotate" in on:
        found["rotate_before"] = torch.full([count], turn)
    if "xint" in on:
        found["xint"] = torch.full([count, 2], (2 * q - 1) * 0.125)
    if "xfrac" in on:
        found["xfrac"] = torch.full([count, 2], 0.125 * Q)
    if "imgfilter" in on:
        bands = torch.tensor(on.get("imgfilter_bands", [1, 1, 1, 1]))
        gains = torch.full([count, 4], 2**Q)
        found["imgfilter"] = torch.where(bands > 0, gains, torch.ones_like(gains))
    if noise is not None:
        found["noise_sigma"] = torch.full([count], 0.1 * float(erfinv(q)))
        found["noise"] = noise
    if "cutout" in on:
        found["cutout"] = torch.tensor([[q, q, 0.5]] * count)
    return Draws(**found)


@pytest.mark.parametrize(("pipe", "percent", "name"), PINNED, ids="-".join)
def test_pinned_augmentation_equals_the_reference(pipe, percent, name):
    images = tensor("augment", name)
    noise_key = f"noise_tensor_{pipe}_p{percent}_{name}"
    noise = tensor("augment", noise_key) if noise_key in arrays("augment") else None
    result = apply(images, _pinned(pipe, int(percent) / 100, images, noise))
    expected = tensor("augment", f"out_{pipe}_p{percent}_{name}")
    torch.testing.assert_close(result, expected, rtol=0.0, atol=1e-5)


def test_filters_equal_the_reference():
    taps = np.array(SYM6_LOWPASS) / sum(SYM6_LOWPASS)
    np.testing.assert_allclose(taps, arrays("augment")["Hz_geom"], atol=1e-6)
    np.testing.assert_allclose(band_filters(), arrays("augment")["Hz_fbank"], atol=1e-6)
    np.testing.assert_allclose(band_filters().sum(axis=0), np.eye(43)[21], atol=1e-12)


CHANGED = meta()["augment_changed_fraction"]["values"]


@pytest.mark.parametrize("name", sorted(CHANGED))
def test_transforms_change_as_many_images_as_the_reference(name):
    """Four standard errors of the difference of two proportions. The images vary along x alone,
    so that one of the two directions of a shift shows: the recorded share is 1/2, not 3/4."""
    count, size = (400, 24) if name == "imgfilter" else (1500, 8)
    theirs = 1000 if name == "imgfilter" else 4000
    rows = torch.rand([count, 3, 1, size], generator=torch.Generator().manual_seed(3)) * 2 - 1
    images = rows.expand(count, 3, size, size).contiguous()
    rng = torch.Generator().manual_seed(7)
    for p, expected in CHANGED[name].items():
        result = augment(images, AugmentSettings(**{name: 1.0}), float(p), rng=rng)
        changed = ((result - images).abs().amax(dim=[1, 2, 3]) > 1e-3).float().mean().item()
        spread = math.sqrt(max(expected * (1 - expected), 0.001) * (1 / count + 1 / theirs))
        assert abs(changed - expected) <= 4 * spread, f"p {p}: {changed} and not {expected}"


def test_untouched_without_probability_and_exact_with_neutral_values():
    images = tensor("augment", "in1")
    assert augment(images, PIPELINES["bgc"], 0.0) is images
    assert augment(images, PIPELINES["none"], 1.0) is images
    neutral = draw(PIPELINES["bgc"], images.shape, 0.0, rng=torch.Generator().manual_seed(0))
    torch.testing.assert_close(apply(images, neutral), images, rtol=0.0, atol=2e-6)


def test_film_pipeline_keeps_sides_ends_and_the_sense_of_bright():
    film = PIPELINES["film"]
    off = ("xflip", "rotate90", "lumaflip", "hue", "saturation", "imgfilter", "noise", "cutout")
    assert all(getattr(film, name) == 0 for name in off)
    on = ("xint", "scale", "rotate", "aniso", "xfrac", "brightness", "contrast")
    assert all(getattr(film, name) == 1 for name in on)
    draws = draw(film, (500, 1, 64, 64), 1.0, rng=torch.Generator().manual_seed(0))
    assert draws.xflip is None and draws.rotate90 is None and draws.lumaflip is None
    assert float(draws.rotate_before.abs().max()) <= math.pi * film.rotate_max < math.radians(12)
    assert float(draws.contrast.min()) > 0
    images = torch.linspace(-1, 1, 64).expand(500, 1, 64, 64)  # bright on the right
    moved = augment(images, film, 1.0, rng=torch.Generator().manual_seed(1))
    left, right = moved[..., 8:24].mean(dim=[1, 2, 3]), moved[..., 40:56].mean(dim=[1, 2, 3])
    assert (right > left).all()


def test_equal_generators_draw_equal_augmentations():
    images = torch.rand(4, 1, 16, 16)
    runs = [
        augment(images, PIPELINES["film"], 0.7, rng=torch.Generator().manual_seed(s))
        for s in (5, 5, 6)
    ]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_shifts_along_both_axes_are_independent_and_uniform():
    draws = draw(PIPELINES["blit"], (4000, 1, 64, 64), 1.0, rng=torch.Generator().manual_seed(0))
    shift = draws.xint.numpy()
    assert np.abs(shift).max() <= 0.125
    assert abs(np.corrcoef(shift.T)[0, 1]) < 0.06
    np.testing.assert_allclose(shift.std(axis=0), 0.125 / math.sqrt(3), rtol=0.05)


def test_whole_pixel_shifts_are_exact_inside():
    images = torch.rand(1, 1, 16, 16)
    shift = Draws(xint=torch.tensor([[2 / 16, -1 / 16]]))
    moved = apply(images, shift)
    torch.testing.assert_close(moved[..., :15, 2:], images[..., 1:, :14], rtol=0.0, atol=1e-5)


def test_augmentation_is_differentiable_twice():
    images = torch.rand(2, 1, 16, 16, requires_grad=True)
    rng = torch.Generator().manual_seed(0)
    result = augment(images, PIPELINES["film"], 1.0, rng=rng)
    (slope,) = torch.autograd.grad(result.pow(3).sum(), images, create_graph=True)
    slope.square().sum().backward()
    assert images.grad is not None and float(images.grad.abs().sum()) > 0


def test_two_channels_have_no_colour():
    with pytest.raises(ValueError, match="channels"):
        apply(torch.rand(1, 2, 8, 8), Draws(brightness=torch.zeros(1)))
