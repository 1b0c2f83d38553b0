"""The film: exposure, characteristic curve, grain, scanner, marker. `render_film` is the entry.

Convention: the unflipped film of a LEFT breast has the chest wall on the LEFT edge; films of the
right breast are its mirror image, with the chest wall on the right edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .anatomy import Shape, depth, make_shape, pectoral, thickness
from .lesions import Lesion, draw_lesion, place, plan_lesions
from .marker import draw_marker
from .patients import (
    FILM,
    LATERALITIES,
    LESION_VIEW,
    MAX_HEIGHT,
    PATIENT,
    TEXTURE,
    VIEW,
    VIEWS,
    PhantomSettings,
    check_choice,
    plan_patient,
    stream,
)
from .texture import Field, Strokes, power_law, smoothstep
from .tissue import (
    GLAND,
    Pattern,
    draw_incidentals,
    draw_stroma,
    draw_vessels,
    fat_share,
    gland_region,
    gland_share,
    make_pattern,
    make_weave,
)

MUSCLE = 0.50  # what a beam through the pectoral muscle adds to fat


@dataclass(frozen=True)
class PhantomFilm:
    """A simulated film: image uint8 [H, W] (0 black), and the truth about it.

    finding is that of this breast: the healthy breast of a cancer patient is normal.
    """

    image: npt.NDArray[np.uint8]
    finding: str
    density: str
    lesions: tuple[Lesion, ...]
    view: str
    laterality: str
    patient: int


@dataclass(frozen=True)
class _Exposure:
    """How the film was exposed, developed and scanned."""

    speed: float  # attenuation that gives mid grey
    slope: float  # of the characteristic curve there
    base: float  # grey of film that got the full exposure
    white: float  # grey of film that got none
    mottle: float  # noise of quanta and grain, in attenuation, per px at 1024
    scanner: float  # noise of the scanner, grey levels


def _grid(height: int, width: int) -> tuple[Field, Field]:
    across = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(height)
    down = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(height)
    return np.ascontiguousarray(np.broadcast_to(across, (height, width))), np.ascontiguousarray(
        np.broadcast_to(down[:, None], (height, width))
    )


def _expose(seed: int, patient: int, side: int, view: int, pattern: Pattern) -> _Exposure:
    woman = stream(seed, patient, PATIENT, 2).normal(0.0, 1.0, 3)
    rng = stream(seed, patient, VIEW, side, view, 3).normal(0.0, 1.0, 6)
    # Automatic exposure control: a dense breast gets more, so that its fat comes out darker.
    speed = 0.985 + 0.15 * (pattern.fill - 0.5) + 0.02 * woman[0] + 0.018 * rng[0]
    return _Exposure(
        speed=float(speed),
        slope=float(np.clip(4.2 + 0.35 * woman[1] + 0.2 * rng[1], 3.2, 5.5)),
        base=float(np.clip(7.0 + 2.5 * rng[2], 2.0, 16.0)),
        white=float(np.clip(232.0 + 5.0 * rng[3], 216.0, 246.0)),
        mottle=float(np.clip(0.016 + 0.003 * rng[4], 0.008, 0.026)),
        scanner=float(np.clip(1.2 + 0.3 * rng[5], 0.5, 2.2)),
    )


def characteristic(attenuation: Field, exposure: _Exposure) -> Field:
    """Grey of a digitised film after Hurter & Driffield: an S over the logarithm of exposure.

    The logarithm of exposure falls linearly with attenuation; optical density follows it in an S;
    film scanners give grey levels about linear in optical density (0 black, the densest film).
    """
    rise = 1.0 / (1.0 + np.exp(-exposure.slope * (attenuation - exposure.speed)))
    return np.asarray(exposure.base + (exposure.white - exposure.base) * rise, dtype=np.float32)


def _attenuation(
    seed: int,
    patient: int,
    laterality: str,
    shape: Shape,
    pattern: Pattern,
    inside: Field,
    across: Field,
    down: Field,
) -> tuple[Field, Field]:
    """Attenuation of the healthy breast and its thickness, both [H, W]."""
    weave = make_weave(seed, patient, laterality, shape, across, down)
    thick = thickness(shape, inside)
    muscle = pectoral(shape, across, down, weave.bend)
    gland = gland_share(pattern, weave, gland_region(pattern, weave, inside, muscle))
    tissue = 1.0 + (fat_share(pattern, weave) + GLAND * gland) * (1.0 - 0.75 * muscle)
    tissue += MUSCLE * muscle * (1.0 + 0.05 * weave.bend)
    strokes = Strokes(across.shape[0])
    draw_vessels(strokes, seed, patient, laterality, shape, pattern)
    draw_incidentals(strokes, seed, patient, laterality, shape)
    draw_stroma(strokes, seed, patient, laterality, shape, pattern)
    tissue += strokes.draw(*across.shape) * (1.0 - 0.6 * muscle)
    skin = smoothstep(inside, -0.0015, 0.0015) * (
        1.0 - smoothstep(inside, 0.7 * shape.skin, 1.5 * shape.skin)
    )
    tip = np.hypot(across - shape.nipple[0], down - shape.nipple[1])
    nipple = np.exp(-0.5 * (tip / 0.013) ** 2) * (inside > 0)
    return np.asarray(tissue * thick + 0.10 * skin + 0.11 * nipple, dtype=np.float32), thick


def render_film(
    seed: int, patient: int, view: str, laterality: str, settings: PhantomSettings | None = None
) -> PhantomFilm:
    """Render one film: the same bytes for the same arguments, in any order and any process.

    seed, patient: whole numbers from 0; view: CC or MLO; laterality: L or R. The image is
    [height, round(0.8 height)]; anatomy lies in film heights, so the same film at another height
    shows the same breast. Raises BadInput.
    """
    check_choice("view", view, VIEWS)
    check_choice("laterality", laterality, LATERALITIES)
    settings = settings or PhantomSettings()
    plan = plan_patient(seed, patient, settings)
    height, width = settings.height, settings.width
    side, number = LATERALITIES.index(laterality), VIEWS.index(view)
    across, down = _grid(height, width)
    shape = make_shape(seed, patient, view, laterality)
    pattern = make_pattern(seed, patient, plan.density, laterality, shape)
    inside = depth(shape, across, down)
    tissue, thick = _attenuation(seed, patient, laterality, shape, pattern, inside, across, down)
    finding = plan.finding(laterality)
    lesions, added = _lesions(
        seed, patient, view, laterality, finding, shape, across, down, settings.conspicuity
    )
    if added is not None:
        tissue += added * thick
    exposure = _expose(seed, patient, side, number, pattern)
    key = (seed, patient, TEXTURE, side, number, 20)
    noise = power_law(key, height, 0.0, 0.0)[:, :width]
    tissue += np.float32(exposure.mottle) * noise
    grey = characteristic(tissue, exposure)
    grey += _scan(seed, patient, side, number, exposure, across, down)
    draw_marker(grey, inside, seed, patient, view, laterality, settings.marker_share)
    image = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    if laterality == "R":
        image = np.ascontiguousarray(image[:, ::-1])
    return PhantomFilm(image, finding, plan.density, lesions, view, laterality, int(patient))


def _lesions(
    seed: int,
    patient: int,
    view: str,
    laterality: str,
    finding: str,
    shape: Shape,
    across: Field,
    down: Field,
    conspicuity: float,
) -> tuple[tuple[Lesion, ...], Field | None]:
    height, width = across.shape
    side, number = LATERALITIES.index(laterality), VIEWS.index(view)
    key = (seed, patient, LESION_VIEW, side, number, 1)
    out: list[Lesion] = []
    strokes = Strokes(height)
    added = np.zeros_like(across)
    for plan in plan_lesions(seed, patient, laterality, finding):
        at = place(plan, seed, patient, laterality, shape)
        x = at[0] * height
        out.append(
            Lesion(
                kind=plan.kind,
                finding=plan.finding,
                centre_x=x if laterality == "L" else width - x,
                centre_y=at[1] * height,
                radius=plan.radius * height,
                contrast=plan.contrast * conspicuity,
            )
        )
        if conspicuity > 0.0:
            mass = draw_lesion(plan, at, key, across, down, strokes, conspicuity)
            added = added if mass is None else added + mass
    if not out or conspicuity <= 0.0:
        return tuple(out), None
    return tuple(out), added + strokes.draw(height, width)


def _scan(
    seed: int, patient: int, side: int, view: int, exposure: _Exposure, across: Field, down: Field
) -> Field:
    """What developing and scanning add, grey levels: shading, dust, scratches, scanner noise."""
    rng = stream(seed, patient, FILM, side, view)
    height, width = across.shape
    lean = rng.normal(0.0, 2.0, 2)
    grey = lean[0] * (across - 0.4) + lean[1] * (down - 0.5)
    strokes = Strokes(height)
    count = int(rng.poisson(5.0))
    x, y = rng.uniform(0.0, 0.8, count), rng.uniform(0.0, 1.0, count)
    mass = rng.exponential(70.0, count) * 0.001**2 * 6.0
    strokes.specks(x, y, mass, 0.0008)
    for _ in range(int(rng.random() < 0.25)):
        start, turn = rng.uniform(0.0, 0.8, 2), rng.uniform(0.0, 6.3)
        long = rng.uniform(0.02, 0.15) * np.array([0.0, 1.0])
        strokes.curve(start[0] + long * np.cos(turn), start[1] + long * np.sin(turn), 25.0, 0.0006)
    grey = grey + strokes.draw(height, width)
    stripe = exposure.scanner * height / MAX_HEIGHT
    grey += rng.normal(0.0, 1.0, (height, 1)).astype(np.float32) * np.float32(0.5 * stripe)
    return np.asarray(grey, dtype=np.float32)
