"""Builds a release: samples the synthetic cells, places the real share, writes card and manifest.

Work goes shard by shard and each shard is written atomically: memory holds one row group, whatever
the size of the release, and a killed build goes on at the next shard.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mammo_synth.configurations import (
    CANCER,
    LABELS,
    NORMAL,
    REAL,
    SYNTHETIC,
    check_size,
)
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_json, write_bytes
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.record import ROLES
from mammo_synth.manifest import relative_input
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.adopt import adopt, borrow, finished, has_report, with_report
from mammo_synth.release.changes import first_history, next_history
from mammo_synth.release.documents import finish_release
from mammo_synth.release.edition import edition, edition_of
from mammo_synth.release.facts import release_facts, shard_facts
from mammo_synth.release.folder import KIND, Release
from mammo_synth.release.forms import PACKED, REFERENCED, held_shards
from mammo_synth.release.plan import (
    REAL_TEST_CELLS,
    Shard,
    choose_films,
    plan_shards,
)
from mammo_synth.release.quality import Assessment, refuse_misfit
from mammo_synth.release.references import write_references
from mammo_synth.release.shards import Generator, Row, film_rows, synthetic_rows, write_shards
from mammo_synth.release.sheet import contact_sheet
from mammo_synth.release.version import check_version
from mammo_synth.step import put_back, step_folder

SHEET_NAME = "contact-sheet.png"
SHEET_ROW = 8
ORDER_SEED = 0
"""Seed of the order of real films within their cells: fixed, so that a later, larger release of
the same films has the smaller one's real share as a prefix."""


@dataclass(frozen=True)
class ReleaseSettings:
    """What determines a release, beside its inputs.

    Attributes:
        size: Images per configuration, train and test together.
        version: Semantic version; `mammo_synth.release.version` says what its parts mean.
        name: Name of the folder that `load_dataset` is given.
        truncation: Truncation psi of the samples.
        date: Day of publication for card and Croissant file, as 2026-01-31, or "". It is given and
            not read from a clock, so that the same inputs give the same bytes.
    """

    size: int
    version: str = "1.0.0"
    name: str = "mammo-synth"
    truncation: float = 1.0
    date: str = ""

    def __post_init__(self) -> None:
        check_size(self.size)
        check_version(self.version)
        if not 0.0 <= self.truncation <= 1.0:
            raise BadInput(
                f"Truncation psi is {self.truncation}; it lies between 0 (the mean image) and 1.",
                hint="The study used 1.",
            )
        if self.date:
            try:
                datetime.date.fromisoformat(self.date)
            except ValueError as error:
                raise BadInput(
                    f"'{self.date}' is no date.", hint="Write it as year-month-day: 2026-01-31."
                ) from error


def build_release(
    prepared: PreparedSet,
    generators: Mapping[int, Generator],
    out: Path,
    settings: ReleaseSettings,
    *,
    after: Release | None = None,
    quality: Assessment | None = None,
    replace: bool = False,
    progress: Progress = SILENT,
) -> Release:
    """Make (or finish, or recognise) a release in ``out``.

    Args:
        prepared: The films: the real share, and what the generators were trained on.
        generators: By label (cancer 1, normal 0).
        out: Folder of the release; its name is what `load_dataset` is given.
        settings: Size, version, name, truncation.
        after: The release that this one follows: what changed is found, told in the changelog, and
            asked of the version.
        quality: The report of its images. A finished release takes it over without an image made
            again; without one here, the report that a finished release shows stays.
        replace: Replace a finished release of other settings in ``out``.
        progress: Receives one step for each image.

    Raises:
        BadInput: Generators and films do not belong together, there are too few films, the
            version is too small a step for what changed, the report is not of these images, or
            ``out`` holds something else.
    """
    for label in (CANCER, NORMAL):
        _check_generator(generators[label], label, prepared)
    inputs = (
        relative_input("prepared-set", prepared.folder, out),
        *(relative_input("file", generators[label].path, out) for label in (CANCER, NORMAL)),
    )
    films = choose_films(settings.size, prepared.protocol, _film_ids(prepared), ORDER_SEED)
    real_test = {cell.label: len(films[cell]) for cell in REAL_TEST_CELLS}
    shards = plan_shards(settings.size, real_test, prepared.size)
    if quality is not None:
        digests = {LABELS[label]: generator.sha256 for label, generator in generators.items()}
        films_sha256 = prepared.manifest.sha256
        refuse_misfit(quality, out, films_sha256, digests, settings.truncation, shards)
    put_back(out)
    found = finished(out, asdict(settings), inputs, after)
    if found is not None:
        if quality is None or has_report(found, quality):
            return found
        return adopt(found, quality, inputs, after)
    plan = sha256_json({"settings": asdict(settings), "inputs": [i.sha256 for i in inputs]})
    before = None if after is None else edition_of(after)

    def rows_of(shard: Shard) -> Iterator[Row]:
        if shard.cell.origin == REAL:
            return film_rows(shard, films[shard.cell][shard.start : shard.stop], prepared)
        generator = generators[shard.cell.label]
        return synthetic_rows(shard, generator, settings.truncation, prepared.source)

    packed = prepared.terms["redistributable"]
    about = release_facts(prepared, generators, PACKED if packed else REFERENCED)
    with step_folder(out, plan, replace=KIND if replace else None) as work:
        if after is not None:
            borrow(after, work, shards, asdict(settings), about)
        written = [shard for shard in shards if packed or shard.cell.origin == SYNTHETIC]
        write_shards(work, written, rows_of, prepared.size, progress)
        facts = about | {"references": [] if packed else write_references(work, films, prepared)}
        facts |= {
            **shard_facts(work, shards, settings.size),
            **({} if quality is None else quality.facts),
            "after": None if after is None else after.sha256,
        }
        facts["history"] = (
            first_history(asdict(settings), facts)
            if before is None
            else next_history(before, edition(work, asdict(settings), facts))
        )
        write_bytes(work / SHEET_NAME, _contact_sheet(work, facts))
        finish_release(work, asdict(settings), facts, with_report(inputs, quality, out))
    return Release.open(out)


