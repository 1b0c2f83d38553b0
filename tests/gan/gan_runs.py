"""Tiny training runs that tests start, whole and in a process of their own."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_synth.gan.settings import NetworkSettings, TrainSettings
from mammo_synth.gan.train import Origin, TrainResult, train_run

ORIGIN = Origin("cancer", prepared_manifest="ab" * 32, source="phantom", simulated=True)

TINY = TrainSettings(
    preset="tiny",
    network=NetworkSettings(
        resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8, mbstd_group=4
    ),
    kimg=0.12,
    batch=4,
    gamma=0.1,
    ema_kimg=0.05,
    pl_weight=2.0,
    augment="film",
    ada_start=0.3,
    ada_kimg=1.0,
    tick_kimg=0.02,
    snapshot_kimg=0.032,
    seed=3,
)


def blobs(count: int = 24, size: int = 16) -> NDArray[np.uint8]:
    """Bright half discs at the left edge."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size
    rows = []
    for _ in range(count):
        radius, centre = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)
        inside = np.hypot(x, y - centre) < radius
        rows.append(np.where(inside, rng.uniform(120, 250), 5) + rng.uniform(0, 5, x.shape))
    return np.stack(rows).astype(np.uint8)


def run(folder: Path, settings: TrainSettings = TINY, **more: object) -> TrainResult:
    return train_run(blobs(size=settings.network.resolution), settings, folder, ORIGIN, **more)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]), replace(TINY, kimg=float(sys.argv[2])))
