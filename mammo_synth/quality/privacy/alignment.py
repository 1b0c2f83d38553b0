"""Pixels after alignment: which training film an image is most like, flipped, shifted, scaled.

Every image is compared with every film in two stages.

1. **All pairs.** The coefficients (`patterns`) of 108 variants of each image are multiplied with
   those of all films, a block at a time; of each image the `KEPT` films that are most alike by any
   variant go on. 24,000 images and 4,000 films are 10 billion correlations of 150 numbers.
2. **Those few**, at 64 px: the flip is known by now; around the scale that was found five are
   tried, and for each a Fourier transform gives the correlation at all shifts. The best is taken.
3. **The best film of each image**: how well the two agree, lying on each other, in structure finer
   than `COARSE` px and away from the skin. What all breasts have in common is no longer in it. The
   correlation of whole patterns is often best a pixel beside the place where fine structure agrees
   (gamma and crops pull it there), so scale and shift are then moved in small steps as long as the
   agreement rises.

The result says how much alike two pictures of tissue are whatever was done to brightness, contrast
and gamma: about 1 for a copy, and 0.3 to 0.5 for the most similar one of many other films. Measured
rates: benchmarks/quality/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from mammo_synth.films.audit.search import SIDE
from mammo_synth.progress import SILENT, Progress, counted

from .patterns import (
    BLOCK,
    VARIANTS,
    Floats,
    Thumbs,
    Variant,
    coefficients,
    patterns,
    resampling,
    variant_coefficients,
)

KEPT = 6
"""Films of each image that the second stage looks at."""

FINE_SCALES = (-0.04, -0.02, 0.0, 0.02, 0.04)
REACH = 7
"""Greatest shift, px of 64: 11 % of the side."""

STEPS = (
    (("scale", 0.02), ("down", 0.5), ("right", 0.5)),
    (("scale", 0.01), ("down", 0.5), ("right", 0.5)),
)
"""Rounds of small steps, there and back, in which the last alignment is improved: px of 64."""

LEAST_OVERLAP = 0.45
"""Two breasts are compared where both are. That must be so large a share of each of them: small
areas agree by chance."""

COARSE, SKIN, CHANCE = 2.0, 1, 20.0
"""Structure coarser than a blur by ``COARSE`` px is left out, and ``SKIN`` px along the outline;
``CHANCE`` divided by the number of pixels compared is taken from the agreement, because few pixels
agree by chance."""

_NOTHING = 1e-6  # a pattern is 0 outside the breast

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Aligned:
    """The film that each of N images is most like.

    Attributes:
        film: intp ``[N]``, its place.
        alike: float32 ``[N]``, agreement after alignment, in [-1, 1].
        variants: How the image was altered to lie on it, ``N`` of them.
    """

    film: Places
    alike: Floats
    variants: tuple[Variant, ...]

    @property
    def distance(self) -> npt.NDArray[np.float64]:
        """``1 - alike``, ``[N]``."""
        return 1.0 - self.alike.astype(np.float64)


@dataclass(frozen=True)
class Films:
    """What is kept of T films: ``coefficients`` float32 ``[T, 150]``, ``patterns`` float32
    ``[T, 64, 64]`` and their ``spectra`` complex64 ``[T, 64, 33]``: 34 KB a film."""

    coefficients: Floats
    patterns: Floats
    spectra: npt.NDArray[np.complex64]

    @classmethod
    def of(cls, thumbs: Thumbs) -> Films:
        """Of thumbs ``[T, 64, 64]``."""
        found = np.empty((len(thumbs), SIDE, SIDE), np.float32)
        for part in _parts(len(thumbs)):
            found[part] = patterns(thumbs[part])
        return cls(coefficients(found), found, fft.rfft2(found))

    def __len__(self) -> int:
        return len(self.patterns)


def align(
    thumbs: Thumbs,
    films: Films,
    *,
    kept: int = KEPT,
    progress: Progress = SILENT,
    what: str = "aligned with training films",
) -> Aligned:
    """The film that each image is most like, after alignment.

    Args:
        thumbs: uint8 ``[N, 64, 64]``, of `hashes.read_images`.
        films: At least one.
        kept: Films of each image that are looked at closely.

    Memory: that of `Films`, and some 60 MB for 4,000 films.
    """
    count = len(thumbs)
    film, alike = np.zeros(count, np.intp), np.full(count, -1, np.float32)
    variants: list[Variant] = []
    progress.start(what, -(-count // BLOCK))
    for part in counted(_parts(count), progress):
        patterned = patterns(thumbs[part])
        likely, variant = likely_films(patterned, films, kept)
        film[part], how = _closest(patterned, films, likely, variant)
        how, alike[part] = _improved(patterned, films.patterns[film[part]], how)
        variants += how
    progress.finish()
    return Aligned(film, alike, tuple(variants))


def likely_films(patterned: Floats, films: Films, kept: int = KEPT) -> tuple[Places, Places]:
    """Of each of n patterns the ``kept`` films that its variants' coefficients are most like.

    Returns:
        Their places, and those of the variants in `VARIANTS`, intp ``[n, kept]`` each.
    """
    every = list(variant_coefficients(patterned))
    best = np.full((len(patterned), len(films)), -2, np.float32)
    product = np.empty_like(best)
    for group in every:
        for variant in group:
            np.maximum(best, np.matmul(variant, films.coefficients.T, out=product), out=best)
    kept = min(kept, len(films))
    likely = np.argpartition(-best, kept - 1, axis=1)[:, :kept]
    chosen = films.coefficients[likely]  # [n, kept, 150]
    alike = np.concatenate([np.einsum("vnd,nkd->nkv", group, chosen) for group in every], axis=2)
    return likely, alike.argmax(axis=2)


def _closest(
    patterned: Floats, films: Films, likely: Places, variant: Places
) -> tuple[Places, list[Variant]]:
    """The best of the likely films of n patterns, and how the patterns are altered to lie on it."""
    count, kept = likely.shape
    rows, of_films, first = np.repeat(np.arange(count), kept), likely.ravel(), variant.ravel()
    alike = np.full(len(rows), -1, np.float32)
    how = [VARIANTS[0]] * len(rows)
    begun = np.array([_key(VARIANTS[v]) for v in first])
    for flip_rows, flip_columns, scale in {tuple(key) for key in begun.tolist()}:
        here = np.flatnonzero((begun == (flip_rows, flip_columns, scale)).all(axis=1))
        for step in FINE_SCALES:
            down = resampling(bool(flip_rows), scale + step, 0.0).astype(np.float32)
            right = resampling(bool(flip_columns), scale + step, 0.0).astype(np.float32)
            turned = (down @ patterned[rows[here]] @ right.T).astype(np.float32)
            score, dy, dx = _best_shift(turned, films, of_films[here])
            for at in np.flatnonzero(score > alike[here]):
                how[here[at]] = Variant(
                    bool(flip_rows), bool(flip_columns), scale + step, int(dy[at]), int(dx[at])
                )
            alike[here] = np.maximum(alike[here], score)
    best = alike.reshape(count, kept).argmax(axis=1)
    at = np.arange(count) * kept + best
    return of_films[at], [how[i] for i in at]


def altered(images: Floats, how: Sequence[Variant]) -> Floats:
    """Images or patterns ``[n, 64, 64]``, each altered as its variant says."""
    found = np.empty_like(images)
    for image, variant, place in zip(images, how, found, strict=True):
        down = resampling(variant.flip_rows, variant.scale, variant.down)
        right = resampling(variant.flip_columns, variant.scale, variant.right)
        place[:] = down.astype(np.float32) @ image @ right.T.astype(np.float32)
    return found


def _improved(
    patterned: Floats, fixed: Floats, how: Sequence[Variant]
) -> tuple[list[Variant], Floats]:
    """The variants, moved by `STEPS` to where n patterns agree best with a film each, and how well
    they agree."""
    best, alike = list(how), _agreement(patterned, fixed, how)
    for name, step in (one for steps in STEPS for one in steps):
        begun = list(best)
        for way in (-step, step):
            tried = [replace(one, **{name: round(getattr(one, name) + way, 3)}) for one in begun]
            agreed = _agreement(patterned, fixed, tried)
            for at in np.flatnonzero(agreed > alike):
                best[at] = tried[at]
            alike = np.maximum(alike, agreed)
    return best, alike


def _agreement(patterned: Floats, fixed: Floats, how: Sequence[Variant]) -> Floats:
    """How well n patterns, altered, agree with those of a film each, in fine structure."""
    moved = altered(patterned, how)
    both = (np.abs(moved) > _NOTHING) & (np.abs(fixed) > _NOTHING)
    inside = both.astype(np.float32)
    weight = np.maximum(_smooth(inside), np.float32(1e-3))
    core = ndimage.minimum_filter(both, (1, 2 * SKIN + 1, 2 * SKIN + 1), mode="nearest")
    a, b = ((x - _smooth(x * inside) / weight) * core for x in (moved, fixed))
    length = np.sqrt((a * a).sum(axis=(1, 2)) * (b * b).sum(axis=(1, 2)))
    agreed = (a * b).sum(axis=(1, 2)) / np.maximum(length, np.float32(1e-6))
    pixels = np.maximum(core.sum(axis=(1, 2)), 1)
    alike: Floats = np.maximum(agreed - CHANCE / pixels, -1).astype(np.float32)
    return alike


def _smooth(values: Floats) -> Floats:
    smooth: Floats = ndimage.gaussian_filter(values, (0, COARSE, COARSE), mode="constant")
    return smooth


def _key(variant: Variant) -> tuple[float, float, float]:
    return float(variant.flip_rows), float(variant.flip_columns), variant.scale


def _best_shift(turned: Floats, films: Films, which: Places) -> tuple[Floats, Places, Places]:
    """Correlation of P patterns with a film each at the best shift, and that shift."""
    crossed = films.spectra[which] * np.conj(fft.rfft2(turned))
    whole = fft.irfft2(crossed, s=(SIDE, SIDE))
    near = np.r_[-REACH : REACH + 1]
    window = whole[:, near[:, None], near[None, :]].reshape(len(turned), -1)
    best = window.argmax(axis=1)
    dy, dx = near[best // len(near)], near[best % len(near)]
    # The transform wraps around the edges and counts pixels that only one of them has.
    place = np.arange(SIDE)
    y, x = place - dy[:, None], place - dx[:, None]
    inside = ((y >= 0) & (y < SIDE))[:, :, None] & ((x >= 0) & (x < SIDE))[:, None, :]
    at = np.arange(len(turned))[:, None, None]
    moved = turned[at, y[:, :, None] % SIDE, x[:, None, :] % SIDE] * inside
    fixed = films.patterns[which]
    both = (moved != 0) & (fixed != 0)
    shared = both.sum(axis=(1, 2))
    least = np.maximum((turned != 0).sum(axis=(1, 2)), (fixed != 0).sum(axis=(1, 2)))
    moved, fixed = moved * both, fixed * both
    length = np.sqrt((moved**2).sum(axis=(1, 2)) * (fixed**2).sum(axis=(1, 2)))
    score = (moved * fixed).sum(axis=(1, 2)) / np.maximum(length, np.float32(1e-6))
    score[shared < LEAST_OVERLAP * least] = 0
    return score.astype(np.float32), dy, dx


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))
