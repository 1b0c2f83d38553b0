"""Images per second into and out of a release, beside `ImageFolder` and `push_to_hub` with the same
images in the same run.

    python benchmarks/speed/release.py [--images 2000] [--size 512]

Images are phantom films, each rolled by a few rows so that no two are one. Written: PNG encoding
and packing of images that are there already (no generator). Read: every image of the train split
is decoded to pixels. ``cold`` has no cache and builds it, ``warm`` finds it, ``shuffled``
reads the warm one in random order, ``streaming`` builds none. `push_to_hub` goes to a Hub on this
machine. One round each, in this order, after one small unmeasured round of all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from mammo_synth.configurations import LABELS, SYNTHETIC, Cell
from mammo_synth.files import write_text
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.progress import SILENT
from mammo_synth.release.plan import Shard, shard_rows
from mammo_synth.release.shards import synthetic_rows, write_shards
from tests.hub.fixtures import LoopbackHub

Pixels = npt.NDArray[np.uint8]
FILMS = 24


class Images:
    """Stands in for a generator whose images cost nothing."""

    sha256 = "0" * 64

    def __init__(self, films: Sequence[Pixels]) -> None:
        self._films = films

    def images(self, seeds: Iterable[int], truncation: float) -> Iterator[tuple[int, Pixels]]:
        """A film for each seed."""
        for seed in seeds:
            film = self._films[seed % len(self._films)]
            yield seed, np.roll(film, seed // len(self._films) % 64 - 32, axis=0)


def main() -> None:
    """Print one row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--size", type=int, default=512)
    arguments = parser.parse_args()
    settings = PhantomSettings(height=arguments.size)
    films = [
        prepare_pixels(
            render_film(0, k // 2, ("CC", "MLO")[k % 2], "L", settings).image, arguments.size
        )[0]
        for k in range(FILMS)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hub = LoopbackHub(folder / "hub")
        # Read when `datasets` and the client are imported, so set before.
        os.environ |= hub.environment(folder / "home")
        try:
            compare(folder / "small", Images(films), 60, arguments.size)
            rows = compare(folder / "large", Images(films), arguments.images, arguments.size)
        finally:
            hub.kill()
    print(f"{arguments.images} images of {arguments.size} px, {os.cpu_count()} cores")
    print("| images/s | written | cold | warm | shuffled | streaming | MB on disk |")
    print("|---|---|---|---|---|---|---|")
    for what, values in rows.items():
        print(f"| {what} | " + " | ".join(values) + " |")


def compare(folder: Path, images: Any, count: int, size: int) -> dict[str, list[str]]:
    """All three ways with ``count`` images."""
    import datasets

    datasets.disable_progress_bars()
    folder.mkdir()
    cell = Cell("train", 1, SYNTHETIC)
    most = shard_rows(size)
    shards = [Shard(cell, at, min(count, at + most)) for at in range(0, count, most)]
    repository = f"author/{folder.name}"

    def release() -> None:
        write_shards(
            folder / "release",
            shards,
            lambda shard: synthetic_rows(shard, images, 1.0, "phantom"),
            size,
            SILENT,
        )
        paths = [shard.path for shard in shards]
        write_text(folder / "release" / "README.md", _card(paths))

    def image_folder() -> None:
        for seed, pixels in images.images(range(count), 1.0):
            path = folder / "images" / "train" / LABELS[seed % 2] / f"{seed:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)

    def push() -> None:
        columns = datasets.Features(
            image=datasets.Image(mode="L"), label=datasets.ClassLabel(names=list(LABELS))
        )

        def rows() -> Iterator[dict[str, Any]]:
            for seed, pixels in images.images(range(count), 1.0):
                yield {"image": Image.fromarray(pixels), "label": seed % 2}

        made = datasets.Dataset.from_generator(
            rows, features=columns, cache_dir=str(folder / "made")
        )
        made.push_to_hub(repository, split="train")

    ways: dict[str, tuple[Callable[[], None], tuple[Any, ...], Path]] = {
        "release": (release, (str(folder / "release"),), folder / "release"),
        "ImageFolder": (
            image_folder,
            ("imagefolder", {"data_dir": str(folder / "images")}),
            folder / "images",
        ),
        "push_to_hub": (push, (repository,), folder / "made"),
    }
    return {
        name: _measured(folder / f"cache-{name}", write, how, place, count)
        for name, (write, how, place) in ways.items()
    }


def _measured(
    cache: Path, write: Callable[[], None], how: tuple[Any, ...], place: Path, count: int
) -> list[str]:
    import datasets

    name, options = how[0], (how[1] if len(how) > 1 else {})

    def load(**more: Any) -> Any:
        return datasets.load_dataset(name, split="train", cache_dir=str(cache), **options, **more)

    def read(rows: Any) -> None:
        seen = sum(np.asarray(row["image"]).shape[0] > 0 for row in rows)
        assert seen == count, (seen, count)

    acts: list[Callable[[], None]] = [
        write,
        lambda: read(load()),
        lambda: read(load()),
        lambda: read(load().shuffle(seed=0)),
        lambda: read(load(streaming=True)),
    ]
    rates = []
    for act in acts:
        began = time.perf_counter()
        act()
        rates.append(f"{count / (time.perf_counter() - began):.0f}")
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    shutil.rmtree(cache, ignore_errors=True)
    return [*rates, f"{size / 1e6:.0f}"]


def _card(paths: Sequence[str]) -> str:
    listed = "".join(f"    - {path}\n" for path in paths)
    head = "---\nconfigs:\n- config_name: all\n  data_files:\n  - split: train\n    path:\n"
    return f"{head}{listed}---\n"


if __name__ == "__main__":
    main()
