"""Turns a source of films into a prepared set: decode, orient, pad, resize, split, write.

Films are prepared in parallel, one shard of `SHARD_FILMS` at a time, and each shard is written
atomically. A killed run leaves its finished shards and goes on from there; the result has the
same bytes whatever the number of workers and interruptions.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path, sha256_bytes, sha256_json
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.prepared import KIND, SCHEMA, SHARD_PATTERN, PreparedSet
from mammo_synth.films.record import PROTOCOLS, ROLES, FilmRecord, Source, label_of
from mammo_synth.films.split import SplitSettings, count_films, split_by_patient
from mammo_synth.manifest import is_current, write_manifest
from mammo_synth.png import encode_png
from mammo_synth.processes import worker_pool
from mammo_synth.progress import SILENT, Progress
from mammo_synth.step import step_folder

SHARD_FILMS = 256
SIZES = (32, 64, 128, 256, 512, 1024)
REFUSED_KEY = b"mammo-synth.refused"
"""Key of the shard's metadata that names the films left out of it, with the reasons."""


@dataclass(frozen=True)
class PrepareSettings:
    """What determines a prepared set, beside its source.

    Attributes:
        size: Side of the prepared films in pixels.
        protocol: ``strict`` (cancer is malignant) or ``study`` (cancer is any tumour).
        split: Shares of patients by role, and the seed.
        skip_bad_films: Leave out films that do not decode, and list them, instead of stopping.
    """

    size: int = 512
    protocol: str = "strict"
    split: SplitSettings = field(default_factory=SplitSettings)
    skip_bad_films: bool = False

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise BadInput(
                f"{self.size} px is not a size of a prepared set.",
                hint=f"Sizes are {', '.join(map(str, SIZES))}.",
            )
        if self.protocol not in PROTOCOLS:
            raise BadInput(
                f"There is no protocol '{self.protocol}'.", hint=f"It is {' or '.join(PROTOCOLS)}."
            )


def prepare(
    source: Source,
    out: Path,
    settings: PrepareSettings,
    *,
    workers: int = 1,
    progress: Progress = SILENT,
) -> PreparedSet:
    """Make (or finish, or recognise) the prepared set of ``source`` in ``out``.

    Raises:
        BadInput: The source has errors, there are too few patients, films do not decode, one film
            stands under two patients, or ``out`` holds something else. Nothing is left behind.
    """
    described = {**source.settings, **asdict(settings)}
    seed = settings.split.seed
    if is_current(out, KIND, settings=described, seed=seed):
        return PreparedSet.open(out)
    listing = source.list()
    roles = split_by_patient(listing.records, settings.protocol, settings.split)
    records = [r for r in listing.records if label_of(r.finding, settings.protocol) is not None]
    plan = sha256_json({"settings": described, "films": [asdict(r) for r in records]})
    with step_folder(out, plan) as work:
        refused = _write_shards(source, records, roles, work, settings, workers, progress)
        kept = [r for r in records if r.image_id not in refused]
        _check_enough(kept, roles, settings.protocol)
        _check_duplicates(work)
        facts = {
            "source": source.name,
            "terms": asdict(source.terms),
            "films": count_films(kept, roles, settings.protocol),
            "patients": {role: len({p for p in roles if roles[p] == role}) for role in ROLES},
            "left_out": _left_out(listing.records, settings.protocol),
            "refused": refused,
            "remarks": list(listing.remarks),
        }
        write_manifest(work, KIND, settings=described, seed=seed, facts=facts)
    return PreparedSet.open(out)


