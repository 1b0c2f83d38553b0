"""What a generator's latent space holds: style mixing, truncation sweep, interpolation.

Pure functions from a generator and seeds to arrays of images. An image that belongs to a seed alone
is bit for bit the one that :func:`~mammo_synth.gan.sample.sample` draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mammo_synth.errors import BadInput, did_you_mean

from .drawing import Drawing, draw_styles, map_latents
from .latents import latents
from .sample import LoadedGenerator, drawing

MAX_IMAGES = 4096
SPACES = ("w", "z")


@dataclass(frozen=True)
class MixGrid:
    """Images uint8: of the row seeds ``[R, H, W]``, the column seeds ``[C, H, W]``, and mixed
    ``[R, C, H, W]``."""

    rows: NDArray[np.uint8]
    columns: NDArray[np.uint8]
    mixed: NDArray[np.uint8]


def mix_styles(
    generator: LoadedGenerator,
    rows: Sequence[int],
    columns: Sequence[int],
    layers: range,
    *,
    truncation: float = 1.0,
    label: str | None = None,
) -> MixGrid:
    """Every row seed with the styles of ``layers`` taken from every column seed (arXiv 1812.04948,
    section 3.1). Low layers are coarse: outline and pose; high ones fine: texture.

    Raises:
        BadInput: Layers outside the generator's, no seeds or too many, or as ``sample``.
    """
    settings = drawing(generator, truncation=truncation, label=label)
    network = generator.network
    count = network.num_ws
    if not len(layers) or layers.start < 0 or layers.stop > count:
        raise BadInput(
            f"The layers {layers.start}-{layers.stop - 1} were asked for; this generator has the "
            f"layers 0-{count - 1}.",
            hint=f"0-{count // 2 - 1} are the outline, {count // 2}-{count - 1} the texture.",
        )
    _check_count((len(rows) + 1) * (len(columns) + 1), len(rows), len(columns))
    own = _ws_of(generator, rows, settings)
    given = _ws_of(generator, columns, settings)
    mixed = own[:, None].repeat(1, len(columns), 1, 1)
    mixed[:, :, layers.start : layers.stop] = given[None, :, layers.start : layers.stop]
    ws = torch.cat([own, given, mixed.flatten(0, 1)])
    images = draw_styles(network, ws, device=generator.device)
    first, second, rest = np.split(images, [len(rows), len(rows) + len(columns)])
    return MixGrid(first, second, rest.reshape(len(rows), len(columns), *rest.shape[1:]))


def sweep_truncation(
    generator: LoadedGenerator,
    seeds: Sequence[int],
    psis: Sequence[float],
    *,
    truncation_cutoff: int | None = None,
    label: str | None = None,
) -> NDArray[np.uint8]:
    """Images ``[len(seeds), len(psis), H, W]``: each seed at each truncation psi.

    Raises:
        BadInput: A psi outside [-2, 2], no seeds or psis or too many, or as ``sample``.
    """
    _check_count(len(seeds) * len(psis), len(seeds), len(psis))
    columns = []
    for psi in psis:
        settings = drawing(
            generator, truncation=psi, truncation_cutoff=truncation_cutoff, label=label
        )
        columns.append(_ws_of(generator, seeds, settings))
    ws = torch.stack(columns, dim=1).flatten(0, 1)
    images = draw_styles(generator.network, ws, device=generator.device)
    return images.reshape(len(seeds), len(psis), *images.shape[1:])


def slerp(start: Tensor, end: Tensor, t: float) -> Tensor:
    """The point ``t`` (0 to 1) of the way along the great circle from ``start`` to ``end``.

    ``[z_dim]`` each. Directions turn at constant speed, lengths change linearly. Between opposite
    or equal directions it is the straight line.
    """
    length_a, length_b = start.norm(), end.norm()
    cosine = (start / length_a * (end / length_b)).sum().clamp(-1, 1)
    angle = float(torch.acos(cosine))
    if math.sin(angle) < 1e-4:
        return start.lerp(end, t)
    turned = (
        math.sin((1 - t) * angle) * start / length_a + math.sin(t * angle) * end / length_b
    ) / math.sin(angle)
    return turned * length_a.lerp(length_b, t)


def interpolate(
    generator: LoadedGenerator,
    seeds: Sequence[int],
    steps: int,
    *,
    space: str = "w",
    truncation: float = 1.0,
    label: str | None = None,
) -> tuple[NDArray[np.uint8], list[float]]:
    """Images on the way through ``seeds``, ``steps`` from each to the next.

    Args:
        space: ``w``: straight lines between latents w. ``z``: great circles between latents z,
            which pass through w as the mapping bends it.

    Returns:
        ``[F, H, W]`` with F = (len(seeds) - 1) * steps + 1, and each image's place: 1.25 is a
        quarter of the way from the second seed to the third.

    Raises:
        BadInput: Fewer than two seeds, no step, too many images, an unknown space, or as
            ``sample``.
    """
    if space not in SPACES:
        raise BadInput(f"There is no latent space '{space}'.", hint=did_you_mean(space, SPACES))
    if len(seeds) < 2 or steps < 1:
        raise BadInput(
            f"{len(seeds)} seeds and {steps} steps were given; at least two seeds and one step "
            "were expected.",
            hint="Try --seeds 0,1 --steps 8.",
        )
    _check_count((len(seeds) - 1) * steps + 1, len(seeds), steps)
    settings = drawing(generator, truncation=truncation, label=label)
    places = [(leg, step / steps) for leg in range(len(seeds) - 1) for step in range(steps)]
    places.append((len(seeds) - 2, 1.0))
    network, device = generator.network, generator.device
    if space == "w":
        ends = _ws_of(generator, seeds, settings)
        ws = torch.stack([ends[leg].lerp(ends[leg + 1], t) for leg, t in places])
    else:
        z = latents(seeds, network.z_dim)
        between = torch.stack([slerp(z[leg], z[leg + 1], t) for leg, t in places])
        ws = map_latents(network, between, settings, device=device)
    return draw_styles(network, ws, device=device), [leg + t for leg, t in places]


def _ws_of(generator: LoadedGenerator, seeds: Sequence[int], settings: Drawing) -> Tensor:
    z = latents(seeds, generator.network.z_dim)
    return map_latents(generator.network, z, settings, device=generator.device)


def _check_count(images: int, *sides: int) -> None:
    if min(sides) < 1:
        raise BadInput("Nothing was asked for; at least one seed and one column were expected.")
    if images > MAX_IMAGES:
        raise BadInput(
            f"{images:,} images were asked for in one picture; at most {MAX_IMAGES:,} fit.",
            hint="Use fewer seeds or steps; many images are drawn with mammo-synth generator "
            "sample.",
        )
