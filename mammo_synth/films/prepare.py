"""Turns a source of films into a prepared set: decode, crop, orient, resize, judge, split, write.

Films are decoded and prepared in parallel (`staging`), judged together (`audit`: copies,
conflicting labels, one patient under two names), split by patient, and written as shards. A killed
run goes on where it was; the result has the same bytes whatever the number of workers and
interruptions.

Memory is bounded by workers: at most 8 films that each of them was given, 16 that are written at a
time, and some 50 MB for the search for copies. Pixels, thumbs and what copies are sought by stand
on disk. What is held of every film of the source is its row, some 1.7 KB: ids, labels, digests and
counts. The main process was measured to hold 232, 239 and 264 MB at most for 500, 2,000 and 8,000
films of 64 px, 196 MB of which are libraries (benchmarks/films/README.md).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path, canonical_json, sha256_json, write_json, write_text
from mammo_synth.films.audit import Audit, Look, Verdict, audit, find_copies, judge, render_page
from mammo_synth.films.enough import available_films, too_few_films
from mammo_synth.films.geometry import FRAMES
from mammo_synth.films.prepared import KIND, SCHEMA, PreparedSet
from mammo_synth.films.record import (
    ROLES,
    FilmRecord,
    Listing,
    Refused,
    Source,
    check_protocol,
    label_of,
)
from mammo_synth.films.split import SplitSettings, count_films, split_by_patient
from mammo_synth.films.split_file import NAME as SPLIT_NAME
from mammo_synth.films.split_file import render_split
from mammo_synth.films.staging import (
    FOLDER,
    STAGE_FORMAT,
    StagedThumbs,
    stage_films,
    staged_groups,
    staged_looks,
)
from mammo_synth.manifest import is_current, write_manifest
from mammo_synth.progress import SILENT, Progress
from mammo_synth.step import step_folder

SIZES = (32, 64, 128, 256, 512, 1024)
AUDIT_NAME, PAGE_NAME = "audit.json", "audit.html"


@dataclass(frozen=True)
class PrepareSettings:
    """What determines a prepared set, beside its source.

    Attributes:
        size: Side of the prepared films in pixels.
        protocol: ``strict`` (cancer is malignant) or ``study`` (cancer is any tumour).
        split: Shares or numbers of patients by role, and the seed; or a given split.
        strict_files: Stop at films that cannot be used, instead of listing and leaving them out.
        frame: ``breast`` (cropped to the breast) or ``film`` (the whole film); None: ``film`` under
            the study protocol, which had it so, ``breast`` under the strict one.
    """

    size: int = 512
    protocol: str = "strict"
    split: SplitSettings = field(default_factory=SplitSettings)
    strict_files: bool = False
    frame: str | None = None

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise BadInput(
                f"{self.size} px is not a size of a prepared set.",
                hint=f"Sizes are {', '.join(map(str, SIZES))}.",
            )
        check_protocol(self.protocol)
        if self.frame is not None and self.frame not in FRAMES:
            raise BadInput(
                f"There is no frame '{self.frame}'.", hint=f"It is {' or '.join(FRAMES)}."
            )

    @property
    def framing(self) -> str:
        """``breast`` or ``film``."""
        return self.frame or ("film" if self.protocol == "study" else "breast")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return {
            "size": self.size,
            "protocol": self.protocol,
            "split": self.split.as_dict(),
            "strict_files": self.strict_files,
            "frame": self.framing,
        }


def prepare(
    source: Source,
    out: Path,
    settings: PrepareSettings,
    *,
    for_size: int | None = None,
    workers: int = 1,
    progress: Progress = SILENT,
) -> PreparedSet:
    """Make (or finish, or recognise) the prepared set of ``source`` in ``out``. ``for_size``:
    images per configuration of the release to come, for which the films must suffice.

    Raises:
        BadInput: The source has errors, there are too few patients, ``out`` holds something else,
            or, with ``strict_files``, a film cannot be used. Nothing is left behind.
    """
    listing = source.list()
    films_sha256 = _digest((*asdict(r).values(), source.size(r)) for r in listing.records)
    described = {**source.settings, **settings.as_dict(), "films_sha256": films_sha256}
    seed = settings.split.seed
    if is_current(out, KIND, settings=described, seed=seed):
        return PreparedSet.open(out)
    if settings.strict_files and listing.refused:
        raise _unusable(listing.refused, source.name)
    # A split that cannot be is found now, and not after hours of decoding.
    _roles(listing.records, settings, for_size)
    records = [r for r in listing.records if label_of(r.finding, settings.protocol) is not None]
    plan = sha256_json({**described, "stage_format": STAGE_FORMAT})
    with step_folder(out, plan) as work:
        staged = stage_films(
            source,
            records,
            work,
            settings.size,
            settings.protocol,
            settings.framing,
            workers=workers,
            progress=progress,
        )
        looks = staged_looks(staged)
        thumbs = StagedThumbs(staged, looks)
        verdict = judge(looks, find_copies(looks, thumbs, work))
        verdict = _with_conflicts(verdict, looks, source, listing, settings.protocol)
        refused = _all_refused(looks, verdict)
        if settings.strict_files and refused:
            raise _unusable(refused, source.name)
        patient_of = one_name(verdict.same_patient)
        gone = {r.film for r in refused}
        kept = [
            replace(r, patient_id=patient_of[r.patient_id]) if r.patient_id in patient_of else r
            for r in records
            if r.image_id not in gone
        ]
        roles = _roles(kept, settings, for_size)
        found = audit(
            looks,
            (*listing.refused, *refused),
            verdict,
            protocol=settings.protocol,
            remarks=listing.remarks,
        )
        _write_shards(staged, work, {r.image_id: r.patient_id for r in kept}, roles)
        write_text(work / SPLIT_NAME, render_split(_split_rows(kept, roles, settings.protocol)))
        write_json(work / AUDIT_NAME, found.as_dict())
        title = f"Films of {source.name}"
        write_text(work / PAGE_NAME, render_page(found, looks, thumbs, title))
        facts = _facts(source, listing, kept, roles, refused, found, settings.protocol)
        shutil.rmtree(work / FOLDER)
        write_manifest(work, KIND, settings=described, seed=seed, facts=facts)
    return PreparedSet.open(out)


def _roles(
    records: Sequence[FilmRecord], settings: PrepareSettings, for_size: int | None
) -> dict[str, str]:
    roles = split_by_patient(records, settings.protocol, settings.split)
    if for_size is not None:
        by_role = count_films(records, roles, settings.protocol)
        if settings.protocol == "study":  # its splits may share real films
            everywhere = {n: sum(by_role[role][n] for role in ROLES) for n in LABELS}
            by_role = dict.fromkeys(ROLES, everywhere)
        shortage = too_few_films(for_size, available_films(by_role))
        if shortage is not None:
            raise shortage
    return roles


def _digest(rows: Iterable[Sequence[Any]]) -> str:
    """`sha256_json` of the list of ``rows``, without that list."""
    digest = hashlib.sha256(b"[")
    for place, row in enumerate(rows):
        digest.update((("," if place else "") + canonical_json(row)).encode())
    digest.update(b"]")
    return digest.hexdigest()


def _write_shards(
    staged: Sequence[Path], work: Path, patients: Mapping[str, str], roles: Mapping[str, str]
) -> None:
    """The prepared set's shards: the staged films that were kept, with their patients and roles."""
    columns = [name for name in SCHEMA.names if name != "role"]
    for number, path in enumerate(staged):
        with (
            atomic_path(work / f"films-{number:05d}.parquet") as temporary,
            pq.ParquetWriter(temporary, SCHEMA, compression="none") as writer,
        ):
            for group in staged_groups(path, columns):
                chosen = []
                for row in group:
                    patient = patients.get(row["image_id"], "")
                    if patient in roles:
                        chosen.append({**row, "patient_id": patient, "role": roles[patient]})
                if chosen:
                    writer.write_table(pa.Table.from_pylist(chosen, schema=SCHEMA))


