"""Time and size of PNG encoding by zlib strategy and level, on phantom films: why we write runs.

    python benchmarks/speed/png.py [--height 512] [--films 24]

All encode the same films in the same run, in turn; medians of three rounds. The last row is what
the package does.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL import __version__ as pillow

from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.png import encode_png

WAYS = (
    *((f"filtered, level {level}", zlib.Z_DEFAULT_STRATEGY, level) for level in (1, 4, 6, 9)),
    ("Huffman codes alone", zlib.Z_HUFFMAN_ONLY, 1),
    ("fixed codes", zlib.Z_FIXED, 1),
    ("runs", zlib.Z_RLE, 1),
)
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
        images.append(prepare_pixels(film.image, arguments.height)[0])
    encoders: dict[str, Callable[[npt.NDArray[np.uint8]], bytes]] = {
        name: partial(_encoded, strategy=strategy, level=level) for name, strategy, level in WAYS
    }
    encoders["encode_png"] = encode_png
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    sizes: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, encode in encoders.items():
            began = time.process_time()
            sizes[name] = sum(len(encode(image)) for image in images)
            seconds[name].append((time.process_time() - began) / len(images))
    print(f"{len(images)} phantom films, {arguments.height} px square, Pillow {pillow}")
    print("| zlib | ms per film | kB per film |\n|---|---|---|")
    for name, times in seconds.items():
        milliseconds = 1000 * statistics.median(times)
        print(f"| {name} | {milliseconds:.1f} | {sizes[name] / len(images) / 1000:.1f} |")


def _encoded(image: npt.NDArray[np.uint8], strategy: int, level: int) -> bytes:
    buffer = io.BytesIO()
    # Pillow takes its own choice, filtered, where the strategy is not given.
    Image.fromarray(image).save(
        buffer, format="PNG", compress_level=level, compress_type=strategy or -1
    )
    return buffer.getvalue()


if __name__ == "__main__":
    main()
