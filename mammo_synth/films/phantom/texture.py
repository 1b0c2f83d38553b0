"""Random fields and thin lines, both the same picture at every film size.

Mammographic texture has a power spectrum that falls as 1/f^beta with beta near 3 (Burgess,
Jacobson & Judy 2001, Med Phys 28:419; Heine & Velthuizen 2002, Med Phys 29:647).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from .patients import MAX_HEIGHT, stream

Field = npt.NDArray[np.float32]
TOP = MAX_HEIGHT // 2  # highest frequency of any field, in cycles per film height


def _coefficients(key: tuple[int, ...], reach: int) -> npt.NDArray[np.complex64]:
    """White complex coefficients [2 reach, reach] of frequencies -reach..reach-1 and 0..reach-1.

    Each octave has its own stream, so a larger reach adds high frequencies and keeps the low ones.
    """
    octaves = range(1, reach.bit_length())
    out = np.empty((2 * reach, reach), dtype=np.complex64)
    for octave in reversed(octaves):
        half = 1 << octave
        block = stream(*key, octave).standard_normal((2 * half, half, 2), dtype=np.float32)
        out[reach - half : reach + half, :half] = block.view(np.complex64)[..., 0]
    return out


@lru_cache(maxsize=64)
def _spread(beta: float, low: float, high: float) -> float:
    """Standard deviation of a field with this band, all its frequencies present."""
    reach = 1 << max(1, math.ceil(math.log2(high + 1.0)))
    ky, kx = np.meshgrid(np.arange(-reach, reach), np.arange(reach), indexing="ij")
    radius = np.hypot(ky, kx)
    band = (radius >= low) & (radius <= high)
    power = np.where(band, np.maximum(radius, 1e-6) ** -beta, 0.0)
    # irfft counts each kx > 0 twice (with its conjugate); kx = 0 is made isotropic by _gain.
    return math.sqrt(float(4.0 * power[:, 1:].sum() + 2.0 * power[:, 0].sum()))


@lru_cache(maxsize=64)
def _gain(size: int, beta: float, low: float, high: float) -> npt.NDArray[np.complex64]:
    """Factors [2 reach, reach] that turn white coefficients into the wanted spectrum."""
    top = min(high, (size - 1) // 2)
    reach = 1 << max(1, math.ceil(math.log2(top + 1.0)))
    ky = np.arange(-reach, reach)[:, None]
    kx = np.arange(reach)[None, :]
    radius = np.hypot(ky, kx)
    band = (radius >= low) & (radius <= top)
    gain = np.where(band, np.maximum(radius, 0.5) ** (-beta / 2.0), 0.0)
    gain[:, 0] *= math.sqrt(2.0)
    # A shift by half a px puts the samples at px centres, so that sizes agree.
    shift = np.exp(1j * np.pi * (ky + kx) / size)
    scale = size * size / _spread(beta, low, high)
    return np.asarray(gain * shift * scale, dtype=np.complex64)


def power_law(
    key: tuple[int, ...], size: int, beta: float, low: float = 1.0, high: float = TOP
) -> Field:
    """A periodic Gaussian field [size, size] with power spectrum 1/f^beta, sampled at px centres.

    The unit square is one film height; low and high bound the band in cycles per film height. The
    variance is 1 with the whole band present; a size too small for the band just lacks its top.
    """
    gain = _gain(size, beta, low, high)
    reach = gain.shape[1]
    used = _coefficients(key, reach) * gain
    spectrum = np.zeros((size, size // 2 + 1), dtype=np.complex64)
    keep = min(reach, (size - 1) // 2 + 1)
    spectrum[:keep, :keep] = used[reach : reach + keep, :keep]
    negative = min(reach, (size - 1) // 2)
    spectrum[size - negative :, :keep] = used[reach - negative : reach, :keep]
    return np.asarray(fft.irfft2(spectrum, s=(size, size)), dtype=np.float32)


def sample(field: Field, across: Field, down: Field) -> Field:
    """The periodic field [size, size] read at normalised coordinates, bilinear; same shape as they.

    Coordinates are in film heights; the field repeats outside the unit square.
    """
    size = field.shape[0]
    # px centres lie at (i + 0.5) / size
    at = np.stack([down * size - 0.5, across * size - 0.5])
    out = ndimage.map_coordinates(field, at, order=1, mode="grid-wrap", output=np.float32)
    return np.asarray(out, dtype=np.float32)


def ridges(field: Field, width: float) -> Field:
    """Thin curved lines, 0 to 1, along the zero crossings of a field [H, W]; width in film heights.

    Dividing by the slope gives the distance to the crossing, so lines have one width everywhere.
    A line thinner than a px is drawn a px wide and fainter, as a digitiser would.
    """
    height = field.shape[0]
    down, across = np.gradient(field, 1.0 / height)
    steep = np.hypot(down, across)
    drawn = max(width, 0.55 / height)
    distance = field / (steep + 0.3 * np.float32(steep.mean() + 1e-6))
    return np.asarray(np.exp(-0.5 * (distance / drawn) ** 2) * (width / drawn), dtype=np.float32)


def smoothstep(value: Field | float, low: float, high: float) -> Field:
    """0 below low, 1 above high, a smooth cubic between."""
    x = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x), dtype=np.float32)


class Strokes:
    """Thin curves and specks collected as points, then laid on a film by width class.

    Each point carries mass (contrast x area); bilinear splatting and a Gaussian blur of the class
    width keep the mass, so a curve thinner than a px fades as it should instead of vanishing.
    """

    def __init__(self, height: int) -> None:
        self._spacing = 0.5 / min(2 * height, MAX_HEIGHT)
        self._points: dict[float, list[npt.NDArray[np.float64]]] = {}

    def curve(
        self,
        across: npt.NDArray[np.float64],
        down: npt.NDArray[np.float64],
        contrast: npt.NDArray[np.float64] | float,
        width: float,
    ) -> None:
        """A curve through points (film heights) with this contrast and Gaussian width."""
        steps = np.hypot(np.diff(across), np.diff(down))
        along = np.concatenate([[0.0], np.cumsum(steps)])
        if along[-1] <= 0.0:
            return
        count = max(2, int(along[-1] / self._spacing))
        at = (np.arange(count) + 0.5) * along[-1] / count
        level = np.interp(at, along, np.broadcast_to(contrast, across.shape))
        mass = level * (along[-1] / count) * width * math.sqrt(2.0 * math.pi)
        self.specks(np.interp(at, along, across), np.interp(at, along, down), mass, width)

    def fibres(
        self,
        across: npt.NDArray[np.float64],
        down: npt.NDArray[np.float64],
        heading: npt.NDArray[np.float64],
        bow: npt.NDArray[np.float64],
        length: npt.NDArray[np.float64],
        contrast: npt.NDArray[np.float64],
        width: float,
    ) -> None:
        """Many bowed hairs [n], fading at both ends: middle, heading and bow (rad), length."""
        if across.size == 0:
            return
        count = max(4, int(float(length.max()) / (2.0 * self._spacing)))
        at = (np.arange(count) + 0.5) / count - 0.5
        turn = heading[:, None] + bow[:, None] * at
        step = length[:, None] / count
        x, y = np.cumsum(np.cos(turn), axis=1) * step, np.cumsum(np.sin(turn), axis=1) * step
        x += across[:, None] - x[:, count // 2, None]
        y += down[:, None] - y[:, count // 2, None]
        fade = 1.0 - (2.0 * at) ** 2
        mass = contrast[:, None] * fade * step * (width * math.sqrt(2.0 * math.pi))
        self.specks(x.ravel(), y.ravel(), mass.ravel(), width)

    def specks(
        self,
        across: npt.NDArray[np.float64],
        down: npt.NDArray[np.float64],
        mass: npt.NDArray[np.float64],
        width: float,
    ) -> None:
        """Single points with this mass (contrast x film height^2)."""
        self._points.setdefault(width, []).append(np.stack([across, down, mass]))

    def draw(self, height: int, columns: int) -> Field:
        """The sum of everything collected, [height, columns], chest wall on the left."""
        total = np.zeros((height, columns), dtype=np.float32)
        for width in sorted(self._points):
            x, y, mass = np.concatenate(self._points[width], axis=1)
            layer = _splat(x * height - 0.5, y * height - 0.5, mass * height**2, height, columns)
            sigma = math.sqrt(max(0.0, (width * height) ** 2 - 0.12))  # splatting blurs a little
            if sigma > 0.2:
                layer = ndimage.gaussian_filter(layer, sigma, mode="constant", truncate=3.0)
            total += layer
        return total


def _splat(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    mass: npt.NDArray[np.float64],
    height: int,
    width: int,
) -> Field:
    """Bilinear deposit of masses at px coordinates; what falls off the film is lost."""
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    canvas = np.zeros(height * width)
    for right in (0, 1):
        for low in (0, 1):
            weight = np.abs(1 - right - (x - left)) * np.abs(1 - low - (y - top)) * mass
            i, j = top + low, left + right
            on = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            canvas += np.bincount(i[on] * width + j[on], weight[on], height * width)
    return canvas.reshape(height, width).astype(np.float32)
