"""Filtering along one axis as a product with a small banded matrix: for long filters and few
channels, where a processor's convolutions are at their worst."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 16  # results per product, at least; the matrix has as many columns


@lru_cache(maxsize=64)
def _band(taps: int, up: int, down: int, before: int) -> tuple[int, int, int, int, Tensor]:
    """How a block of results depends on its inputs: results per block, inputs from one block to the
    next, first input (relative to the block), inputs per block, and ``[inputs, results]`` numbers
    of taps, ``taps`` where there is none."""
    step_out = _BLOCK * up
    step_in = _BLOCK * down
    first = -(before // up)
    last = ((step_out - 1) * down + taps - 1 - before) // up
    which = torch.full([last - first + 1, step_out], taps)
    for result in range(step_out):
        for tap in range(taps):
            place, rest = divmod(result * down + tap - before, up)
            if rest == 0:
                which[place - first, result] = tap
    return step_out, step_in, first, last - first + 1, which


def filter_line(
    x: Tensor, f: Tensor, axis: int, up: int, down: int, pad: tuple[int, int]
) -> Tensor:
    """Along ``axis`` (2 or 3) of ``x [N, C, H, W]``: insert ``up - 1`` zeros after every sample,
    pad (negative: crop), correlate with ``f [taps]``, keep every ``down``-th result.

    Differentiable any number of times by ``x``; ``f`` is a constant.
    """
    results = (x.shape[axis] * up + pad[0] + pad[1] - f.shape[0]) // down + 1
    y: Tensor = _FilterLine.apply(x, f.detach(), axis, up, down, pad[0], results)
    return y


class _FilterLine(torch.autograd.Function):
    """The transpose of such a filter is such a filter: up and down change places."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, f: Tensor, axis: int, up: int, down: int, before: int, results: int
    ) -> Tensor:
        ctx.save_for_backward(f)
        ctx.settings = axis, up, down, before, x.shape[axis]
        return _product(x, f, axis, up, down, before, results)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (f,) = ctx.saved_tensors
        axis, up, down, before, size = ctx.settings
        slope = _FilterLine.apply(
            grads[0], f.flip(0), axis, down, up, f.shape[0] - 1 - before, size
        )
        return slope, None, None, None, None, None, None


def _product(
    x: Tensor, f: Tensor, axis: int, up: int, down: int, before: int, results: int
) -> Tensor:
    batch, channels, height, width = x.shape
    step_out, step_in, first, inputs, which = _band(f.shape[0], up, down, before)
    matrix = F.pad(f, (0, 1))[which]
    blocks = -(-results // step_out)
    # Samples beyond what the padding allows for meet results that are cut off below.
    beyond = (blocks - 1) * step_in + inputs + first - x.shape[axis]
    x = F.pad(x, (-first, beyond) if axis == 3 else (0, 0, -first, beyond))
    windows = x.unfold(axis, inputs, step_in)  # [N, C, blocks, W, inputs] or [N, C, H, blocks, ..]
    if axis == 3:
        flat = windows.reshape(-1, inputs) @ matrix
        return flat.reshape(batch, channels, height, blocks * step_out)[..., :results]
    stack = windows.transpose(3, 4).reshape(-1, inputs, width)
    flat = torch.bmm(matrix.t().expand(len(stack), -1, -1), stack)
    return flat.reshape(batch, channels, blocks * step_out, width)[:, :, :results]
