"""Seeds and latents: the image of a seed is the same wherever it is drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mammo_synth.errors import BadInput

MAX_SEED = 2**32 - 1
MAX_SEEDS = 10_000_000
_PART = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def latents(seeds: Sequence[int], z_dim: int) -> Tensor:
    """float32 ``[len(seeds), z_dim]``: for each seed the first standard normal numbers of numpy's
    ``RandomState(seed)``, the convention of published StyleGAN tools."""
    rows = [np.random.RandomState(seed).randn(z_dim) for seed in seeds]
    stacked = np.stack(rows) if rows else np.empty((0, z_dim))
    return torch.from_numpy(stacked.astype(np.float32))


def parse_seeds(text: str) -> list[int]:
    """``"0-9999"`` or ``"1,5,7-9"`` as a list, in the order given.

    Raises:
        BadInput: Not such a list; a range that runs backwards; a seed twice, too large or too many.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise BadInput(
                f"'{part.strip()}' in the seeds '{text}' is not a number or a range.",
                hint="Write for example --seeds 0-9999 or --seeds 1,5,7-9; seeds are not negative.",
            )
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if last < first:
            raise BadInput(
                f"The range of seeds {first}-{last} runs backwards.",
                hint=f"Write --seeds {last}-{first}.",
            )
        if last > MAX_SEED:
            raise BadInput(
                f"Seed {last} is too large; seeds go from 0 to {MAX_SEED}.",
                hint="Use smaller seeds.",
            )
        if len(seeds) + last - first + 1 > MAX_SEEDS:
            raise BadInput(
                f"The seeds '{text}' are more than {MAX_SEEDS:,}.",
                hint="Draw them in several parts into several folders.",
            )
        seeds.extend(range(first, last + 1))
    if len(set(seeds)) != len(seeds):
        raise BadInput(f"The seeds '{text}' name a seed twice.", hint="Name every seed once.")
    return seeds
