"""One film after the other: decoded, prepared, looked at, and put aside until all have been seen.

What a film is can only be judged beside the others (it may be a copy, or one patient under two
names), so its role comes last. Until then prepared films wait in shards of `SHARD_FILMS` in a
hidden folder, each written atomically: a killed run goes on after the last of them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path, sha256_bytes
from mammo_synth.films.audit.look import Look, border_statistics, thumb_of
from mammo_synth.films.breast import find_breast
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.prepared import SCHEMA
from mammo_synth.films.record import FilmRecord, Source, label_of
from mammo_synth.png import encode_png
from mammo_synth.processes import map_in_order, worker_pool
from mammo_synth.progress import Progress

SHARD_FILMS = 256
FOLDER = ".seen"

# The prepared set's row, without a role yet, and what the audit knows of the film.
STAGE_SCHEMA = pa.schema([*(f for f in SCHEMA if f.name != "role"), ("look", pa.string())])

Row = dict[str, Any]


def stage_film(source: Source, size: int, protocol: str, frame: str, record: FilmRecord) -> Row:
    """Decode and prepare one film: a row of `STAGE_SCHEMA`. Where the film cannot be used, its look
    says why and the rest of the row is empty."""
    known: dict[str, Any] = {
        "image_id": record.image_id,
        "patient_id": record.patient_id,
        "finding": record.finding,
        "label": label_of(record.finding, protocol),
        "view": record.view,
        "laterality": record.laterality,
    }
    try:
        digest = source.digest(record)
        film = source.read(record)
        breast = find_breast(film.pixels)
        pixels, geometry = prepare_pixels(film.pixels, size, frame, breast)
    except BadInput as error:
        look = Look.refused(**known, problem=error.message)
        return {**dict.fromkeys(STAGE_SCHEMA.names), **known, "look": json.dumps(look.as_dict())}
    pixel_digest = sha256_bytes(pixels.tobytes())
    height, width = film.pixels.shape
    look = Look(
        **known,
        file_view=film.view,
        file_laterality=film.laterality,
        format=film.format,
        bits=film.bits,
        inverted=film.inverted,
        width=width,
        height=height,
        file_bytes=source.size(record),
        film_sha256=digest,
        pixel_sha256=pixel_digest,
        wall=breast.wall,
        borders=border_statistics(film.pixels),
        thumb=thumb_of(pixels),
        problem="",
    )
    return {
        **known,
        "image": {"bytes": encode_png(pixels), "path": f"{record.image_id}.png"},
        "density": record.density,
        "source": source.name,
        "geometry": geometry.as_dict(),
        "file": {"format": film.format, "bits": film.bits, "inverted": film.inverted},
        "film_sha256": digest,
        "pixel_sha256": pixel_digest,
        "look": json.dumps(look.as_dict()),
    }


def stage_films(
    source: Source,
    records: Sequence[FilmRecord],
    work: Path,
    size: int,
    protocol: str,
    frame: str,
    *,
    workers: int,
    progress: Progress,
) -> list[Path]:
    """Write the stage shards of ``records`` that are not there yet; return all of them in order."""
    chunks = [records[i : i + SHARD_FILMS] for i in range(0, len(records), SHARD_FILMS)]
    paths = [work / FOLDER / f"{number:05d}.parquet" for number in range(len(chunks))]
    stage = partial(stage_film, source, size, protocol, frame)
    progress.start("films", len(records))
    with film_map(workers) as mapped:
        for path, chunk in zip(paths, chunks, strict=True):
            if path.is_file():
                progress.advance(len(chunk))
                continue
            rows = []
            for row in mapped(stage, chunk):
                rows.append(row)
                progress.advance()
            table = pa.Table.from_pylist(rows, schema=STAGE_SCHEMA)
            with atomic_path(path) as temporary:
                # Pixels are PNG already; compressing them again costs time and wins nothing.
                pq.write_table(table, temporary, compression="none", row_group_size=SHARD_FILMS)
    progress.finish()
    return paths


def staged_looks(paths: Iterable[Path]) -> list[Look]:
    """What is known of all staged films, in order."""
    looks = []
    for path in paths:
        for text in pq.read_table(path, columns=["look"])["look"].to_pylist():
            looks.append(Look.from_dict(json.loads(text)))
    return looks


def look_at(
    source: Source,
    records: Sequence[FilmRecord],
    protocol: str,
    *,
    size: int = 256,
    frame: str = "breast",
    workers: int = 1,
    progress: Progress,
) -> list[Look]:
    """The same without keeping any film: for an inspection."""
    stage = partial(_look, source, size, protocol, frame)
    looks = []
    progress.start("films", len(records))
    with film_map(workers) as mapped:
        for look in mapped(stage, records):
            looks.append(look)
            progress.advance()
    progress.finish()
    return looks


def _look(source: Source, size: int, protocol: str, frame: str, record: FilmRecord) -> Look:
    row = stage_film(source, size, protocol, frame, record)
    return Look.from_dict(json.loads(row["look"]))


FilmMap = Callable[[Callable[[FilmRecord], Any], Sequence[FilmRecord]], Iterable[Any]]


@contextlib.contextmanager
def film_map(workers: int) -> Iterator[FilmMap]:
    """`map`, over ``workers`` processes when there is more than one. Films are handed out in parts,
    so that no more results wait than a few for each worker."""
    if workers <= 1:
        yield map
        return
    with worker_pool(workers) as pool:
        yield partial(map_in_order, pool, waiting=32 * workers, together=2)
