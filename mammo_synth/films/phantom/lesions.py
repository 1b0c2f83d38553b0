"""Findings: circumscribed masses, spiculated masses and clusters of microcalcifications.

A lesion belongs to a breast: its kind, size and depth behind the nipple are the same in both
views. Its contrast, in units of attenuation, is proportional to the conspicuity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .anatomy import Shape, depth, pectoral
from .patients import LESION, LESION_VIEW, VIEWS, stream
from .texture import Field, Strokes, power_law

KINDS = ("circumscribed mass", "spiculated mass", "calcifications")


@dataclass(frozen=True)
class Lesion:
    """A lesion on a film. Centre and radius in px of the film (x to the right, y down).

    contrast: peak attenuation a mass adds, or of a typical speck; 1 is the whole breast's fat.
    """

    kind: str
    finding: str
    centre_x: float
    centre_y: float
    radius: float
    contrast: float


@dataclass(frozen=True)
class _Plan:
    """A lesion in its breast, before it is projected; lengths in film heights."""

    kind: str
    finding: str
    radius: float
    contrast: float
    behind: float  # share of the way from the nipple to the chest wall
    number: int


def plan_lesions(seed: int, patient: int, laterality: str, finding: str) -> tuple[_Plan, ...]:
    """The lesions of one breast; none where the finding is normal.

    Four in five malignant breasts hold a spiculated mass and just under half hold calcifications
    (a quarter hold both). A benign one holds a circumscribed mass or a few round specks.
    """
    if finding == "normal":
        return ()
    side = "LR".index(laterality)
    rng = stream(seed, patient, LESION, side)
    behind = float(rng.uniform(0.22, 0.78))
    size = float(np.exp(rng.normal(0.0, 0.22)))
    strength = float(np.exp(rng.normal(0.0, 0.18)))
    draw = float(rng.random())
    if finding == "benign":
        if draw < 0.65:
            return (_Plan(KINDS[0], finding, 0.036 * size, 0.20 * strength, behind, 0),)
        return (_Plan(KINDS[2], finding, 0.030 * size, 0.85 * strength, behind, 0),)
    mass = _Plan(KINDS[1], finding, 0.034 * size, 0.28 * strength, behind, 0)
    specks = _Plan(KINDS[2], finding, 0.032 * size, 0.70 * strength, behind, 1)
    if draw < 0.55:
        return (mass,)
    return (mass, specks) if draw < 0.8 else (specks,)


def place(
    plan: _Plan, seed: int, patient: int, laterality: str, shape: Shape
) -> tuple[float, float]:
    """Where the lesion falls on this view: (across, down), inside the breast, off the muscle."""
    rng = stream(seed, patient, LESION_VIEW, "LR".index(laterality), VIEWS.index(shape.view))
    sideways = float(rng.normal(0.0, 0.42))
    tall = shape.fold - shape.centre
    x = shape.nipple[0] * (1.0 - plan.behind)
    y = shape.nipple[1] + shape.axis[1] * shape.nipple[0] * plan.behind * 0.8
    y += float(np.clip(sideways, -0.8, 0.8)) * tall * (0.35 + 0.5 * plan.behind)
    home = (0.5 * shape.nipple[0], shape.nipple[1])
    margin = plan.radius + 0.35 * shape.edge
    for step in range(21):
        share = step / 20.0
        at = (x + share * (home[0] - x), y + share * (home[1] - y))
        px, py = (np.full((1, 1), value, dtype=np.float32) for value in at)
        clear = float(depth(shape, px, py)[0, 0]) > margin
        muscle = float(pectoral(shape, px - plan.radius, py, np.zeros_like(px))[0, 0])
        if clear and muscle <= 0.0 and at[0] > plan.radius:
            return at
    return home


def draw_lesion(
    plan: _Plan,
    at: tuple[float, float],
    key: tuple[int, ...],
    across: Field,
    down: Field,
    strokes: Strokes,
    conspicuity: float,
) -> Field | None:
    """Attenuation a mass adds, [H, W], or None; spicules and specks go to the strokes."""
    rng = stream(*key, plan.number)
    contrast = plan.contrast * conspicuity
    if plan.kind == KINDS[2] and plan.finding == "benign":
        _specks(plan, at, rng, strokes, contrast)
        return None
    size = across.shape[0]
    reach = 2.2 * plan.radius
    rows = slice(max(0, int((at[1] - reach) * size)), int((at[1] + reach) * size) + 2)
    columns = slice(max(0, int((at[0] - reach) * size)), int((at[0] + reach) * size) + 2)
    x, y = across[rows, columns] - at[0], down[rows, columns] - at[1]
    turn = np.arctan2(y, x)
    border = np.ones_like(x)
    rough, orders = (0.34, 9) if plan.kind == KINDS[1] else (0.06, 5)
    for order in range(2, orders):
        swing, phase = rng.normal(), rng.uniform(0.0, 2.0 * math.pi)
        border += np.float32(rough * swing / order) * np.cos(order * turn + np.float32(phase))
    stretch, lean = float(rng.uniform(0.72, 1.0)), float(rng.uniform(0.0, math.pi))
    p = x * math.cos(lean) + y * math.sin(lean)
    q = y * math.cos(lean) - x * math.sin(lean)
    distance = np.hypot(p * stretch, q / stretch) / (plan.radius * np.maximum(border, 0.4))
    mass = np.zeros_like(across)
    if plan.kind == KINDS[0]:
        body = np.sqrt(np.maximum(1.0 - distance**2, 0.0))
        halo = np.exp(-0.5 * ((distance - 1.12) / 0.07) ** 2)
        mass[rows, columns] = contrast * (0.12 * (body > 0) + 0.88 * body - 0.05 * halo)
        return mass
    grain = power_law((*key, 9), size, 2.6, 6.0, 128.0)[rows, columns]
    body = np.exp(-((distance / 0.80) ** 2)) * (1.0 + 0.25 * grain)
    if plan.kind == KINDS[2]:  # specks often stand in a faint density
        mass[rows, columns] = 0.10 * contrast * body
        _specks(plan, at, rng, strokes, contrast)
        return mass
    mass[rows, columns] = contrast * body
    _spicules(plan, at, rng, strokes, contrast)
    return mass


def _spicules(
    plan: _Plan,
    at: tuple[float, float],
    rng: np.random.Generator,
    strokes: Strokes,
    contrast: float,
) -> None:
    """Strands that leave the mass in all directions, few strong and many faint ones, bowed."""
    for turn in rng.uniform(0.0, 2.0 * math.pi, int(rng.integers(16, 32))):
        length = plan.radius * float(1.0 + min(rng.gamma(2.0, 0.40), 2.2))
        bow = rng.normal(0.0, 0.4)
        along = np.linspace(0.30, 1.0, 10)
        heading = turn + bow * along
        x, y = at[0] + length * along * np.cos(heading), at[1] + length * along * np.sin(heading)
        level = contrast * min(float(rng.gamma(1.6, 0.17)), 0.8) * (1.0 - along**2)
        strokes.curve(x, y, level, float(rng.choice([0.0010, 0.0016, 0.0024])))


def _specks(
    plan: _Plan,
    at: tuple[float, float],
    rng: np.random.Generator,
    strokes: Strokes,
    contrast: float,
) -> None:
    """Benign: few, round, alike, scattered. Malignant: many, uneven, in a tight irregular patch."""
    if plan.finding == "benign":
        count = int(rng.integers(4, 9))
        radius = 0.0022 * np.exp(rng.normal(0.0, 0.08, count))
        spread = 0.62 * plan.radius
    else:
        count = int(rng.integers(16, 40))
        radius = 0.0014 * np.exp(rng.normal(0.0, 0.36, count))
        spread = 0.52 * plan.radius
    lean, flat = float(rng.uniform(0.0, math.pi)), float(rng.uniform(0.5, 1.0))
    p, q = np.clip(rng.normal(0.0, 1.0, (2, count)), -2.0, 2.0) * spread
    q = q * flat
    x = at[0] + p * math.cos(lean) - q * math.sin(lean)
    y = at[1] + p * math.sin(lean) + q * math.cos(lean)
    width = 0.0011
    if plan.finding == "benign":
        strokes.specks(x, y, contrast * math.pi * radius**2, 0.0013)
        return
    for n in range(count):  # rods and commas, pointing anywhere
        long = float(radius[n] * rng.uniform(0.2, 2.2))
        turn = float(rng.uniform(0.0, 2.0 * math.pi))
        bits = np.linspace(-0.5, 0.5, 5)
        share = np.full(5, contrast * rng.uniform(0.5, 1.2) * math.pi * float(radius[n]) ** 2 / 5.0)
        cx, cy = long * bits * math.cos(turn), long * bits * math.sin(turn)
        strokes.specks(x[n] + cx, y[n] + cy, share, width)
