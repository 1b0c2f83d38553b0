"""The wavelet filters of the augmentations (arXiv 2006.06676, appendix B)."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Decomposition low-pass of the symlet with six vanishing moments (Daubechies, "Ten Lectures on
# Wavelets", 1992, table 6.3); used for resampling by two around geometric transforms.
SYM6_LOWPASS = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)


def _sym2_lowpass() -> NDArray[np.float64]:
    root = math.sqrt(3.0)
    return np.array([1 + root, 3 + root, 3 - root, 1 - root]) / (4 * math.sqrt(2.0))


def _dilate(taps: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    out = np.zeros((len(taps) - 1) * step + 1)
    out[::step] = taps
    return out


def _centred(taps: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    spare = (length - len(taps)) // 2
    return np.pad(taps, (spare, length - len(taps) - spare))


@lru_cache(maxsize=1)
def band_filters() -> NDArray[np.float64]:
    """Four zero-phase band-pass filters ``[4, 43]`` that add up to the identity, lowest band first.

    Each octave is split by the half-band pair of the symlet with two vanishing moments: the
    autocorrelation of its low-pass, and what that leaves over.
    """
    low = _sym2_lowpass()
    half = np.convolve(low, low[::-1]) / 2  # 7 taps, gain 1 at 0, 0 at the Nyquist frequency
    rest = -half.copy()
    rest[len(half) // 2] += 1.0
    lows = [_dilate(half, 2**k) for k in range(3)]
    highs = [_dilate(rest, 2**k) for k in range(3)]
    length = sum(len(taps) - 1 for taps in lows) + 1
    bands = [
        np.convolve(np.convolve(lows[0], lows[1]), lows[2]),
        np.convolve(np.convolve(lows[0], lows[1]), highs[2]),
        np.convolve(lows[0], highs[1]),
        highs[0],
    ]
    return np.stack([_centred(band, length) for band in bands])
