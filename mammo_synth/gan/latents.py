"""Latents of seeds: the image of a seed is the same wherever it is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def latents(seeds: Sequence[int], z_dim: int) -> Tensor:
    """float32 ``[len(seeds), z_dim]``: for each seed the first standard normal numbers of numpy's
    ``RandomState(seed)``, the convention of published StyleGAN tools."""
    rows = [np.random.RandomState(seed).randn(z_dim) for seed in seeds]
    stacked = np.stack(rows) if rows else np.empty((0, z_dim))
    return torch.from_numpy(stacked.astype(np.float32))
