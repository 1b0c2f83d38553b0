"""3 x 3 convolution as sixteen matrix products (Winograd's F(2 x 2, 3 x 3), arXiv 1509.09308).

Each 4 x 4 tile of the input gives 2 x 2 results with 16 multiplications for each pair of feature
maps instead of 36; the transforms before and after are sums and differences. It pays on processors,
where there are many feature maps of a middling size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_STRIP = 1 << 22  # values of one transformed strip of rows: what the processor's cache holds


def winograd_kernels(weight: Tensor) -> Tensor:
    """``weight [out, in, 3, 3]`` transformed: ``[16, in, out]``."""
    g = weight.new_tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    tiles = torch.einsum("ia,ocab,jb->ijco", g, weight, g)
    return tiles.reshape(16, weight.shape[1], weight.shape[0]).contiguous()


def winograd_conv2d(x: Tensor, kernels: Tensor) -> Tensor:
    """Correlate ``x [N, in, H, W]`` (even H and W), padded by one, with :func:`winograd_kernels`.

    Returns ``[N, out, H, W]``, channels last. Without derivatives: for sampling.
    """
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    batch, height, width = x.shape[0], x.shape[2], x.shape[3]
    maps_in, maps_out = kernels.shape[1:]
    across, down = width // 2, height // 2
    result = x.new_empty(batch, height, width, maps_out)
    rows = max(1, min(down, _STRIP // (16 * batch * across * max(maps_in, maps_out))))
    for first in range(0, down, rows):
        count = min(rows, down - first)
        strip = padded[:, 2 * first : 2 * (first + count) + 2]
        tiles = x.new_empty(4, 4, batch, count, across, maps_in)
        for row, values in zip(tiles, _along(strip, 1, count), strict=True):
            _along(values, 2, across, row)
        products = torch.bmm(tiles.view(16, -1, maps_in), kernels)
        m = products.view(4, 4, batch, count, across, maps_out)
        place = result[:, 2 * first : 2 * (first + count)]
        place = place.view(batch, count, 2, across, 2, maps_out)
        for k, row in enumerate((m[0] + m[1] + m[2], m[1] - m[2] - m[3])):
            torch.add(row[0] + row[1], row[2], out=place[:, :, k, :, 0])
            torch.sub(row[1] - row[2], row[3], out=place[:, :, k, :, 1])
    return result.permute(0, 3, 1, 2)


def _along(x: Tensor, axis: int, count: int, out: Tensor | None = None) -> list[Tensor]:
    """The four combinations of each ``count`` overlapping quadruples along ``axis``."""
    a, b, c, d = (x.narrow(axis, k, 2 * count - 1) for k in range(4))
    pick = (slice(None),) * axis + (slice(None, None, 2),)
    a, b, c, d = a[pick], b[pick], c[pick], d[pick]
    into = [None] * 4 if out is None else list(out)
    return [
        torch.sub(a, c, out=into[0]),
        torch.add(b, c, out=into[1]),
        torch.sub(c, b, out=into[2]),
        torch.sub(b, d, out=into[3]),
    ]
