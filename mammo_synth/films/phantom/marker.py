"""The lead marker: a bright plate with dark letters, or bright letters on black film."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .patients import LATERALITIES, MARKER, VIEWS, stream
from .texture import Field, smoothstep

# Strokes of the letters on a grid 4 wide and 6 high, as polylines of (x, y), y down.
GLYPHS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "L": (((0, 0), (0, 6), (4, 6)),),
    "R": (((0, 6), (0, 0), (3, 0), (4, 1), (4, 2), (3, 3), (0, 3)), ((2, 3), (4, 6))),
    "C": (((4, 1), (3, 0), (1, 0), (0, 1), (0, 5), (1, 6), (3, 6), (4, 5)),),
    "M": (((0, 6), (0, 0), (2, 3), (4, 0), (4, 6)),),
    "O": (((1, 0), (3, 0), (4, 1), (4, 5), (3, 6), (1, 6), (0, 5), (0, 1), (1, 0)),),
}
STEP = 5.8  # from letter to letter, grid units


def _letters(text: str, across: Field, down: Field, scale: float) -> Field:
    """1 on the strokes of the text, 0 elsewhere; across and down from its upper left corner."""
    x, y = across / np.float32(scale), down / np.float32(scale)
    nearest = np.full(across.shape, 9.0, dtype=np.float32)
    for place, letter in enumerate(text):
        for line in GLYPHS.get(letter, ()):
            for (x0, y0), (x1, y1) in pairwise(line):
                ax, ay = x - np.float32(x0 + STEP * place), y - np.float32(y0)
                dx, dy = x1 - x0, y1 - y0
                share = np.clip((ax * dx + ay * dy) / (dx * dx + dy * dy), 0.0, 1.0)
                nearest = np.minimum(nearest, np.hypot(ax - share * dx, ay - share * dy))
    return 1.0 - smoothstep(nearest, 0.30, 0.95)


def draw_marker(
    grey: Field,
    inside: Field,
    seed: int,
    patient: int,
    view: str,
    laterality: str,
    share: float,
) -> None:
    """Lay a marker on the film (chest wall on the left) in place; never over the breast.

    The marker stands by the edge away from the chest wall, on the axillary side. Whether there is
    one, and which, is drawn for the film alone: it says nothing about the finding.
    """
    side, number = LATERALITIES.index(laterality), VIEWS.index(view)
    rng = stream(seed, patient, MARKER, side, number)
    if rng.random() >= share:
        return
    plate = bool(rng.random() < 0.5)
    scale = float(rng.uniform(0.0045, 0.0075))
    lines = (laterality, view) if rng.random() < 0.5 else (f"{laterality} {view}",)
    height, width = grey.shape
    wide = scale * (STEP * max(len(line) for line in lines) - STEP + 4.0)
    tall = scale * (8.5 * len(lines) - 2.5)
    pad = 2.2 * scale
    left = 0.8 - wide - 2.0 * pad - float(rng.uniform(-0.3, 2.0)) * pad
    top = float(rng.uniform(-0.5, 4.0)) * pad + (0.04 if view == "CC" else 0.0)
    level = float(rng.uniform(200.0, 250.0))
    rows = slice(max(0, int(top * height) - 1), int((top + tall + 2 * pad) * height) + 2)
    columns = slice(max(0, int(left * height) - 1), width)
    part = grey[rows, columns]
    down, across = np.meshgrid(
        (np.arange(height, dtype=np.float32)[rows] + 0.5) / height - np.float32(top),
        (np.arange(width, dtype=np.float32)[columns] + 0.5) / height - np.float32(left),
        indexing="ij",
    )
    ink = np.zeros(part.shape, dtype=np.float32)
    for row, line in enumerate(lines):
        # The film of a right breast is mirrored at the end; its letters must not be.
        x = wide - (across - pad) if laterality == "R" else across - pad
        ink = np.maximum(ink, _letters(line, x, down - pad - 8.5 * row * scale, scale))
    if plate:
        x_in = np.minimum(across, wide + 2 * pad - across)
        y_in = np.minimum(down, tall + 2 * pad - down)
        cover = smoothstep(np.minimum(x_in, y_in), -0.5 / height, 0.5 / height)
        goal = level * (1.0 - 0.93 * ink)
    else:
        cover, goal = ink, np.full(part.shape, level, dtype=np.float32)
    cover = cover * (1.0 - smoothstep(inside[rows, columns], -0.03, -0.015))
    part += cover * (goal - part)
