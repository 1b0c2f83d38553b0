"""SqueezeNet 1.1 (Iandola et al. 2016, arXiv 1602.07360) without its classifier, in PyTorch."""

# mypy: disallow-subclassing-any=False
from __future__ import annotations

import torch
from torch import Tensor, nn

FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""Channels of fire2 to fire9: squeezed, and of each of the two expansions."""
_POOL_AFTER = ("fire3", "fire5")


class Fire(nn.Module):
    """1 x 1 to few channels, then 1 x 1 and 3 x 3 side by side."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, s, s] to [B, 2 expanded, s, s]."""
        x = torch.relu(self.squeeze1x1(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], dim=1)


class SqueezeNet(nn.Module):
    """25 convolutions, 722,496 parameters; 512 features after the mean over all places."""

    dimension = 2 * FIRES[-1][1]

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        channels = 64
        for number, (squeezed, expanded) in enumerate(FIRES, start=2):
            self.add_module(f"fire{number}", Fire(channels, squeezed, expanded))
            channels = 2 * expanded

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, 512] of [B, 3, s, s] (blue, green, red; means subtracted), s from 23."""
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 3, 2)
        for number in range(2, 2 + len(FIRES)):
            x = self.get_submodule(f"fire{number}")(x)
            if f"fire{number}" in _POOL_AFTER:
                x = nn.functional.max_pool2d(x, 3, 2)
        return x.mean(dim=(2, 3))
