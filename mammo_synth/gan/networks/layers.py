"""Layers with equalised learning rate (arXiv 1710.10196): weights are drawn from N(0, 1) and scaled
by ``1 / sqrt(fan_in)`` when they are used, so all of them learn at one speed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..ops import ACTIVATIONS, bias_act, conv2d_resample, setup_filter

RESAMPLE_TAPS = (1.0, 3.0, 3.0, 1.0)


def channels_at(resolution: int, channel_base: int, channel_max: int) -> int:
    """Feature maps at a resolution: ``min(channel_base // resolution, channel_max)``."""
    return min(channel_base // resolution, channel_max)


def normalize_2nd_moment(x: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """``x / sqrt(mean(x^2) + eps)`` along ``dim``."""
    return x * torch.rsqrt(x.square().mean(dim=dim, keepdim=True) + eps)


def minibatch_stddev(x: Tensor, group_size: int | None, features: int = 1) -> Tensor:
    """Append ``features`` maps that hold the standard deviation within groups of the batch.

    ``x``: ``[N, C, H, W]``; ``None`` takes the whole batch as one group. With
    ``n = N / group_size`` groups, sample ``i`` belongs to group ``i mod n`` (arXiv 1710.10196,
    section 3).
    """
    batch, channels, height, width = x.shape
    group = batch if group_size is None else min(group_size, batch)
    if batch % group:
        raise ValueError(f"a batch of {batch} cannot be cut into groups of {group}")
    y = x.reshape(group, batch // group, features, channels // features, height, width)
    y = y - y.mean(dim=0)
    y = (y.square().mean(dim=0) + 1e-8).sqrt()
    y = y.mean(dim=[2, 3, 4])
    y = y.repeat(group, 1)[:, :, None, None].expand(batch, features, height, width)
    return torch.cat([x, y], dim=1)


def cast(value: Tensor, like: Tensor) -> Tensor:
    """``value`` in the type of ``like``; comparing is far cheaper than converting to itself."""
    return value if value.dtype == like.dtype else value.to(like.dtype)


class Dense(nn.Module):
    """Fully connected layer, ``[N, in] -> [N, out]``."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        act: str = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.act = act
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([out_features], float(bias_init)))
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        # The activation's gain is moved before it: fewer passes, equal values.
        spec = ACTIVATIONS[self.act]
        gain = spec.gain if spec.homogeneous else 1.0
        y = torch.addmm(
            self.bias,
            x,
            self.weight.t(),
            beta=self.bias_gain * gain,
            alpha=self.weight_gain * gain,
        )
        if self.act == "linear":
            return y
        return bias_act(y, act=self.act, gain=1.0 if spec.homogeneous else None)


class Convolution(nn.Module):
    """Convolution with optional resampling, bias, activation and clamp (not modulated).

    ``clamp`` and the gain of :meth:`forward` go together: a branch with gain 0.5 is clamped at
    half the value.
    """

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        bias: bool = True,
        act: str = "linear",
        up: int = 1,
        down: int = 1,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.act, self.up, self.down, self.clamp = act, up, down, clamp
        self.padding = kernel // 2
        self.weight_gain = 1.0 / math.sqrt(in_channels * kernel**2)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.register_buffer("resample_filter", setup_filter(RESAMPLE_TAPS))

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        spec = ACTIVATIONS[self.act]
        scale = spec.gain * gain if spec.homogeneous else 1.0
        bias = self.bias
        if bias is not None:
            bias = cast(bias * scale if scale != 1.0 else bias, x)
        y = conv2d_resample(
            x,
            cast(self.weight * (self.weight_gain * scale), x),
            self.resample_filter,
            up=self.up,
            down=self.down,
            padding=self.padding,
            flip_weight=self.up == 1,
            bias=bias,
        )
        return bias_act(
            y,
            act=self.act,
            gain=1.0 if spec.homogeneous else spec.gain * gain,
            clamp=None if self.clamp is None else self.clamp * gain,
            overwrite=True,
        )
