"""The generator: mapping and synthesis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .mapping import Mapping
from .synthesis import Synthesis


class Generator(nn.Module):
    """``z [N, z_dim]`` (and labels ``c``) to images ``[N, channels, R, R]``, about [-1, 1]."""

    def __init__(
        self,
        *,
        resolution: int,
        image_channels: int = 1,
        z_dim: int = 512,
        w_dim: int = 512,
        c_dim: int = 0,
        mapping_layers: int = 8,
        channel_base: int = 32768,
        channel_max: int = 512,
        architecture: str = "skip",
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.z_dim, self.w_dim, self.c_dim = z_dim, w_dim, c_dim
        self.resolution, self.image_channels = resolution, image_channels
        self.synthesis = Synthesis(
            w_dim,
            resolution,
            image_channels,
            channel_base=channel_base,
            channel_max=channel_max,
            architecture=architecture,
            clamp=conv_clamp,
        )
        self.num_ws = self.synthesis.num_ws
        self.mapping = Mapping(z_dim, c_dim, w_dim, self.num_ws, num_layers=mapping_layers)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: str = "random",
        rng: torch.Generator | None = None,
    ) -> Tensor:
        ws = self.mapping(z, c, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff)
        image: Tensor = self.synthesis(ws, noise_mode=noise_mode, rng=rng)
        return image
