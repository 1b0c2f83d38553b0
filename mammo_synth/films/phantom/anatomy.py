"""The breast as a shape: outline, thickness under compression, skin, nipple, pectoral muscle.

Coordinates are in film heights: `across` is the distance from the chest wall edge (0 to 0.8),
`down` the distance from the upper film edge (0 to 1). Laterality is a mirror, applied at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from .patients import BREAST, PATIENT, VIEW, VIEWS, stream
from .texture import Field, smoothstep

Vector = npt.NDArray[np.float64]
ANGLES = np.linspace(-math.pi / 2, math.pi / 2, 361)
COARSE = 40  # px per film height of the grid on which distance from the skin is kept
MARGIN = 3  # px of that grid beyond the film


@dataclass(frozen=True)
class Shape:
    """The shape of one breast in one view. Lengths in film heights, angles in radians."""

    view: str
    centre: float  # down coordinate of the point the outline is seen from
    skin_distance: Vector  # from the skin, positive inside; cubic spline coefficients
    bump: float  # how far the nipple stands out; below 0 where it is not in profile
    nipple: tuple[float, float]  # across, down
    axis: tuple[float, float]  # unit vector from the nipple into the breast
    edge: float  # width of the zone in which thickness falls off toward the skin
    skin: float  # thickness of the skin
    pectoral_across: float  # width of the muscle at the upper edge (MLO), or of the sliver (CC)
    pectoral_down: float  # where the muscle meets the chest wall edge
    pectoral_bend: float  # > 1 bulges toward the nipple
    pectoral_soft: float  # width of its border
    fold: float  # down coordinate of the inframammary fold


def _outline_mlo(
    size: float, tall: float, rng: np.random.Generator
) -> tuple[Vector, tuple[float, float], float]:
    jitter = rng.normal(0.0, 1.0, 8)
    across = float(np.clip(size, 0.30, 0.72))
    down = float(np.clip(0.60 + 0.035 * jitter[0], 0.50, 0.68))
    drop = max(tall + 0.02, 0.74 * across) + 0.03 * jitter[1]
    low = float(np.clip(down + drop, down + 0.2, 0.985))
    top = float(np.clip(0.30 + 0.35 * (across - 0.45) + 0.05 * jitter[2], 0.2, across * 0.86))
    waist = top + (across - top) * float(np.clip(0.32 + 0.12 * jitter[3], 0.05, 0.6))
    upper = top + (across - top) * float(np.clip(0.83 + 0.05 * jitter[4], 0.70, 0.93))
    points = np.array(
        [
            (top, -0.22),
            (top, -0.09),
            (top + 0.15 * (waist - top), 0.05 + 0.01 * jitter[5]),
            (waist, 0.40 * down),
            (upper, 0.70 * down),
            (across, down),
            (across * (0.935 + 0.02 * jitter[6]), down + 0.40 * (low - down)),
            (across * (0.68 + 0.03 * jitter[7]), down + 0.79 * (low - down)),
            (across * 0.28, low),
            (-0.06, low + 0.012),
        ]
    )
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    curve = CubicSpline(along, points)(np.linspace(0.0, along[-1], 500))
    # Straight on above the film, so that the skin there is as far away as it is below the edge.
    above = np.stack([np.full(40, curve[0, 0]), np.linspace(-9.0, -0.24, 40)], axis=1)
    curve = np.concatenate([above, curve])
    return curve, (across, down), low


def _outline_cc(
    size: float, tall: float, rng: np.random.Generator
) -> tuple[Vector, tuple[float, float], float]:
    jitter = rng.normal(0.0, 1.0, 6)
    down = 0.5 + 0.025 * float(jitter[0])
    half = float(np.clip(1.05 * tall + 0.07 + 0.02 * jitter[1], max(0.25, 0.66 * size), 0.45))
    angle = np.linspace(-math.pi / 2 - 0.12, math.pi / 2 + 0.12, 500)
    power = float(np.clip(0.88 + 0.06 * jitter[2], 0.78, 1.02))
    cosine = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    wobble = 1.0 + 0.012 * jitter[3] * np.sin(2 * angle) + 0.01 * jitter[4] * np.sin(3 * angle)
    lateral = np.where(angle < 0, 1.0 + 0.05 * jitter[5], 1.0 - 0.05 * jitter[5])
    across = size * cosine * wobble
    curve = np.stack([across, down + half * lateral * np.sin(angle) * wobble], axis=1)
    return curve, (size, down), down + half


def make_shape(seed: int, patient: int, view: str, laterality: str) -> Shape:
    """Draw the shape. The patient fixes size and build; breast and view add small differences."""
    side = "LR".index(laterality)
    woman = stream(seed, patient, PATIENT, 0).normal(0.0, 1.0, 8)
    breast = stream(seed, patient, BREAST, side, 0).normal(0.0, 1.0, 4)
    rng = stream(seed, patient, VIEW, side, VIEWS.index(view), 0)
    size = float(np.clip(0.475 + 0.065 * woman[0] + 0.012 * breast[0], 0.35, 0.64))
    tall = 0.315 + 0.03 * woman[0] + 0.025 * woman[1] + 0.008 * breast[1]
    if view == "MLO":
        curve, nipple, fold = _outline_mlo(size, tall, rng)
    else:
        across = float(np.clip(0.92 * size + 0.02 * rng.normal(), 0.25, 0.66))
        curve, nipple, fold = _outline_cc(across, tall, rng)
    centre = nipple[1]
    angle = np.arctan2(curve[:, 1] - centre, curve[:, 0])
    radius = np.interp(
        ANGLES, np.maximum.accumulate(angle), np.hypot(curve[:, 0], curve[:, 1] - centre)
    )
    rough = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
    wave = np.convolve(rng.normal(0.0, 1.0, ANGLES.size + 24), rough / rough.sum(), "valid")
    radius = radius * (1.0 + 0.004 * wave)
    # In about a quarter of films the nipple is not in profile and makes no bump.
    bump = min(0.016, 0.006 + 0.006 * rng.normal() + 0.003 * woman[2])
    turn = rng.normal(0.0, 0.04)
    tip = float(np.interp(turn, ANGLES, radius))
    nipple = (tip * math.cos(turn), centre + tip * math.sin(turn))
    tilt = 0.36 + 0.10 * rng.normal() if view == "MLO" else 0.10 * rng.normal()
    edge = float(np.clip(0.093 + 0.016 * woman[4] + 0.008 * rng.normal(), 0.05, 0.13))
    if view == "MLO":
        muscle_across = float(np.clip(0.215 + 0.045 * rng.normal() + 0.02 * woman[5], 0.09, 0.32))
        muscle_across = min(muscle_across, 0.62 * float(np.interp(0.0, curve[:, 1], curve[:, 0])))
        muscle_down = float(np.clip(0.52 + 0.09 * rng.normal(), 0.28, 0.75))
    else:
        seen = rng.random() < 0.25
        muscle_across = float(0.012 + 0.012 * rng.random()) if seen else 0.0
        muscle_down = centre + 0.05 * float(rng.normal())
    return Shape(
        view=view,
        centre=centre,
        skin_distance=_distances(centre, radius),
        bump=bump,
        nipple=nipple,
        axis=(-math.cos(tilt), -math.sin(tilt)),
        edge=edge,
        skin=float(np.clip(0.0068 + 0.001 * woman[6], 0.004, 0.01)),
        pectoral_across=muscle_across,
        pectoral_down=muscle_down,
        pectoral_bend=float(np.clip(1.18 + 0.14 * rng.normal(), 0.85, 1.5)),
        pectoral_soft=float(np.clip(0.016 + 0.006 * rng.normal(), 0.006, 0.03)),
        fold=fold,
    )


def _distances(centre: float, radius: Vector) -> Vector:
    """Signed distance from the skin on the coarse grid, as cubic spline coefficients."""
    fine = np.linspace(-math.pi / 2, math.pi / 2, 900)
    far = np.interp(fine, ANGLES, radius)
    skin = np.stack([far * np.cos(fine), centre + far * np.sin(fine)], axis=1)[far < 1.5]
    steps = (np.arange(-MARGIN, COARSE + MARGIN) + 0.5) / COARSE
    down, across = np.meshgrid(steps, steps[: int(0.8 * COARSE) + 2 * MARGIN], indexing="ij")
    distance, _ = cKDTree(skin).query(np.stack([across, down], axis=-1))
    away = down - centre
    border = np.interp(np.arctan2(away, np.maximum(across, 1e-9)), ANGLES, radius)
    signed = np.where(np.hypot(across, away) < border, distance, -distance)
    return np.asarray(ndimage.spline_filter(signed, order=3), dtype=np.float64)


def depth(shape: Shape, across: Field, down: Field) -> Field:
    """Distance from the skin in film heights, positive inside the breast."""
    at = np.stack([down, across]) * COARSE + (MARGIN - 0.5)
    body = ndimage.map_coordinates(
        shape.skin_distance, at, order=3, mode="nearest", prefilter=False, output=np.float32
    )
    if shape.bump <= 0.0:
        return np.asarray(body, dtype=np.float32)
    x, y = across - np.float32(shape.nipple[0] - 0.010), down - np.float32(shape.nipple[1])
    tip = np.float32(0.011 + shape.bump) - np.hypot(x, 0.8 * y)
    # A smooth union of the two, so that the nipple grows out of the skin.
    blend = np.clip(0.5 + (body - tip) / np.float32(0.02), 0.0, 1.0)
    union = tip + (body - tip) * blend + 0.01 * blend * (1.0 - blend)
    return np.asarray(np.where(tip < -0.03, body, union), dtype=np.float32)


def thickness(shape: Shape, inside: Field) -> Field:
    """Thickness of the compressed breast, 0 to 1: flat inside, a rounded edge toward the skin."""
    fall = np.clip(inside / np.float32(shape.edge), 0.0, 1.0)
    return np.asarray((1.0 - (1.0 - fall) ** 2) ** 0.85, dtype=np.float32)


def pectoral(shape: Shape, across: Field, down: Field, ripple: Field) -> Field:
    """Share of the muscle in the beam, 0 to 1: a soft convex triangle (MLO) or a sliver (CC)."""
    if shape.pectoral_across <= 0.0:
        return np.zeros_like(across)
    if shape.view == "MLO":
        fraction = np.clip(down / np.float32(shape.pectoral_down), 0.0, 2.0)
        border = shape.pectoral_across * (1.0 - fraction**shape.pectoral_bend)
    else:
        offset = (down - np.float32(shape.pectoral_down)) / np.float32(0.16)
        border = shape.pectoral_across * (1.0 - offset**2)
    inside = border + 0.006 * ripple - across
    # The muscle grows thicker away from its border.
    body = 0.62 + 0.38 * smoothstep(inside, 0.0, 0.16)
    soft = shape.pectoral_soft
    return np.asarray(smoothstep(inside, -soft, 1.6 * soft) * body, dtype=np.float32)
