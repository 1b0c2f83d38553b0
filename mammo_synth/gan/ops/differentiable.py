"""The library's convolutions, with second derivatives by the kernels of their first ones.

A convolution is linear in its input and in its weights. So its derivatives, of any order, are
convolutions, transposed convolutions, and sums of products of two maps (what a weight's gradient
is). The library writes the last as a convolution whose kernel is as large as the image where a
second derivative asks for it: slow, and in bf16 wrong by its whole size on processors with AMX
(oneDNN 3.12, kernels that are a multiple of 8 wide). R1 and path lengths need these derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class _How:
    """What a convolution is beside its input and weights."""

    stride: Pair
    padding: Pair
    groups: int
    transposed: bool = False
    spare: Pair = (0, 0)  # a transposed one: results beyond the last full step

    def reverse(self, of: Tensor, to: Tensor, weight: Tensor) -> _How:
        """The convolution that gives gradients ``of`` of the results back ``to`` the input."""
        if self.transposed:
            return replace(self, transposed=False, spare=(0, 0))
        reached = (
            (of.shape[d] - 1) * self.stride[d - 2] - 2 * self.padding[d - 2] + weight.shape[d]
            for d in (2, 3)
        )
        rows, columns = (to.shape[d] - n for d, n in zip((2, 3), reached, strict=True))
        return replace(self, transposed=True, spare=(rows, columns))

    def run(self, x: Tensor, weight: Tensor) -> Tensor:
        return torch.ops.aten.convolution.default(
            x,
            weight,
            None,
            self.stride,
            self.padding,
            (1, 1),
            self.transposed,
            self.spare,
            self.groups,
        )

    def weight_gradient(self, g: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        found: Tensor = torch.ops.aten.convolution_backward.default(
            g,
            x,
            weight,
            None,
            self.stride,
            self.padding,
            (1, 1),
            self.transposed,
            self.spare,
            self.groups,
            (False, True, False),
        )[1]
        return found


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, how: _How) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.how = how
        return how.run(x, weight)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = _Convolution.apply(g, weight, ctx.how.reverse(g, x, weight))
        if ctx.needs_input_grad[1]:
            to_weight = _WeightGradient.apply(g, x, weight, ctx.how)
        return to_x, to_weight, None


class _WeightGradient(torch.autograd.Function):
    """Of ``weight`` (of which only the shape counts), given gradients ``g`` of the results."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, weight: Tensor, how: _How) -> Tensor:
        ctx.save_for_backward(g, x)
        ctx.how = how
        return how.weight_gradient(g, x, weight)

    @staticmethod
    def backward(ctx: Any, along: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        g, x = ctx.saved_tensors
        to_g = to_x = None
        if ctx.needs_input_grad[0]:
            to_g = _Convolution.apply(x, along, ctx.how)
        if ctx.needs_input_grad[1]:
            to_x = _Convolution.apply(g, along, ctx.how.reverse(g, x, along))
        return to_g, to_x, None, None


def _needs_derivatives(x: Tensor, weight: Tensor) -> bool:
    # torch.compile has no second derivatives, and its own way with the first.
    return (
        torch.is_grad_enabled()
        and weight.requires_grad
        and not torch.compiler.is_compiling()
        and x.shape[0] > 0
    )


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: Pair = (0, 0),
    groups: int = 1,
) -> Tensor:
    """``torch.nn.functional.conv2d``: ``x [N, in, H, W]``, ``weight [out, in // groups, k, k]``,
    zeros of ``padding`` rows and columns on each side."""
    if not _needs_derivatives(x, weight):
        return F.conv2d(x, weight, bias, stride, padding, groups=groups)
    y: Tensor = _Convolution.apply(x, weight, _How((stride, stride), padding, groups))
    return y if bias is None else y + bias[:, None, None]


def conv_transpose2d(x: Tensor, weight: Tensor, *, stride: int = 1, groups: int = 1) -> Tensor:
    """``torch.nn.functional.conv_transpose2d``: ``weight [in, out // groups, k, k]``."""
    if not _needs_derivatives(x, weight):
        return F.conv_transpose2d(x, weight, stride=stride, groups=groups)
    how = _How((stride, stride), (0, 0), groups, transposed=True)
    y: Tensor = _Convolution.apply(x, weight, how)
    return y
