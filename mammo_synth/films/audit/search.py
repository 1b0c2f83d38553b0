"""Which pairs of films may be one: a search among all pairs, in seconds for tens of thousands.

Outline, muscle and the fall of brightness toward the skin are alike in most breasts, so nothing of
them is used: a film is described by the pattern of its tissue, a band of spatial frequencies inside
the breast, divided by its local contrast (a change of brightness, contrast or gamma leaves it as it
is). The signs of `HASH_BITS` of its cosine coefficients are a perceptual hash. Pairs whose hashes
differ in few bits, at one of `SCALES` (a film that was cut is prepared a little larger), and whose
coefficients correlate, are worth a closer look.

Measured on 162 films of MIAS and 21 altered copies of each (see `copies`): by the limits for `FEW`
films 99 % of the copies are looked at, and 6 in 10,000 pairs of different films; by those for many
98 %, and none (cropped films) or 1.5 in 10,000 (whole films).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from mammo_synth.films.audit.look import THUMB, Look

SIDE = THUMB // 2
"""The search sees films at this size, in pixels."""

FOREGROUND_SHARE, FOREGROUND_LEAST = 0.18, 3
"""A pixel is breast if it is brighter than this share of the film's brightest, and than this."""

FINE, COARSE, GAIN = 1.0, 4.0, 5.0
"""The pattern is what a blur by ``FINE`` px keeps and one by ``COARSE`` px removes; its contrast is
that within ``GAIN`` px."""

SKIN = 1  # px left out along the skin
FLOOR, CLIP = 0.5, 2.5  # grey levels below which a pattern is noise; contrasts at which it is cut

SCALES = (1.0, 0.96, 1.04)
FREQUENCIES, SKIPPED, COEFFICIENTS, HASH_BITS = 24, 30, 270, 64
"""Coefficients are taken in order of frequency from the lowest ``FREQUENCIES`` a side, without the
first ``SKIPPED``, which hold the shape of the breast."""


@dataclass(frozen=True)
class Limits:
    """What a pair must have to be looked at: hashes at most ``bits`` apart, coefficients that
    correlate by ``alike``; and only the ``most`` likely later ones of each film are."""

    bits: int
    alike: float
    most: int


FEW, OF_MANY, MANY = Limits(14, 0.70, 8), Limits(12, 0.83, 3), 5_000
"""Of `MANY` films and more the limits are stricter: pairs grow as the square of films, and a closer
look takes a millisecond."""

WEAKEST = 3.0
"""Length of the coefficients below which a film has no pattern to speak of. Films of MIAS have 16
or more."""

_BLOCK, _ROWS, _COLUMNS = 256, 64, 4096  # films described, and hashes compared, at a time

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Signatures:
    """Of N films: ``hashes`` uint64 ``[3, N]`` and ``coefficients`` float32 ``[3, N, 270]`` of unit
    length, at each of `SCALES`; ``blank`` bool ``[N]``: films without any pattern."""

    hashes: npt.NDArray[np.uint64]
    coefficients: npt.NDArray[np.float32]
    blank: Mask


def likely_copies(looks: Sequence[Look]) -> Iterator[tuple[int, int]]:
    """Places ``(i, j)``, ``i < j``, of pairs of films that may be one, in order: each film with the
    few later ones that are most alike."""
    found = signatures(looks)
    limits = FEW if len(looks) < MANY else OF_MANY
    for start in range(0, len(looks), _ROWS):
        likeness: dict[tuple[int, int], float] = {}
        for k in range(len(SCALES)):
            rows, columns = _near_hashes(found, k, start, limits.bits)
            first, second = found.coefficients[k, rows], found.coefficients[0, columns]
            values = np.einsum("ij,ij->i", first, second)
            for place in np.flatnonzero(values >= limits.alike):
                pair = int(rows[place]), int(columns[place])
                likeness[pair] = max(likeness.get(pair, 0.0), float(values[place]))
        nearest: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for pair in sorted(likeness, key=lambda pair: -likeness[pair]):
            if len(nearest[pair[0]]) < limits.most:
                nearest[pair[0]].append(pair)
        yield from sorted(pair for pairs in nearest.values() for pair in pairs)


