"""Seconds per kimg of training: the textbook's operations against ours, side by side.

    python benchmarks/speed/training.py [--sizes 32,64] [--precisions fp32,bf16] [--rounds 2]

The same networks (channel base 2048, at most 128), batch 16, augmentation `bgc` at a fixed p of
0.5, both regularisers as scheduled: a round is 16 iterations, which is one whole cycle of them. The
same seed begins every candidate; the losses after the first rounds stand beside the time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace

import measuring
import numpy as np
import torch
from textbook import PARTS, textbook

from mammo_synth.gan.data import RealImages
from mammo_synth.gan.iteration import iterate
from mammo_synth.gan.settings import TrainSettings, preset
from mammo_synth.gan.state import collect, new_state

CYCLE = 16  # iterations between two R1 steps


def settings_of(size: int, precision: str) -> TrainSettings:
    """The settings in which the reference was measured."""
    base = preset("auto", size)
    network = replace(base.network, channel_base=2048, channel_max=128)
    return replace(
        base, network=network, batch=16, augment="bgc", augment_p=0.5, precision=precision
    )


def candidate(
    size: int,
    precision: str,
    parts: Collection[str],
    device: torch.device,
    losses: list[float],
) -> Callable[[], None]:
    """One cycle of training, to be called again and again; ``parts``: what is the textbook's."""
    settings = settings_of(size, precision)
    films = np.random.default_rng(0).integers(0, 256, (64, size, size), np.uint8)
    state = new_state(settings, device)
    if len(parts) == len(PARTS):
        # Its usual layout; and torch 2.13 returns wrong gradients on processors for a grouped
        # convolution of kernel 1 whose weights come from a channels-last parameter.
        for network in (state.G, state.D, state.G_ema):
            network.to(memory_format=torch.contiguous_format)
    data = RealImages(films, settings, device=device)
    state.sampler = data.sampler

    def cycle() -> None:
        with textbook(parts):
            for _ in range(CYCLE):
                iterate(state, settings, data)
        losses.append(collect(state)["loss_d"])

    return cycle


def main() -> None:
    """Print the table."""
    parser = measuring.arguments(__doc__.splitlines()[0], rounds=2)
    parser.add_argument("--sizes", default="32,64")
    parser.add_argument("--precisions", default="fp32")
    given = parser.parse_args()
    device = torch.device(given.device)
    torch.set_num_threads(given.threads)
    rate = measuring.matrix_rate(device)
    print(f"{measuring.machine(device, given.threads)}; matrix rate {rate / 1e9:.0f} G/s, fp32")
    print("| px | tool | s/kimg | share of textbook | loss of D, first cycles |")
    print("|---|---|---|---|---|")
    rows = []
    for size in map(int, given.sizes.split(",")):
        losses: dict[str, list[float]] = {"textbook": []}
        candidates = {"textbook": candidate(size, "fp32", PARTS, device, losses["textbook"])}
        for precision in given.precisions.split(","):
            name = f"ours, {precision}"
            losses[name] = []
            candidates[name] = candidate(size, precision, (), device, losses[name])
        taken = measuring.in_turn(candidates, given.rounds, device)
        for name, seconds in taken.items():
            per_kimg = seconds / (CYCLE * 16) * 1000
            share = seconds / taken["textbook"]
            curve = ", ".join(f"{loss:.4f}" for loss in losses[name][:3])
            print(f"| {size} | {name} | {per_kimg:.1f} | {share:.2f} | {curve} |", flush=True)
            rows.append({"size": size, "tool": name, "s_per_kimg": per_kimg, "share": share})
    if given.json:
        given.json.write_text(json.dumps({"matrix_macs_per_s": rate, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
