"""Bias, activation, gain and clamp in one call."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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

    ``overwrite``: ``x`` is needed no more; where no derivative is recorded, the result takes its
    place, which saves memory and the time to get it.
    """
    spec = ACTIVATIONS[act]
    if bias is not None:
        bias = bias.reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])
    if overwrite and act == "lrelu" and not torch.is_grad_enabled():
        y = x if bias is None else x.add_(bias)
        y = F.leaky_relu_(y, spec.alpha if alpha is None else alpha)
        scale = spec.gain if gain is None else gain
        y = y if scale == 1.0 else y.mul_(scale)
        return y if clamp is None else y.clamp_(-clamp, clamp)
    if bias is not None:
        x = x + bias
    y = spec.function(x, spec.alpha if alpha is None else alpha)
    scale = spec.gain if gain is None else gain
    if scale != 1.0:
        y = y * scale
    return y if clamp is None else y.clamp(-clamp, clamp)
