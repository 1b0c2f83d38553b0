"""Apply drawn augmentations: geometry, colour, band filters, noise, cutout, in this order."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .draws import Draws, draw
from .filters import band_filters
from .geometry import inverse_map, warp
from .settings import AugmentSettings

# Share of a natural image's power in each band, lowest first: spectra fall off as 1 / f.
_BAND_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)


def augment(
    images: Tensor, settings: AugmentSettings, p: float, *, rng: torch.Generator | None = None
) -> Tensor:
    """Augment ``images [N, C, H, W]`` (C 1 or 3) with probability ``p`` per transform.

    Differentiable any number of times by ``images``. With p 0 the images come back untouched.
    """
    if p <= 0 or not settings.active:
        return images
    return apply(images, draw(settings, images.shape, p, rng=rng, device=images.device))


def apply(images: Tensor, draws: Draws) -> Tensor:
    """Apply ``draws`` to ``images [N, C, H, W]``."""
    batch, _, height, width = images.shape
    if draws.geometric:
        images = warp(images, inverse_map(draws, batch, width, height, images.device))
    images = _colour(images, draws)
    if draws.imgfilter is not None:
        images = _filter_bands(images, draws.imgfilter)
    if draws.noise_sigma is not None and draws.noise is not None:
        images = images + draws.noise * draws.noise_sigma[:, None, None, None]
    if draws.cutout is not None:
        images = _cut_out(images, draws.cutout)
    return images


def _luma_projection(device: torch.device) -> Tensor:
    """The 4 x 4 projection on the grey axis (1, 1, 1) / sqrt(3)."""
    axis = torch.tensor([1.0, 1.0, 1.0, 0.0], device=device) / math.sqrt(3.0)
    return torch.outer(axis, axis)


def _colour_matrix(draws: Draws, batch: int, device: torch.device) -> Tensor | None:
    """``[N, 4, 4]`` for homogeneous colours, or ``None`` where no colour changes."""
    eye = torch.eye(4, device=device)
    luma = _luma_projection(device)
    m: Tensor | None = None

    def then(step: Tensor) -> Tensor:
        return step if m is None else step @ m

    if draws.brightness is not None:
        column = torch.tensor([0.0, 0.0, 0.0, 1.0], device=device)
        grey = torch.tensor([1.0, 1.0, 1.0, 0.0], device=device)
        m = then(eye + draws.brightness[:, None, None] * torch.outer(grey, column))
    if draws.contrast is not None:
        rgb = torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], device=device))
        m = then(eye + (draws.contrast - 1)[:, None, None] * rgb)
    if draws.lumaflip is not None:
        m = then(eye - 2 * luma * draws.lumaflip[:, None, None])
    if draws.hue is not None:
        m = then(_turn_about_luma(draws.hue, luma))
    if draws.saturation is not None:
        chroma = torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], device=device)) - luma
        m = then(eye + (draws.saturation - 1)[:, None, None] * chroma)
    return m


def _turn_about_luma(angle: Tensor, luma: Tensor) -> Tensor:
    """Rodrigues' rotation about the grey axis, ``[N, 4, 4]``."""
    k = 1 / math.sqrt(3.0)
    cross = torch.tensor(
        [[0, -k, k, 0], [k, 0, -k, 0], [-k, k, 0, 0], [0, 0, 0, 0]], device=angle.device
    )
    rgb = torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], device=angle.device))
    last = torch.diag(torch.tensor([0.0, 0.0, 0.0, 1.0], device=angle.device))
    cos, sin = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    return last + luma + cos * (rgb - luma) + sin * cross


def _colour(images: Tensor, draws: Draws) -> Tensor:
    batch, channels, height, width = images.shape
    m = _colour_matrix(draws, batch, images.device)
    if m is None:
        return images
    m = m.to(images.dtype)
    if channels == 1:
        # Grey is (v, v, v); the result is the mean of the three channels.
        row = m[:, :3, :].mean(dim=1)
        factor, offset = row[:, :3].sum(dim=1), row[:, 3]
        return images * factor[:, None, None, None] + offset[:, None, None, None]
    if channels != 3:
        raise ValueError(f"colour augmentation needs 1 or 3 channels, got {channels}")
    flat = images.reshape(batch, 3, height * width)
    return (m[:, :3, :3] @ flat + m[:, :3, 3:]).reshape(images.shape)


def _filter_bands(images: Tensor, gains: Tensor) -> Tensor:
    batch, channels, height, width = images.shape
    power = torch.tensor(_BAND_POWER, device=images.device)
    total = torch.ones_like(gains)
    for band in range(gains.shape[1]):
        # Amplifying one band keeps the expected power: the others give way.
        step = torch.ones_like(gains)
        step[:, band] = gains[:, band]
        total = total * step * torch.rsqrt((power * step.square()).sum(dim=1, keepdim=True))
    bank = torch.tensor(band_filters(), dtype=torch.float32, device=images.device)
    taps = (total @ bank).repeat_interleave(channels, dim=0).to(images.dtype)
    reach = bank.shape[1] // 2
    x = F.pad(images.reshape(1, batch * channels, height, width), [reach] * 4, mode="reflect")
    groups = batch * channels
    x = F.conv2d(x, taps[:, None, None, :], groups=groups)
    x = F.conv2d(x, taps[:, None, :, None], groups=groups)
    return x.reshape(images.shape)


def _cut_out(images: Tensor, cutout: Tensor) -> Tensor:
    _, _, height, width = images.shape
    x = (torch.arange(width, device=images.device) + 0.5) / width
    y = (torch.arange(height, device=images.device) + 0.5) / height
    half = cutout[:, 2, None] / 2
    out_x = (x[None] - cutout[:, 0, None]).abs() >= half
    out_y = (y[None] - cutout[:, 1, None]).abs() >= half
    keep = out_x[:, None, None, :] | out_y[:, None, :, None]
    return images * keep.to(images.dtype)
