"""Makes random synthetic images of a release again, from generator and seed, and compares pixels.

On the same kind of machine and the same version of torch the pixels are equal bit for bit: the
network always sees batches of one shape, each computed by one thread (`mammo_synth.gan.drawing`),
so neither batch size nor threads change a bit. Elsewhere sums are rounded in another order, and
`TOLERANCE` grey level of 255 is allowed in any pixel.

Measured: seeds 0 to 63 of the generator phantom-cancer that comes with mammo-synth (128 px), torch
2.13, two cores of a Xeon with AVX-512, against the same 64 images of a release's build (fp32):

=============================================  ============  ==================  ================
changed                                        equal images  largest difference  pixels that differ
=============================================  ============  ==================  ================
1 instead of 64 images waiting                 64            0                   0
1 thread instead of 2                          64            0                   0
all 64 in one batch on two threads             64            0                   0
kernels held to AVX2                           64            0                   0
kernels held to SSE4.1                         47            1                   0.002 %
fp16 at the high resolutions                   0             1                   2.1 %
bf16 at the high resolutions                   0             4                   17 %
=============================================  ============  ==================  ================

So another kind of processor stays within the tolerance, and bf16 does not: releases are drawn in
fp32, and made again in fp32. An accelerator was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from mammo_synth.configurations import CANCER, LABELS, NORMAL, SYNTHETIC
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.png import decode_png
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.choose import readable_facts
from mammo_synth.release.folder import Release
from mammo_synth.release.generators import GeneratorFile
from mammo_synth.release.images import check_image
from mammo_synth.release.shards import Generator

TOLERANCE = 1
"""Grey levels of 255 by which a pixel may differ on another kind of machine."""

MOST_NAMED = 10
_AT_ONCE = 256


@dataclass(frozen=True)
class Regenerated:
    """What came out of making images again.

    Attributes:
        seed: Of the draw of rows: the same seed draws the same rows of the same release.
        images: Number of images made again.
        equal: How many of them are equal in every pixel.
        largest: The largest difference of any pixel, in grey levels of 255.
        differing: Share of all pixels that differ, 0 to 1.
        beyond: Images with a pixel that differs by more than `TOLERANCE`: sentences, at most
            `MOST_NAMED`.
    """

    seed: int
    images: int
    equal: int
    largest: int
    differing: float
    beyond: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether every pixel of every image is within the tolerance."""
        return self.largest <= TOLERANCE and not self.beyond


def open_generators(
    release: Release,
    given: Mapping[int, Path | None],
    *,
    device: str = "auto",
    batch: int = 16,
) -> dict[int, GeneratorFile]:
    """The generator files of a release, by label: the ones given, else those it was built from if
    they are still where they were, else those that come with mammo-synth.

    Args:
        release: The release.
        given: File or run folder by label, or None.
        device: ``auto``, ``cpu`` or ``cuda``.
        batch: Images that may wait in memory.

    Raises:
        BadInput: A given file is another one, none is found, or there is no such device.
    """
    with readable_facts(release):
        wanted = {
            label: str(release.manifest.facts["generators"][LABELS[label]]["sha256"])
            for label in (CANCER, NORMAL)
        }
    found = {}
    for label, digest in wanted.items():
        path = given.get(label) or _known_file(release, digest)
        if path is None:
            raise BadInput(
                f"The generator of the {LABELS[label]} images is not at hand; the file with sha256 "
                f"{digest[:16]}... was expected.",
                hint=f"Give it with --{LABELS[label]} FILE; it is not part of the release.",
            )
        generator = GeneratorFile.open(path, device, batch)
        if generator.sha256 != digest:
            raise BadInput(
                f"'{generator.path}' is not the generator that made the {LABELS[label]} images: "
                f"its sha256 is {generator.sha256[:16]}..., the release says {digest[:16]}...",
                hint="Give the very file that the release was built from.",
            )
        found[label] = generator
    return found


def _known_file(release: Release, digest: str) -> Path | None:
    """Where the generator file with this digest is known to be, if it is still there."""
    from mammo_synth.gan.shipped import FOLDER, SHIPPED

    inputs = [
        release.folder.resolve() / entry.path
        for entry in release.manifest.inputs
        if entry.kind == "file" and entry.sha256 == digest
    ]
    shipped = [FOLDER / f"{name}.safetensors" for name in SHIPPED]
    for path in (*inputs, *shipped):
        if path.is_file() and sha256_file(path) == digest:
            return path
    return None


