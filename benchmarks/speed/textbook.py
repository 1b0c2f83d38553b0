"""The baseline: StyleGAN2's operations as the paper writes them, and as they are usually coded.

Weights are scaled by the styles of each image, so that every image has weights of its own and a
batch becomes one grouped convolution; resampling inserts zeros, pads, and filters every pixel of
what it made; bias, activation, gain and clamp are passes of their own; augmentation resamples every
image, moved or not. :func:`textbook` puts these operations into the place of ours, under the same
networks and the same training loop, so that both compute the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from mammo_synth.gan.augment import geometry, pipeline
from mammo_synth.gan.networks import discriminator, layers, synthesis
from mammo_synth.gan.ops import ACTIVATIONS
from mammo_synth.gan.ops.resample import (
    Factor,
    Padding,
    downsample_padding,
    parse_factor,
    parse_padding,
    upsample_padding,
)


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Factor = 1,
    down: Factor = 1,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Zeros in between, padding, one depthwise convolution, every ``down``-th pixel."""
    f = torch.ones([1, 1], device=x.device) if f is None else f
    batch, channels, height, width = x.shape
    (up_x, up_y), (down_x, down_y) = parse_factor(up), parse_factor(down)
    x = x.reshape(batch, channels, height, 1, width, 1)
    x = F.pad(x, (0, up_x - 1, 0, 0, 0, up_y - 1))
    x = F.pad(x.reshape(batch, channels, height * up_y, width * up_x), parse_padding(padding))
    f = (f * gain ** (f.ndim / 2)).to(x.dtype)
    if not flip_filter:
        f = f.flip(list(range(f.ndim)))
    for kernel in [f] if f.ndim == 2 else [f[None, :], f[:, None]]:
        weight = kernel[None, None].expand(channels, 1, -1, -1)
        x = F.conv2d(x, weight, groups=channels)
    return x[:, :, ::down_y, ::down_x]


def _resampled(x: Tensor, f: Tensor | None, more: Padding, needed: Any, **options: Any) -> Tensor:
    pad = tuple(a + b for a, b in zip(parse_padding(more), needed, strict=True))
    return upfirdn2d(x, f, padding=pad, **options)


def upsample2d(
    x: Tensor, f: Tensor | None, *, up: int = 2, padding: Padding = 0, **options: Any
) -> Tensor:
    """Enlarge by ``up``."""
    needed = upsample_padding(f, (up, up))
    return _resampled(x, f, padding, needed, up=up, gain=float(up * up), **options)


def downsample2d(
    x: Tensor, f: Tensor | None, *, down: int = 2, padding: Padding = 0, **options: Any
) -> Tensor:
    """Reduce by ``down``."""
    return _resampled(x, f, padding, downsample_padding(f, (down, down)), down=down, **options)


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    *,
    act: str = "linear",
    gain: float | None = None,
    clamp: float | None = None,
    **unused: Any,
) -> Tensor:
    """Bias, activation, gain and clamp, one after the other."""
    spec = ACTIVATIONS[act]
    if bias is not None:
        x = x + bias.reshape([1, -1] + [1] * (x.ndim - 2))
    x = spec.function(x, spec.alpha)
    x = x * (spec.gain if gain is None else gain)
    return x if clamp is None else x.clamp(-clamp, clamp)


def conv2d_resample(
    x: Tensor,
    weight: Tensor,
    f: Tensor | None = None,
    *,
    up: int = 1,
    down: int = 1,
    padding: int = 0,
    groups: int = 1,
    flip_weight: bool = True,
    bias: Tensor | None = None,
) -> Tensor:
    """Upsample after, or downsample before, a convolution."""
    size = weight.shape[-1]
    kernel = weight if flip_weight or size == 1 else weight.flip([2, 3])
    if up > 1:
        x = upfirdn2d(
            x,
            f,
            up=up,
            padding=[padding + p for p in upsample_padding(f, (up, up))],
            gain=float(up * up),
        )
        y = F.conv2d(x, kernel, groups=groups)
    elif down > 1:
        x = upfirdn2d(x, f, padding=[padding + p for p in downsample_padding(f, (down, down))])
        y = F.conv2d(x, kernel, stride=down, groups=groups)
    else:
        y = F.conv2d(x, kernel, padding=padding, groups=groups)
    return y if bias is None else y + bias[:, None, None]


