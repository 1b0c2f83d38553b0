"""Tiny generators and pools for tests of what reads pools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.configurations import LABEL_VALUES
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.gan.pool import draw_pool
from mammo_synth.gan.sample import load_generator
from mammo_synth.gan.settings import override
from mammo_synth.gan.train import Origin, train_run
from mammo_synth.manifest import read_manifest, relative_input, write_manifest
from mammo_synth.png import encode_png
from tests.gan.gan_runs import TINY


def tiny_run(prepared: PreparedSet, label: str, folder: Path) -> Path:
    """A run folder of a generator that has seen films of ``label`` for a moment."""
    settings = override(TINY, run={"kimg": 0.016}, network={"resolution": prepared.size})
    inputs = (relative_input("prepared-set", prepared.folder, folder),)
    images = prepared.images("train", LABEL_VALUES[label])[0]
    train_run(images, settings, folder, Origin.of(prepared, label), inputs=inputs)
    return folder


def tiny_pool(
    run: Path, folder: Path, seeds: Sequence[int] = range(40), format_name: str = "png"
) -> Path:
    """A pool of a run's generator."""
    draw_pool(load_generator(run), list(seeds), folder, format_name=format_name)
    return folder


def plant(pool: Path, seed: int, image: npt.NDArray[np.uint8]) -> None:
    """Put another image in place of a seed's in a pool of PNG files, as a generator that copies
    would have drawn it."""
    (pool / f"seed{seed:05d}.png").write_bytes(encode_png(image))
    again(pool)


def again(folder: Path, **settings: Any) -> None:
    """Write the manifest of a changed folder anew."""
    old = read_manifest(folder)
    write_manifest(
        folder, old.kind, settings={**old.settings, **settings}, seed=old.seed,
        inputs=old.inputs, facts=old.facts,
    )  # fmt: skip