def regenerate(
    release: Release,
    generators: Mapping[int, Generator],
    count: int,
    seed: int,
    *,
    progress: Progress = SILENT,
) -> Regenerated:
    """Draw synthetic rows, uniformly over all that the release stores, and make them again.

    Args:
        release: A release whose digests were found right (`verify_release`).
        generators: By label; those of `open_generators`.
        count: Images to make again; all of them where there are fewer.
        seed: Seed of the draw.
        progress: Receives one step for each image.

    Raises:
        BadInput: ``count`` is not positive, or a shard was changed.
    """
    if count < 1:
        raise BadInput(
            f"{count} images were to be made again; 1 or more were expected.",
            hint="Try --regenerate 20.",
        )
    with readable_facts(release):
        facts = release.manifest.facts
        entries = [entry for entry in facts["shards"] if entry["origin"] == SYNTHETIC]
        drawn = _draw(entries, count, seed)
    progress.start("images to make again", sum(len(rows) for rows in drawn.values()))
    tally = _Tally(seed)
    for label, truncation, rows in _together(release, entries, drawn):
        made = generators[label].images([row["seed"] for row in rows], truncation)
        for row, (_, pixels) in zip(rows, made, strict=True):
            tally.compare(row, pixels)
            progress.advance()
    progress.finish()
    return tally.result()


def _together(
    release: Release, entries: Sequence[Any], drawn: Mapping[str, Sequence[int]]
) -> Iterator[tuple[int, float, list[dict[str, Any]]]]:
    """The drawn rows by label and truncation, at most `_AT_ONCE` at a time: a generator draws many
    images at once faster than few."""
    waiting: dict[tuple[int, float], list[dict[str, Any]]] = {}
    for entry in entries:
        for row in _read(release, entry, drawn.get(entry["path"], [])):
            key = (entry["label"], row["truncation"])
            waiting.setdefault(key, []).append({**row, "path": entry["path"]})
            if len(waiting[key]) == _AT_ONCE:
                yield (*key, waiting.pop(key))
    for (label, truncation), rows in waiting.items():
        yield label, truncation, rows


def _draw(entries: Sequence[Any], count: int, seed: int) -> dict[str, list[int]]:
    """Row numbers by shard, ascending, drawn without putting back."""
    ends = np.cumsum([entry["rows"] for entry in entries])
    total = int(ends[-1])
    generator = np.random.default_rng(seed)
    numbers = np.sort(generator.choice(total, min(count, total), replace=False))
    shards = np.searchsorted(ends, numbers, side="right")
    drawn: dict[str, list[int]] = {}
    for shard, number in zip(shards, numbers, strict=True):
        entry = entries[shard]
        row = int(number - ends[shard] + entry["rows"])
        drawn.setdefault(entry["path"], []).append(row)
    return drawn


def _read(release: Release, entry: Any, rows: Sequence[int]) -> list[dict[str, Any]]:
    """The rows with these numbers of one shard; only their row groups are read."""
    if not rows:
        return []
    path = release.folder / entry["path"]
    if not path.is_file() or sha256_file(path) != entry["sha256"]:
        raise BadInput(
            f"'{path}' is not the file the manifest describes.",
            hint="Run `mammo-synth release verify` on the release first.",
        )
    found, start = [], 0
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            stop = start + file.metadata.row_group(number).num_rows
            inside = [row - start for row in rows if start <= row < stop]
            if inside:
                found += file.read_row_group(number).take(inside).to_pylist()
            start = stop
    return found


class _Tally:
    """Sums of the comparison. Mutable: one image after the other."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._images = self._equal = self._largest = self._pixels = self._differing = 0
        self._beyond: list[str] = []

    def compare(self, row: dict[str, Any], made: npt.NDArray[np.uint8]) -> None:
        """Hold one stored row against the image that its seed gives now."""
        where = f"{row['path']} ({row['image_id']})"
        self._images += 1
        data = row["image"]["bytes"]
        problem = check_image(data, made.shape[0]).problem
        if problem is not None:
            self._beyond.append(f"{where}: {problem}")
            return
        difference = np.abs(decode_png(data).astype(np.int16) - made)
        largest = int(difference.max())
        self._equal += largest == 0
        self._largest = max(self._largest, largest)
        self._pixels += difference.size
        self._differing += int(np.count_nonzero(difference))
        if largest > TOLERANCE:
            self._beyond.append(f"{where}: a pixel differs by {largest} grey levels.")

    def result(self) -> Regenerated:
        """The sums as they stand."""
        share = self._differing / self._pixels if self._pixels else 0.0
        return Regenerated(
            self._seed,
            self._images,
            self._equal,
            self._largest,
            share,
            tuple(self._beyond[:MOST_NAMED]),
        )
