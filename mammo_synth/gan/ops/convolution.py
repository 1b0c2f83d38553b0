"""Convolutions with resampling, and modulated convolutions (arXiv 1912.04958, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .activation import bias_act
from .differentiable import conv2d, conv_transpose2d
from .doubling import DoublingKernels, doubling_conv2d
from .resample import (
    Padding,
    downsample_padding,
    parse_padding,
    upfirdn2d,
    upsample_padding,
    wants_float32,
)
from .winograd import WinogradKernels, winograd_conv2d

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
        kernel = _scattering(weight, groups, flip_weight=flip_weight)
        y = conv_transpose2d(x, kernel, stride=up, groups=groups)
        y = _filtered(y, f, pad, up, weight, flip_filter=flip_filter)
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
        padding = pad[2], pad[0]
        return conv2d(x, kernel, bias, stride=stride, padding=padding, groups=groups)
    return conv2d(F.pad(x, pad), kernel, bias, stride=stride, groups=groups)


def _spread(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # One map to many: a product of a column and a row, channels last like all that follows it. The
    # library's convolution is slow at it, and its result is not channels last.
    batch, _, height, width = x.shape
    column, row = x.reshape(-1, 1), weight.reshape(1, -1)
    y = column @ row if bias is None else torch.addmm(bias, column, row)
    return y.reshape(batch, height, width, -1).permute(0, 3, 1, 2)


def _scattering(weight: Tensor, groups: int, *, flip_weight: bool) -> Tensor:
    """``weight`` as a transposed convolution takes it: ``[in, out // groups, k, k]``."""
    # A transposed convolution scatters its kernel, which convolves: correlation needs the flip.
    kernel = weight.flip([2, 3]) if flip_weight else weight
    if groups == 1:
        return kernel.transpose(0, 1)
    out, per_group, height, width = kernel.shape
    kernel = kernel.reshape(groups, out // groups, per_group, height, width).transpose(1, 2)
    return kernel.reshape(groups * per_group, out // groups, height, width)


def _filtered(
    y: Tensor, f: Tensor | None, pad: Pad4, up: int, weight: Tensor, *, flip_filter: bool = False
) -> Tensor:
    """Filter the transposed convolution ``y`` by ``weight``, padded by ``pad``."""
    # It has k - 1 + up - 1 samples more (less) than the padded valid one that ``pad`` is for.
    height, width = int(weight.shape[2]), int(weight.shape[3])
    shift = (1 - width, up - width, 1 - height, up - height)
    return upfirdn2d(y, f, padding=_add(pad, shift), gain=up**2, flip_filter=flip_filter)


@dataclass(frozen=True)
class Prepared:
    """What a modulated convolution can know of its ``weight`` before it sees any input."""

    power: Tensor  # [out, in]: sums of squares, for the demodulation
    weight: Tensor  # in the type of the arithmetic
    kernels: WinogradKernels | DoublingKernels | None  # where that is faster

    @classmethod
    def of(
        cls, weight: Tensor, dtype: torch.dtype, up: int = 1, tile: int | None = None
    ) -> Prepared:
        """Of ``weight [out, in, k, k]`` for inputs of ``dtype``. ``tile``: that of Winograd's
        convolution, or of the doubling one where ``up`` is 2; both need k = 3. ``None``: convolve
        directly."""
        weight = weight.detach()
        kernels: WinogradKernels | DoublingKernels | None = None
        direct = wants_float32(torch.empty(0, dtype=dtype, device=weight.device))
        if tile is not None and not direct:
            kernels = (
                WinogradKernels.of(weight, tile)
                if up == 1
                else DoublingKernels.of(_scattering(weight, 1, flip_weight=False), tile)
            ).to(dtype)
        return cls(weight.square().sum(dim=[2, 3]), weight.to(dtype), kernels)


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
    bias: Tensor | None = None,
    act: str = "linear",
    clamp: float | None = None,
    prepared: Prepared | None = None,
) -> Tensor:
    """Convolution whose weights are scaled per sample by ``styles`` and normalised per output map.

    ``x``: ``[N, in, H, W]``; ``weight``: ``[out, in, k, k]``; ``styles``: ``[N, in]``; ``noise``:
    broadcastable to the result, added after demodulation. ``gain`` multiplies both. Then come
    ``bias [out]``, the activation ``act`` (without a gain of its own) and ``clamp``.

    Scaling the activations before and after one shared convolution equals scaling the weights,
    and needs neither per-sample weights nor grouped convolutions. ``weight`` and ``styles`` may be
    float32 where ``x`` is a 16-bit type: the demodulation is then computed in float32.
    ``prepared`` (without derivatives) saves what depends on ``weight`` alone.
    """
    if demodulate and x.dtype == torch.float16:
        weight, styles = _within_half(weight, styles)
        prepared = None
    scale: Tensor | float = gain
    if demodulate:
        d = demodulation(weight, styles, None if prepared is None else prepared.power)
        scale = _as_type(d * gain if gain != 1.0 else d, x)[:, :, None, None]
    if noise is not None and gain != 1.0:
        noise = noise * gain

    def finish(y: Tensor, scale: Tensor | float, noise: Tensor | None, dim: int = 1) -> Tensor:
        y = _scaled(y, scale, noise)
        return bias_act(y, bias, dim=dim, act=act, gain=1.0, clamp=clamp, overwrite=True)

    scales = _as_type(styles, x)
    kernels = None if prepared is None or wants_float32(x) else prepared.kernels
    if isinstance(kernels, DoublingKernels):
        y = doubling_conv2d(x, kernels, scales)
        pad = _add(parse_padding(padding), upsample_padding(f, (up, up)))
        return finish(_filtered(y, f, pad, up, weight), scale, noise)
    if kernels is not None:

        def finish_part(y: Tensor, samples: slice, rows: slice) -> None:
            here = noise
            if here is not None:
                here = here[samples if len(here) > 1 else slice(None), :, rows].permute(0, 2, 3, 1)
            own = scale[samples].permute(0, 2, 3, 1) if isinstance(scale, Tensor) else scale
            done = finish(y, own, here, 3)
            if done is not y:
                y.copy_(done)

        return winograd_conv2d(x, kernels, scales, finish_part)
    if up == 1 and weight.shape[2:] == (1, 1) and len(weight) < x.shape[1] and not wants_float32(x):
        return finish(_project(x, weight, styles), scale, noise)
    kernel = _as_type(weight if prepared is None else prepared.weight, x)
    x = x * scales[:, :, None, None]
    y = conv2d_resample(x, kernel, f, up=up, padding=padding, flip_weight=flip_weight)
    return finish(y, scale, noise)


def _project(x: Tensor, weight: Tensor, styles: Tensor) -> Tensor:
    """Few maps of many: here weights for each sample are less than scaled activations."""
    own = _as_type(weight.flatten(1) * styles[:, None], x)
    y = x.permute(0, 2, 3, 1).flatten(1, 2) @ own.transpose(1, 2)
    return y.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)


def _scaled(y: Tensor, scale: Tensor | float, noise: Tensor | None) -> Tensor:
    """``y * scale + noise``; without derivatives the result may take the place of ``y``."""
    if isinstance(scale, float) and scale == 1.0:
        return y if noise is None else y + noise
    if noise is None:
        return y * scale
    if isinstance(scale, Tensor):
        return torch.addcmul(noise, y, scale, out=None if torch.is_grad_enabled() else y)
    return y * scale + noise


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
