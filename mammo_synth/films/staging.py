"""One film after the other: decoded, prepared, looked at, and put aside until all have been seen.

What a film is can only be judged beside the others (it may be a copy, or one patient under two
names), so its role comes last. Until then prepared films wait in shards of `SHARD_FILMS` in a
hidden folder, each written atomically: a killed run goes on after the last of them. A shard is
written and read in groups of `GROUP_FILMS`, so memory never holds more prepared films than that
and the few that wait for each worker.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.errors import BadInput
from mammo_synth.files import TEMPORARY_PREFIX, atomic_path, sha256_bytes
from mammo_synth.films.audit.look import Look, border_statistics, outline_of, shrink, tones_of
from mammo_synth.films.breast import find_breast
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.prepared import SCHEMA
from mammo_synth.films.record import FilmRecord, Source, label_of
from mammo_synth.png import encode_png
from mammo_synth.processes import map_in_order, worker_pool
from mammo_synth.progress import Progress, counted

SHARD_FILMS, GROUP_FILMS = 256, 16
WAITING = 8  # films handed out to each worker, prepared ones that wait for their turn included
FOLDER = ".seen"
STAGE_FORMAT = 2
"""Of the shards: a run that an older version began does not go on with them."""

# What the audit knows of the film, and its picture.
LOOK_SCHEMA = pa.schema([("look", pa.string()), ("thumb", pa.binary())])
# The prepared set's row, without a role yet, with the same.
STAGE_SCHEMA = pa.schema([*(f for f in SCHEMA if f.name != "role"), *LOOK_SCHEMA])

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

    def refused(fault: str, problem: str) -> Row:
        look = Look.refused(**known, fault=fault, problem=problem)
        empty = {**dict.fromkeys(STAGE_SCHEMA.names), "thumb": b""}
        return {**empty, **known, "look": json.dumps(look.as_dict())}

    try:
        digest, file_bytes = source.digest(record), source.size(record)
        film = source.read(record)
    except BadInput as error:
        return refused("unreadable", error.message)
    except OSError as error:
        return refused("unreadable", f"its file cannot be read ({error.strerror})")
    try:
        breast = find_breast(film.pixels)
        pixels, geometry = prepare_pixels(film.pixels, size, frame, breast)
    except BadInput as error:
        return refused("no_breast", error.message)
    pixel_digest, thumb = sha256_bytes(pixels.tobytes()), shrink(pixels)
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
        file_bytes=file_bytes,
        film_sha256=digest,
        pixel_sha256=pixel_digest,
        wall=breast.wall,
        borders=border_statistics(film.pixels),
        outline=outline_of(breast.mask, breast.wall),
        tones=tones_of(film.pixels),
        fault="",
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
        "thumb": encode_png(thumb),
    }


def stage_films(
    source: Source,
    records: Sequence[FilmRecord],
    work: Path,
    size: int,
    protocol: str,
    frame: str,
    *,
    looks_only: bool = False,
    workers: int,
    progress: Progress,
) -> list[Path]:
    """Write the stage shards of ``records`` that are not there yet; return all of them in order.
    ``looks_only``: with `LOOK_SCHEMA`, without the films, for an inspection."""
    starts = range(0, len(records), SHARD_FILMS)
    paths = [work / FOLDER / f"{number:05d}.parquet" for number in range(len(starts))]
    schema = LOOK_SCHEMA if looks_only else STAGE_SCHEMA
    stage = partial(_columns, tuple(schema.names), source, size, protocol, frame)
    for leftover in (work / FOLDER).glob(f"{TEMPORARY_PREFIX}*"):
        leftover.unlink()  # half a shard of an earlier run that was killed
    missing = [
        (path, records[start : start + SHARD_FILMS])
        for path, start in zip(paths, starts, strict=True)
        if not path.is_file()
    ]
    # What an earlier run did is not counted: it would make the rest look faster than it is.
    progress.start("films", sum(len(chunk) for _, chunk in missing))
    with film_map(workers) as mapped:
        for path, chunk in missing:
            rows = counted(mapped(stage, chunk), progress)
            # Pixels are PNG already; compressing them again costs time and wins nothing.
            with (
                atomic_path(path) as temporary,
                pq.ParquetWriter(temporary, schema, compression="none") as writer,
            ):
                while group := list(islice(rows, GROUP_FILMS)):
                    writer.write_table(pa.Table.from_pylist(group, schema=schema))
    progress.finish()
    return paths


def _columns(
    names: tuple[str, ...],
    source: Source,
    size: int,
    protocol: str,
    frame: str,
    record: FilmRecord,
) -> Row:
    """Those columns of `stage_film` that are asked for: no more is sent between processes."""
    row = stage_film(source, size, protocol, frame, record)
    return {name: row[name] for name in names}


def staged_groups(path: Path, columns: Sequence[str]) -> Iterator[list[Row]]:
    """The rows of one stage shard, a group at a time."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=list(columns)).to_pylist()


def staged_looks(paths: Iterable[Path]) -> list[Look]:
    """What is known of all staged films, in order."""
    return [
        Look.from_dict(json.loads(row["look"]))
        for path in paths
        for group in staged_groups(path, ["look"])
        for row in group
    ]


class StagedThumbs(Mapping[str, bytes]):
    """The thumbs of staged films by image id. They stay on disk: a group of them is read when one
    is asked for, and a few groups are kept at hand."""

    def __init__(self, paths: Sequence[Path], looks: Sequence[Look]) -> None:
        self._paths = tuple(paths)
        self._places = {look.image_id: place for place, look in enumerate(looks)}
        self._group = lru_cache(KEPT_GROUPS)(self._read)

    def __getitem__(self, image_id: str) -> bytes:
        shard, place = divmod(self._places[image_id], SHARD_FILMS)
        return self._group(shard, place // GROUP_FILMS)[place % GROUP_FILMS]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _read(self, shard: int, number: int) -> list[bytes]:
        with pq.ParquetFile(self._paths[shard]) as file:
            thumbs: list[bytes] = file.read_row_group(number, columns=["thumb"])[
                "thumb"
            ].to_pylist()
        return thumbs


KEPT_GROUPS = 32
"""Groups of thumbs kept at hand: some 3 MB."""


FilmMap = Callable[[Callable[[FilmRecord], Any], Sequence[FilmRecord]], Iterable[Any]]


@contextlib.contextmanager
def film_map(workers: int) -> Iterator[FilmMap]:
    """`map`, over ``workers`` processes when there is more than one. Films are handed out in parts,
    so that no more results wait than a few for each worker."""
    if workers <= 1:
        yield map
        return
    with worker_pool(workers) as pool:
        yield partial(map_in_order, pool, waiting=WAITING * workers, together=2)