def transposed_resample(x: Tensor, weight: Tensor, f: Tensor, groups: int, padding: int) -> Tensor:
    """Upsampling by two and a convolution as one transposed convolution, then the filter."""
    out, per_group, size, _ = weight.shape
    kernel = weight.reshape(groups, out // groups, per_group, size, size).transpose(1, 2)
    y = F.conv_transpose2d(
        x, kernel.reshape(groups * per_group, out // groups, size, size), stride=2, groups=groups
    )
    pad = [padding + p for p in upsample_padding(f, (2, 2))]
    shift = (1 - size, 2 - size, 1 - size, 2 - size)
    pad = [a + b for a, b in zip(pad, shift, strict=True)]
    return upfirdn2d(y, f, padding=pad, gain=4.0)


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    noise: Tensor | None = None,
    up: int = 1,
    padding: int = 0,
    f: Tensor | None = None,
    demodulate: bool = True,
    flip_weight: bool = True,
    gain: float = 1.0,
    bias: Tensor | None = None,
    act: str = "linear",
    clamp: float | None = None,
    **unused: Any,
) -> Tensor:
    """Weights of its own for every image, and one grouped convolution for the batch."""
    batch = x.shape[0]
    own = weight[None] * styles[:, None, :, None, None]
    if demodulate:
        own = own * (own.square().sum(dim=[2, 3, 4], keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, -1, *x.shape[2:])
    own = own.reshape(-1, *own.shape[2:])
    if up == 2 and f is not None:
        y = transposed_resample(x, own, f, batch, padding)
    else:
        y = conv2d_resample(x, own, f, up=up, padding=padding, groups=batch)
    y = y.reshape(batch, -1, *y.shape[2:])
    if noise is not None:
        y = y + noise
    y = y * gain if gain != 1.0 else y
    return bias_act(y, bias, act=act, gain=1.0, clamp=clamp)


def warp(images: Tensor, m: Tensor) -> Tensor:
    """Every image is resampled, whether it moves or not."""
    height, width = images.shape[2:]
    reach = geometry._reach(m, width, height).amax(dim=0).tolist()
    return geometry._resample(images, m, [int(side) for side in reach])


PARTS: dict[str, dict[Any, dict[str, Any]]] = {
    "modulation": {synthesis: {"modulated_conv2d": modulated_conv2d}},
    "resampling": {
        synthesis: {"upsample2d": upsample2d},
        layers: {"conv2d_resample": conv2d_resample},
        discriminator: {"downsample2d": downsample2d},
        geometry: {"upsample2d": upsample2d, "downsample2d": downsample2d},
    },
    "activation": {layers: {"bias_act": bias_act}},
    "augmentation": {pipeline: {"warp": warp}},
}
"""What is replaced where; see :func:`textbook`."""


@contextmanager
def textbook(parts: Iterable[str] = PARTS) -> Iterator[None]:
    """Within it, networks and augmentation compute with the operations of this module, or with
    those of some of its :data:`PARTS`."""
    with ExitStack() as stack:
        for part in parts:
            for module, changed in PARTS[part].items():
                for name, function in changed.items():
                    stack.enter_context(mock.patch.object(module, name, function))
        yield


def layer_macs(resolution: int, channel_base: int, channel_max: int, channels: int = 1) -> int:
    """Multiply-adds of the convolutions of one image of the generator (skip architecture)."""
    total, before = 0, 0
    for k in range(2, int(math.log2(resolution)) + 1):
        size = 2**k
        out = layers.channels_at(size, channel_base, channel_max)
        if before:
            total += before * out * 9 * (size // 2) ** 2  # nine taps for each pixel before
        total += out * out * 9 * size**2 + out * channels * size**2
        before = out
    return total
