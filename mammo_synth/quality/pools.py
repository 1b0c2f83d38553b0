"""The synthetic images that are assessed: a pool's, or a release's, by label.

A pool has one label. A release has both, in shards of which the real films are left out; each of
its seeds stands in one shard alone, whatever configurations take it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS, SYNTHETIC
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_json
from mammo_synth.gan.pool_files import SHARD_PATTERN, ZIP_NAME, image_name
from mammo_synth.gan.seeds import format_seeds, parse_seeds
from mammo_synth.manifest import MANIFEST_NAME, Input, Manifest, read_manifest, relative_input

from .stored import AGAIN, Encoded, FileBytes, ParquetRows, StoredImages, ZipBytes

POOL, RELEASE = "pool", "release"


@dataclass(frozen=True)
class Pool:
    """Synthetic images of one label.

    Attributes:
        folder: The pool, or the release.
        kind: ``pool`` or ``release``.
        label: ``cancer`` or ``normal``.
        generator: sha256 of the generator's file.
        generator_file: Where that file was, or None where nothing says.
        truncation: Truncation psi.
        noise: ``const``, ``none`` or ``random``.
        seeds: Of each image, ascending.
        images: The images, in the order of the seeds.
        content: Digest of what the images are read from.
        simulated: Whether the generator knows phantoms alone.
        inputs: What a report of it is made from.
        prepared_manifest: Of a release: digest of the prepared set that its real share is from.
        described_generator: Of a release: what it says of the generator. A pool does not say: its
            generator's file does.
    """

    folder: Path
    kind: str
    label: str
    generator: str
    generator_file: Path | None
    truncation: float
    noise: str
    seeds: tuple[int, ...]
    images: StoredImages
    content: str
    simulated: bool
    inputs: tuple[tuple[str, Path], ...]
    prepared_manifest: str | None = None
    described_generator: Mapping[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.seeds)

    def described(self) -> dict[str, Any]:
        """What determines its images, as plain values."""
        return {
            "generator": self.generator,
            "truncation": self.truncation,
            "noise": self.noise,
            "seeds": format_seeds(self.seeds),
            "images": len(self.seeds),
            "content": self.content,
        }


def open_pools(folders: Sequence[Path]) -> dict[str, Pool]:
    """The pools in ``folders`` (pools or releases) by label, normal before cancer.

    Raises:
        BadInput: A folder that is neither, is unfinished or was changed; two of one label; images
            of different sizes.
    """
    found: dict[str, Pool] = {}
    for folder in folders:
        for pool in _open(folder):
            if pool.label in found:
                raise BadInput(
                    f"'{found[pool.label].folder}' and '{folder}' both hold {pool.label} images.",
                    hint="Give one pool of each label, or a release alone.",
                )
            found[pool.label] = pool
    sides = {pool.images.side for pool in found.values()}
    if len(sides) > 1:
        raise BadInput(
            f"The pools are of {' and '.join(map(str, sorted(sides)))} px; one size was expected.",
            hint="Sample both from generators of one size.",
        )
    return {label: found[label] for label in LABELS if label in found}


def report_inputs(pools: Sequence[Pool], out: Path) -> tuple[Input, ...]:
    """What a report in ``out`` is made from, beside the films: pools, or generators of a release.

    A release shows the report that it was built with, so it is no input of that report itself.
    """
    wanted = dict.fromkeys(one for pool in pools for one in pool.inputs)
    return tuple(relative_input(kind, path, out) for kind, path in wanted)


def _open(folder: Path) -> list[Pool]:
    manifest = read_manifest(folder)
    if manifest.kind not in (POOL, RELEASE):
        raise BadInput(
            f"'{folder}' is a {manifest.kind} folder; a pool or a release was expected.",
            hint="Sample a pool first: mammo-synth generator sample GENERATOR --seeds 0-999 "
            "--format parquet --out POOL.",
        )
    try:
        return [_pool(folder, manifest)] if manifest.kind == POOL else _release(folder, manifest)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise BadInput(
            f"'{folder / MANIFEST_NAME}' does not say what a {manifest.kind} says "
            f"({type(error).__name__}: {error}).",
            hint="Make it again with this version of mammo-synth.",
        ) from error


def _pool(folder: Path, manifest: Manifest) -> Pool:
    said = manifest.settings
    listed = sorted(parse_seeds(str(said["seeds"])))
    encoded, seeds = _POOL_FORMATS[said["as"]](folder, listed)
    if seeds != listed:
        raise BadInput(
            f"The pool '{folder}' holds other seeds than its manifest says.",
            hint="An unfinished run is over it: run `mammo-synth generator sample` again.",
        )
    if said["label"] not in LABELS:
        raise BadInput(
            f"The images of '{folder}' are '{said['label']}'; {' or '.join(LABELS)} was expected.",
            hint="Sample a conditional generator with --class cancer, then with --class normal.",
        )
    source = manifest.inputs[0] if manifest.inputs else None
    file = None if source is None else (folder / source.path).resolve()
    return Pool(
        folder=folder,
        kind=POOL,
        label=said["label"],
        generator=said["generator"],
        generator_file=file,
        truncation=float(said["truncation"]),
        noise=said["noise"],
        seeds=tuple(seeds),
        images=StoredImages(encoded, len(seeds), int(said["resolution"])),
        content=manifest.sha256,
        simulated=bool(said["simulated"]),
        inputs=((POOL, folder),),
    )


def _parquet(folder: Path, listed: list[int]) -> tuple[Encoded, list[int]]:
    return _rows(sorted(folder.glob(SHARD_PATTERN)))


def _png(folder: Path, listed: list[int]) -> tuple[Encoded, list[int]]:
    paths = [folder / image_name(seed) for seed in listed]
    there = [(path, seed) for path, seed in zip(paths, listed, strict=True) if path.is_file()]
    return FileBytes([path for path, _ in there]), [seed for _, seed in there]


def _zip(folder: Path, listed: list[int]) -> tuple[Encoded, list[int]]:
    path = folder / ZIP_NAME
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"'{path}' cannot be read ({error}).", hint=AGAIN) from error
    seeds = [seed for seed in listed if image_name(seed) in names]
    return ZipBytes(path, [image_name(seed) for seed in seeds]), seeds


_POOL_FORMATS = {"parquet": _parquet, "png": _png, "zip": _zip}


def _rows(paths: Sequence[Path]) -> tuple[Encoded, list[int]]:
    """Reader and seeds of the rows of some files, in the order of the seeds."""
    places: list[tuple[int, Path, int]] = []
    for path in paths:
        try:
            seeds = pq.read_table(path, columns=["seed"])["seed"].to_pylist()
        except (OSError, pa.ArrowException, KeyError) as error:
            raise BadInput(f"'{path}' cannot be read ({error}).", hint=AGAIN) from error
        places += [(seed, path, row) for row, seed in enumerate(seeds)]
    places.sort(key=lambda one: one[0])
    return ParquetRows([(path, row) for _, path, row in places]), [one[0] for one in places]


def _release(folder: Path, manifest: Manifest) -> list[Pool]:
    facts, pools = manifest.facts, []
    films = next(entry.sha256 for entry in manifest.inputs if entry.kind == "prepared-set")
    for value, label in enumerate(LABELS):
        shards = [
            entry for entry in facts["shards"]
            if entry["label"] == value and entry["origin"] == SYNTHETIC and entry["sha256"]
        ]  # fmt: skip
        encoded, seeds = _rows([folder / entry["path"] for entry in shards])
        generator = facts["generators"][label]
        file = next(
            (
                (folder / entry.path).resolve()
                for entry in manifest.inputs
                if entry.kind == "file" and entry.sha256 == generator["sha256"]
            ),
            None,
        )
        pools.append(
            Pool(
                folder=folder,
                kind=RELEASE,
                label=label,
                generator=generator["sha256"],
                generator_file=file,
                truncation=float(manifest.settings["truncation"]),
                noise="const",
                seeds=tuple(seeds),
                images=StoredImages(encoded, len(seeds), int(facts["image_size"])),
                content=sha256_json(sorted(entry["sha256"] for entry in shards)),
                simulated=bool(generator.get("simulated", facts["terms"]["simulated"])),
                inputs=() if file is None or not file.is_file() else (("file", file),),
                prepared_manifest=films,
                described_generator=generator,
            )
        )
    return pools
