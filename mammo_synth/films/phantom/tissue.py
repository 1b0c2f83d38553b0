"""The breast as a substance: fat, glandular tissue, ligaments and vessels, as attenuation.

Attenuation is in units of the full compressed thickness of fat. Glandular tissue attenuates about
1.75 times as much as fat near 20 keV (Johns & Yaffe 1987, Phys Med Biol 32:675).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .anatomy import Shape
from .patients import BREAST, DENSITIES, PATIENT, TEXTURE, VIEW, VIEWS, stream
from .texture import Field, Strokes, power_law, ridges, sample, smoothstep

GLAND = 0.62  # what a beam through gland alone adds to fat (0.75 less the fat in front and behind)


@dataclass(frozen=True)
class Pattern:
    """The patient's parenchyma: how much of it, where it lies and how it is woven."""

    fill: float  # share of gland in the middle of the glandular region
    length: float  # of the region along the nipple axis, film heights
    breadth: float  # half its width
    rim: float  # subcutaneous fat between skin and gland
    smooth: float  # weights of three kinds of parenchyma: confluent,
    strand: float  # stranded toward the nipple,
    lace: float  # and lacy with fat lobules
    stroma: float  # contrast of thin lines in fat
    vessels: int
    shift: float  # of the region across the axis


def make_pattern(seed: int, patient: int, density: str, laterality: str, shape: Shape) -> Pattern:
    """Draw the pattern: the patient's, with small differences between breasts and views."""
    rank = DENSITIES.index(density)
    side = "LR".index(laterality)
    woman = stream(seed, patient, PATIENT, 1)
    w = woman.normal(0.0, 1.0, 8)
    mix = woman.dirichlet([1.3, 1.3, 0.9])
    breast = stream(seed, patient, BREAST, side, 1).normal(0.0, 1.0, 4)
    v = stream(seed, patient, VIEW, side, VIEWS.index(shape.view), 1).normal(0.0, 1.0, 4)
    across = shape.nipple[0]
    tall = shape.fold - shape.centre
    fill = (0.28, 0.48, 0.70, 0.90)[rank] + 0.06 * w[0] + 0.02 * breast[0]
    length = across * ((0.60, 0.70, 0.78, 0.92)[rank] + 0.07 * w[1] + 0.03 * v[0])
    breadth = tall * ((0.50, 0.58, 0.68, 0.86)[rank] + 0.08 * w[2] + 0.03 * breast[1])
    return Pattern(
        fill=float(np.clip(fill, 0.12, 1.05)),
        length=float(max(0.12, length)),
        breadth=float(max(0.08, breadth)),
        rim=float(np.clip((0.085, 0.075, 0.060, 0.035)[rank] + 0.012 * w[3], 0.012, 0.10)),
        smooth=float(mix[0]),
        strand=float(mix[1]),
        lace=float(mix[2]),
        stroma=float(np.clip(0.075 + 0.022 * w[4], 0.03, 0.14)),
        vessels=int(np.clip(round(3.0 - 0.4 * rank + 1.3 * w[5]), 0, 7)),
        shift=float(0.04 * w[6] + 0.015 * breast[2] + 0.015 * v[1]),
    )


@dataclass(frozen=True)
class Weave:
    """Normalised coordinates of a film and the fields that bend them; all [H, W]."""

    across: Field
    down: Field
    along: Field  # distance from the nipple along its axis
    aside: Field  # distance from the axis
    fan_s: Field  # coordinates in which fibres run straight: across the fibres
    fan_t: Field  # along the fibres
    bend: Field  # a slow field, about 1 in size
    size: int  # of the fields, px
    key: tuple[int, ...]

    def field(self, number: int, beta: float, low: float = 1.0, high: float = 512.0) -> Field:
        """An isotropic power-law field of this film, [H, W]."""
        whole = power_law((*self.key, number), self.size, beta, low, high)
        return whole[:, : self.across.shape[1]]

    def fibres(self, number: int, beta: float, low: float, high: float, draw: float = 1.0) -> Field:
        """A power-law field drawn out toward the nipple, [H, W]."""
        whole = power_law((*self.key, number), self.size, beta, low, high)
        return sample(whole, self.fan_s, self.fan_t * np.float32(1.0 / draw))


