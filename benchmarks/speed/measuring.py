"""What the speed scripts share: rounds of candidates in turn, and the machine's matrix rate."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # for all candidates, as the command does

import torch


def arguments(description: str, rounds: int) -> argparse.ArgumentParser:
    """Options of every script."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help="medians of so many rounds")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    return parser


def wait(device: torch.device) -> None:
    """Until the accelerator has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_turn(
    candidates: Mapping[str, Callable[[], object]], rounds: int, device: torch.device
) -> dict[str, float]:
    """Median seconds of each candidate; in every round all of them run, one after the other, so
    that other work on the machine slows all alike. A first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, candidate in candidates.items():
            wait(device)
            began = time.perf_counter()
            candidate()
            wait(device)
            if number:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def matrix_rate(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Multiply-adds per second of a large matrix product: the floor of convolutions."""
    size = 1536 if device.type == "cpu" else 8192
    a = torch.randn(size, size, device=device).to(dtype)
    taken = in_turn({"product": lambda: a @ a}, 7, device)
    return float(size**3 / taken["product"])


def machine(device: torch.device, threads: int) -> str:
    """The machine in words."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = [
            x.split(":")[1].strip() for x in info.read_text().splitlines() if "model name" in x
        ]
        model = named[0] if named else model
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{model} ({capability}), {threads} threads, torch {torch.__version__}"
