"""Zero-insertion, finite impulse response filtering and decimation of images (NCHW).

The anti-aliased up- and downsampling of StyleGAN2 (arXiv 1912.04958, appendix B): a x2 step
inserts zeros or drops samples and filters with the binomial [1, 3, 3, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .lines import filter_line

Padding = int | Sequence[int]
Factor = int | Sequence[int]

_SEPARABLE_FROM = 8  # taps; shorter 1-D filters become an outer product: one pass is faster


def setup_filter(
    taps: Sequence[float] | Sequence[Sequence[float]] | Tensor | float | None,
    *,
    normalize: bool = True,
    flip: bool = False,
    gain: float = 1.0,
    separable: bool | None = None,
) -> Tensor:
    """Prepare a filter for :func:`upfirdn2d`.

    ``taps``: scalar, 1-D or 2-D; ``None`` is the identity. 1-D filters shorter than 8 taps become
    their outer product, longer ones stay 1-D and are applied on both axes. ``normalize`` makes
    the taps sum to 1, ``gain`` is the overall gain of the filter.

    Returns float32 ``[h, w]`` or ``[taps]``.
    """
    f = torch.as_tensor(1.0 if taps is None else taps, dtype=torch.float32)
    if f.ndim == 0:
        f = f[None]
    if f.ndim not in (1, 2) or f.numel() == 0:
        raise ValueError(f"a filter has one or two axes and at least one tap, got {tuple(f.shape)}")
    if separable is None:
        separable = f.ndim == 1 and f.numel() >= _SEPARABLE_FROM
    if f.ndim == 1 and not separable:
        f = torch.outer(f, f)
    if normalize:
        f = f / f.sum()
    if flip:
        f = f.flip(list(range(f.ndim)))
    return f * gain ** (f.ndim / 2)


def parse_padding(padding: Padding) -> tuple[int, int, int, int]:
    """``int``, ``[x, y]`` or ``[x0, x1, y0, y1]`` as ``(x0, x1, y0, y1)``; negative values crop."""
    values = [padding] if isinstance(padding, int) else [int(p) for p in padding]
    if len(values) == 1:
        return values[0], values[0], values[0], values[0]
    if len(values) == 2:
        return values[0], values[0], values[1], values[1]
    if len(values) == 4:
        return values[0], values[1], values[2], values[3]
    raise ValueError(f"padding has 1, 2 or 4 numbers, got {len(values)}")


def parse_factor(factor: Factor) -> tuple[int, int]:
    """``int`` or ``[x, y]`` as ``(x, y)``."""
    values = [factor, factor] if isinstance(factor, int) else [int(f) for f in factor]
    if len(values) != 2 or min(values) < 1:
        raise ValueError(f"a factor is one or two positive integers, got {factor}")
    return values[0], values[1]


def filter_size(f: Tensor | None) -> tuple[int, int]:
    """Width and height of a prepared filter; 1 x 1 for ``None``."""
    if f is None:
        return 1, 1
    return int(f.shape[-1]), int(f.shape[0])


@lru_cache(maxsize=4)
def _processor_convolves(dtype: torch.dtype) -> bool:
    kind = {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(dtype)
    asked = getattr(torch.ops.mkldnn, f"_is_mkldnn_{kind}_supported", None)
    return kind is None or (asked is not None and bool(asked()))


def wants_float32(x: Tensor) -> bool:
    """Whether a 16-bit ``x`` is on a processor without instructions for its type: convolutions in
    it would take hundreds of times as long as in float32, rounding the result is as good."""
    return x.device.type == "cpu" and not _processor_convolves(x.dtype)


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
    """Insert ``up - 1`` zeros after every pixel, pad, convolve with ``f``, keep every ``down``-th.

    ``x``: ``[N, C, H, W]``. ``padding`` is in pixels of the upsampled image. ``flip_filter``
    correlates instead of convolving. Returns ``[N, C, (H * up_y + y0 + y1 - fh) // down_y + 1,
    ...]``.
    """
    up_x, up_y = parse_factor(up)
    down_x, down_y = parse_factor(down)
    pad = parse_padding(padding)
    if wants_float32(x):
        y = upfirdn2d(
            x.float(), f, up=up, down=down, padding=pad, flip_filter=flip_filter, gain=gain
        )
        return y.to(x.dtype)
    if f is None:
        f = x.new_ones([1, 1], dtype=torch.float32)
    if gain != 1.0:
        f = f * gain ** (f.ndim / 2)
    if f.dtype != x.dtype:
        f = f.to(x.dtype)
    if flip_filter:
        f = f.flip(list(range(f.ndim)))
    if f.ndim == 2:
        return _axis_pair(x, f, (up_x, up_y), (down_x, down_y), pad)
    if x.device.type == "cpu":
        # A line is correlated: convolution needs the flip.
        y = filter_line(x, f.flip(0), 3, up_x, down_x, (pad[0], pad[1]))
        return filter_line(y, f.flip(0), 2, up_y, down_y, (pad[2], pad[3]))
    y = _axis_pair(x, f[None, :], (up_x, 1), (down_x, 1), (pad[0], pad[1], 0, 0))
    return _axis_pair(y, f[:, None], (1, up_y), (1, down_y), (0, 0, pad[2], pad[3]))


def _axis_pair(
    x: Tensor,
    f: Tensor,
    up: tuple[int, int],
    down: tuple[int, int],
    pad: tuple[int, int, int, int],
) -> Tensor:
    channels = x.shape[1]
    height, width = f.shape
    kernel = f[None, None].expand(channels, 1, height, width)
    if up == (1, 1):
        # Correlation with the flipped filter is convolution. Equal non-negative padding goes into
        # the convolution itself: one pass over memory less.
        kernel = kernel.flip([2, 3])
        if pad[0] == pad[1] >= 0 and pad[2] == pad[3] >= 0:
            return F.conv2d(
                x, kernel, stride=(down[1], down[0]), padding=(pad[2], pad[0]), groups=channels
            )
        return F.conv2d(F.pad(x, pad), kernel, stride=(down[1], down[0]), groups=channels)
    # A transposed convolution never touches the inserted zeros. It returns the full convolution of
    # (n - 1) * up + taps samples, of which padding selects a window.
    y = F.conv_transpose2d(x, kernel, stride=(up[1], up[0]), groups=channels)
    window = (
        pad[0] - (width - 1),
        pad[1] - (width - 1) + up[0] - 1,
        pad[2] - (height - 1),
        pad[3] - (height - 1) + up[1] - 1,
    )
    y = F.pad(y, window)
    return y[:, :, :: down[1], :: down[0]] if down != (1, 1) else y


def filter2d(
    x: Tensor,
    f: Tensor | None,
    *,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Filter and keep the size; ``padding`` is added to what keeps it."""
    width, height = filter_size(f)
    x0, x1, y0, y1 = parse_padding(padding)
    pad = (x0 + width // 2, x1 + (width - 1) // 2, y0 + height // 2, y1 + (height - 1) // 2)
    return upfirdn2d(x, f, padding=pad, flip_filter=flip_filter, gain=gain)


def upsample_padding(f: Tensor | None, up: tuple[int, int]) -> tuple[int, int, int, int]:
    """Padding that makes an upsampled image exactly ``up`` times as large, centred."""
    width, height = filter_size(f)
    return (
        (width + up[0] - 1) // 2,
        (width - up[0]) // 2,
        (height + up[1] - 1) // 2,
        (height - up[1]) // 2,
    )


def downsample_padding(f: Tensor | None, down: tuple[int, int]) -> tuple[int, int, int, int]:
    """Padding that makes a decimated image exactly ``1 / down`` as large, centred."""
    width, height = filter_size(f)
    return (
        (width - down[0] + 1) // 2,
        (width - down[0]) // 2,
        (height - down[1] + 1) // 2,
        (height - down[1]) // 2,
    )


def upsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Factor = 2,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Enlarge by ``up``, keeping the brightness (the factors multiply the filter's gain)."""
    factors = parse_factor(up)
    given, needed = parse_padding(padding), upsample_padding(f, factors)
    pad = tuple(a + b for a, b in zip(given, needed, strict=True))
    scale = gain * factors[0] * factors[1]
    return upfirdn2d(x, f, up=factors, padding=pad, flip_filter=flip_filter, gain=scale)


def downsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    down: Factor = 2,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Reduce by ``down`` after filtering."""
    factors = parse_factor(down)
    given, needed = parse_padding(padding), downsample_padding(f, factors)
    pad = tuple(a + b for a, b in zip(given, needed, strict=True))
    return upfirdn2d(x, f, down=factors, padding=pad, flip_filter=flip_filter, gain=gain)
