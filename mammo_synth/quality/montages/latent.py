"""Montages of what a generator holds beside the images of a pool."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from mammo_synth.errors import BadInput

from .montage import Group, Montage, Tile, draw_sheet, seed_words

if TYPE_CHECKING:
    from mammo_synth.gan.sample import LoadedGenerator

SEEDS = 4
PSIS = (1.0, 0.85, 0.7, 0.5, 0.25, 0.0)
STEPS, STEP_COLUMNS = 8, 5
SIDE = 128


def truncation_montage(
    label: str,
    generator: LoadedGenerator,
    seeds: Sequence[int],
    psis: Sequence[float] = PSIS,
) -> Montage:
    """The images of seeds at falling truncation psi, one row for each seed.

    Args:
        label: ``cancer`` or ``normal``; a conditional generator is asked for this class.
        generator: Of ``load_generator``.
        seeds: Of the rows: the first 4 of them.
        psis: Of the columns, -2 to 2.
    """
    from mammo_synth.gan.explore import sweep_truncation

    rows = list(seeds[:SEEDS])
    text = (
        f"The {label} images of {len(rows)} seeds at falling truncation psi, one row for each "
        "seed: psi 1 is none, at psi 0 all become the mean image."
    )
    name = f"{label}-truncation"
    try:
        images = sweep_truncation(generator, rows, psis, label=_class(generator, label))
    except BadInput as error:
        return Montage(name, label, text, None, error.message)
    groups = [
        Group(
            [Tile(image, (f"psi {psi:g}",)) for image, psi in zip(row, psis, strict=True)],
            f"Seed {seed}",
        )
        for seed, row in zip(rows, images, strict=True)
    ]
    return Montage(name, label, text, draw_sheet(groups, len(psis), SIDE))


def interpolation_montage(
    label: str,
    generator: LoadedGenerator,
    seeds: Sequence[int],
    *,
    truncation: float = 1.0,
    space: str = "z",
) -> Montage:
    """The way through 4 seeds in 8 steps from each to the next.

    In ``z`` these are steps of equal angle on great circles (arXiv 1609.04468), in ``w`` on
    straight lines.

    Args:
        label: ``cancer`` or ``normal``; a conditional generator is asked for this class.
        generator: Of ``load_generator``.
        seeds: The first 4 of them.
        truncation: psi of all images.
        space: ``z`` or ``w``.
    """
    from mammo_synth.gan.explore import interpolate

    stops = list(seeds[:SEEDS])
    way = "on great circles" if space == "z" else "on straight lines"
    text = (
        f"The way from seed to seed through {len(stops)} {label} images, {way} in the latent space "
        f"{space}, {STEPS} steps each: sudden jumps would be signs of a generator that "
        "recalls single films."
    )
    name = f"{label}-interpolation"
    try:
        images, _ = interpolate(
            generator,
            stops,
            STEPS,
            space=space,
            truncation=truncation,
            label=_class(generator, label),
        )
    except BadInput as error:
        return Montage(name, label, text, None, error.message)
    groups = []
    for leg, (start, end) in enumerate(pairwise(stops)):
        between = [f"step {step} of {STEPS}" for step in range(1, STEPS)]
        words = [seed_words(start), *between, seed_words(end)]
        shown = images[leg * STEPS : (leg + 1) * STEPS + 1]
        tiles = [Tile(image, (below,)) for image, below in zip(shown, words, strict=True)]
        groups.append(Group(tiles, f"From seed {start} to seed {end}"))
    return Montage(name, label, text, draw_sheet(groups, STEP_COLUMNS, SIDE))


def _class(generator: LoadedGenerator, label: str) -> str | None:
    """What a generator is asked for: only a conditional one has classes."""
    return label if generator.classes else None
