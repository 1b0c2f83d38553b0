"""The texture measure: how far generated images are from films, without any trained weights.

Every image becomes a list of numbers that radiologists' physicists would compute by hand: power in
bands of spatial frequency, edges and contrast at several scales, grey levels, where the bright
parts lie. The distance is a Fréchet distance between these numbers, each in standard deviations
of the films. It knows nothing about anatomy: it finds blur, noise, wrong grey levels, missing
variety and wrong outlines, not a missing duct.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

from .frechet import Features, frechet

Images = npt.NDArray[np.uint8]
_Block = npt.NDArray[np.float32]

BLOCK_PIXELS = 2**22
"""Pixels worked on at a time: memory stays at some 200 MB however many images there are."""
QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
LEVELS = (0.08, 0.2, 0.4, 0.6, 0.8)  # share of pixels brighter than these; the first: the breast
LAYOUT = 4  # the image as so many means a side
SMALLEST_SCALE = 8  # px
LEAST_DEVIATION = 0.02
"""Films that hardly differ in a number (black corners) must not make it decide everything: 2 % of
the grey scale or of the area, 5 % of an amplitude."""
_TINY = 1e-6  # power of a flat image, in squared grey scale; rounding to 8 bits gives 1.3e-6


def features(images: Images) -> Features:
    """Numbers that describe each image: uint8 ``[N, R, R]`` to float64 ``[N, F]``.

    R is a power of two from 8 on; F depends on R alone (63 at 64 px, 70 at 128 px). Every row
    depends on its image alone.
    """
    size = images.shape[1]
    step = max(1, BLOCK_PIXELS // (size * size))
    blocks = [
        _block(images[i : i + step].astype(np.float32) / np.float32(255))
        for i in range(0, len(images), step)
    ]
    return np.concatenate(blocks)


def distance(real: Features, fake: Features) -> float:
    """Fréchet distance between features of films and of other images, a mean over features.

    Features are standardised by the films, so that 1 means: off by one standard deviation of the
    films in every number. 0 for equal sets.
    """
    mean = real.mean(axis=0)
    deviation = np.maximum(real.std(axis=0, ddof=1), LEAST_DEVIATION)
    standard = [(rows - mean) / deviation for rows in (real, fake)]
    return frechet(standard[0], standard[1]) / int(real.shape[1])


def _block(x: _Block) -> Features:
    parts = [*_spectrum(x), *_scales(x), *_grey_levels(x), *_places(x)]
    return np.stack(parts, axis=1).astype(np.float64)


def _log(power: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray(0.5 * np.log10(power + _TINY))  # of the amplitude: a factor of ten is 1


def windowed_power(
    x: _Block,
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Power spectrum of images ``[N, R, R]`` of any side; a Hann window keeps the frame of the
    image out.

    Returns:
        Power ``[N, P]`` of the P frequencies of a real transform; their distance from 0 in cycles
        an image ``[P]``; and how many of a full transform each stands for, 1 or 2 ``[P]``.
    """
    size = x.shape[1]
    window = np.hanning(size).astype(np.float32)
    centred = (x - x.mean(axis=(1, 2), keepdims=True)) * window[:, None] * window
    spectrum = scipy.fft.rfft2(centred)
    power = (spectrum.real**2 + spectrum.imag**2) / np.float32((window**2).sum() ** 2)
    rows, columns = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)
    radius = np.hypot(rows, columns) * size
    weight = np.where((columns == 0) | (columns == 0.5), 1.0, 2.0) * np.ones_like(radius)
    return power.reshape(len(x), -1), radius.ravel(), weight.ravel()


def _spectrum(x: _Block) -> list[npt.NDArray[np.floating]]:
    """Mean power in bands of half an octave of spatial frequency, from 2 cycles an image to the
    corners of the spectrum."""
    flat, radius, weight = windowed_power(x)
    band = np.floor(2 * np.log2(np.maximum(radius, 1))).astype(int)
    last = 2 * int(np.log2(x.shape[1] / 2))
    found = []
    for number in range(2, last + 1):
        inside = band == number if number < last else band >= last
        w = weight[inside].astype(np.float32)
        found.append(_log(flat[:, inside] @ w / w.sum()))
    return found


def _scales(x: _Block) -> list[npt.NDArray[np.floating]]:
    """At every scale of a pyramid of 2 x 2 means: strength of horizontal and vertical edges, how
    unevenly they are spread, detail that the next scale loses, and how peaked it is."""
    found: list[npt.NDArray[np.floating]] = []
    while x.shape[1] >= SMALLEST_SCALE:
        across, down = np.diff(x, axis=2)[:, 1:], np.diff(x, axis=1)[:, :, 1:]
        edges = np.sqrt(across**2 + down**2)
        half = _halved(x)
        detail = x - half.repeat(2, axis=1).repeat(2, axis=2)
        squares = detail**2
        variance = squares.mean(axis=(1, 2))
        found += [
            _log((across**2).mean(axis=(1, 2))),
            _log((down**2).mean(axis=(1, 2))),
            _log(edges.mean(axis=(1, 2)) ** 2),
            _log(variance),
            0.5 * np.log10((squares**2).mean(axis=(1, 2)) / (variance + _TINY) ** 2 + 1),
        ]
        x = half
    return found


def _halved(x: _Block) -> _Block:
    count, size, _ = x.shape
    halves: _Block = x.reshape(count, size // 2, 2, size // 2, 2).mean(axis=(2, 4))
    return halves


def _grey_levels(x: _Block) -> list[npt.NDArray[np.floating]]:
    flat = np.sort(x.reshape(len(x), -1), axis=1)
    last = flat.shape[1] - 1
    quantiles = [flat[:, round(q * last)] for q in QUANTILES]
    shares = [(flat > level).mean(axis=1) for level in LEVELS]
    return [flat.mean(axis=1), flat.std(axis=1), *quantiles, *shares]


def _places(x: _Block) -> list[npt.NDArray[np.floating]]:
    """Where the light is: means of 4 x 4 fields, centre of gravity and extent in both axes."""
    count, size, _ = x.shape
    place = ((np.arange(size) + 0.5) / size).astype(np.float32)
    total = x.sum(axis=(1, 2)) + np.float32(_TINY)
    found: list[npt.NDArray[np.floating]] = []
    for axis in (1, 2):
        profile = x.sum(axis=axis)
        centre = profile @ place / total
        extent = np.sqrt(np.maximum(profile @ place**2 / total - centre**2, 0))
        found += [centre, extent]
    field = size // LAYOUT
    means = x.reshape(count, LAYOUT, field, LAYOUT, field).mean(axis=(2, 4))
    return found + list(means.reshape(count, -1).T)