def _near_hashes(
    found: Signatures, scale: int, start: int, bits: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Places of the pairs of films ``start`` to ``start + _ROWS`` with later ones whose hashes
    differ in at most ``bits``."""
    count = len(found.blank)
    hashes = found.hashes[scale, start : start + _ROWS, None]
    near_rows, near_columns = [], []
    for left in range(start, count, _COLUMNS):
        apart = np.bitwise_count(hashes ^ found.hashes[0, None, left : left + _COLUMNS])
        rows, columns = np.nonzero(apart <= bits)
        near_rows.append(rows + start)
        near_columns.append(columns + left)
    rows, columns = np.concatenate(near_rows), np.concatenate(near_columns)
    keep = (rows < columns) & ~found.blank[rows] & ~found.blank[columns]
    return rows[keep], columns[keep]


def signatures(looks: Sequence[Look]) -> Signatures:
    """What is compared of each film."""
    count = len(looks)
    hashes = np.zeros((len(SCALES), count), np.uint64)
    coefficients = np.zeros((len(SCALES), count, COEFFICIENTS), np.float32)
    blank = np.zeros(count, np.bool_)
    order, rows, columns = _order(), _cosines((SIDE - 1) / 2), _cosines(0.0)
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        found = pattern(np.stack([_reduced(look.pixels()) for look in looks[part]]))
        for k in range(len(SCALES)):
            every = (rows[k] @ found @ columns[k].T).reshape(len(found), -1)[:, order]
            bits = np.packbits(every[:, :HASH_BITS] > 0, axis=1)
            hashes[k, part] = np.ascontiguousarray(bits).view(np.uint64)[:, 0]
            length = np.linalg.norm(every, axis=1, keepdims=True)
            coefficients[k, part] = every / np.maximum(length, np.float32(1e-6))
            blank[part] |= length[:, 0] < WEAKEST
    return Signatures(hashes, coefficients, blank)


def _reduced(thumb: npt.NDArray[np.uint8]) -> Floats:
    """Means of two by two pixels: ``[64, 64]``."""
    wide = thumb.astype(np.float32)
    half: Floats = wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2]
    return half / np.float32(4)


def pattern(grey: Floats) -> Floats:
    """The pattern of the tissue on each film of ``[N, 64, 64]``, in units of its local contrast; 0
    outside the breast."""
    bright = grey.max(axis=(1, 2))
    least = np.maximum(FOREGROUND_SHARE * bright, FOREGROUND_LEAST)
    mask = _within(grey > least[:, None, None])
    inside = mask.astype(np.float32)
    grey = grey * inside
    found = _smooth(grey, inside, FINE)
    found -= _smooth(grey, inside, COARSE)
    found *= inside
    contrast = np.sqrt(np.maximum(_smooth(found * found, inside, GAIN), 0)) + np.float32(FLOOR)
    clipped: Floats = np.clip(found / contrast, -CLIP, CLIP) * inside
    return clipped


def _within(mask: Mask) -> Mask:
    """The mask without its `SKIN`; the film's edges take nothing away but the column at the wall,
    half of which is beyond the film."""
    for _ in range(SKIN):
        wide = np.pad(mask, ((0, 0), (1, 1), (1, 1)), constant_values=True)
        mask = mask & wide[:, 2:, 1:-1] & wide[:, :-2, 1:-1]
        mask &= wide[:, 1:-1, 2:] & wide[:, 1:-1, :-2]
    mask[:, :, 0] = False
    return mask


def _smooth(values: Floats, inside: Floats, sigma: float) -> Floats:
    """Mean of ``values`` (0 outside the mask) around each pixel, over the mask alone."""
    place = np.arange(SIDE)
    distance = np.abs(place[:, None] - place)
    weights = np.exp(-0.5 * (distance / sigma) ** 2) * (distance <= 3 * sigma + 0.5)
    # The Gaussian as a matrix: multiplied from both sides it blurs all films at once.
    blur = (weights / weights[SIDE // 2].sum()).astype(np.float32)
    weight = np.maximum(blur @ (inside @ blur), np.float32(1e-3))
    smooth: Floats = (blur @ (values @ blur)) / weight
    return smooth


def _order() -> npt.NDArray[np.intp]:
    """Places of a signature's coefficients among those of the lowest frequencies."""
    u, v = np.mgrid[:FREQUENCIES, :FREQUENCIES]
    distance = (u * u + v * v).ravel()
    distance[0] = distance.max() + 1  # the mean says nothing
    return np.argsort(distance, kind="stable")[SKIPPED : SKIPPED + COEFFICIENTS]


def _cosines(centre: float) -> list[Floats]:
    """For each of `SCALES`, the matrix ``[24, 64]`` that scales one side of a film about ``centre``
    and takes its lowest cosine coefficients."""
    basis = fft.dct(np.eye(SIDE), axis=0, norm="ortho")[:FREQUENCIES]
    found = []
    for scale in SCALES:
        place = (np.arange(SIDE) - centre) / scale + centre
        whole = np.floor(place).astype(int)
        scaled = np.zeros((SIDE, SIDE))
        for step, weight in ((0, 1 - (place - whole)), (1, place - whole)):
            fits = (whole + step >= 0) & (whole + step < SIDE)
            scaled[np.flatnonzero(fits), (whole + step)[fits]] += weight[fits]
        found.append((basis @ scaled).astype(np.float32))
    return found
