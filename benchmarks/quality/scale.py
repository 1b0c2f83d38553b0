"""Time and memory of a pool of 24,000 images, 4,000 training films and 1,000 held-out films.

    python benchmarks/quality/scale.py [--synthetic 24000] [--training 4000] [--held-out 1000]
                                       [--size 128] [--parts privacy,radiomics,...] [--work DIR]

Films are drawn once and kept in ``--work``: outline and coarse brightness of a phantom, flipped
or not, filled with tissue of its own, a random field with the spectrum of breasts (slope 3). They
are drawn in milliseconds, which phantom films are not. Nothing in the pool is a copy of a training
film; what `assess_privacy` reports is a false alarm, and the number is printed.

Each part runs in a process of its own, which reports its clock, its processor time and the most
memory it held: ``own_mb`` without, ``peak_mb`` with the pages of films that are mapped from disk
(libraries included in both). Parts:

    privacy     `assess_privacy` with features of radiomics and pixels where those parts ran
    radiomics, pixels, squeezenet      features of all images
    measures    all measures of features with interval and floor, on radiomics
    images      the measures on images (spectrum, grey levels) with interval and floor
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import Images, arguments, finish
from scipy import ndimage

from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.phantom import PhantomSettings, render_film
from mammo_synth.quality.extractors import make_extractor
from mammo_synth.quality.features import Features, extract
from mammo_synth.quality.measures import MEASURES, in_units, measured
from mammo_synth.quality.privacy.report import assess_privacy
from mammo_synth.quality.privacy.sets import FeatureSets, FilmSet

Coarse = npt.NDArray[np.float32]

ROLES = ("synthetic", "training", "held_out")
WEIGHTS = Path("../shared/data/weights/squeezenet1.1_notop_tf_dim_ordering_tf_kernels.h5")
BLOCK = 500
OUTLINES = 200
"""Phantom patients whose outlines (CC and MLO) are filled."""
SLOPE, CONTRAST = 3.0, 25.0
"""Of the tissue: of its power spectrum, and its spread in grey levels."""


def outlines(size: int) -> list[tuple[Coarse, Coarse]]:
    """Where the breast is (0 to 1), and its coarse brightness."""
    settings = PhantomSettings(height=2 * size)
    found = []
    for patient in range(OUTLINES):
        for view in ("CC", "MLO"):
            film = prepare_pixels(render_film(0, patient, view, "L", settings).image, size)[0]
            inside = (film > 0).astype(np.float32)
            weight = np.maximum(ndimage.gaussian_filter(inside, size / 10), 1e-3)
            coarse = ndimage.gaussian_filter(film.astype(np.float32), size / 10) / weight
            found.append((inside, coarse))
    return found


def drawn(forms: list[tuple[Coarse, Coarse]], random: np.random.Generator) -> Images:
    """One film ``[size, size]``."""
    inside, coarse = forms[random.integers(len(forms))]
    if random.integers(2):
        inside, coarse = inside[::-1], coarse[::-1]
    size = len(inside)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    frequency[0, 0] = np.inf
    waves = np.fft.rfft2(random.standard_normal((size, size))) * frequency ** (-SLOPE / 2)
    field = np.fft.irfft2(waves, s=(size, size))
    tissue = coarse + CONTRAST / field.std() * field
    return np.where(inside > 0, np.clip(np.rint(tissue), 1, 255), 0).astype(np.uint8)


def make_films(work: Path, counts: dict[str, int], size: int) -> None:
    """``ROLE-N-SIZE.npy`` of each role, uint8 ``[N, size, size]``."""
    work.mkdir(parents=True, exist_ok=True)
    forms: list[tuple[Coarse, Coarse]] = []
    for seed, role in enumerate(ROLES):
        path = work / f"{role}-{counts[role]}-{size}.npy"
        if path.exists():
            continue
        forms = forms or outlines(size)
        part = path.with_suffix(".part")
        kept = np.lib.format.open_memmap(part, "w+", np.uint8, (counts[role], size, size))
        random = np.random.default_rng(seed)
        for film in kept:
            film[:] = drawn(forms, random)
        kept.flush()
        part.rename(path)


def mapped(work: Path, counts: dict[str, int], size: int) -> dict[str, Images]:
    """The films, mapped."""
    return {
        role: np.load(work / f"{role}-{counts[role]}-{size}.npy", mmap_mode="r") for role in ROLES
    }


def blocks(images: Images) -> Iterator[Images]:
    """Some at a time."""
    for start in range(0, len(images), BLOCK):
        yield np.asarray(images[start : start + BLOCK])


def _kept(name: str, role: str, images: Images, work: Path) -> Path:
    return work / f"{name}-{role}-{len(images)}-{images.shape[1]}.npy"


def features(name: str, films: dict[str, Images], work: Path) -> dict[str, Features]:
    """Of all films; kept, so that other parts find them."""
    weights = WEIGHTS if name == "squeezenet" else None
    found = {}
    for role, images in films.items():
        path = _kept(name, role, images, work)
        if not path.exists():
            np.save(path, extract(make_extractor(name, weights=weights), blocks(images)))
        found[role] = np.load(path)
    return found


def privacy(films: dict[str, Images], work: Path) -> dict[str, Any]:
    """All of it, with the spaces of features whose rows other parts have kept, or pixels."""
    kept = [n for n in SPACES if all(_kept(n, r, x, work).exists() for r, x in films.items())]
    spaces = kept or ["pixels"]
    sets = {name: FeatureSets(*features(name, films, work).values()) for name in spaces}
    pair = [
        FilmSet(films[role], *_names(role, len(films[role]))) for role in ("training", "held_out")
    ]
    began = time.perf_counter()
    report = assess_privacy(films["synthetic"], pair[0], pair[1], sets)
    return {
        "spaces": spaces,
        "assessing_s": time.perf_counter() - began,
        "false_alarms": len(report.copies),
        "most_alike": [round(one.alike, 3) for one in report.closest[:5]],
        "reasons": list(report.verdict.reasons),
    }


SPACES = ("radiomics", "pixels")


def _names(role: str, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ids = tuple(f"{role} {i}" for i in range(count))
    return ids, tuple(f"{role} patient {i // 2}" for i in range(count))


def extracted(name: str) -> Callable[[dict[str, Images], Path], dict[str, Any]]:
    """A part that extracts."""

    def part(films: dict[str, Images], work: Path) -> dict[str, Any]:
        for role, images in films.items():
            _kept(name, role, images, work).unlink(missing_ok=True)
        began = time.perf_counter()
        found = features(name, films, work)
        count = sum(map(len, found.values()))
        return {"images": count, "images_per_s": count / (time.perf_counter() - began)}

    return part


def measures(films: dict[str, Images], work: Path) -> dict[str, Any]:
    """Training films against the pool, on radiomics, with interval and floor."""
    found = features("radiomics", films, work)
    real, fake = in_units("radiomics", found["training"], found["synthetic"])
    return {"seconds": _each("features", real, fake)}


def images(films: dict[str, Images], work: Path) -> dict[str, Any]:
    """The measures on images."""
    seconds: dict[str, float] = {}
    for rows in {m.rows for m in MEASURES.values() if m.on == "images"}:
        began = time.perf_counter()
        both = [
            np.concatenate([rows(x) for x in blocks(films[role])])
            for role in ("training", "synthetic")
        ]
        seconds[rows.__name__] = round(time.perf_counter() - began, 1)
        seconds |= _each("images", both[0], both[1], rows)
    return {"seconds": seconds}


def _each(on: str, real: Features, fake: Features, rows: Any = None) -> dict[str, float]:
    patients = _names("training", len(real))[1]
    seconds = {}
    for name, measure in MEASURES.items():
        if measure.on != on or rows not in (None, measure.rows):
            continue
        began = time.perf_counter()
        measured(measure, real, fake, patients=patients)
        seconds[name] = round(time.perf_counter() - began, 1)
    return seconds


PARTS: dict[str, Callable[[dict[str, Images], Path], dict[str, Any]]] = {
    "radiomics": extracted("radiomics"),
    "pixels": extracted("pixels"),
    "squeezenet": extracted("squeezenet"),
    "privacy": privacy,
    "measures": measures,
    "images": images,
}


def one_part(name: str, work: Path, counts: dict[str, int], size: int) -> dict[str, Any]:
    """In this process: what it took."""
    films = mapped(work, counts, size)
    began, processor = time.perf_counter(), time.process_time()
    most = [0]
    threading.Thread(target=_watch, args=(most,), daemon=True).start()
    found = PARTS[name](films, work)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        **found,
        "clock_s": round(time.perf_counter() - began, 1),
        "processor_s": round(time.process_time() - processor, 1),
        "own_mb": round(most[0] / 1024),
        "peak_mb": round(used.ru_maxrss / 1024),
        "load": os.getloadavg()[0],
    }


def _watch(most: list[int]) -> None:
    """Keeps the most kilobytes that are not pages of files."""
    status = Path("/proc/self/status")
    while True:
        for line in status.read_text().splitlines():
            if line.startswith("RssAnon"):
                most[0] = max(most[0], int(line.split()[1]))
        time.sleep(0.05)


def main() -> None:
    """Print one line a part."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--synthetic", type=int, default=24_000)
    parser.add_argument("--training", type=int, default=4_000)
    parser.add_argument("--held-out", type=int, default=1_000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--work", type=Path, default=Path("/tmp/mammo-synth-scale"))
    parser.add_argument("--only-films", action="store_true", help="draw the films and stop")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    counts = {role: getattr(given, role) for role in ROLES}
    if given.child:
        print(json.dumps(one_part(given.child, given.work, counts, given.size)))
        return
    make_films(given.work, counts, given.size)
    if given.only_films:
        return
    found: dict[str, Any] = {"counts": counts, "size": given.size, "parts": {}}
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads)}
    for name in given.parts.split(","):
        command = [sys.executable, __file__, "--child", name, "--work", str(given.work)]
        command += [f"--{role.replace('_', '-')}={count}" for role, count in counts.items()]
        command.append(f"--size={given.size}")
        child = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        found["parts"][name] = json.loads(child.stdout)
        print(name, json.dumps(found["parts"][name]), flush=True)
        finish(found, given.out)


if __name__ == "__main__":
    main()
