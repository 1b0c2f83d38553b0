"""Mixed precision: the highest resolutions compute in a 16-bit type (arXiv 2006.06676, app. D)."""

from __future__ import annotations

import torch

from .discriminator import Discriminator
from .generator import Generator

DTYPES: dict[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
PRECISIONS = tuple(DTYPES)

_LOWEST = 8  # px; below it arithmetic is cheap and stays in float32


def set_precision(
    network: Generator | Discriminator, precision: str, resolutions: int | None = 4
) -> None:
    """Let the ``resolutions`` highest resolutions of ``network`` compute in ``precision``.

    ``None``: all resolutions from 8 px up. Parameters, mapping, styles, demodulation factors, the
    sum of images, 4 px and the logits stay float32, so neither the state dict nor the types of
    inputs and outputs change. It is a property of the object, not of its state: files do not hold
    it. float16 wants a network with ``conv_clamp`` for training.

    Raises:
        ValueError: An unknown precision, or a negative number of resolutions.
    """
    if precision not in DTYPES:
        raise ValueError(f"precision {precision!r} is not one of {PRECISIONS}")
    if resolutions is not None and resolutions < 0:
        raise ValueError(f"the number of resolutions is 0 or more, got {resolutions}")
    blocks = network.synthesis if isinstance(network, Generator) else network
    sizes = sorted(blocks.resolutions, reverse=True)
    low = set(sizes if resolutions is None else sizes[:resolutions])
    for size in sizes:
        chosen = size in low and size >= _LOWEST
        getattr(blocks, f"b{size}").dtype = DTYPES[precision] if chosen else torch.float32
