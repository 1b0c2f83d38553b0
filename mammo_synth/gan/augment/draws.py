"""The random part of the augmentations: one set of numbers per image, drawn from a generator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .settings import AugmentSettings

BANDS = 4


@dataclass(frozen=True)
class Draws:
    """What is done to each of N images; ``None`` where a transform is disabled.

    Neutral values leave an image alone, so an image that was not chosen has them.
    """

    xflip: Tensor | None = None  # [N] 0 or 1
    rotate90: Tensor | None = None  # [N] quarter turns 0..3
    xint: Tensor | None = None  # [N, 2] x and y, fraction of the size; rounded to pixels
    scale: Tensor | None = None  # [N] factor
    rotate_before: Tensor | None = None  # [N] radians, before the anisotropic scaling
    aniso: Tensor | None = None  # [N] factor of x; y gets its inverse
    rotate_after: Tensor | None = None  # [N] radians, after it
    xfrac: Tensor | None = None  # [N, 2] x and y, fraction of the size
    brightness: Tensor | None = None  # [N] added
    contrast: Tensor | None = None  # [N] factor
    lumaflip: Tensor | None = None  # [N] 0 or 1
    hue: Tensor | None = None  # [N] radians
    saturation: Tensor | None = None  # [N] factor
    imgfilter: Tensor | None = None  # [N, 4] gain of each band
    noise_sigma: Tensor | None = None  # [N]
    noise: Tensor | None = None  # [N, C, H, W] standard normal
    cutout: Tensor | None = None  # [N, 3] centre x, centre y (fractions), width (fraction; 0 none)

    @property
    def geometric(self) -> bool:
        """Whether any pixel moves."""
        moves = (
            self.xflip,
            self.rotate90,
            self.xint,
            self.scale,
            self.rotate_before,
            self.aniso,
            self.rotate_after,
            self.xfrac,
        )
        return any(move is not None for move in moves)


class _Dice:
    """Draws for a batch; every transform is applied with its own probability."""

    def __init__(self, batch: int, p: float, rng: torch.Generator | None, device: torch.device):
        self.batch, self.p, self.rng, self.device = batch, p, rng, device

    def uniform(self, *more: int) -> Tensor:
        return torch.rand([self.batch, *more], generator=self.rng, device=self.device)

    def normal(self, *more: int) -> Tensor:
        return torch.randn([self.batch, *more], generator=self.rng, device=self.device)

    def where(
        self, value: Tensor, neutral: float, multiplier: float, p: float | None = None
    ) -> Tensor:
        """``value`` where a die falls below ``multiplier * p``, else ``neutral``."""
        chance = multiplier * (self.p if p is None else p)
        chosen = self.uniform(*([1] * (value.ndim - 1))) < chance
        return torch.where(chosen, value, torch.full_like(value, neutral))


def draw(
    settings: AugmentSettings,
    shape: torch.Size | tuple[int, int, int, int],
    p: float,
    *,
    rng: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> Draws:
    """Draw for images of ``shape [N, C, H, W]`` with probability ``p`` per transform."""
    s = settings
    dice = _Dice(int(shape[0]), p, rng, torch.device(device))
    found: dict[str, Tensor] = {}
    if s.xflip:
        found["xflip"] = dice.where((dice.uniform() * 2).floor(), 0, s.xflip)
    if s.rotate90:
        found["rotate90"] = dice.where((dice.uniform() * 4).floor(), 0, s.rotate90)
    if s.xint:
        found["xint"] = dice.where((dice.uniform(2) * 2 - 1) * s.xint_max, 0, s.xint)
    if s.scale:
        found["scale"] = dice.where(torch.exp2(dice.normal() * s.scale_std), 1, s.scale)
    if s.rotate:
        # Two chances to rotate: together they rotate with probability p.
        each = 1 - math.sqrt(max(1 - min(max(s.rotate * p, 0.0), 1.0), 0.0))
        for name in ("rotate_before", "rotate_after"):
            angle = (dice.uniform() * 2 - 1) * math.pi * s.rotate_max
            found[name] = dice.where(angle, 0, 1.0, each)
    if s.aniso:
        found["aniso"] = dice.where(torch.exp2(dice.normal() * s.aniso_std), 1, s.aniso)
    if s.xfrac:
        found["xfrac"] = dice.where(dice.normal(2) * s.xfrac_std, 0, s.xfrac)
    _draw_colour(s, dice, int(shape[1]), found)
    if s.imgfilter:
        gains = torch.exp2(dice.normal(BANDS) * s.imgfilter_std)
        strength = torch.tensor(s.imgfilter_bands, device=dice.device) * s.imgfilter * p
        chosen = dice.uniform(BANDS) < strength
        found["imgfilter"] = torch.where(chosen, gains, torch.ones_like(gains))
    if s.noise:
        found["noise_sigma"] = dice.where(dice.normal().abs() * s.noise_std, 0, s.noise)
        found["noise"] = dice.normal(*[int(n) for n in shape[1:]])
    if s.cutout:
        width = dice.where(torch.full([dice.batch, 1], s.cutout_size).to(dice.device), 0, s.cutout)
        found["cutout"] = torch.cat([dice.uniform(2), width], dim=1)
    return Draws(**found)


def _draw_colour(s: AugmentSettings, dice: _Dice, channels: int, found: dict[str, Tensor]) -> None:
    if s.brightness:
        found["brightness"] = dice.where(dice.normal() * s.brightness_std, 0, s.brightness)
    if s.contrast:
        found["contrast"] = dice.where(torch.exp2(dice.normal() * s.contrast_std), 1, s.contrast)
    if s.lumaflip:
        found["lumaflip"] = dice.where((dice.uniform() * 2).floor(), 0, s.lumaflip)
    if channels == 1:
        return  # grey has no hue and no saturation
    if s.hue:
        angle = (dice.uniform() * 2 - 1) * math.pi * s.hue_max
        found["hue"] = dice.where(angle, 0, s.hue)
    if s.saturation:
        factor = torch.exp2(dice.normal() * s.saturation_std)
        found["saturation"] = dice.where(factor, 1, s.saturation)
