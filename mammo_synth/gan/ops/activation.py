"""Bias, activation, gain and clamp in one call."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Activation:
    """An activation, its default gain (keeps unit variance) and slope parameter ``alpha``."""

    function: Callable[[Tensor, float], Tensor]
    gain: float = 1.0
    alpha: float = 0.0
    homogeneous: bool = False  # act(k * x) == k * act(x) for k > 0: a gain may be applied before


_SQRT2 = math.sqrt(2.0)

ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(lambda x, alpha: x, homogeneous=True),
    "relu": Activation(lambda x, alpha: F.relu(x), gain=_SQRT2, homogeneous=True),
    "lrelu": Activation(
        lambda x, alpha: F.leaky_relu(x, alpha), gain=_SQRT2, alpha=0.2, homogeneous=True
    ),
    "tanh": Activation(lambda x, alpha: torch.tanh(x)),
    "sigmoid": Activation(lambda x, alpha: torch.sigmoid(x)),
    "elu": Activation(lambda x, alpha: F.elu(x)),
    "selu": Activation(lambda x, alpha: F.selu(x)),
    "softplus": Activation(lambda x, alpha: F.softplus(x)),
    "swish": Activation(lambda x, alpha: torch.sigmoid(x) * x, gain=_SQRT2),
}


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    *,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
    overwrite: bool = False,
) -> Tensor:
    """``clamp(act(x + bias) * gain)``; ``bias`` runs along axis ``dim``, clamp is symmetric.

    ``overwrite``: ``x`` is needed no more, by no derivative either, and no view: the result may
    take its place, which saves memory and the time to get it.
    """
    spec = ACTIVATIONS[act]
    if bias is not None:
        bias = bias.reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])
    scale = spec.gain if gain is None else gain
    if overwrite and act == "lrelu" and scale == 1.0:
        x = x if bias is None else x.add_(bias)
        slope = spec.alpha if alpha is None else alpha
        if torch.is_grad_enabled() and x.requires_grad:
            y: Tensor = _LeakyClamp.apply(x, slope, clamp)
            return y
        x = F.leaky_relu_(x, slope)
        return x if clamp is None else x.clamp_(-clamp, clamp)
    if bias is not None:
        x = x + bias
    y = spec.function(x, spec.alpha if alpha is None else alpha)
    if scale != 1.0:
        y = y * scale
    return y if clamp is None else y.clamp(-clamp, clamp)


def _in_memory_order(x: Tensor) -> Tensor:
    # A reduction of all values copies what does not lie in the order of its axes.
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x.permute(0, 2, 3, 1)
    return x


class _LeakyClamp(torch.autograd.Function):
    """Leaky ReLU and clamp in place. The result alone tells the derivative of both: its sign is
    that of the input, and what lies at the limit was clamped."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float, clamp: float | None) -> Tensor:
        ctx.mark_dirty(x)
        F.leaky_relu_(x, slope)
        if clamp is not None and x.device.type == "cpu" and x.numel():
            # Rarely anything is that large: looking is cheaper than clamping and masking. (An
            # accelerator would have to be waited for.)
            low, high = (float(value) for value in torch.aminmax(_in_memory_order(x)))
            clamp = None if -clamp < low and high < clamp else clamp
        if clamp is not None:
            x.clamp_(-clamp, clamp)
        ctx.slope, ctx.clamp = slope, clamp
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        y = ctx.saved_tensors[0].detach()  # flat but for kinks: no second derivative
        grad = torch.ops.aten.leaky_relu_backward(grads[0], y, ctx.slope, True)
        if ctx.clamp is not None:
            grad = grad * (y.abs() < ctx.clamp)
        return grad, None, None
