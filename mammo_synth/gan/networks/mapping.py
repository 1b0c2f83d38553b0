"""The mapping network: latents z to intermediate latents w (arXiv 1812.04948, section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import Dense, normalize_2nd_moment

LR_MULTIPLIER = 0.01  # the mapping learns a hundred times slower than the rest


class Mapping(nn.Module):
    """``z [N, z_dim]`` and labels ``c [N, c_dim]`` to ``ws [N, num_ws, w_dim]``.

    ``num_ws`` ``None`` returns ``[N, w_dim]``. ``z_dim`` 0 maps labels alone, as the conditional
    discriminator does; it keeps no running average then (``w_avg_beta`` ``None``).
    """

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int | None,
        *,
        num_layers: int = 8,
        w_avg_beta: float | None = 0.995,
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim = z_dim, c_dim, w_dim
        self.num_ws, self.num_layers, self.w_avg_beta = num_ws, num_layers, w_avg_beta
        if c_dim > 0:
            self.embed = Dense(c_dim, w_dim)
        features = z_dim + (w_dim if c_dim > 0 else 0)
        for index in range(num_layers):
            layer = Dense(features, w_dim, act="lrelu", lr_multiplier=LR_MULTIPLIER)
            setattr(self, f"fc{index}", layer)
            features = w_dim
        if num_ws is not None and w_avg_beta is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = True,
    ) -> Tensor:
        """``truncation_psi`` moves w towards its average; 0 is the average itself. With
        ``truncation_cutoff`` k only the first k layers are truncated. In train mode the running
        average of w is updated unless ``update_w_avg`` is false."""
        inputs = []
        if self.z_dim > 0:
            if z is None:
                raise ValueError("the mapping network needs latents z")
            inputs.append(normalize_2nd_moment(z.to(torch.float32)))
        if self.c_dim > 0:
            if c is None:
                raise ValueError("a conditional mapping network needs labels c")
            inputs.append(normalize_2nd_moment(self.embed(c.to(torch.float32))))
        x = inputs[0] if len(inputs) == 1 else torch.cat(inputs, dim=1)
        for index in range(self.num_layers):
            x = getattr(self, f"fc{index}")(x)

        if self.num_ws is None:
            return x
        if self.w_avg_beta is not None and self.training and update_w_avg:
            # Not in place: a gradient may still need the tensor.
            mean = x.detach().mean(dim=0)
            self.w_avg.copy_(mean.lerp(self.w_avg, self.w_avg_beta))
        ws = x[:, None, :].expand(-1, self.num_ws, -1)
        if truncation_psi == 1.0:
            return ws
        cut = self.num_ws if truncation_cutoff is None else truncation_cutoff
        near = self.w_avg.lerp(ws[:, :cut], truncation_psi)
        return near if cut >= self.num_ws else torch.cat([near, ws[:, cut:]], dim=1)
