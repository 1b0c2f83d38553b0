"""Puts the user's own films in place of the references of a release, each one checked.

A film is known by the digest of its file, whatever it is called now, and its pixels must come out
as they did for the builder: the same digest. So the nine configurations load as if packed. The
folder is replaced as a whole, at the end; a killed run goes on at the next shard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from mammo_synth.configurations import REAL, Cell
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes, sha256_json
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.record import FilmRecord, Source
from mammo_synth.films.staging import film_map
from mammo_synth.manifest import MANIFEST_NAME
from mammo_synth.png import decode_png, encode_png
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.adopt import link, refuse_others
from mammo_synth.release.documents import finish_release
from mammo_synth.release.facts import planned_shards, shard_facts
from mammo_synth.release.folder import KIND, Release
from mammo_synth.release.forms import PACKED, REHYDRATED
from mammo_synth.release.plan import Shard, group_rows
from mammo_synth.release.references import read_references, real_rows
from mammo_synth.release.schema import columns_of
from mammo_synth.release.shards import Row, write_shards
from mammo_synth.step import step_folder

NAMED = 5  # problems that are named in full; more are counted


class Films(Protocol):
    """Where the pixels come from."""

    def missing(self, references: Sequence[Row], progress: Progress) -> dict[str, str]:
        """Of ``references``, those whose film is not there or is another: image id → what is
        wrong with it."""

    def images(self, references: Sequence[Row]) -> dict[str, bytes]:
        """PNG bytes of the prepared films, by image id.

        Raises:
            BadInput: A film's pixels are not those of the release.
        """


def rehydrate(release: Release, films: Films, *, progress: Progress = SILENT) -> Release:
    """Fill in the real films of a referenced release, in place.

    Raises:
        BadInput: A film is missing, is another, or prepares to other pixels; the folder holds files
            that are not the release's. Nothing is changed then.
    """
    facts = release.manifest.facts
    if facts["real"] in (PACKED, REHYDRATED):
        return release
    refuse_others(release)
    shards = planned_shards(facts)
    wanted = [shard for shard in shards if shard.cell.origin == REAL]
    references = {cell: _references(release, cell) for cell in {s.cell for s in wanted}}
    wrong = films.missing([row for rows in references.values() for row in rows], progress)
    if wrong:
        raise _unusable(wrong)
    plan = sha256_json({"rehydrate": release.sha256})
    with step_folder(release.folder, plan, replace=KIND) as work:
        for name in release.manifest.files:
            link(release.folder / name, work / name)

        def rows_of(shard: Shard) -> Iterator[Row]:
            rows, at_once = references[shard.cell], group_rows(release.image_size)
            for start in range(shard.start, shard.stop, at_once):
                part = rows[start : min(start + at_once, shard.stop)]
                yield from real_rows(part, films.images(part))

        columns = columns_of(facts)  # those of the shards that are there already
        write_shards(work, wanted, rows_of, release.image_size, progress, columns)
        found = {**facts, "real": REHYDRATED, **shard_facts(work, shards, release.size)}
        finish_release(work, release.manifest.settings, found, release.manifest.inputs)
    return Release.open(release.folder)


def _references(release: Release, cell: Cell) -> list[Row]:
    facts = release.manifest.facts
    rows: list[Row] = read_references(release.folder, cell, facts).to_pylist()
    return rows


def _unusable(wrong: Mapping[str, str]) -> BadInput:
    named = "; ".join(f"{film}: {what}" for film, what in list(wrong.items())[:NAMED])
    more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return BadInput(
        f"{len(wrong)} films of the release cannot be filled in: {named}{more}.",
        hint="Give the folder of the films as its source distributes them, or a prepared set that "
        "was made of them at the release's size.",
    )


@dataclass(frozen=True)
class PreparedFilms:
    """Films of a prepared set."""

    prepared: PreparedSet

    def missing(self, references: Sequence[Row], progress: Progress) -> dict[str, str]:
        """See `Films`."""
        names = ("image_id", "pixel_sha256")
        columns = [self.prepared.table[name].to_pylist() for name in names]
        known = dict(zip(*columns, strict=True))
        wrong = {}
        for row in references:
            film = row["image_id"]
            if film not in known:
                wrong[film] = "it is not in the prepared set"
            elif known[film] != row["pixel_sha256"]:
                wrong[film] = "its pixels in the prepared set are not those of the release"
        return wrong

    def images(self, references: Sequence[Row]) -> dict[str, bytes]:
        """See `Films`."""
        films = self.prepared.films([row["image_id"] for row in references])
        images = {film: row["image"]["bytes"] for film, row in films.items()}
        for row in references:
            _check_pixels(row, sha256_bytes(decode_png(images[row["image_id"]]).tobytes()))
        return images


class SourceFilms:
    """Films as their source distributes them: prepared here as they were for the release."""

    def __init__(self, source: Source, preparation: Mapping[str, Any], workers: int = 1) -> None:
        """
        Args:
            source: The films.
            preparation: Of the release's facts: size, frame and what else prepared its films.
            workers: Processes that read films.
        """
        self._source, self._workers = source, workers
        self._size, self._frame = int(preparation["size"]), str(preparation["frame"])
        self._records: dict[str, FilmRecord] = {}  # by digest of the film

    def missing(self, references: Sequence[Row], progress: Progress) -> dict[str, str]:
        """See `Films`. Films are found by the digests of their files, under whatever name."""
        listing = self._source.list()
        wanted = {row["film_sha256"] for row in references}
        names = {row["image_id"] for row in references}
        # Films that have the right name first: usually the rest need not be read.
        records = sorted(listing.records, key=lambda record: record.image_id not in names)
        progress.start("films to find", len(records))
        for record in records:
            digest = self._source.digest(record)
            if digest in wanted:
                self._records[digest] = record
            progress.advance()
            if len(self._records) == len(wanted):
                break
        progress.finish()
        listed = {record.image_id for record in listing.records}
        return {
            row["image_id"]: (
                "its file is not the one that the release was made of"
                if row["image_id"] in listed
                else "it is not among these films"
            )
            for row in references
            if row["film_sha256"] not in self._records
        }

    def images(self, references: Sequence[Row]) -> dict[str, bytes]:
        """See `Films`."""
        records = [self._records[row["film_sha256"]] for row in references]
        images = {}
        # Starting a process takes longer than preparing some dozens of films.
        with film_map(min(self._workers, len(records) // 32)) as mapped:
            made = mapped(partial(_prepare, self._source, self._size, self._frame), records)
            for row, (digest, data) in zip(references, made, strict=True):
                _check_pixels(row, digest)
                images[row["image_id"]] = data
        return images


def _prepare(source: Source, size: int, frame: str, record: FilmRecord) -> tuple[str, bytes]:
    pixels, _ = prepare_pixels(source.read(record).pixels, size, frame)
    return sha256_bytes(pixels.tobytes()), encode_png(pixels)


def _check_pixels(row: Row, digest: str) -> None:
    if digest != row["pixel_sha256"]:
        raise BadInput(
            f"Film {row['image_id']} is the right file, but prepares to other pixels than those of "
            "the release.",
            hint="Another version of mammo-synth or of a decoder: install the version that made "
            "the release (it stands in its manifest.json), then run the same command again.",
        )


def open_films(
    release: Release, folder: Path, options: Mapping[str, Any], workers: int = 1
) -> Films:
    """The films in ``folder``: a prepared set, or the release's source as it is distributed.

    Args:
        release: The release that they are for.
        folder: Prepared set, or films.
        options: Options of the source, such as its table of labels.
        workers: Processes that read films.

    Raises:
        BadInput: The folder is neither.
    """
    from mammo_synth.films.sources import open_source

    if (folder / MANIFEST_NAME).is_file():
        return PreparedFilms(PreparedSet.open(folder))
    preparation = release.manifest.facts["preparation"]
    source = open_source(release.source, folder, options, str(preparation["protocol"]))
    return SourceFilms(source, preparation, workers)
