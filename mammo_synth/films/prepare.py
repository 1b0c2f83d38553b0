"""Turns a source of films into a prepared set: decode, crop, orient, resize, judge, split, write.

Films are decoded and prepared in parallel (`staging`), judged together (`audit`: copies,
conflicting labels, one patient under two names), split by patient, and written as shards. A killed
run goes on where it was; the result has the same bytes whatever the number of workers and
interruptions. Memory holds a few films for each worker and some 8 KB for every film of the source.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path, sha256_json, write_json, write_text
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
from mammo_synth.films.staging import FOLDER, stage_films, staged_looks
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
    films = [(*asdict(r).values(), source.size(r)) for r in listing.records]
    described = {**source.settings, **settings.as_dict(), "films_sha256": sha256_json(films)}
    seed = settings.split.seed
    if is_current(out, KIND, settings=described, seed=seed):
        return PreparedSet.open(out)
    if settings.strict_files and listing.refused:
        raise _unusable(listing.refused, source.name)
    # A split that cannot be is found now, and not after hours of decoding.
    _roles(listing.records, settings, for_size)
    records = [r for r in listing.records if label_of(r.finding, settings.protocol) is not None]
    with step_folder(out, sha256_json(described)) as work:
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
        verdict = judge(looks, find_copies(looks))
        verdict = _with_conflicts(verdict, looks, source, listing, settings.protocol)
        refused = _all_refused(looks, verdict)
        if settings.strict_files and refused:
            raise _unusable(refused, source.name)
        patient_of = one_name(verdict.same_patient)
        gone = {r.film for r in refused}
        kept = [
            replace(r, patient_id=patient_of.get(r.patient_id, r.patient_id))
            for r in records
            if r.image_id not in gone
        ]
        roles = _roles(kept, settings, for_size)
        found = audit(looks, (*listing.refused, *refused), verdict, protocol=settings.protocol)
        rows = _write_shards(staged, work, {r.image_id: r.patient_id for r in kept}, roles)
        write_text(work / SPLIT_NAME, render_split(rows))
        write_json(work / AUDIT_NAME, found.as_dict())
        write_text(work / PAGE_NAME, render_page(found, looks, title=f"Films of {source.name}"))
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


def _write_shards(
    staged: Sequence[Path], work: Path, patients: Mapping[str, str], roles: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The prepared set's shards: the staged films that were kept, with their patients and roles.

    Returns the rows without their pixels."""
    rows: list[dict[str, Any]] = []
    for number, path in enumerate(staged):
        table = pq.read_table(path, columns=[n for n in SCHEMA.names if n != "role"])
        chosen = [
            {
                **row,
                "patient_id": patients[row["image_id"]],
                "role": roles[patients[row["image_id"]]],
            }
            for row in table.to_pylist()
            if patients.get(row["image_id"]) in roles
        ]
        with atomic_path(work / f"films-{number:05d}.parquet") as temporary:
            pq.write_table(
                pa.Table.from_pylist(chosen, schema=SCHEMA),
                temporary,
                compression="none",
                row_group_size=max(1, len(chosen)),
            )
        rows += [{key: value for key, value in row.items() if key != "image"} for row in chosen]
    return rows


def _all_refused(looks: Iterable[Look], verdict: Verdict) -> tuple[Refused, ...]:
    unreadable = [Refused(look.image_id, look.problem) for look in looks if look.problem]
    return tuple(sorted((*unreadable, *verdict.refused), key=lambda r: r.film))


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
        "remarks": [*listing.remarks, *found.remarks],
        "shortcut": found.as_dict()["shortcut"],
    }
