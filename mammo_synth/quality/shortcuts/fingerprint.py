"""The finest structure of an image: which small differences stand beside which.

Differences of neighbouring pixels, cut off at ±`MOST`, hide what is drawn and keep how it was made:
the grain of a film, the smoothness of a network's last layers. How often two values stand beside
each other tells a camera from a forgery (Fridrich and Kodovsky 2012) and a generator from a camera
(Nataraj et al. 2019, arXiv 1903.06836).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_synth.quality.features import Features, Images

MOST = 2
"""Grey levels: larger differences are contours."""
_VALUES = 2 * MOST + 1


def _kinds() -> npt.NDArray[np.int64]:
    """The kind of each pair of values (a, b), as a * `_VALUES` + b: pairs that turning the image,
    or black for white, would make of each other are of one kind."""
    a, b = np.divmod(np.arange(_VALUES**2), _VALUES)
    same = np.stack([_VALUES * a + b, _VALUES * b + a])
    first = np.minimum(same, _VALUES**2 - 1 - same).min(axis=0)  # the last: both signs changed
    return np.unique(first, return_inverse=True)[1].astype(np.int64)


_KIND = _kinds()
KINDS = int(_KIND.max()) + 1
COLUMNS = 8 * KINDS


def fingerprint_rows(images: Images) -> Features:
    """Square roots of the shares of each kind of pair: float64 [N, `COLUMNS`] for uint8 [N, S, S].

    Of first and second differences, along rows and along columns, with the pair beside each other
    in the direction of the difference or across it: 8 times 9 kinds.
    """
    rows = np.empty((len(images), COLUMNS))
    for row, image in zip(rows, images, strict=True):
        found = []
        for turned in (image, image.T):
            first = np.diff(turned.astype(np.int16), axis=1)
            for difference in (first, np.diff(first, axis=1)):
                value = (np.clip(difference, -MOST, MOST) + MOST).astype(np.uint8)
                found += [
                    _shares(value[:, :-1], value[:, 1:]),
                    _shares(value[:-1], value[1:]),
                ]
        row[:] = np.sqrt(np.concatenate(found))
    return rows


def _shares(one: Images, other: Images) -> Features:
    """Share of each kind among the pairs of an image: float64 [`KINDS`]."""
    pairs = np.bincount((_VALUES * one + other).ravel(), minlength=_VALUES**2)
    return np.bincount(_KIND, pairs, minlength=KINDS) / one.size
