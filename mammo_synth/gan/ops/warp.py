"""Bilinear sampling that is differentiable any number of times with respect to the images.

Sampling is linear in the image: the derivative of the gather is a scatter with the same weights,
and the derivative of the scatter is the gather again. Torch's own derivative of the scatter does
not exist, but the regularisation of the discriminator needs it, because it differentiates the
discriminator's gradient through the augmentations.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_bilinear(images: Tensor, grid: Tensor) -> Tensor:
    """Sample ``images [N, C, H, W]`` at ``grid [N, h, w, 2]`` in [-1, 1] (zeros outside; the ends
    are the outer edges of the outer pixels). ``grid`` is a constant: it gets no gradient."""
    out: Tensor = _Gather.apply(images, grid.detach())
    return out


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = images.shape
        return F.grid_sample(
            images, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Scatter.apply(grads[0], grid, ctx.shape), None


class _Scatter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        # Only shape and dtype of the image matter to the derivative by the image.
        image = values.new_zeros(1).expand(shape)
        result: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            values.contiguous(), image, grid, 0, 0, False, [True, False]
        )[0]
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Gather.apply(grads[0].contiguous(), grid), None, None
