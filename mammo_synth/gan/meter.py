"""Time and memory of a run, from the clock that the caller gives (the core reads none)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from .rows import Row, tidy

_GB = 1e9


class Meter:
    """Hours over all resumes, seconds per kimg and memory. Without a clock all are ``None``, so
    that rows depend on the run alone."""

    def __init__(
        self, clock: Callable[[], float] | None, device: torch.device, hours: float = 0.0
    ) -> None:
        self._clock, self._device, self._before = clock, device, hours
        self._began = self._lap = clock() if clock else 0.0
        self._lap_seen: int | None = None

    @property
    def hours(self) -> float:
        """Hours spent up to now, those before the last resume included."""
        return self._before + (self._clock() - self._began) / 3600 if self._clock else self._before

    def restart(self, seen: int) -> None:
        """Begin to measure the speed of training here, at image ``seen``."""
        self._lap, self._lap_seen = self._clock() if self._clock else 0.0, seen

    def read(self, seen: int) -> Row:
        """The fields of a row at image ``seen``, with the speed since :meth:`restart`."""
        if self._clock is None:
            return {"hours": None, "sec_per_kimg": None, "memory_gb": None}
        shown = seen - (self._lap_seen if self._lap_seen is not None else seen)
        speed = (self._clock() - self._lap) / shown * 1000 if shown else None
        held = resident_bytes()
        row: Row = {
            "hours": tidy(self.hours),
            "sec_per_kimg": tidy(speed, 4),
            "memory_gb": None if held is None else tidy(held / _GB, 4),
        }
        if self._device.type == "cuda":
            row["cuda_gb"] = tidy(torch.cuda.max_memory_allocated(self._device) / _GB, 4)
        return row


def resident_bytes() -> int | None:
    """Memory that this process holds now; its peak where the system says only that."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    if sys.platform == "win32":
        return None
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def note(row: Row) -> str:
    """A row in a few words, for the progress line."""
    parts = []
    if row.get("sec_per_kimg") is not None:
        parts.append(f"{row['sec_per_kimg']:.3g} s/kimg")
    if row.get("memory_gb") is not None:
        parts.append(f"{row['memory_gb']:.1f} GB")
    if row.get("cuda_gb") is not None:
        parts.append(f"{row['cuda_gb']:.1f} GB on the GPU")
    return ", ".join([*parts, f"p {row['p']:.2f}"])
