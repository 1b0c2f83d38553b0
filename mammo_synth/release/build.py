"""Builds a release: samples the synthetic cells, places the real share, writes card and manifest.

Work goes shard by shard and each shard is written atomically, so memory is bounded by one row
group and a killed build goes on at the next shard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mammo_synth.configurations import (
    CANCER,
    CONFIGURATIONS,
    LABELS,
    NORMAL,
    REAL,
    SYNTHETIC,
    check_size,
)
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file, sha256_json, write_bytes, write_text
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.record import ROLES
from mammo_synth.manifest import Input, is_current, relative_input, write_manifest
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.card import render_card
from mammo_synth.release.folder import KIND, Release
from mammo_synth.release.forms import PACKED
from mammo_synth.release.plan import (
    REAL_TEST_CELLS,
    Shard,
    choose_films,
    plan_shards,
    shards_of,
)
from mammo_synth.release.shards import Generator, write_shards
from mammo_synth.release.sheet import contact_sheet
from mammo_synth.release.version import check_version
from mammo_synth.step import step_folder

SHEET_NAME = "contact-sheet.png"
SHEET_ROW = 8
ORDER_SEED = 0
"""Seed of the order of real films within their cells: fixed, so that a later, larger release of
the same films has the smaller one's real share as a prefix."""


@dataclass(frozen=True)
class ReleaseSettings:
    """What determines a release, beside its inputs."""

    size: int
    version: str = "1.0.0"
    name: str = "mammo-synth"
    truncation: float = 1.0

    def __post_init__(self) -> None:
        check_size(self.size)
        check_version(self.version)
        if not 0.0 <= self.truncation <= 1.0:
            raise BadInput(
                f"Truncation psi is {self.truncation}; it lies between 0 (the mean image) and 1.",
                hint="The study used 1.",
            )


def build_release(
    prepared: PreparedSet,
    generators: Mapping[int, Generator],
    out: Path,
    settings: ReleaseSettings,
    *,
    replace: bool = False,
    progress: Progress = SILENT,
) -> Release:
    """Make (or finish, or recognise) a release in ``out``.

    Args:
        prepared: The films: the real share, and what the generators were trained on.
        generators: By label (cancer 1, normal 0).
        out: Folder of the release; its name is what `load_dataset` is given.
        settings: Size, version, name, truncation.
        replace: Replace a finished release of other settings in ``out``.
        progress: Receives one step for each image.

    Raises:
        BadInput: Generators and films do not belong together, there are too few films, or
            ``out`` holds something else.
    """
    for label in (CANCER, NORMAL):
        _check_generator(generators[label], label, prepared)
    inputs = (
        relative_input("prepared-set", prepared.folder, out),
        *(relative_input("file", generators[label].path, out) for label in (CANCER, NORMAL)),
    )
    if is_current(out, KIND, settings=asdict(settings), inputs=inputs):
        return Release.open(out)
    films = choose_films(settings.size, prepared.protocol, _film_ids(prepared), ORDER_SEED)
    real_test = {cell.label: len(films[cell]) for cell in REAL_TEST_CELLS}
    shards = plan_shards(settings.size, real_test)
    plan = sha256_json({"settings": asdict(settings), "inputs": [i.sha256 for i in inputs]})
    with step_folder(out, plan, replace=replace) as work:
        write_shards(work, shards, films, prepared, generators, settings.truncation, progress)
        facts = _facts(work, shards, prepared, generators, settings)
        _finish(work, facts, inputs, settings, prepared)
    return Release.open(out)


def _finish(
    work: Path,
    facts: dict[str, Any],
    inputs: tuple[Input, ...],
    settings: ReleaseSettings,
    prepared: PreparedSet,
) -> None:
    """Contact sheet, card and manifest: what stands beside the shards."""
    real_name = "phantom" if prepared.simulated else "real"
    groups = []
    for label in (CANCER, NORMAL):
        for origin, what in ((REAL, real_name), (SYNTHETIC, "synthetic")):
            # Real pixels that may not be passed on must not travel in the card's picture either.
            if origin == REAL and not facts["terms"]["redistributable"]:
                continue
            images = _first_images(work, facts, label, origin)
            groups.append((f"{LABELS[label]}, {what}", images))
    write_bytes(work / SHEET_NAME, contact_sheet(groups))
    write_text(work / "README.md", render_card(asdict(settings), facts))
    write_manifest(work, KIND, settings=asdict(settings), inputs=inputs, facts=facts)


def _first_images(work: Path, facts: dict[str, Any], label: int, origin: int) -> list[bytes]:
    """PNG bytes of the first images of a train cell, from as many shards as it takes."""
    images: list[bytes] = []
    for entry in facts["shards"]:
        cell = (entry["split"], entry["label"], entry["origin"])
        if cell == ("train", label, origin) and len(images) < SHEET_ROW:
            column = pq.read_table(work / entry["path"], columns=["image"])["image"]
            images += [image["bytes"] for image in column.slice(0, SHEET_ROW).to_pylist()]
    return images[:SHEET_ROW]


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


def _facts(
    work: Path,
    shards: Sequence[Shard],
    prepared: PreparedSet,
    generators: Mapping[int, Generator],
    settings: ReleaseSettings,
) -> dict[str, Any]:
    """What the card, the benchmark and a later reader need to know, for the manifest."""
    digests = {shard.path: sha256_file(work / shard.path) for shard in shards}
    sizes = {shard.path: (work / shard.path).stat().st_size for shard in shards}
    configurations: dict[str, Any] = {}
    for name in CONFIGURATIONS:
        splits: dict[str, dict[str, Any]] = {}
        for split, chosen in shards_of(name, settings.size, shards).items():
            splits[split] = {
                "shards": [shard.path for shard in chosen],
                "rows": sum(shard.rows for shard in chosen),
                "bytes": sum(sizes[shard.path] for shard in chosen),
            }
        listed = [[path, digests[path]] for split in splits.values() for path in split["shards"]]
        configurations[name] = {"splits": splits, "digest": sha256_json(listed)}
    return {
        "image_size": prepared.size,
        "protocol": prepared.protocol,
        "source": prepared.source,
        "terms": prepared.terms,
        "films": prepared.manifest.facts["films"],
        "patients": prepared.manifest.facts["patients"],
        "generators": {
            LABELS[label]: {"sha256": g.sha256, **g.description} for label, g in generators.items()
        },
        "real": PACKED,
        "configurations": configurations,
        "shards": [
            {
                "path": shard.path,
                "split": shard.cell.split,
                "label": shard.cell.label,
                "origin": shard.cell.origin,
                "start": shard.start,
                "rows": shard.rows,
                "bytes": sizes[shard.path],
                "sha256": digests[shard.path],
            }
            for shard in shards
        ],
    }


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
