"""Time and size of PNG encoding by zlib level, on phantom films: why we write level 4.

    python benchmarks/speed/png.py [--height 512] [--films 24]

All levels encode the same films in the same run, in turn; medians of three rounds.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time

from PIL import Image

from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.phantom import PhantomSettings, render_film

LEVELS = (1, 2, 3, 4, 5, 6, 9)
ROUNDS = 3


def main() -> None:
    """Print one row for each level."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--films", type=int, default=24)
    arguments = parser.parse_args()
    settings = PhantomSettings(height=arguments.height)
    images = []
    for k in range(arguments.films):
        film = render_film(0, k // 2, ("CC", "MLO")[k % 2], "L", settings)
        images.append(Image.fromarray(prepare_pixels(film.image, arguments.height)[0], mode="L"))
    seconds: dict[int, list[float]] = {level: [] for level in LEVELS}
    sizes: dict[int, int] = {}
    for _ in range(ROUNDS):
        for level in LEVELS:
            began = time.perf_counter()
            sizes[level] = sum(_encoded(image, level) for image in images)
            seconds[level].append((time.perf_counter() - began) / len(images))
    print(f"{len(images)} phantom films, {arguments.height} px square, Pillow {Image.__version__}")
    print("| zlib level | ms per film | kB per film |\n|---|---|---|")
    for level in LEVELS:
        milliseconds = 1000 * statistics.median(seconds[level])
        print(f"| {level} | {milliseconds:.1f} | {sizes[level] / len(images) / 1000:.1f} |")


def _encoded(image: Image.Image, level: int) -> int:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=level)
    return buffer.tell()


if __name__ == "__main__":
    main()
