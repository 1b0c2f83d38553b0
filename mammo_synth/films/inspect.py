"""Looks at a source of films before anything is made of it: what is there, what would be used,
what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mammo_synth.configurations import largest_size
from mammo_synth.errors import BadInput
from mammo_synth.films.audit import Audit, Look, audit, find_copies, judge
from mammo_synth.films.enough import available_films
from mammo_synth.films.prepare import PrepareSettings, one_name
from mammo_synth.films.record import FilmRecord, Refused, Source, Terms, label_of
from mammo_synth.films.split import count_films, split_by_patient
from mammo_synth.films.staging import look_at
from mammo_synth.progress import SILENT, Progress


@dataclass(frozen=True)
class Inspection:
    """What a look at a source gave.

    Attributes:
        source, terms: Its name, licence and citation.
        audit: What is there and what is wrong, film by film.
        looks: What is known of every film.
        files: Path of each film in its folder, by its image id: ids of a user's own films are
        digests. split: Films by role and label under the protocol, or None where a split is
        impossible. largest_size: Largest release that the split allows (0: none). problems: One
        sentence for each film or rule that is wrong. remarks: What was left aside.
    """

    source: str
    terms: Terms
    audit: Audit
    looks: tuple[Look, ...]
    files: dict[str, str]
    split: dict[str, dict[str, int]] | None
    largest_size: int
    problems: tuple[str, ...]
    remarks: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "source": self.source,
            "licence": self.terms.licence,
            "citation": self.terms.citation,
            "redistributable": self.terms.redistributable,
            **self.audit.as_dict(),
            "split": self.split,
            "largest_size": self.largest_size,
            "files": self.files,
            "problems": list(self.problems),
            "remarks": list(self.remarks),
        }


def inspect_films(
    source: Source,
    settings: PrepareSettings,
    *,
    workers: int = 1,
    progress: Progress = SILENT,
) -> Inspection:
    """Decode and judge every film of ``source`` as `prepare` would; nothing is written.

    Films of neither class (benign ones under the strict protocol) are looked at too.

    Raises:
        BadInput: The layout or the label table itself is wrong.
    """
    listing = source.list()
    looks = look_at(
        source,
        listing.records,
        settings.protocol,
        frame=settings.framing,
        workers=workers,
        progress=progress,
    )
    verdict = judge(looks, find_copies(looks))
    unreadable = [Refused(look.image_id, look.problem) for look in looks if look.problem]
    refused = (*listing.refused, *unreadable, *verdict.refused)
    found = audit(looks, refused, verdict, protocol=settings.protocol)
    files = {r.image_id: r.locator for r in listing.records if source.size(r)}
    problems = [f"{_named(r.film, files)}: {r.reason}" for r in refused]
    names, gone = one_name(verdict.same_patient), {r.film for r in refused}
    kept = [
        replace(r, patient_id=names.get(r.patient_id, r.patient_id))
        for r in listing.records
        if r.image_id not in gone
    ]
    by_role, size = None, 0
    try:
        roles = split_by_patient(kept, settings.protocol, settings.split)
        by_role = count_films(kept, roles, settings.protocol)
        size = largest_size(available_films(by_role))
    except BadInput as error:
        problems.append(error.message)
    return Inspection(
        source=source.name,
        terms=source.terms,
        audit=found,
        looks=tuple(looks),
        files=files,
        split=by_role,
        largest_size=size,
        problems=tuple(problems),
        remarks=(
            *listing.remarks,
            *found.remarks,
            *_left_aside(listing.records, settings.protocol),
        ),
    )


def _named(film: str, files: dict[str, str]) -> str:
    return f"{files[film]} ({film})" if film in files else film


def _left_aside(records: Sequence[FilmRecord], protocol: str) -> tuple[str, ...]:
    n = sum(label_of(record.finding, protocol) is None for record in records)
    if n == 0:
        return ()
    return (f"{n} benign films belong to neither class under the {protocol} protocol.",)
