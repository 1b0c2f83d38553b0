"""What each trick brings, one more at a time in sampling, one less at a time in training.

    python benchmarks/speed/tricks.py [--size 64] [--rounds 3]

Everything in one run and in turn, as in sampling.py and training.py.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from unittest import mock

import measuring
import torch
import training
from sampling import network
from textbook import PARTS, textbook

from mammo_synth.gan.drawing import Drawing, draw
from mammo_synth.gan.latents import latents
from mammo_synth.gan.networks import Generator, set_precision, synthesis


def sampling(size: int, rounds: int, device: torch.device) -> None:
    """Images per second, from the textbook's operations to all of ours."""
    count = 16 if size < 256 else 4
    plain = network(size, device)
    book = deepcopy(plain).to(memory_format=torch.contiguous_format)

    def prepared(tiles: dict, precision: str = "fp32") -> Generator:
        made = deepcopy(plain)
        set_precision(made, precision, None)
        with mock.patch.object(synthesis, "_WINOGRAD", tiles):
            made.synthesis.prepare()
        return made

    tiles = synthesis._WINOGRAD
    single = {key: value for key, value in tiles.items() if key[1] == 1}

    def at_once(G: Generator, batch: int, parts: tuple[str, ...] = ()) -> Callable[[], None]:
        def act() -> None:
            with textbook(parts), torch.inference_mode():
                for first in range(0, count, batch):
                    G(latents(range(first, first + batch), G.z_dim).to(device), noise_mode="const")

        return act

    def lanes(G: Generator) -> Callable[[], None]:
        return lambda: [*draw(G, range(count), Drawing(), devices=[device])] and None

    batch = 8 if size < 256 else 2
    steps = {
        "textbook, 1 at once": at_once(book, 1, tuple(PARTS)),
        f"textbook, {batch} at once": at_once(book, batch, tuple(PARTS)),
        "+ one convolution for all images": at_once(book, batch, ("resampling", "activation")),
        "+ resampling without zeros": at_once(book, batch),
        "+ channels last": at_once(plain, batch),
        "+ a thread for each batch": lanes(plain),
        "+ sums of weights kept": lanes(prepared({})),
        "+ Winograd without resampling": lanes(prepared(single)),
        "+ Winograd with doubling": lanes(prepared(tiles)),
        "bf16 instead of fp32": lanes(prepared(tiles, "bf16")),
    }
    print(f"\n| sampling, {size} px | images/s |\n|---|---|")
    for name, seconds in measuring.in_turn(steps, rounds, device).items():
        print(f"| {name} | {count / seconds:.2f} |", flush=True)


def learning(size: int, rounds: int, device: torch.device) -> None:
    """Seconds per kimg of training, with one part of the textbook's at a time."""
    steps = {"ours": training.candidate(size, "fp32", (), device, [])}
    for part in PARTS:
        name = f"the textbook's {part}"
        steps[name] = training.candidate(size, "fp32", (part,), device, [])
    steps["all of the textbook's"] = training.candidate(size, "fp32", PARTS, device, [])
    print(f"\n| training, {size} px | s/kimg |\n|---|---|")
    for name, seconds in measuring.in_turn(steps, rounds, device).items():
        print(f"| {name} | {seconds / (training.CYCLE * 16) * 1000:.1f} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = measuring.arguments(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("--size", type=int, default=64)
    given = parser.parse_args()
    device = torch.device(given.device)
    torch.set_num_threads(given.threads)
    print(measuring.machine(device, given.threads))
    sampling(given.size, given.rounds, device)
    learning(given.size, max(1, given.rounds // 2), device)


if __name__ == "__main__":
    main()
