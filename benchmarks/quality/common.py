"""What these scripts share: films of a prepared set, groups of patients, the machine."""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.files import write_json
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.png import decode_png
from mammo_synth.quality.privacy.sets import FilmSet

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Films:
    """N films: ``pixels`` uint8 ``[N, S, S]``, their ``ids`` and ``patients``."""

    pixels: Images
    ids: tuple[str, ...]
    patients: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, places: npt.NDArray[np.intp]) -> Films:
        """Those at ``places``."""
        names = ([self.ids[i] for i in places], [self.patients[i] for i in places])
        return Films(self.pixels[places], tuple(names[0]), tuple(names[1]))

    def as_set(self) -> FilmSet:
        """For `assess_privacy`."""
        return FilmSet(self.pixels, self.ids, self.patients)


def films_of(folder: Path) -> tuple[Films, PreparedSet]:
    """All films of a prepared set, whatever their role: these scripts make groups of their own."""
    prepared = PreparedSet.open(folder)
    rows = [
        row
        for role in ("train", "val", "real_test")
        for label in (0, 1)
        for row in prepared.rows(role, label)
    ]
    pixels = np.stack([decode_png(row["image"]["bytes"]) for row in rows])
    ids, patients = (tuple(row[name] for row in rows) for name in ("image_id", "patient_id"))
    return Films(pixels, ids, patients), prepared


def by_patient(films: Films, groups: int, seed: int = 0) -> list[Films]:
    """The films in so many groups of random patients, as equal in patients as they can be."""
    patients = np.array(sorted(set(films.patients)))
    order = np.random.default_rng(seed).permutation(len(patients))
    group = dict(zip(patients[order].tolist(), np.arange(len(order)) % groups, strict=True))
    of_film = np.array([group[patient] for patient in films.patients])
    return [films.of(np.flatnonzero(of_film == number)) for number in range(groups)]


def arguments(description: str) -> argparse.ArgumentParser:
    """Options of every script."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the numbers here, JSON")
    return parser


def machine() -> dict[str, Any]:
    """What ran it, and how busy it was."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if "model name" in x), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def finish(found: dict[str, Any], out: Path | None) -> None:
    """Write the numbers, beside the machine's facts."""
    if out is not None:
        write_json(out, {"machine": machine(), **found})
