"""Whether two films show the same tissue, patch by patch.

Two films of different breasts have much in common: outline, muscle, the glow of the skin. What
tells them apart is the tissue. So patches well within one breast are sought near their place on the
other film, in fine structure alone, and the median of how well they agree decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mammo_synth.films.audit.look import THUMB

PATCH, REACH = 16, 5  # px of the thumb: side of a patch, and how far its like may lie
LEAST_PATCHES, FIRST_PATCHES, MOST_PATCHES = 3, 3, 24
HOPELESS = 0.45
"""Films whose first patches agree less than this are different; no more than the most are
compared."""

_BREAST = 40  # grey levels; what is darker is skin, fog or film without a breast
_SKIN = 5  # px left out within the outline, where all breasts are alike
_STRIDE = 7  # neighbouring patches share half their pixels, so they come far apart in order
_PLAIN = 1.0  # grey levels: a patch whose spread is less holds nothing but rounding

Grey = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tissue:
    """What is compared of one thumb, ``[128, 128]`` uint8; made when it is asked for."""

    thumb: npt.NDArray[np.uint8]

    @cached_property
    def fine(self) -> Grey:
        """Its fine structure, ``[128, 128]``."""
        grey = self.thumb.astype(np.float32)
        fine: Grey = ndimage.gaussian_filter(grey, 0.6) - ndimage.gaussian_filter(grey, 2.0)
        return fine

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Upper left corners of patches with tissue, in an order that is spread over the breast."""
        places = [place for place in _within(self.thumb) if self.patch(place).std() > _PLAIN]
        spread = [place for first in range(_STRIDE) for place in places[first::_STRIDE]]
        return tuple(spread[:MOST_PATCHES])

    def patch(self, place: tuple[int, int]) -> Grey:
        """The fine structure of one patch."""
        top, left = place
        return self.fine[top : top + PATCH, left : left + PATCH]


def _within(thumb: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Upper left corners of patches, half a patch apart, of which all but 5 % is well within the
    breast."""
    inside = ndimage.minimum_filter(thumb > _BREAST, 2 * _SKIN + 1, mode="constant", cval=0)
    half, count = PATCH // 2, (THUMB - PATCH - 2 * REACH) // (PATCH // 2) + 2
    down = inside[REACH : REACH + count * half].reshape(count, half, THUMB // half, half)
    blocks = down.sum(axis=(1, 3))[:, :count]
    fours = blocks[:-1, :-1] + blocks[1:, :-1] + blocks[:-1, 1:] + blocks[1:, 1:]
    rows, columns = np.nonzero(fours > 0.95 * PATCH**2)
    return list(zip((REACH + rows * half).tolist(), (columns * half).tolist(), strict=True))


def agreement(first: Tissue, second: Tissue) -> tuple[float, int]:
    """Median over patches of ``first`` of the greatest correlation with a window of ``second``
    nearby, and the number of patches; (0, n) where there are too few to tell."""
    if len(first.places) < LEAST_PATCHES:
        return 0.0, len(first.places)
    found: list[float] = []
    for place in first.places:
        found.append(_best(first.patch(place), second.fine, place))
        if len(found) == FIRST_PATCHES and np.median(found) < HOPELESS:
            break
    return float(np.median(found)), len(found)


def _best(patch: Grey, other: Grey, place: tuple[int, int]) -> float:
    top, left = place
    normal = (patch - patch.mean()).ravel()
    window = other[top - REACH : top + PATCH + REACH, max(0, left - REACH) : left + PATCH + REACH]
    near = np.lib.stride_tricks.sliding_window_view(window, (PATCH, PATCH)).reshape(-1, PATCH**2)
    square = np.einsum("ij,ij->i", near, near) - PATCH**2 * near.mean(axis=1) ** 2
    length = np.sqrt(np.maximum(square, 0)) + 1e-2
    return float((near @ normal / length).max() / np.sqrt(normal @ normal))
