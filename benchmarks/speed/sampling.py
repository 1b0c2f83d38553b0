"""Images per second of sampling: the textbook's operations against ours, side by side.

    python benchmarks/speed/sampling.py [--sizes 64,256,512] [--precisions fp32,bf16] [--rounds 3]

The same random weights, latents and noise. The textbook draws one image and eight at once, with all
threads in every operation; ours draws as `generator sample` does. "difference" is the greatest
between both tools' images, which are about [-1, 1], and their greatest value stands beside it.
"""

from __future__ import annotations

import json
from copy import deepcopy

import measuring
import torch
from textbook import layer_macs, textbook

from mammo_synth.gan.drawing import Drawing, draw
from mammo_synth.gan.latents import latents
from mammo_synth.gan.networks import Generator, set_precision

MAX = 512
BATCHES = (1, 8)


def network(size: int, device: torch.device) -> Generator:
    """A grey network of the published width for the size."""
    torch.manual_seed(0)
    base = 32768 if size >= 512 else 16384
    made = Generator(
        resolution=size, image_channels=1, mapping_layers=2, channel_base=base, channel_max=MAX
    )
    with torch.no_grad():  # an untrained network has no noise, and no bias
        for name, value in made.named_parameters():
            if name.endswith("noise_strength") or (name.endswith("bias") and "affine" not in name):
                value.normal_(0.0, 0.1)
    return made.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)


def images_of(G: Generator, count: int, device: torch.device) -> torch.Tensor:
    """float images of the first seeds."""
    with torch.inference_mode():
        z = latents(range(count), G.z_dim).to(device)
        return G(z, noise_mode="const").float().cpu()


def measure(size: int, precisions: list[str], rounds: int, device: torch.device) -> list[dict]:
    """Rows of one size."""
    G = network(size, device)
    book = deepcopy(G).to(memory_format=torch.contiguous_format)  # as it is usually run
    count = 8 if size < 256 else 4 if size < 512 else 2
    if device.type == "cuda":
        count = 256

    def plain(batch: int) -> None:
        with textbook(), torch.inference_mode():
            for first in range(0, max(count, batch), batch):
                z = latents(range(first, first + batch), G.z_dim).to(device)
                book(z, noise_mode="const").cpu()

    tools = {precision: deepcopy(G) for precision in precisions}
    for precision, tool in tools.items():
        set_precision(tool, precision, None)
        tool.synthesis.prepare()  # once, as the first drawing does

    def ours(precision: str) -> None:
        drawn = draw(tools[precision], range(2 * count), Drawing(), devices=[device], workers=None)
        assert sum(1 for _ in drawn) == 2 * count

    candidates = {f"textbook, {b} at once": (lambda b=b: plain(b)) for b in BATCHES}
    candidates |= {f"ours, {p}": (lambda p=p: ours(p)) for p in precisions}
    done = {f"textbook, {b} at once": max(count, b) for b in BATCHES}
    done |= {f"ours, {p}": 2 * count for p in precisions}
    taken = measuring.in_turn(candidates, rounds, device)

    with textbook():
        expected = images_of(book, 2, device)
    macs = layer_macs(size, 32768 if size >= 512 else 16384, MAX)
    rates = {name: done[name] / seconds for name, seconds in taken.items()}
    best = max(rates[f"textbook, {b} at once"] for b in BATCHES)
    rows = []
    for name, rate in rates.items():
        row = {"size": size, "tool": name, "images_per_s": rate, "times_textbook": rate / best}
        row["macs_per_s"] = rate * macs
        if name.startswith("ours"):
            made = images_of(tools[name.split(", ")[1]], 2, device)
            row["difference"] = float((made - expected).abs().max())
            row["greatest"] = float(expected.abs().max())
        rows.append(row)
    return rows


def main() -> None:
    """Print the table."""
    parser = measuring.arguments(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("--sizes", default="64,256,512")
    parser.add_argument("--precisions", default="fp32,bf16")
    given = parser.parse_args()
    device = torch.device(given.device)
    torch.set_num_threads(given.threads)
    rate = measuring.matrix_rate(device)
    print(f"{measuring.machine(device, given.threads)}; matrix rate {rate / 1e9:.0f} G/s, fp32")
    print("| px | tool | images/s | × best textbook | of matrix rate | difference |")
    print("|---|---|---|---|---|---|")
    rows = []
    for size in map(int, given.sizes.split(",")):
        for row in measure(size, given.precisions.split(","), given.rounds, device):
            share = row["macs_per_s"] / rate
            far = f"{row['difference']:.1e} of {row['greatest']:.1f}" if "difference" in row else ""
            print(
                f"| {size} | {row['tool']} | {row['images_per_s']:.2f} | "
                f"{row['times_textbook']:.2f} | {100 * share:.0f} % | {far} |",
                flush=True,
            )
            rows.append({**row, "share_of_matrix_rate": share})
    if given.json:
        given.json.write_text(json.dumps({"matrix_macs_per_s": rate, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
