"""3 x 3 transposed convolution of stride two as many small matrix products.

Along each axis the odd results are the input times the middle tap, and the even ones a correlation
with the two outer taps: for these Winograd's minimal filtering (arXiv 1509.09308) needs 5
multiplications for 4 results, F(4, 2), or 3 for 2, F(2, 2). Both axes together: 81 multiplications
for 4 x 4 pixels and each pair of feature maps instead of 144, or 25 for 2 x 2 instead of 36.
Without derivatives: for sampling.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from .winograd import carve, fill, taps

_TILES = 128

# What the outer taps are multiplied with. Points 0 and infinity and 1; or 0, 1, -1, 2, infinity.
_OUTER = {
    2: [[1, 0], [1, 1], [0, 1]],
    4: [[1 / 2, 0], [-1 / 2, -1 / 2], [-1 / 6, 1 / 6], [1 / 6, 1 / 3], [0, 1]],
}


@dataclass(frozen=True)
class DoublingKernels:
    """Transformed weights, ``[products, in, out]`` each; ``tile``: inputs per tile and axis."""

    tile: int
    even: Tensor  # even rows and columns: [(tile + 1) ** 2, in, out]
    even_odd: Tensor  # even rows, odd columns: [tile + 1, in, out]
    odd_even: Tensor
    odd: Tensor  # [1, in, out]
    below: Tensor  # the row below all pixels: [in, 3 out]
    right: Tensor

    @classmethod
    def of(cls, kernel: Tensor, tile: int = 4) -> DoublingKernels:
        """Of ``kernel [in, out, 3, 3]``; tile 4 or 2."""
        outer = torch.tensor(_OUTER[tile], dtype=torch.float64, device=kernel.device)
        corners, sides = kernel.double()[:, :, ::2, ::2].flip(2, 3), kernel.double()
        above, beside = sides[:, :, ::2, 1].flip(2), sides[:, :, 1, ::2].flip(2)
        made = (
            torch.einsum("ia,coab,jb->ijco", outer, corners, outer).flatten(0, 1),
            torch.einsum("ia,coa->ico", outer, above),
            torch.einsum("ia,coa->ico", outer, beside),
            sides[None, :, :, 1, 1],
        )
        even, even_odd, odd_even, odd = (part.to(kernel.dtype).contiguous() for part in made)
        below = kernel[:, :, 2].transpose(1, 2).flatten(1).contiguous()
        right = kernel[:, :, :, 2].transpose(1, 2).flatten(1).contiguous()
        return cls(tile, even, even_odd, odd_even, odd, below, right)

    def to(self, dtype: torch.dtype) -> DoublingKernels:
        """In another type."""
        parts = {f.name: getattr(self, f.name).to(dtype) for f in fields(self) if f.name != "tile"}
        return replace(self, **parts)


def doubling_conv2d(x: Tensor, kernels: DoublingKernels, styles: Tensor) -> Tensor:
    """Transposed convolution of stride two of ``x [N, in, H, W]`` (H and W multiples of the tile)
    times ``styles [N, in]``.

    Returns ``[N, out, 2 H + 1, 2 W + 1]``, channels last.
    """
    t, maps_out = kernels.tile, kernels.odd.shape[2]
    batch, _, height, width = x.shape
    down, across = height // t, width // t
    rows = min(down, max(1, _TILES // across))
    group = min(batch, max(1, _TILES // (across * down)))
    result = x.new_empty(batch, 2 * height + 1, 2 * width + 1, maps_out)
    x = x.permute(0, 2, 3, 1)
    result[:, -1] = _rim(x[:, -1] * styles[:, None], kernels.below)
    result[:, :, -1] = _rim(x[:, :, -1] * styles[:, None], kernels.right)
    work = _Work(x, kernels, group * rows, width)
    for sample in range(0, batch, group):
        samples = slice(sample, min(sample + group, batch))
        for top in range(0, down, rows):
            count = min(rows, down - top)
            place = result[samples, 2 * t * top : 2 * t * (top + count), : 2 * width]
            work.strip(x[samples], t * top, count, styles[samples], place)
    return result.permute(0, 3, 1, 2)


class _Work:
    """Buffers for strips, and what is done with each of them."""

    def __init__(self, x: Tensor, kernels: DoublingKernels, rows: int, width: int) -> None:
        self.kernels = kernels
        t, (maps_in, maps_out) = kernels.tile, kernels.odd.shape[1:]
        line = rows * (width + 1)  # at most so many pixels in all t-th rows
        values = line * maps_in
        self.pixels = x.new_empty((t + 1) * values)
        self.half = x.new_empty((t + 1) * values)
        self.spare = x.new_empty((t + 1) * values)
        self.whole = x.new_empty((t + 1) * (t + 1) * line * maps_in)
        self.products = x.new_empty((t + 1) * (t + 1) * line * maps_out)
        self.made = x.new_empty((t + 1) * (t + 1) * line * maps_out)

    def strip(self, x: Tensor, first: int, h: int, styles: Tensor, place: Tensor) -> None:
        """``h`` rows of tiles of ``x [n, H, W, in]`` from row ``first`` on; results to ``place``,
        ``[n, 2 t h, 2 W, out]``."""
        k, t = self.kernels, self.kernels.tile
        n, _, width, maps = x.shape
        e, across = t + 1, width // t
        pixels = carve(self.pixels, n, t * h + 1, width + 1, maps)
        fill(pixels, x, first - 1, styles, right=0)
        half = carve(self.half, e, n, h, width + 1, maps)
        _EVEN_INPUT[t](taps(pixels, 1, h, t, e), half, carve(self.spare, *half.shape[1:]))
        # [n, h, t, even or odd, W, even or odd, out]
        place = place.unflatten(2, (width, 2)).unflatten(1, (h, t, 2))
        by_column = place.unflatten(4, (across, t))

        m = self._times(pixels[None], k.odd)[0]
        place[:, :, :, 1, :, 1].copy_(m[:, 1:, 1:].unflatten(1, (h, t)))

        m = self._times(half, k.even_odd)[:, :, :, 1:]
        self._even(m, place[:, :, :, 0, :, 1].permute(2, 0, 1, 3, 4))

        v = carve(self.whole, e, n, t * h + 1, across, maps)
        _EVEN_INPUT[t](taps(pixels, 2, across, t, e), v, carve(self.spare, *v.shape[1:]))
        m = self._times(v, k.odd_even)[:, :, 1:].unflatten(2, (h, t))
        self._even(m, by_column[:, :, :, 1, :, :, 0].permute(4, 0, 1, 2, 3, 5))

        v = carve(self.whole, e, e, n, h, across, maps)
        spare = carve(self.spare, e, n, h, across, maps)
        _EVEN_INPUT[t](taps(half, 3, across, t, e), v.transpose(0, 1), spare)
        m = self._times(v.flatten(0, 1), k.even).unflatten(0, (e, e))
        rows = carve(self.made, t, e, n, h, across, m.shape[-1])
        self._even(m, rows, self.made[rows.numel() :])
        self._even(
            rows.transpose(0, 1),
            by_column[:, :, :, 0, :, :, 0].permute(4, 2, 0, 1, 3, 5),
            self.made[rows.numel() :],
        )

    def _times(self, v: Tensor, weights: Tensor) -> Tensor:
        """``v [products, ..., in]`` times ``weights [products, in, out]``."""
        out = carve(self.products, *v.shape[:-1], weights.shape[-1])
        torch.bmm(v.flatten(1, -2), weights, out=out.flatten(1, -2))
        return out

    def _even(self, m: Tensor, place: Tensor, spare: Tensor | None = None) -> None:
        _EVEN_OUTPUT[self.kernels.tile](
            m, place, carve(self.made if spare is None else spare, *m.shape[1:])
        )


def _rim(x: Tensor, weights: Tensor) -> Tensor:
    """The last row or column, ``[N, 2 L + 1, out]``, to which only the last pixels, ``[N, L, in]``,
    contribute."""
    batch, length, _ = x.shape
    m = (x.flatten(0, 1) @ weights).view(batch, length, 3, -1)
    y = x.new_zeros(batch, 2 * length + 1, m.shape[-1])
    y[:, :-1:2] = m[:, :, 0]
    y[:, 1::2] = m[:, :, 1]
    y[:, 2::2] += m[:, :, 2]
    return y


def _even_input4(x: list[Tensor], v: Tensor, spare: Tensor) -> None:
    """v = [[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0],
    [0, 2, -1, -2, 1]] x."""
    torch.sub(x[3], x[1], out=v[3])
    torch.sub(x[0], x[2], out=v[0])
    torch.add(v[3], v[0], alpha=2, out=v[0])
    torch.add(x[1], x[2], out=v[1])
    torch.sub(v[3], v[1], out=v[1])
    torch.sub(x[1], x[2], out=v[2])
    torch.add(v[3], v[2], alpha=3, out=v[2])
    torch.sub(x[4], x[2], out=v[4])
    v[4].sub_(v[3], alpha=2)


def _even_output4(m: Tensor, y: Tensor, total: Tensor) -> None:
    """y = [[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 0], [0, 1, -1, 8, 1]] m; ``m`` is used
    up."""
    torch.add(m[1], m[2], out=total)
    torch.add(total, m[3], alpha=4, out=y[2])
    total.add_(m[3])
    torch.add(total, m[0], out=y[0])
    m[1].sub_(m[2])
    torch.add(m[1], m[3], alpha=2, out=y[1])
    m[1].add_(m[3], alpha=8)
    torch.add(m[1], m[4], out=y[3])


def _even_input2(x: list[Tensor], v: Tensor, spare: Tensor) -> None:
    """v = [[1, -1, 0], [0, 1, 0], [0, -1, 1]] x."""
    torch.sub(x[0], x[1], out=v[0])
    v[1].copy_(x[1])
    torch.sub(x[2], x[1], out=v[2])


def _even_output2(m: Tensor, y: Tensor, total: Tensor) -> None:
    """y = [[1, 1, 0], [0, 1, 1]] m."""
    torch.add(m[0], m[1], out=y[0])
    torch.add(m[1], m[2], out=y[1])


_EVEN_INPUT = {2: _even_input2, 4: _even_input4}
_EVEN_OUTPUT = {2: _even_output2, 4: _even_output4}
