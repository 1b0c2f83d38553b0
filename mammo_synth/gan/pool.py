"""Pools: the images of many seeds in a folder, as Parquet, single PNG files or one zip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mammo_synth.configurations import LABEL_VALUES
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import atomic_path, write_bytes, write_json
from mammo_synth.manifest import Input, is_current, read_manifest, relative_input, write_manifest
from mammo_synth.png import encode_png
from mammo_synth.progress import SILENT, Progress

from .sample import LoadedGenerator, sample

KIND = "pool"
FORMATS = ("png", "parquet", "zip")
ABOUT, ZIP_NAME = "pool.json", "images.zip"
SHARD_ROWS = 1000

SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("seed", pa.int64()),
        ("label", pa.int8()),
        ("generator", pa.string()),
        ("truncation", pa.float64()),
    ]
)


@dataclass(frozen=True)
class PoolResult:
    """A pool on disk: how many images it holds and how many of them were drawn now."""

    folder: Path
    images: int
    drawn: int


def image_name(seed: int) -> str:
    """``seed00042.png``, the naming of published StyleGAN tools."""
    return f"seed{seed:05d}.png"


def format_seeds(seeds: Iterable[int]) -> str:
    """The inverse of :func:`~mammo_synth.gan.latents.parse_seeds`, sorted: ``"0-15,20"``."""
    parts: list[str] = []
    ordered = sorted(seeds)
    first = 0
    for index in range(1, len(ordered) + 1):
        if index == len(ordered) or ordered[index] != ordered[index - 1] + 1:
            low, high = ordered[first], ordered[index - 1]
            parts.append(str(low) if low == high else f"{low}-{high}")
            first = index
    return ",".join(parts)


def draw_pool(
    generator: LoadedGenerator,
    seeds: Sequence[int],
    folder: Path,
    *,
    truncation: float = 1.0,
    format_name: str = "parquet",
    batch: int = 16,
    progress: Progress = SILENT,
) -> PoolResult:
    """Draw the images of ``seeds`` into ``folder``; seeds that are there already are kept.

    Every file is written whole or not at all, so an interrupted call is simply repeated.

    Raises:
        BadInput: The folder holds something else: another generator's pool, another truncation,
            another format, or other files.
    """
    if format_name not in FORMATS:
        raise BadInput(
            f"There is no format '{format_name}'.", hint=did_you_mean(format_name, FORMATS)
        )
    about = {
        "format": "mammo-synth/pool/1",
        "as": format_name,
        "generator": generator.sha256,
        "label": generator.label,
        "resolution": generator.resolution,
        "truncation": truncation,
        "noise": "const",
        "simulated": generator.simulated,
        "source": generator.source,
    }
    images = sample(generator, [], truncation=truncation, batch=batch)  # checks the numbers
    _claim(folder, about)
    present = _present(folder, format_name)
    if format_name == "zip" and not set(seeds) <= present:
        present = set()  # one archive is written as a whole
    missing = [seed for seed in seeds if seed not in present]
    if missing:
        progress.start("Images drawn", len(missing))
        images = sample(generator, missing, truncation=truncation, batch=batch)
        _write(folder, format_name, _counted(images, progress), generator, truncation)
        progress.finish()
    everything = set(seeds) | present
    settings = {**about, "seeds": format_seeds(everything)}
    inputs = (_input(generator, folder),)
    if missing or not is_current(folder, KIND, settings=settings, inputs=inputs):
        facts = {"images": len(everything), "terms": generator.metadata.get("licence", "")}
        write_manifest(folder, KIND, settings=settings, inputs=inputs, facts=facts)
    return PoolResult(folder, len(everything), len(missing))


def _counted(
    images: Iterator[tuple[int, NDArray[np.uint8]]], progress: Progress
) -> Iterator[tuple[int, bytes]]:
    for seed, image in images:
        yield seed, encode_png(image)
        progress.advance()


def _input(generator: LoadedGenerator, folder: Path) -> Input:
    run = generator.path.parent
    try:
        manifest = read_manifest(run, "generator-run")
    except BadInput:
        return relative_input("file", generator.path, folder)
    if manifest.facts.get("generator_sha256") != generator.sha256:
        return relative_input("file", generator.path, folder)
    return relative_input("generator-run", run, folder)


def _claim(folder: Path, about: dict[str, Any]) -> None:
    """Make sure that ``folder`` is empty or holds a pool like ``about``, and mark it."""
    path = folder / ABOUT
    if path.is_file():
        try:
            before = dict(json.loads(path.read_text()))
        except ValueError as error:
            raise BadInput(
                f"'{path}' is not valid JSON; it was changed by hand.",
                hint="Choose another --out.",
            ) from error
        for key, value in about.items():
            if before.get(key) != value:
                raise BadInput(
                    f"'{folder}' holds a pool with {key} {before.get(key)!r}; {value!r} was "
                    "expected.",
                    hint="Choose another --out: one pool has one generator, truncation and format.",
                )
        return
    if folder.exists() and not folder.is_dir():
        raise BadInput(
            f"'{folder}' is a file; a folder was expected.", hint="Choose another --out."
        )
    others = (
        [p.name for p in folder.iterdir() if not p.name.startswith(".")] if folder.exists() else []
    )
    if others:
        raise BadInput(
            f"'{folder}' holds other files ('{min(others)}', ...); an empty folder or a pool was "
            "expected.",
            hint="Choose another --out.",
        )
    write_json(path, about)


def _present(folder: Path, format_name: str) -> set[int]:
    if format_name == "png":
        names = [p.stem for p in folder.glob("seed*.png")]
        return {int(name[4:]) for name in names if name[4:].isdigit()}
    if format_name == "zip":
        path = folder / ZIP_NAME
        if not path.is_file():
            return set()
        with zipfile.ZipFile(path) as archive:
            return {int(name[4:-4]) for name in archive.namelist()}
    found: set[int] = set()
    for shard in sorted(folder.glob("pool-*.parquet")):
        found.update(pq.read_table(shard, columns=["seed"])["seed"].to_pylist())
    return found


def _write(
    folder: Path,
    format_name: str,
    images: Iterator[tuple[int, bytes]],
    generator: LoadedGenerator,
    truncation: float,
) -> None:
    if format_name == "png":
        for seed, data in images:
            write_bytes(folder / image_name(seed), data)
    elif format_name == "zip":
        # PNG is compressed already; a fixed time makes equal images give equal archives.
        with (
            atomic_path(folder / ZIP_NAME) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ):
            for seed, data in images:
                archive.writestr(zipfile.ZipInfo(image_name(seed)), data)
    else:
        _write_shards(folder, images, generator, truncation)


def _write_shards(
    folder: Path, images: Iterator[tuple[int, bytes]], generator: LoadedGenerator, truncation: float
) -> None:
    number = len(list(folder.glob("pool-*.parquet")))
    rows: list[dict[str, Any]] = []

    def flush() -> None:
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        with atomic_path(folder / f"pool-{number:05d}.parquet") as temporary:
            pq.write_table(table, temporary, compression="none")  # PNG bytes do not shrink

    for seed, data in images:
        rows.append(
            {
                "image": {"bytes": data, "path": image_name(seed)},
                "seed": seed,
                "label": LABEL_VALUES.get(generator.label),
                "generator": generator.sha256,
                "truncation": truncation,
            }
        )
        if len(rows) == SHARD_ROWS:
            flush()
            number, rows = number + 1, []
    if rows:
        flush()
