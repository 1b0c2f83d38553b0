"""Films a second of the phantom simulator on one core, by film height.

OMP_NUM_THREADS=1 python benchmarks/phantom/speed.py
"""

from __future__ import annotations

import json
import time

from mammo_synth.films.phantom import PhantomSettings, render_film


def main() -> None:
    """Print one line per height: films per second of processor time, median of three rounds."""
    for height in (64, 128, 256, 512, 1024):
        settings = PhantomSettings(height=height)
        render_film(0, 0, "MLO", "L", settings)
        rates = []
        for start in range(3):
            begin, count = time.process_time(), 0
            while time.process_time() - begin < 1.0 or count < 3:
                view, side = ("CC", "MLO")[count % 2], "LR"[count // 2 % 2]
                render_film(start, count, view, side, settings)
                count += 1
            rates.append(count / (time.process_time() - begin))
        print(json.dumps({"height": height, "films_per_second": round(sorted(rates)[1], 1)}))


if __name__ == "__main__":
    main()