def make_weave(
    seed: int, patient: int, laterality: str, shape: Shape, across: Field, down: Field
) -> Weave:
    """Lay the fan of fibres: straight from the chest wall, converging on the nipple."""
    side = "LR".index(laterality)
    key = (seed, patient, TEXTURE, side, VIEWS.index(shape.view))
    size = across.shape[0]
    one, two = (power_law((*key, n), size, 2.6, 1.0, 6.0)[:, : across.shape[1]] for n in (0, 1))
    x, y = across - np.float32(shape.nipple[0]), down - np.float32(shape.nipple[1])
    ax, ay = shape.axis
    along = x * np.float32(ax) + y * np.float32(ay)
    aside = x * np.float32(-ay) + y * np.float32(ax)
    reach = np.maximum(along, 0.0) + np.float32(0.19)
    fan_s = aside * (np.float32(0.40) / reach) + np.float32(0.024) * one
    fan_t = np.hypot(along, aside) * np.float32(0.42) + np.float32(0.016) * two
    return Weave(across, down, along, aside, fan_s, fan_t, one, size, key)


def gland_region(pattern: Pattern, weave: Weave, inside: Field, muscle: Field) -> Field:
    """How far inside the glandular region each place lies: above 0 inside, about 1 in its middle.

    The region is an egg behind the nipple, narrow in front, with a border broken by slow noise.
    """
    half = pattern.length / 2.0
    forward = (weave.along - np.float32(half + 0.012)) / np.float32(half)
    widen = 0.50 + 0.50 * smoothstep(weave.along, 0.0, 0.8 * pattern.length)
    broad = pattern.breadth * widen
    sideways = (weave.aside + np.float32(pattern.shift)) / broad
    egg = 1.0 - np.sqrt(forward**2 + sideways**2)
    rough = 0.34 * weave.field(2, 3.4, 1.5, 90.0) + 0.12 * weave.fibres(3, 3.2, 2.0, 128.0)
    # Subcutaneous fat all around, but ducts reach the nipple.
    duct = np.exp(-0.5 * (weave.aside / 0.035) ** 2) * (1.0 - smoothstep(weave.along, 0.06, 0.16))
    free = (inside - pattern.rim * (1.0 + 0.22 * weave.bend)) / np.float32(0.07) - 0.2
    return np.asarray(np.minimum(egg + rough, free + 0.5 * duct + 0.3 * rough), np.float32)


def gland_share(pattern: Pattern, weave: Weave, region: Field) -> Field:
    """Share of glandular tissue along the beam, 0 to about 1.1."""
    cloud = weave.field(4, 3.2, 2.0)
    fibre = weave.fibres(5, 3.0, 2.0, 256.0, 1.2)
    broken = np.clip(0.5 + 0.7 * weave.field(14, 2.2, 3.0, 40.0), 0.0, 1.5)
    strands = ridges(weave.fibres(6, 2.4, 3.0, 30.0, 1.2), 0.0034) * broken
    strands += 0.7 * ridges(weave.fibres(7, 2.2, 5.0, 48.0, 1.5), 0.0022)
    lobules = 0.8 - np.abs(weave.field(8, 2.2, 6.0, 60.0))
    soft = smoothstep(region, -0.36, 0.60)
    body = (
        (0.58 + 0.16 * pattern.smooth)
        + 0.17 * cloud
        + (0.04 + 0.08 * pattern.strand) * fibre
        + (0.05 + 0.12 * pattern.strand) * (strands - 0.25)
        + (0.02 + 0.11 * pattern.lace) * lobules
    )
    share = pattern.fill * soft * np.maximum(body, 0.05)
    # Strands run on beyond the border into fat.
    loose = smoothstep(region, -0.75, -0.05) * (0.5 + 0.5 * pattern.strand)
    share += (0.04 + 0.09 * pattern.fill) * loose * np.maximum(strands - 0.1, 0.0)
    return np.asarray(np.clip(share, 0.0, 1.15), dtype=np.float32)


def fat_share(pattern: Pattern, weave: Weave) -> Field:
    """What fat and its fine stroma add to or take from 1."""
    base = 0.045 * weave.field(9, 3.0, 1.0) + 0.035 * weave.fibres(10, 2.8, 2.0, 256.0, 1.6)
    web = ridges(weave.fibres(11, 2.2, 4.0, 40.0, 2.4), 0.0018)
    weight = np.clip(0.35 + 0.6 * weave.field(12, 2.4, 2.0, 20.0), 0.0, 1.6)
    return np.asarray(base + 0.6 * pattern.stroma * weight * web, dtype=np.float32)