def _split_rows(
    kept: Iterable[FilmRecord], roles: Mapping[str, str], protocol: str
) -> Iterator[dict[str, Any]]:
    for record in kept:
        if record.patient_id in roles:
            yield {
                "image_id": record.image_id,
                "patient_id": record.patient_id,
                "role": roles[record.patient_id],
                "label": label_of(record.finding, protocol),
                "finding": record.finding,
                "view": record.view,
                "laterality": record.laterality,
            }


def _all_refused(looks: Iterable[Look], verdict: Verdict) -> tuple[Refused, ...]:
    return tuple(sorted((*unusable(looks), *verdict.refused), key=lambda r: r.film))


def unusable(looks: Iterable[Look]) -> list[Refused]:
    """The films of ``looks`` that did not decode, or show no breast."""
    return [Refused(look.image_id, look.problem, look.fault) for look in looks if look.problem]


def _with_conflicts(
    verdict: Verdict, looks: Sequence[Look], source: Source, listing: Listing, protocol: str
) -> Verdict:
    """Also refuse films whose file stands elsewhere in the source as a film of neither class: its
    two labels contradict each other."""
    unused = {source.digest(r): r for r in listing.records if label_of(r.finding, protocol) is None}
    known = {r.film for r in verdict.refused}
    more = [
        Refused(
            look.image_id,
            f"its labels conflict: the same file is {unused[look.film_sha256].image_id}, which is "
            f"{unused[look.film_sha256].finding}",
            "conflict",
        )
        for look in looks
        if look.film_sha256 in unused and look.image_id not in known
    ]
    return replace(verdict, refused=(*verdict.refused, *more))


def one_name(groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """For patients who are one person under several names: name → the first of her names."""
    return {name: min(group) for group in groups for name in group}


def _unusable(refused: Sequence[Refused], source: str) -> BadInput:
    first = refused[0]
    more = f" ({len(refused) - 1} more)" if len(refused) > 1 else ""
    return BadInput(
        f"A film of {source} cannot be used: {first.film}: {first.reason}{more}",
        hint="Correct the films, or leave --strict-files away to go on without them. "
        "`mammo-synth films inspect` lists them all.",
    )


def _facts(
    source: Source,
    listing: Listing,
    kept: Sequence[FilmRecord],
    roles: Mapping[str, str],
    refused: Sequence[Refused],
    found: Audit,
    protocol: str,
) -> dict[str, Any]:
    left = [r.finding for r in listing.records if label_of(r.finding, protocol) is None]
    return {
        "source": source.name,
        "terms": asdict(source.terms),
        "films": count_films(kept, roles, protocol),
        "patients": {role: list(roles.values()).count(role) for role in ROLES},
        "left_out": {finding: left.count(finding) for finding in sorted(set(left))},
        "without_role": sum(r.patient_id not in roles for r in kept),
        "refused": {r.film: r.reason for r in (*listing.refused, *refused)},
        "remarks": list(found.remarks),
        "shortcut": found.as_dict()["shortcut"],
    }
