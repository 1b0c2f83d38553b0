"""3 x 3 convolution as many small matrix products (Winograd's minimal filtering, arXiv 1509.09308).

F(4 x 4, 3 x 3): each 6 x 6 tile of the input gives 4 x 4 results with 36 multiplications for each
pair of feature maps instead of 144; F(2 x 2, 3 x 3): 16 instead of 36, with less rounding, for
16-bit numbers. The transforms before and after are sums, computed strip by strip so that everything
between input and result stays in the processor's cache. Without derivatives: for sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_TILES = 256  # per strip: enough for the matrix products, few enough for the cache

# What the three taps along an axis are multiplied with: points 0, 1, -1 (, 2, -2) and infinity. The
# transforms of the input and of the products are written out below.
_WEIGHTS = {
    2: [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
    4: [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
}

Finish = Callable[[Tensor, slice, slice], None]


@dataclass(frozen=True)
class WinogradKernels:
    """Transformed weights ``[(tile + 2) ** 2, in, out]``; ``tile``: results per tile and axis."""

    tile: int
    values: Tensor

    @classmethod
    def of(cls, weight: Tensor, tile: int = 4) -> WinogradKernels:
        """Of ``weight [out, in, 3, 3]``; tile 4 or 2."""
        g = torch.tensor(_WEIGHTS[tile], dtype=torch.float64, device=weight.device)
        tiles = torch.einsum("ia,ocab,jb->ijco", g, weight.double(), g).flatten(0, 1)
        return cls(tile, tiles.to(weight.dtype).contiguous())

    def to(self, dtype: torch.dtype) -> WinogradKernels:
        """In another type."""
        return WinogradKernels(self.tile, self.values.to(dtype))


def winograd_conv2d(
    x: Tensor,
    kernels: WinogradKernels,
    styles: Tensor | None = None,
    finish: Finish | None = None,
) -> Tensor:
    """Correlate ``x [N, in, H, W]`` (H and W multiples of the tile), padded by one, with
    ``kernels``; ``x`` is multiplied by ``styles [N, in]`` before.

    ``finish(part, samples, rows)`` may change, in place, every finished part of the result,
    ``[n, h, W, out]``, while it is in the cache.

    Returns ``[N, out, H, W]``, channels last.
    """
    m, (area, maps_in, maps_out) = kernels.tile, kernels.values.shape
    t = m + 2
    batch, _, height, width = x.shape
    down, across = height // m, width // m
    rows = min(down, max(1, _TILES // across))
    group = min(batch, max(1, _TILES // (across * down)))
    x = x.permute(0, 2, 3, 1)
    result = x.new_empty(batch, height, width, maps_out)
    # Two buffers in turn: each step reads from one of them and writes to the other. (The second
    # also holds half transformed tiles: six or four lines of them, and as much again at the rim.)
    tiles = group * rows * across
    most = max(maps_in, maps_out)
    first = x.new_empty(tiles * area * most)
    second = x.new_empty(tiles * area * most + 2 * (t + 1) * group * rows * most)
    for sample in range(0, batch, group):
        n = min(group, batch - sample)
        samples = slice(sample, sample + n)
        for top in range(0, down, rows):
            h = min(rows, down - top)
            lines = slice(m * top, m * (top + h))
            strip = carve(first, n, m * h + 2, width + 2, maps_in)
            fill(strip, x[samples], m * top - 1, None if styles is None else styles[samples])
            half, spare = carve(second, t + 1, n, h, width + 2, maps_in).split([t, 1])
            _INPUT[m](taps(strip, 1, h, m, t), half, spare[0])
            spare = second[half.numel() :]
            whole = carve(first, t, t, n, h, across, maps_in)
            rest = carve(spare, t, n, h, across, maps_in)
            _INPUT[m](taps(half, 3, across, m, t), whole.transpose(0, 1), rest)
            products = carve(second, area, n * h * across, maps_out)
            torch.bmm(whole.view(area, -1, maps_in), kernels.values, out=products)
            made = products.view(t, t, n, h, across, maps_out)
            half, spares = carve(first, m + 2, t, n, h, across, maps_out).split([m, 2])
            _OUTPUT[m](made, half, spares)
            part = result[samples, lines]
            place = part.view(n, h, m, across, m, maps_out).permute(4, 2, 0, 1, 3, 5)
            spares = carve(second, 2, m, n, h, across, maps_out)
            _OUTPUT[m](half.transpose(0, 1), place, spares)
            if finish is not None:
                finish(part, samples, lines)
    return result.permute(0, 3, 1, 2)


def carve(buffer: Tensor, *shape: int) -> Tensor:
    """The first values of ``buffer`` as a tensor of ``shape``."""
    count = 1
    for size in shape:
        count *= size
    return buffer[:count].view(shape)


def fill(strip: Tensor, x: Tensor, top: int, styles: Tensor | None, right: int = 1) -> None:
    """Lines of ``x [n, H, W, C]`` from ``top`` on, times ``styles [n, C]``, into ``strip``: one
    column of zeros to the left, ``right`` columns to the right, and zeros beyond the border."""
    count, width = strip.shape[1], x.shape[2]
    begin, end = max(top, 0), min(top + count, x.shape[1])
    inside = strip[:, begin - top : end - top, 1 : 1 + width]
    if styles is None:
        inside.copy_(x[:, begin:end])
    else:
        torch.mul(x[:, begin:end], styles[:, None, None, :], out=inside)
    strip[:, :, 0].zero_()
    strip[:, :, 1 + width : 1 + width + right].zero_()
    strip[:, : begin - top].zero_()
    strip[:, end - top :].zero_()


def taps(x: Tensor, axis: int, count: int, step: int, length: int) -> list[Tensor]:
    """The ``length`` values of each of ``count`` tiles along ``axis``, one every ``step``."""
    every = (slice(None),) * axis + (slice(None, None, step),)
    return [x.narrow(axis, k, step * (count - 1) + 1)[every] for k in range(length)]


def _input4(x: list[Tensor], v: Tensor, spare: Tensor) -> None:
    """v = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]] x."""
    torch.sub(x[4], x[2], out=v[4])
    torch.sub(x[0], x[2], out=v[0])
    torch.add(v[4], v[0], alpha=4, out=v[0])
    torch.sub(x[3], x[1], out=spare)
    torch.sub(x[5], x[3], out=v[5])
    v[5].sub_(spare, alpha=4)
    torch.add(v[4], spare, alpha=2, out=v[3])
    v[4].sub_(spare, alpha=2)
    torch.sub(x[4], x[2], alpha=4, out=v[2])
    torch.sub(x[3], x[1], alpha=4, out=spare)
    torch.add(v[2], spare, out=v[1])
    v[2].sub_(spare)


def _output4(m: Tensor, y: Tensor, spares: Tensor) -> None:
    """y = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]] m;
    ``m`` is used up."""
    inner, outer = spares
    torch.add(m[1], m[2], out=inner)
    torch.add(m[3], m[4], out=outer)
    m[1].sub_(m[2])
    m[3].sub_(m[4])
    torch.add(m[1], m[3], alpha=2, out=y[1])
    torch.add(inner, outer, alpha=4, out=y[2])
    inner.add_(outer)
    torch.add(inner, m[0], out=y[0])
    m[1].add_(m[3], alpha=8)
    torch.add(m[1], m[5], out=y[3])


def _input2(x: list[Tensor], v: Tensor, spare: Tensor) -> None:
    """v = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]] x."""
    torch.sub(x[0], x[2], out=v[0])
    torch.add(x[1], x[2], out=v[1])
    torch.sub(x[2], x[1], out=v[2])
    torch.sub(x[1], x[3], out=v[3])


def _output2(m: Tensor, y: Tensor, spares: Tensor) -> None:
    """y = [[1, 1, 1, 0], [0, 1, -1, -1]] m; ``m`` is used up."""
    inner = spares[0]
    torch.add(m[1], m[2], out=inner)
    torch.add(inner, m[0], out=y[0])
    m[1].sub_(m[2])
    torch.sub(m[1], m[3], out=y[1])


_INPUT = {2: _input2, 4: _input4}
_OUTPUT = {2: _output2, 4: _output4}
