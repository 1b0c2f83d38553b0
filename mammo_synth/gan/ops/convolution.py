"""Convolutions with resampling, and modulated convolutions (arXiv 1912.04958, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .resample import (
    Padding,
    downsample_padding,
    parse_padding,
    upfirdn2d,
    upsample_padding,
    wants_float32,
)
from .winograd import winograd_conv2d

Pad4 = tuple[int, int, int, int]


def conv2d_resample(
    x: Tensor,
    weight: Tensor,
    f: Tensor | None = None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    groups: int = 1,
    flip_weight: bool = True,
    flip_filter: bool = False,
    bias: Tensor | None = None,
) -> Tensor:
    """Upsample, convolve, downsample, add ``bias``; reordered where that is cheaper.

    ``x``: ``[N, in, H, W]``; ``weight``: ``[out, in // groups, k, k]``; ``f``: a prepared filter.
    ``padding`` is in pixels of the upsampled image. ``flip_weight`` true correlates (what
    ``torch`` calls convolution), false convolves. Upsampling has gain ``up ** 2``.
    """
    if wants_float32(x):
        y = conv2d_resample(
            x.float(),
            weight.float(),
            f,
            up=up,
            down=down,
            padding=padding,
            groups=groups,
            flip_weight=flip_weight,
            flip_filter=flip_filter,
            bias=None if bias is None else bias.float(),
        )
        return y.to(x.dtype)
    pad: Pad4 = parse_padding(padding)
    if up > 1:
        pad = _add(pad, upsample_padding(f, (up, up)))
    if down > 1:
        pad = _add(pad, downsample_padding(f, (down, down)))
    height, width = int(weight.shape[2]), int(weight.shape[3])

    if up == 1 and down == 1:
        return _correlate(x, weight, pad, 1, groups, flip_weight, bias)
    if up == 1:
        if height == width == 1:
            y = upfirdn2d(x, f, down=down, padding=pad, flip_filter=flip_filter)
            return _correlate(y, weight, (0, 0, 0, 0), 1, groups, flip_weight, bias)
        y = upfirdn2d(x, f, padding=pad, flip_filter=flip_filter)
        return _correlate(y, weight, (0, 0, 0, 0), down, groups, flip_weight, bias)
    if height == width == 1:
        y = _correlate(x, weight, (0, 0, 0, 0), 1, groups, flip_weight)
        y = upfirdn2d(y, f, up=up, padding=pad, gain=up**2, flip_filter=flip_filter)
    else:
        # The full transposed convolution has k - 1 + up - 1 samples more (less) than the padded
        # valid one that ``pad`` was counted for.
        y = _transposed(x, weight, up, groups, flip_weight)
        shift = (1 - width, up - width, 1 - height, up - height)
        y = upfirdn2d(y, f, padding=_add(pad, shift), gain=up**2, flip_filter=flip_filter)
    if down > 1:
        y = upfirdn2d(y, f, down=down, flip_filter=flip_filter)
    return y if bias is None else y + bias[None, :, None, None]


def _add(a: Pad4, b: Pad4) -> Pad4:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


def _correlate(
    x: Tensor,
    weight: Tensor,
    pad: Pad4,
    stride: int,
    groups: int,
    flip_weight: bool,
    bias: Tensor | None = None,
) -> Tensor:
    kernel = weight if flip_weight or weight.shape[2:] == (1, 1) else weight.flip([2, 3])
    if weight.shape[1:] == (1, 1, 1) and groups == stride == 1 and not any(pad):
        return _spread(x, weight, bias)
    if pad[0] == pad[1] >= 0 and pad[2] == pad[3] >= 0:
        return F.conv2d(x, kernel, bias, stride, (pad[2], pad[0]), groups=groups)
    return F.conv2d(F.pad(x, pad), kernel, bias, stride, groups=groups)


def _spread(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # One map to many: a product of a column and a row, channels last like all that follows it. The
    # library's convolution is slow at it, and its result is not channels last.
    batch, _, height, width = x.shape
    column, row = x.reshape(-1, 1), weight.reshape(1, -1)
    y = column @ row if bias is None else torch.addmm(bias, column, row)
    return y.reshape(batch, height, width, -1).permute(0, 3, 1, 2)


def _transposed(x: Tensor, weight: Tensor, up: int, groups: int, flip_weight: bool) -> Tensor:
    # A transposed convolution scatters its kernel, which convolves: correlation needs the flip.
    kernel = weight.flip([2, 3]) if flip_weight else weight
    out, per_group, height, width = kernel.shape
    if groups == 1:
        kernel = kernel.transpose(0, 1)
    else:
        kernel = kernel.reshape(groups, out // groups, per_group, height, width).transpose(1, 2)
        kernel = kernel.reshape(groups * per_group, out // groups, height, width)
    return F.conv_transpose2d(x, kernel, stride=up, groups=groups)


@dataclass(frozen=True)
class Prepared:
    """What a modulated convolution can know of its ``weight`` before it sees any input."""

    power: Tensor  # [out, in]: sums of squares, for the demodulation
    kernels: Tensor | None  # for winograd_conv2d, where that is faster


def demodulation(weight: Tensor, styles: Tensor, power: Tensor | None = None) -> Tensor:
    """``1 / sqrt(sum over in, k, k of (weight * style)^2 + 1e-8)``: ``[N, out]`` of ``[N, in]``."""
    if power is None:
        power = weight.square().sum(dim=[2, 3])
    return torch.rsqrt(styles.square() @ power.t() + 1e-8)


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    noise: Tensor | None = None,
    up: int = 1,
    padding: Padding = 0,
    f: Tensor | None = None,
    demodulate: bool = True,
    flip_weight: bool = True,
    gain: float = 1.0,
    prepared: Prepared | None = None,
) -> Tensor:
    """Convolution whose weights are scaled per sample by ``styles`` and normalised per output map.

    ``x``: ``[N, in, H, W]``; ``weight``: ``[out, in, k, k]``; ``styles``: ``[N, in]``; ``noise``:
    broadcastable to the result, added after demodulation. ``gain`` multiplies everything.

    Scaling the activations before and after one shared convolution equals scaling the weights,
    and needs neither per-sample weights nor grouped convolutions. ``weight`` and ``styles`` may be
    float32 where ``x`` is a 16-bit type: the demodulation is then computed in float32.
    ``prepared`` (without derivatives) saves what depends on ``weight`` alone.
    """
    if demodulate and x.dtype == torch.float16:
        weight, styles = _within_half(weight, styles)
        prepared = None
    x = x * _as_type(styles, x)[:, :, None, None]
    if prepared is not None and prepared.kernels is not None and x.dtype == torch.float32:
        y = winograd_conv2d(x, prepared.kernels)
    else:
        kernel = _as_type(weight, x)
        y = conv2d_resample(x, kernel, f, up=up, padding=padding, flip_weight=flip_weight)
    scale: Tensor | float = gain
    if demodulate:
        d = demodulation(weight, styles, None if prepared is None else prepared.power)
        scale = _as_type(d * gain if gain != 1.0 else d, x)[:, :, None, None]
    if isinstance(scale, float) and scale == 1.0:
        return y if noise is None else y + noise
    if noise is None:
        return y * scale
    if isinstance(scale, Tensor):
        noise = noise * gain if gain != 1.0 else noise
        # Without derivatives the result may take the place of what it is made from.
        return torch.addcmul(noise, y, scale, out=None if torch.is_grad_enabled() else y)
    return y * scale + noise * gain


def _within_half(weight: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
    # float16 ends at 65504. Demodulation takes back any factor of the weights of one output map
    # and of the styles of one sample, so both may be brought to a safe size; as the result does
    # not depend on these factors, they need no gradient (arXiv 2006.06676, appendix D).
    fan_in = weight[0].numel()
    tops = weight.detach().abs().amax(dim=[1, 2, 3], keepdim=True).clamp(min=1e-8)
    return (
        weight / (tops * fan_in**0.5),
        styles / styles.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-8),
    )


def _as_type(value: Tensor, like: Tensor) -> Tensor:
    # Comparing is far cheaper than converting a tensor to the type it has.
    return value if value.dtype == like.dtype else value.to(like.dtype)
