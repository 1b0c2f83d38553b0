"""Where the breast is on a film: a mask without borders, tape and label plates.

Everything is decided on a reduced copy of at most `REDUCED` pixels a side, so it costs little
beside decoding. The rule is the same for every source and class: what is done to one class alone
becomes a shortcut for classifiers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mammo_synth.errors import BadInput

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Mask = npt.NDArray[np.bool_]

REDUCED = 256
FINE = 512
THINNEST = 64  # times as long as wide, or nothing is left of the reduced copy

FOREGROUND_SHARE = 0.07
"""A pixel may be breast if it is brighter than the background by this share of the way from there
to the film's 99.5th percentile. Skin is the darkest part of a breast."""

BACKGROUND_PERCENTILE, BACKGROUND_MOST = 2.0, 0.3
"""Background: this percentile of the film, at most this share of the bright end (a breast may fill
the film). Fog lifts the background of screen film."""

OPENING_SHARE = 0.02
"""Radius, as a share of the longer side, of the disk that the mask is opened with: tape, borders
and strokes thinner than its diameter go, and bridges from plates to the breast with them."""

SKIN_SHARE = 0.008
"""The mask grows by this share of the longer side, so that no skin is cut."""

STRIP_WIDTH, STRIP_LENGTH = 0.15, 0.6
"""A bright component thinner than the one and longer than the other share of the film's sides is
a film border or tape, not a breast."""

PLATE_BRIGHT, PLATE_DARK, PLATE_MOST = 0.6, 0.25, 0.05
"""A label plate or a stroke on it is brighter than the first share between background and bright
end, lies in the dark (four fifths of its surroundings are below the second share), and covers at
most the third share of the film. Lesions and nipples have tissue beside them and stay."""

FRAME_BRIGHT, FRAME_EVEN, FRAME_FULL, FRAME_MOST = 0.6, 0.06, 0.9, 0.1
"""A line along an edge belongs to the white frame of a scan if it is brighter than the first share
of the film's range, and all but a tenth of it (the third number) is as bright as its median up to
the second. No more lines are taken from a side than the last share of it."""

SMALLEST = 0.01
"""A breast covers at least this share of the film."""


@dataclass(frozen=True)
class Breast:
    """What was found on a film of ``[H, W]`` pixels.

    Attributes:
        mask: ``[h, w]`` bool, reduced by ``step`` along both axes.
        step: Film pixels per mask pixel.
        box: Left, top, right, bottom of the mask in film pixels (right and bottom are exclusive);
            on the side of the chest wall without the skin that was added.
        wall: The side of the chest wall, ``left`` or ``right``.
        low, high: Grey values of the film between which its breast is shown: percentiles inside
            the mask, see `find_breast`.
        background: Mean grey value outside the mask, or None where there is nothing outside.
    """

    mask: Mask
    step: int
    box: tuple[int, int, int, int]
    wall: str
    low: float
    high: float
    background: float | None


LOW_PERCENTILE, HIGH_PERCENTILE = 1.0, 99.8
"""Grey values at these percentiles inside the mask become 0 and 255."""