def _contact_sheet(work: Path, facts: dict[str, Any]) -> bytes:
    """A row of each origin and class; of real films, only where they are in the folder."""
    real_name = "phantom" if facts["terms"]["simulated"] else "real"
    groups = [
        (f"{LABELS[label]}, {what}", _first_images(work, facts, label, origin))
        for label in (CANCER, NORMAL)
        for origin, what in ((REAL, real_name), (SYNTHETIC, "synthetic"))
    ]
    return contact_sheet(groups)


def _first_images(work: Path, facts: dict[str, Any], label: int, origin: int) -> list[bytes]:
    """PNG bytes of the first images of a train cell, from as many shards as it takes."""
    images: list[bytes] = []
    held = held_shards(facts)
    for entry in facts["shards"]:
        cell = (entry["split"], entry["label"], entry["origin"])
        if cell != ("train", label, origin) or entry["path"] not in held:
            continue
        with pq.ParquetFile(work / entry["path"]) as file:
            for batch in file.iter_batches(SHEET_ROW, columns=["image"]):
                images += [image["bytes"] for image in batch["image"].to_pylist()]
                if len(images) >= SHEET_ROW:
                    return images[:SHEET_ROW]
    return images


def _check_generator(generator: Generator, label: int, prepared: PreparedSet) -> None:
    """Refuse a generator of the wrong class or size, or one that may have seen held-out films."""
    if generator.label != LABELS[label]:
        raise BadInput(
            f"The generator given for {LABELS[label]} was trained on {generator.label} films.",
            hint="Swap --cancer and --normal.",
        )
    if generator.resolution != prepared.size:
        raise BadInput(
            f"The {LABELS[label]} generator makes {generator.resolution} px images, the prepared "
            f"films are {prepared.size} px.",
            hint="Prepare the films and train the generator at one size.",
        )
    if prepared.protocol == "strict" and not _knows_no_held_out_patient(generator, prepared):
        raise BadInput(
            f"The {LABELS[label]} generator was not trained on this prepared set alone, so "
            "held-out patients cannot be ruled out among its training films.",
            hint=(
                "Train it on this prepared set, from networks that say what they learned from, or "
                "prepare the films with --protocol study, which says so everywhere."
            ),
        )


def _film_ids(prepared: PreparedSet) -> dict[tuple[str, int], list[str]]:
    ids: dict[tuple[str, int], list[str]] = {
        (role, label): [] for role in ROLES for label in (CANCER, NORMAL)
    }
    for row in prepared.table.select(["image_id", "role", "label"]).to_pylist():
        ids[row["role"], row["label"]].append(row["image_id"])
    return ids


def _knows_no_held_out_patient(generator: Generator, prepared: PreparedSet) -> bool:
    """Whether the generator learned from the training films of ``prepared``, or from phantom
    patients that are not held out here; and so did all networks that it began from.

    Only phantom patients have one identifier wherever they are prepared; a real patient may stand
    in another collection, or another preparation, under another name.
    """
    if generator.patients is None:
        return False
    if generator.patients & {*prepared.patients("val"), *prepared.patients("real_test")}:
        return False
    ours = generator.description.get("prepared_set") == prepared.manifest.sha256
    if ours and _began_without_others(generator, prepared):
        return True
    simulated = prepared.simulated and bool(generator.description.get("simulated"))
    return simulated and bool(generator.patients)


def _began_without_others(generator: Generator, prepared: PreparedSet) -> bool:
    """Whether no network that it began from saw real films other than those of ``prepared``."""
    for entry in generator.description.get("before", ()):
        if entry.get("simulated") == "true":  # and so is all before it
            return True
        ours = entry.get("prepared_manifest") == prepared.manifest.sha256
        if not ours and entry.get("films") != "none":
            return False
    return True