def draw_stroma(
    strokes: Strokes, seed: int, patient: int, laterality: str, shape: Shape, pattern: Pattern
) -> None:
    """Cooper's ligaments and other thin septa: hairs that lean toward the nipple, barely bowed."""
    rng = stream(seed, patient, VIEW, "LR".index(laterality), VIEWS.index(shape.view), 4)
    for count, width, share in ((480, 0.0008, 0.42), (190, 0.0013, 0.36), (14, 0.0022, 0.36)):
        x = shape.nipple[0] * rng.uniform(-0.1, 1.0, count)
        y = shape.centre + (shape.fold - shape.centre) * rng.uniform(-1.6, 1.0, count)
        ahead = np.arctan2(shape.nipple[1] - y, shape.nipple[0] + 0.18 - x)
        heading = ahead + rng.standard_t(3.0, count) * 0.34
        length = np.clip(rng.lognormal(-2.75, 0.5, count), 0.015, 0.25)
        contrast = share * pattern.stroma * rng.gamma(2.0, 0.5, count)
        bow = rng.normal(0.0, 0.6, count)
        strokes.fibres(x, y, heading, bow, length, contrast, width)


def draw_incidentals(
    strokes: Strokes, seed: int, patient: int, laterality: str, shape: Shape
) -> None:
    """What any breast may hold, whatever its finding: summation shadows and a few round specks.

    Overlapping tissue makes densities without a lesion, and single round calcifications are
    everyday. They keep brightness alone from giving the finding away.
    """
    rng = stream(seed, patient, VIEW, "LR".index(laterality), VIEWS.index(shape.view), 5)
    for width in (0.009, 0.013, 0.018):
        count = int(rng.poisson(1.0))
        at = _anywhere(rng, shape, count)
        contrast = np.minimum(rng.gamma(2.5, 0.055, count), 0.30)
        lean = rng.uniform(0.0, math.pi, count)
        for part in (-0.9, 0.0, 0.9):  # three overlapping bells make an oval
            x = at[0] + part * width * np.cos(lean)
            y = at[1] + part * width * np.sin(lean)
            strokes.specks(x, y, contrast / 2.2 * (2.0 * math.pi * width**2), width)
    count = int(rng.geometric(0.28)) if rng.random() < 0.55 else 0
    at = _anywhere(rng, shape, count)
    radius = 0.0018 * np.exp(rng.normal(0.0, 0.25, count))
    strokes.specks(at[0], at[1], 0.9 * math.pi * radius**2, 0.0012)


def _anywhere(
    rng: np.random.Generator, shape: Shape, count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points spread over the breast."""
    turn, far = rng.uniform(-1.2, 1.2, count), np.sqrt(rng.uniform(0.02, 0.72, count))
    tall = shape.fold - shape.centre
    return far * shape.nipple[0] * np.cos(turn), shape.centre + far * tall * np.sin(turn)


def draw_vessels(
    strokes: Strokes, seed: int, patient: int, laterality: str, shape: Shape, pattern: Pattern
) -> None:
    """Tapering vessels that run from the chest wall toward the nipple and branch once or twice."""
    side = "LR".index(laterality)
    rng = stream(seed, patient, VIEW, side, VIEWS.index(shape.view), 2)
    for _ in range(pattern.vessels):
        start = rng.normal(0.0, 0.5) * (shape.fold - shape.centre)
        y = shape.nipple[1] + shape.axis[1] * shape.nipple[0] * 0.7 + start
        aim = math.atan2(shape.nipple[1] - y, shape.nipple[0]) * 0.6
        _vessel(strokes, rng, (0.02, y), aim, 0.55 * shape.nipple[0], 0.10, 0)


def _vessel(
    strokes: Strokes,
    rng: np.random.Generator,
    start: tuple[float, float],
    aim: float,
    length: float,
    contrast: float,
    order: int,
) -> None:
    steps = max(4, int(length / 0.012))
    turns = np.cumsum(rng.normal(0.0, 0.10, steps) - 0.0)
    heading = aim + turns - 0.25 * turns
    across = start[0] + np.concatenate([[0.0], np.cumsum(np.cos(heading))]) * length / steps
    down = start[1] + np.concatenate([[0.0], np.cumsum(np.sin(heading))]) * length / steps
    taper = contrast * (1.0 - 0.75 * np.linspace(0.0, 1.0, steps + 1))
    strokes.curve(across, down, taper, 0.0022 if order == 0 else 0.0015)
    if order < 2:
        for _ in range(int(rng.integers(0, 3))):
            at = int(rng.integers(steps // 3, steps))
            swerve = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.25, 0.7))
            begin = (float(across[at]), float(down[at]))
            child = float(taper[at]) * 0.8
            _vessel(
                strokes, rng, begin, float(heading[at]) + swerve, 0.45 * length, child, order + 1
            )