def reduce_mean(pixels: Pixels, longest: int) -> tuple[npt.NDArray[np.float32], int]:
    """Means of square blocks, so that no side is longer than ``longest``; and the blocks' side. The
    last block of a row or column may be cut off by the film's edge and is then left out."""
    step = max(1, -(-max(pixels.shape) // longest))
    height, width = (side // step * step for side in pixels.shape)
    # One pixel of every block after the other. Sums of up to 256 pixels are exact in float32.
    sums = np.zeros((height // step, width // step), np.float32)
    for y in range(step):
        for x in range(step):
            sums += pixels[y:height:step, x:width:step]
    sums /= step * step
    return sums, step


def find_breast(pixels: Pixels) -> Breast:
    """The breast on a film, ``[H, W]`` uint8 or uint16.

    Raises:
        BadInput: The film is smaller than 8 x 8 px, or thinner than one part in `THINNEST` of its
            length, or empty, or nothing on it is a breast.
    """
    height, width = pixels.shape
    if min(height, width) < 8:
        raise BadInput(f"the film is {width} x {height} pixels; at least 8 x 8 was expected.")
    if max(height, width) > THINNEST * min(height, width):
        raise BadInput(f"the film is {width} x {height} pixels: too thin to show a breast.")
    # Every n-th pixel is enough for the percentiles, and for the means below.
    stride = max(1, max(pixels.shape) // FINE)
    fine = pixels[::stride, ::stride].copy()
    grey, block = reduce_mean(fine, REDUCED)
    found = breast_mask(grey)
    inside = found.repeat(block, axis=0).repeat(block, axis=1)
    seen = fine[: inside.shape[0], : inside.shape[1]]
    low, high = np.percentile(seen[inside], (LOW_PERCENTILE, HIGH_PERCENTILE))
    if high <= low:
        raise BadInput("the film is empty: its breast has one grey value.")
    step, wall = stride * block, wall_side(found)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    # The mask was grown at the wall too, where there is no skin, unless the film ends there.
    first, last, grown = int(columns[0]), int(columns[-1]) + 1, _grown(grey.shape)
    if wall == "left" and first > 0:
        first += grown
    elif wall == "right" and last < found.shape[1]:
        last -= grown
    box = (
        first * step,
        int(rows[0]) * step,
        _end(last, found.shape[1], step, width),
        _end(int(rows[-1]) + 1, found.shape[0], step, height),
    )
    outside = grey[~found]
    return Breast(
        mask=found,
        step=step,
        box=box,
        wall=wall,
        low=float(low),
        high=float(high),
        background=float(outside.mean()) if outside.size else None,
    )


def _end(place: int, last: int, step: int, side: int) -> int:
    # The mask may end before the film: a cut off block, or pixels that the stride passed over.
    return side if place == last else min(side, place * step)


def breast_mask(grey: npt.NDArray[np.float32]) -> Mask:
    """The mask of the breast on a reduced film ``[h, w]``: bright pixels, opened, the largest
    component that is no strip, holes filled.

    Raises:
        BadInput: Nothing stands out of the background, or nothing large enough.
    """
    within = _frame(grey)
    scene = grey[within]
    bright = float(np.percentile(scene, 99.5))
    dark = min(float(np.percentile(scene, BACKGROUND_PERCENTILE)), BACKGROUND_MOST * bright)
    if bright - dark < 1e-3 * max(1.0, bright) or bright <= 0:
        raise BadInput("the film is empty: no breast stands out of the background.")
    level = np.zeros_like(grey)
    level[within] = (scene - dark) / (bright - dark)
    mask = (level > FOREGROUND_SHARE) & ~_plates(level)
    radius = max(1, round(OPENING_SHARE * max(grey.shape)))
    opened = _opened(mask, radius)
    labels, count = ndimage.label(opened)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is not None and _is_strip(place, grey.shape):
            sizes[number] = 0
    largest = int(np.argmax(sizes)) if count else 0
    if not count or sizes[largest] < SMALLEST * grey.size:
        raise BadInput("the film is empty: nothing on it is large enough to be a breast.")
    return _filled(_over_disk(labels == largest, _grown(grey.shape), np.logical_or))


def _frame(grey: npt.NDArray[np.float32]) -> tuple[slice, slice]:
    """Rows and columns of a reduced film within its white frame; all of them where it has none."""
    dark, bright = float(grey.min()), float(grey.max())
    if bright <= dark:
        return slice(None), slice(None)
    least, even = dark + FRAME_BRIGHT * (bright - dark), FRAME_EVEN * (bright - dark)
    spans = []
    for lines in (grey, grey.T):
        most = int(FRAME_MOST * len(lines))
        ends = []
        for edge in (lines[:most], lines[::-1][:most]):
            middle = np.median(edge, axis=1, keepdims=True)
            alike = (np.abs(edge - middle) <= even).mean(axis=1) >= FRAME_FULL
            white = alike & (middle[:, 0] > least)
            ends.append(int(np.logical_and.accumulate(white).sum()))
        spans.append(slice(ends[0], len(lines) - ends[1]))
    return spans[0], spans[1]


def _filled(mask: Mask) -> Mask:
    """``mask`` and all that it encloses: what does not reach the edge of the film."""
    around, _ = ndimage.label(np.pad(~mask, 1, constant_values=True))
    filled: Mask = around[1:-1, 1:-1] != around[0, 0]
    return filled


def _grown(shape: tuple[int, ...]) -> int:
    return max(1, round(SKIN_SHARE * max(shape)))


def _plates(level: npt.NDArray[np.float32]) -> Mask:
    labels, _ = ndimage.label(level > PLATE_BRIGHT)
    plates = np.zeros(level.shape, bool)
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        around = tuple(slice(max(0, s.start - 4), s.stop + 4) for s in place)
        plate = labels[around] == number
        if plate.sum() > PLATE_MOST * level.size:
            continue
        near = _spread(plate, 2)
        ring = _spread(near, 2) & ~near
        if _fourth_fifth(level[around][ring]) < PLATE_DARK:
            plates[around] |= _spread(_filled(plate), 2)
    return plates


def _fourth_fifth(values: npt.NDArray[np.float32]) -> float:
    """The 80th percentile of a few values, in a tenth of the time of `numpy.quantile`."""
    place = 0.8 * (values.size - 1)
    below = int(place)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above))
    low, high = float(ordered[below]), float(ordered[above])
    return low + (high - low) * (place - below)


def _opened(mask: Mask, radius: int) -> Mask:
    # Beyond the film's edge lies more of what is at the edge: a breast is not eroded at its wall.
    padded = np.pad(mask, radius, mode="edge")
    eroded = _over_disk(padded, radius, np.logical_and)
    return _over_disk(eroded, radius, np.logical_or)[radius:-radius, radius:-radius]


def _over_disk(mask: Mask, radius: int, join: np.ufunc) -> Mask:
    """``join`` of all pixels of the disk of ``radius`` around each pixel; beyond the edge nothing
    is set. With `numpy.logical_and` an erosion, with `numpy.logical_or` a dilation.

    A disk is a stack of horizontal runs: runs are joined once for each length, then stacked.
    """
    height, width = mask.shape
    framed = np.pad(mask, radius)
    runs: list[Mask] = [framed[:, radius : radius + width]]
    for x in range(1, radius + 1):
        sides = join(framed[:, radius - x :][:, :width], framed[:, radius + x :][:, :width])
        runs.append(join(runs[-1], sides))
    over: Mask = runs[radius][radius : radius + height]
    for y in range(1, radius + 1):
        run = runs[math.isqrt(radius * radius - y * y)]
        over = join(over, join(run[radius - y :][:height], run[radius + y :][:height]))
    return over


def _spread(mask: Mask, times: int) -> Mask:
    """``mask`` grown ``times`` times by the pixels above, below, left and right."""
    for _ in range(times):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        grown[:, 1:] |= mask[:, :-1]
        grown[:, :-1] |= mask[:, 1:]
        mask = grown
    return mask


def _is_strip(place: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    rows, columns = place
    height = float(rows.stop - rows.start) / shape[0]
    width = float(columns.stop - columns.start) / shape[1]
    return min(height, width) < STRIP_WIDTH and max(height, width) > STRIP_LENGTH


def wall_side(mask: Mask) -> str:
    """The side of the chest wall, ``left`` or ``right``, from the breast's outline alone.

    The breast is widest at the chest wall and tapers to the nipple, so the centroid of its pixels
    lies toward the chest wall *within the breast's own extent*. This holds where a scan border or
    padding keeps the breast away from the image edge, and does not trust file names, which
    contradict each other in MIAS.
    """
    profile = mask.sum(axis=0).astype(np.float64)
    columns = np.flatnonzero(profile)
    profile = profile[columns[0] : columns[-1] + 1]
    centroid = float((profile * np.arange(profile.size)).sum() / profile.sum())
    return "left" if centroid <= (profile.size - 1) / 2 else "right"
