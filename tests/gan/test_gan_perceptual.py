"""The perceptual distance: a metric, in the order an eye would say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.phantom import PhantomSettings
from mammo_synth.films.sources.phantom import PhantomSource
from mammo_synth.gan.perceptual import perceptual_distance, perceptual_features


@pytest.fixture(scope="module")
def films() -> Tensor:
    """Eight phantom films ``[8, 1, 64, 64]``."""
    source = PhantomSource(4, 0, PhantomSettings(height=64))
    pixels = [prepare_pixels(source.read(r).pixels, 64)[0] for r in source.list().records[:8]]
    return torch.from_numpy(np.stack(pixels).astype(np.float32) / 127.5 - 1)[:, None]


def levels(n: float) -> float:
    return 2 * n / 255


def blurred(x: Tensor, times: int) -> Tensor:
    for _ in range(times):
        x = torch.nn.functional.avg_pool2d(
            torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1
        )
    return x


def shifted(x: Tensor, rows: int) -> Tensor:
    return torch.cat([x[:, :, rows:], x[:, :, -1:].expand(-1, -1, rows, -1)], dim=2)


def noisy(x: Tensor, amount: float) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return x + levels(amount) * torch.randn(x.shape, generator=rng)


def rmse(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) / 2).square().mean(dim=(1, 2, 3)).sqrt()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([8, 16, 32]), st.floats(0.01, 1))
def test_it_is_a_metric(seed, size, spread):
    rng = torch.Generator().manual_seed(seed)
    a, b, c = torch.randn([3, 1, 1, size, size], generator=rng) * spread
    ab, ba = perceptual_distance(a, b), perceptual_distance(b, a)
    assert torch.equal(ab, ba)
    assert perceptual_distance(a, a) == 0
    assert ab > 0
    assert ab <= (perceptual_distance(a, c) + perceptual_distance(c, b)) * (1 + 1e-5)


@given(st.integers(0, 63), st.integers(0, 63), st.integers(0, 1))
def test_one_pixel_by_one_level_is_not_nothing(films, row, column, index):
    other = films[index : index + 1].clone()
    other[0, 0, row, column] += levels(1)
    assert perceptual_distance(films[index : index + 1], other) > 0


@pytest.mark.parametrize(
    ("change", "amounts"),
    [
        (blurred, (1, 2, 4, 8)),
        (shifted, (1, 2, 4)),
        (noisy, (1, 2, 4, 8, 16)),
        (lambda x, n: x + levels(n), (1, 5, 20, 60)),
        (lambda x, n: (x + 1) * n - 1, (0.95, 0.8, 0.6, 0.3)),
    ],
)
def test_it_grows_with_the_damage(films, change, amounts):
    found = torch.stack([perceptual_distance(films, change(films, n)) for n in amounts])
    assert (found.diff(dim=0) > 0).all()


def test_one_level_of_noise_counts_less_than_in_the_pixels(films):
    """Beside a shift by two pixels, which an eye sees at once."""
    noise, shift = noisy(films, 1), shifted(films, 2)
    ours = perceptual_distance(films, noise) / perceptual_distance(films, shift)
    plain = rmse(films, noise) / rmse(films, shift)
    assert (ours < plain).all()
    assert ours.max() < 0.1


def test_at_equal_error_structure_counts_more_than_brightness(films):
    """All scaled to one root mean square error."""

    def scaled(other: Tensor) -> Tensor:
        gain = 0.02 / rmse(films, other)
        return perceptual_distance(films, films + (other - films) * gain[:, None, None, None])

    brighter = scaled(films + 0.1)
    for change in (blurred(films, 2), shifted(films, 1), noisy(films, 8)):
        assert (scaled(change) > brighter).all()


def test_copy_is_nearer_than_any_other_film(films):
    features = perceptual_features(films)
    others = torch.cdist(features, features).fill_diagonal_(torch.inf).min(dim=1).values
    for copy in (noisy(films, 3), shifted(films, 1), blurred(films, 1), films * 0.95):
        assert (perceptual_distance(films, copy) < others).all()


def test_distance_is_that_of_the_features(films):
    a, b = perceptual_features(films[:3]), perceptual_features(films[3:6])
    torch.testing.assert_close((a - b).norm(dim=1), perceptual_distance(films[:3], films[3:6]))


def test_gradient_is_that_of_the_differences():
    rng = torch.Generator().manual_seed(1)
    target = torch.randn([1, 1, 16, 16], generator=rng) * 0.4
    x = (torch.randn([1, 1, 16, 16], generator=rng) * 0.4).requires_grad_(True)
    direction = torch.randn([1, 1, 16, 16], generator=rng)
    (gradient,) = torch.autograd.grad(perceptual_distance(x, target).sum(), x)
    h = 1e-2
    with torch.no_grad():
        ahead = perceptual_distance(x + h * direction, target)
        behind = perceptual_distance(x - h * direction, target)
    slope = float((ahead - behind) / (2 * h))
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=2e-2)


def test_gradient_is_finite_on_a_black_film():
    x = torch.full([1, 1, 16, 16], -1.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(perceptual_distance(x, torch.zeros(1, 1, 16, 16)).sum(), x)
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (1, 1, 16, 32), (1, 1, 4, 4), (1, 1, 24, 24)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="R, R"):
        perceptual_features(torch.zeros(shape))
