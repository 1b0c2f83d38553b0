"""Phantom films beside real ones, in numbers: greys inside the breast and spectral slope.

    python benchmarks/phantom/realism.py FOLDER_OF_PNG_FILMS

The folder holds 8-bit PNG films of oblique (MLO) views at 512 px, such as MIAS reduced to 512.
Greys are percentiles inside the breast (largest region brighter than 25). The slope beta is that
of the radial power spectrum, 1/f^beta, in the largest square inside the breast (128 px at most,
Hann window), from 3 cycles per square to 0.25 cycles per px.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from mammo_synth.films.phantom import PhantomSettings, render_film

NAMES = ("grey p5", "p25", "p50", "p75", "p95", "area", "beta", "spread in square")


def measure(image: npt.NDArray[np.float64]) -> list[float]:
    """The numbers of one film, in the order of NAMES."""
    regions, count = ndimage.label(ndimage.binary_opening(image > 25, iterations=3))
    sizes = ndimage.sum_labels(np.ones_like(image), regions, range(1, count + 1))
    breast = ndimage.binary_fill_holes(regions == 1 + int(np.argmax(sizes)))
    away = ndimage.distance_transform_cdt(
        ndimage.binary_erosion(breast, iterations=8), "chessboard"
    )
    y, x = np.unravel_index(int(away.argmax()), away.shape)
    half = min(int(away.max()), 64) - 1
    square = image[y - half : y + half, x - half : x + half]
    size = len(square)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fft2((square - square.mean()) * window)) ** 2
    axis = np.fft.fftfreq(size)
    radius = np.hypot(axis[:, None], axis)
    edges = np.geomspace(3 / size, 0.25, 12)
    ring = np.digitize(radius, edges)
    rings = [n for n in range(1, 12) if (ring == n).any()]
    mean = [power[ring == n].mean() for n in rings]
    at = [radius[ring == n].mean() for n in rings]
    beta = -np.polyfit(np.log(at), np.log(mean), 1)[0]
    greys = np.percentile(image[breast], [5, 25, 50, 75, 95])
    return [*greys.tolist(), float(breast.mean()), float(beta), float(square.std())]


def main() -> None:
    """Print 10th, 50th and 90th percentiles over films, real and phantom."""
    parser = argparse.ArgumentParser(description="Phantom films beside real ones")
    parser.add_argument("films", type=Path)
    parser.add_argument("--patients", type=int, default=80)
    arguments = parser.parse_args()
    files = sorted(arguments.films.glob("*.png"))
    real = [measure(np.asarray(Image.open(f).convert("L"), dtype=np.float64)) for f in files]
    settings = PhantomSettings(height=512)
    phantom = [
        measure(render_film(5, n, "MLO", "LR"[n % 2], settings).image.astype(np.float64))
        for n in range(arguments.patients)
    ]
    for name, rows in (("real", real), ("phantom", phantom)):
        low, middle, high = np.percentile(np.array(rows), [10, 50, 90], axis=0)
        for column, what in enumerate(NAMES):
            spread = [round(float(v[column]), 2) for v in (low, middle, high)]
            print(json.dumps({"films": name, "what": what, "p10_p50_p90": spread}))


if __name__ == "__main__":
    main()