def _write_shards(
    source: Source,
    records: Sequence[FilmRecord],
    roles: dict[str, str],
    out: Path,
    settings: PrepareSettings,
    workers: int,
    progress: Progress,
) -> dict[str, str]:
    """Write the shards that are not there yet; return the refused films with their reasons."""
    refused: dict[str, str] = {}
    chunks = [records[i : i + SHARD_FILMS] for i in range(0, len(records), SHARD_FILMS)]
    progress.start("films", len(records))
    with _film_map(workers) as film_map:
        for number, chunk in enumerate(chunks):
            path = out / f"films-{number:05d}.parquet"
            if path.is_file():
                refused |= json.loads(pq.read_schema(path).metadata[REFUSED_KEY])
                progress.advance(len(chunk))
                continue
            rows, bad = [], {}
            for result in film_map(partial(_prepare_film, source, settings, roles), chunk):
                if isinstance(result, tuple):
                    bad[result[0]] = result[1]
                else:
                    rows.append(result)
                progress.advance()
            if bad and not settings.skip_bad_films:
                raise _unreadable(bad, source.name)
            metadata = {REFUSED_KEY: json.dumps(bad)}
            table = pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(metadata))
            with atomic_path(path) as temporary:
                # Pixels are PNG already; compressing them again costs time and wins nothing.
                pq.write_table(table, temporary, compression="none", row_group_size=SHARD_FILMS)
            refused |= bad
    progress.finish()
    return refused


FilmMap = Callable[[Callable[[FilmRecord], Any], Sequence[FilmRecord]], Iterable[Any]]


@contextlib.contextmanager
def _film_map(workers: int) -> Iterator[FilmMap]:
    """`map`, over ``workers`` processes when there is more than one."""
    if workers <= 1:
        yield map
        return
    with worker_pool(workers) as pool:
        yield partial(pool.map, chunksize=4)


def _prepare_film(
    source: Source, settings: PrepareSettings, roles: dict[str, str], record: FilmRecord
) -> dict[str, Any] | tuple[str, str]:
    """One row of the prepared set, or the film's id and why it was refused."""
    try:
        pixels, geometry = prepare_pixels(source.read(record).pixels, settings.size)
    except BadInput as error:
        return record.image_id, error.message
    return {
        "image": {"bytes": encode_png(pixels), "path": f"{record.image_id}.png"},
        "image_id": record.image_id,
        "patient_id": record.patient_id,
        "finding": record.finding,
        "label": label_of(record.finding, settings.protocol),
        "view": record.view,
        "laterality": record.laterality,
        "density": record.density,
        "source": source.name,
        "role": roles[record.patient_id],
        "geometry": geometry.as_dict(),
        "film_sha256": source.digest(record),
        "pixel_sha256": sha256_bytes(pixels.tobytes()),
    }


def _unreadable(bad: dict[str, str], source: str) -> BadInput:
    first = next(iter(bad))
    more = f" ({len(bad) - 1} more in the same part of the set)" if len(bad) > 1 else ""
    return BadInput(
        f"A film of {source} cannot be used: {first}: {bad[first]}{more}",
        hint="Replace it by an intact copy, or add --skip-bad-films to go on without it.",
    )


def _check_enough(records: Sequence[FilmRecord], roles: dict[str, str], protocol: str) -> None:
    """Leaving films out must not leave a role without a class."""
    for role, by_label in count_films(records, roles, protocol).items():
        for label, n in by_label.items():
            if n == 0:
                raise BadInput(
                    f"No {label} film is left in role {role}.",
                    hint="Replace the films that do not decode, or change --split or --seed.",
                )


def _check_duplicates(out: Path) -> None:
    """Refuse identical films under two patients or with two findings: a leak, or a wrong label."""
    seen: dict[str, dict[str, Any]] = {}
    columns = ["image_id", "patient_id", "finding", "pixel_sha256"]
    for shard in sorted(out.glob(SHARD_PATTERN)):
        for row in pq.read_table(shard, columns=columns).to_pylist():
            first = seen.setdefault(row["pixel_sha256"], row)
            for key, what in (("patient_id", "two patients"), ("finding", "two findings")):
                if first[key] != row[key]:
                    raise BadInput(
                        f"{first['image_id']} and {row['image_id']} are the same film under {what} "
                        f"({first[key]}, {row[key]}).",
                        hint="Correct the source: one film has one patient and one finding.",
                    )


def _left_out(records: Sequence[FilmRecord], protocol: str) -> dict[str, int]:
    """Films by finding that have no class under the protocol."""
    left = [r.finding for r in records if label_of(r.finding, protocol) is None]
    return {finding: left.count(finding) for finding in sorted(set(left))}
