"""Tiny training runs that tests start, whole and in a process of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_synth.errors import MammoSynthError
from mammo_synth.gan.distributed import EndedElsewhere, joined
from mammo_synth.gan.settings import NetworkSettings, TrainSettings, override
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
    measure_images=24,
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
    images = blobs(size=settings.network.resolution)
    if settings.conditional:
        more["labels"] = (np.arange(len(images)) % 3 == 0).astype(np.int64)
    return train_run(images, settings, folder, ORIGIN, **more)


def start_processes(
    size: int, folder: Path, *, kimg: float = TINY.kimg, **settings: object
) -> list[subprocess.Popen[str]]:
    """``size`` processes that train one tiny run, as torchrun would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, __file__, str(folder), str(kimg), json.dumps(settings)]
    shared = {**os.environ, "OMP_NUM_THREADS": "1"}
    if size > 1:
        shared |= {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [
        subprocess.Popen(
            command,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]


def _main(folder: Path, kimg: float, settings: dict[str, object]) -> None:
    torch.set_num_threads(1)
    if settings.pop("fail_in_second", False) and os.environ["RANK"] == "1":
        settings["seed"] = -1  # an error in one process only
    twice = settings.pop("twice", False)
    network = {"resolution": settings.pop("resolution", TINY.network.resolution)}
    tiny = override(TINY, run={"kimg": kimg, **settings}, network=network)
    with joined(torch.device("cpu")) as team:
        try:
            run(folder, tiny, team=team)
            if twice and not run(folder, tiny, team=team).skipped:
                sys.exit("The finished run was not skipped.")
        except MammoSynthError as error:
            if not isinstance(error, EndedElsewhere):
                sys.stderr.write(str(error))
            sys.exit(error.exit_code)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), float(sys.argv[2]), json.loads((*sys.argv, "{}")[3]))
