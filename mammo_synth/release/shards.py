"""Writes the shards of a release: synthetic images by seed, real films by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS, REAL, SYNTHETIC, Cell
from mammo_synth.files import atomic_path
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.png import encode_png
from mammo_synth.progress import Progress
from mammo_synth.release.plan import Shard, seeds
from mammo_synth.release.schema import arrow_schema

ROW_GROUP = 500
"""Rows per Parquet row group: 30 to 60 MB of 512 px films."""


class Generator(Protocol):
    """What a build needs of a generator; `mammo_synth.gan.sample` has the real one."""

    @property
    def path(self) -> Path:
        """The generator file, for the manifest."""

    @property
    def sha256(self) -> str:
        """Digest of the generator file."""

    @property
    def label(self) -> str:
        """``cancer`` or ``normal``."""

    @property
    def resolution(self) -> int:
        """Side of its images in pixels."""

    @property
    def description(self) -> dict[str, Any]:
        """Training facts for the card: kimg, settings, the prepared set's digest, ..."""

    @property
    def patients(self) -> frozenset[str] | None:
        """Digests of the patients it learned from; None if unknown."""

    def images(
        self, seeds: Sequence[int], truncation: float
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """(seed, [S, S] uint8) for each seed, in order."""


def write_shards(
    work: Path,
    shards: Sequence[Shard],
    films: dict[Cell, list[str]],
    prepared: PreparedSet,
    generators: Mapping[int, Generator],
    truncation: float,
    progress: Progress,
) -> None:
    """Write every shard of a release that is not there yet, each atomically."""
    progress.start("release images", sum(shard.rows for shard in shards))
    schema = arrow_schema()
    for shard in shards:
        path = work / shard.path
        if path.is_file():
            progress.advance(shard.rows)
            continue
        if shard.cell.origin == SYNTHETIC:
            rows = _synthetic_rows(shard, generators[shard.cell.label], truncation, prepared.source)
        else:
            chosen = films[shard.cell][shard.start : shard.stop]
            rows = _real_rows(chosen, shard.cell, prepared)
        with (
            atomic_path(path) as temporary,
            pq.ParquetWriter(
                temporary, schema, compression="none", write_page_index=True
            ) as writer,
        ):
            group: list[dict[str, Any]] = []
            for row in rows:
                group.append(row)
                progress.advance()
                if len(group) == ROW_GROUP:
                    writer.write_table(pa.Table.from_pylist(group, schema=schema))
                    group = []
            if group:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
    progress.finish()


def _synthetic_rows(
    shard: Shard, generator: Generator, truncation: float, source: str
) -> Iterator[dict[str, Any]]:
    wanted = seeds(shard.cell, shard.start, shard.stop)
    for seed, pixels in generator.images(wanted, truncation):
        image_id = f"syn-{LABELS[shard.cell.label]}-{generator.sha256[:8]}-{seed:07d}"
        yield {
            "image": {"bytes": encode_png(pixels), "path": f"{image_id}.png"},
            "label": shard.cell.label,
            "origin": SYNTHETIC,
            "image_id": image_id,
            "patient_id": None,
            "source": source,
            "view": None,
            "laterality": None,
            "generator": generator.sha256[:16],
            "seed": seed,
            "truncation": truncation,
        }


def _real_rows(
    chosen: Sequence[str], cell: Cell, prepared: PreparedSet
) -> Iterator[dict[str, Any]]:
    films = prepared.films(chosen)
    for image_id in chosen:
        film = films[image_id]
        yield {
            "image": film["image"],
            "label": cell.label,
            "origin": REAL,
            "image_id": image_id,
            "patient_id": film["patient_id"],
            "source": film["source"],
            "view": film["view"],
            "laterality": film["laterality"],
            "generator": None,
            "seed": None,
            "truncation": None,
        }
