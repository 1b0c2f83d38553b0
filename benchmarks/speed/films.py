"""Films per second of preparation, by file format, and where the time goes.

    python benchmarks/speed/films.py [--films 6] [--height 4096] [--size 512] [--rounds 3]

Phantom films, enlarged to the size of digitised screen film, are written as 16-bit PNG, as PGM (16
bits), as JPEG and as DICOM (uncompressed, lossless JPEG, JPEG 2000), read and prepared as
`films prepare` does it, in one process. "decode" (reading the file, decoding, the look-up tables
that DICOM prescribes) and "resize" are what cannot be saved; the rest is ours: hashing, finding the
breast, grey values, looking, encoding, and what stands in no stage (mask, padding, the row).

Seconds are those of the processor, the decoders' own processes included, and not those of the
clock: other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measuring
import numpy as np
import torch
from PIL import Image

from mammo_synth.films import geometry, staging
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.films.record import FilmRecord
from mammo_synth.films.sources import on_disk
from mammo_synth.films.sources.folder import FolderSource


def film(number: int, height: int) -> np.ndarray:
    """A phantom film of ``height`` px with 12 bits of grey and a film's noise."""
    small = render_film(0, number, "MLO", "L", PhantomSettings(height=1024)).image
    large = Image.fromarray(small).resize((round(0.8 * height), height), Image.Resampling.BICUBIC)
    rng = np.random.default_rng(number)
    grey = np.asarray(large, dtype=np.float32) * 15 + rng.normal(0, 8, (height, large.width))
    return np.clip(grey, 0, 4095).astype(np.uint16)


def encoders() -> dict[str, Callable[[np.ndarray], bytes]]:
    """File formats by name."""
    from tests.films import dicom_files as dicom

    def pillow(kind: str, **options: Any) -> Callable[[np.ndarray], bytes]:
        def encode(pixels: np.ndarray) -> bytes:
            data = io.BytesIO()
            Image.fromarray(pixels if kind != "JPEG" else (pixels >> 4).astype(np.uint8)).save(
                data, kind, **options
            )
            return data.getvalue()

        return encode

    def pgm(pixels: np.ndarray) -> bytes:
        header = f"P5 {pixels.shape[1]} {pixels.shape[0]} 4095\n".encode()
        return header + pixels.astype(">u2").tobytes()

    return {
        "PNG, 16 bit": pillow("PNG"),
        "PGM, 16 bit": pgm,
        "JPEG, 8 bit": pillow("JPEG", quality=95),
        "DICOM, uncompressed": lambda p: dicom.write_dicom(p, 12),
        "DICOM, lossless JPEG": lambda p: dicom.write_dicom(p, 12, dicom.LOSSLESS_SV1),
        "DICOM, JPEG 2000": lambda p: dicom.write_dicom(p, 12, dicom.JPEG_2000_LOSSLESS),
    }


def cpu_seconds() -> float:
    """Processor time of this process and of those it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class Clock:
    """Adds up the seconds that functions take, by the name of a stage; nested ones count once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[float] = []

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, whose own time (without timed functions inside) counts as ``stage``."""

        def call(*arguments: Any, **options: Any) -> Any:
            began = cpu_seconds()
            self._open.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                whole = cpu_seconds() - began
                self.seconds[stage] += whole - self._open.pop()
                if self._open:
                    self._open[-1] += whole

        return call


STAGES: list[tuple[str, Any, str]] = [
    ("decode", on_disk, "read_bytes"),
    ("decode", on_disk, "decode"),
    ("resize", geometry, "resize"),
    ("hash", FolderSource, "digest"),
    ("hash", staging, "sha256_bytes"),
    ("find the breast", staging, "find_breast"),
    ("grey values", geometry, "to_eight_bits"),
    ("look", staging, "border_statistics"),
    ("look", staging, "outline_of"),
    ("look", staging, "shrink"),
    ("encode", staging, "encode_png"),
]


def measure(folder: Path, names: list[str], size: int) -> dict[str, float]:
    """Seconds of the processor by stage of one pass over the films; ``all`` is the whole, ``other``
    what stands in no stage."""
    clock, kept = Clock(), []
    for stage, owner, name in STAGES:
        kept.append((owner, name, getattr(owner, name)))
        setattr(owner, name, clock.timed(stage, getattr(owner, name)))
    source = FolderSource(folder)
    try:
        began = cpu_seconds()
        for number, name in enumerate(names):
            record = FilmRecord(f"f{number}", f"p{number}", "normal", "MLO", "L", None, name)
            row = staging.stage_film(source, size, "strict", "breast", record)
            assert row["image"] is not None, row["look"]
        whole = cpu_seconds() - began
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)
    other = whole - sum(clock.seconds.values())
    return {**clock.seconds, "other": other, "all": whole}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=4)
    parser.add_argument("--height", type=int, default=4096)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    films = [film(number, given.height) for number in range(given.films)]
    print(f"{measuring.machine(torch.device('cpu'), 1)}; {given.films} films of {films[0].shape}")
    print("| file | MB | films/s, one core | decode | resize | both | the rest, largest first |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "metadata.csv").write_text("path,finding,patient_id\n")
        taken: dict[str, list[dict[str, float]]] = {}
        written: dict[str, list[str]] = {}
        for kind, encode in encoders().items():
            written[kind] = [f"{len(written)}-{number}.film" for number in range(len(films))]
            for name, pixels in zip(written[kind], films, strict=True):
                (folder / name).write_bytes(encode(pixels))
            taken[kind] = []
        for kind, names in written.items():  # one after the other: a folder has one format
            for number in range(given.rounds + 1):
                seconds = measure(folder, names, given.size)
                if number:  # the first round is not counted
                    taken[kind].append(seconds)
        for kind, rounds in taken.items():
            stages = sorted({stage for seconds in rounds for stage in seconds})
            median = {s: statistics.median(r.get(s, 0.0) for r in rounds) for s in stages}
            whole = median.pop("all")
            share = {stage: value / whole for stage, value in median.items()}
            must = share["decode"] + share["resize"]
            rest = sorted((v, s) for s, v in share.items() if s not in ("decode", "resize"))[::-1]
            size = statistics.mean((folder / n).stat().st_size for n in written[kind]) / 1e6
            print(
                f"| {kind} | {size:.1f} | {len(films) / whole:.2f} | {share['decode']:.0%} | "
                f"{share['resize']:.0%} | {must:.0%} | "
                f"{', '.join(f'{s} {v:.1%}' for v, s in rest[:5])} |",
                flush=True,
            )
            rows.append({"file": kind, "films_per_s": len(films) / whole, **share})
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
