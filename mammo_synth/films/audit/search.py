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

A film that was turned by 180 degrees or flipped top to bottom is prepared upside down (the chest
wall is brought to the left of each). Its coefficients are the same but for the signs of those that
are odd from top to bottom, so it is sought for the price of comparing hashes once more.

Memory holds 33 bytes a film; the coefficients stand in a temporary file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from scipy import fft

from mammo_synth.errors import NoSpace
from mammo_synth.films.audit.look import THUMB, Thumbs, thumb_pixels

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

_BLOCK, _ROWS, _COLUMNS = 64, 64, 4096  # films described, and hashes compared, at a time
_PAIRS = 8192  # pairs whose coefficients are compared at a time

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Signatures:
    """Of N films: ``hashes`` uint64 ``[3, N]`` and ``coefficients`` float32 ``[N, 3, 270]`` of unit
    length, in a file, at each of `SCALES`; ``blank`` bool ``[N]``: films without any pattern."""

    hashes: npt.NDArray[np.uint64]
    coefficients: npt.NDArray[np.float32]
    blank: Mask


@dataclass(frozen=True)
class Pairs:
    """Places of two films each, ``[P]``, and how much alike they are."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    alike: Floats

    def and_those(self, others: Pairs, most: int) -> Pairs:
        """Each pair once, by the place of its first film, and of each first film the ``most`` that
        are most alike."""
        rows = np.concatenate((self.rows, others.rows))
        columns = np.concatenate((self.columns, others.columns))
        alike = np.concatenate((self.alike, others.alike))
        order = np.lexsort((columns, -alike, rows))
        pair = rows[order] * (columns.max(initial=0) + 1) + columns[order]
        _, firsts = np.unique(pair, return_index=True)
        order = order[np.sort(firsts)]
        starts = np.searchsorted(rows[order], rows[order])
        order = order[np.arange(len(order)) - starts < most]
        return Pairs(rows[order], columns[order], alike[order])


_NONE = Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))


def likely_copies(
    films: Sequence[str], thumbs: Thumbs, folder: Path | None = None
) -> Iterator[tuple[int, int, bool]]:
    """Pairs of ``films`` that may be one, in order: their places ``i < j`` and whether one is
    upside down; each film with the few later ones that are most alike.

    Raises:
        NoSpace: The temporary file (in ``folder``, or the system's) cannot be written.
    """
    limits = FEW if len(films) < MANY else OF_MANY
    with _temporary_file(folder) as stream:
        found = signatures(films, thumbs, stream)
        for start in range(0, len(films), _ROWS):
            pairs = []
            for upside_down in (False, True):
                nearest = _nearest(found, start, limits, upside_down)
                places = zip(nearest.rows.tolist(), nearest.columns.tolist(), strict=True)
                pairs += [(i, j, upside_down) for i, j in places]
            yield from sorted(pairs)


def _temporary_file(folder: Path | None) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> NoSpace:
    return NoSpace(
        f"The temporary file of the search for copies cannot be written ({error.strerror}).",
        hint="Free some space (3.2 KB for each film), then run the same command again.",
    )


def _nearest(found: Signatures, start: int, limits: Limits, upside_down: bool) -> Pairs:
    """The pairs of films ``start`` to ``start + _ROWS``, turned over if ``upside_down``, with later
    ones that are worth a closer look."""
    odd = _odd()
    flip = np.packbits(odd[:HASH_BITS]).view(np.uint64)[0] if upside_down else np.uint64(0)
    signs = np.where(odd & upside_down, np.float32(-1), np.float32(1))
    best = _NONE
    for k in range(len(SCALES)):
        rows, columns = _near_hashes(found, k, start, limits.bits, flip)
        for part in range(0, len(rows), _PAIRS):
            some = Pairs(rows[part : part + _PAIRS], columns[part : part + _PAIRS], _NONE.alike)
            first = found.coefficients[some.rows, k] * signs
            alike = np.einsum("ij,ij->i", first, found.coefficients[some.columns, 0])
            keep = np.flatnonzero(alike >= limits.alike)
            some = Pairs(some.rows[keep], some.columns[keep], alike[keep])
            best = best.and_those(some, limits.most)
    return best


def _near_hashes(
    found: Signatures, scale: int, start: int, bits: int, flip: np.uint64
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Places of the pairs of films ``start`` to ``start + _ROWS`` with later ones whose hashes,
    those of the former with the bits ``flip`` turned, differ in at most ``bits``."""
    count = len(found.blank)
    hashes = found.hashes[scale, start : start + _ROWS, None] ^ flip
    near_rows, near_columns = [], []
    for left in range(start, count, _COLUMNS):
        apart = np.bitwise_count(hashes ^ found.hashes[0, None, left : left + _COLUMNS])
        rows, columns = np.nonzero(apart <= bits)
        near_rows.append(rows + start)
        near_columns.append(columns + left)
    rows, columns = np.concatenate(near_rows), np.concatenate(near_columns)
    keep = (rows < columns) & ~found.blank[rows] & ~found.blank[columns]
    return rows[keep], columns[keep]


def signatures(films: Sequence[str], thumbs: Thumbs, stream: IO[bytes]) -> Signatures:
    """What is compared of each film; the coefficients are written to ``stream``.

    Raises:
        NoSpace: They cannot be.
    """
    count = len(films)
    hashes = np.zeros((len(SCALES), count), np.uint64)
    blank = np.zeros(count, np.bool_)
    order, rows, columns = _order(), _cosines((SIDE - 1) / 2), _cosines(0.0)
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        grey = np.stack([_reduced(thumb_pixels(thumbs[film])) for film in films[part]])
        found = pattern(grey)
        described = np.empty((len(found), len(SCALES), COEFFICIENTS), np.float32)
        for k in range(len(SCALES)):
            every = (rows[k] @ found @ columns[k].T).reshape(len(found), -1)[:, order]
            bits = np.packbits(every[:, :HASH_BITS] > 0, axis=1)
            hashes[k, part] = np.ascontiguousarray(bits).view(np.uint64)[:, 0]
            length = np.linalg.norm(every, axis=1, keepdims=True)
            described[:, k] = every / np.maximum(length, np.float32(1e-6))
            blank[part] |= length[:, 0] < WEAKEST
        try:
            # Written, not mapped: a full disk is then an error, and not the end of the process.
            stream.write(described.tobytes())
            stream.flush()
        except OSError as error:
            raise _no_room(error) from error
    shape = (count, len(SCALES), COEFFICIENTS)
    coefficients: Floats = np.empty((0, *shape[1:]), np.float32)
    if count:  # an empty file cannot be mapped
        coefficients = np.memmap(stream, np.float32, "r", shape=shape)
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


def _odd() -> Mask:
    """Which of a signature's coefficients change their sign where the film is turned over: those
    of odd frequencies from top to bottom."""
    odd: Mask = _order() // FREQUENCIES % 2 == 1
    return odd


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
