"""Looks at a source of films before anything is made of it: what is there, what would be used,
what is wrong.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mammo_synth.configurations import largest_size
from mammo_synth.errors import BadInput, NoSpace
from mammo_synth.films.audit import Audit, Look, audit, find_copies, judge, page_thumbs
from mammo_synth.films.enough import available_films
from mammo_synth.films.prepare import PrepareSettings, one_name, unusable
from mammo_synth.films.record import FilmRecord, Source, Terms, label_of
from mammo_synth.films.split import count_films, split_by_patient
from mammo_synth.films.staging import StagedThumbs, stage_films, staged_looks
from mammo_synth.progress import SILENT, Progress

SIZE = 256
"""Side of the films that are looked at, in px."""


@dataclass(frozen=True)
class Inspection:
    """What a look at a source gave.

    Attributes:
        source, terms: Its name, licence and citation.
        audit: What is there and what is wrong, film by film.
        looks: What is known of every film.
        thumbs: Pictures of the films that a page of the audit shows, as PNG by image id.
        files: Path of each film in its folder, by its image id: ids of a user's own films are
            digests.
        split: Films by role and label under the protocol, or None where a split is impossible.
        largest_size: Largest release that the split allows (0: none).
        problems: One sentence for each film or rule that is wrong.
        remarks: What a user of these films must know, and what was left aside.
    """

    source: str
    terms: Terms
    audit: Audit
    looks: tuple[Look, ...]
    thumbs: dict[str, bytes]
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
    """Decode and judge every film of ``source`` as `prepare` would; nothing is kept on disk.

    Films of neither class (benign ones under the strict protocol) are looked at too. Their small
    pictures wait in a temporary folder, some 10 KB each.

    Raises:
        BadInput: The layout or the label table itself is wrong.
        NoSpace: There is no room for the temporary folder.
    """
    listing = source.list()
    with _temporary_folder() as work:
        staged = stage_films(
            source,
            listing.records,
            work,
            SIZE,
            settings.protocol,
            settings.framing,
            looks_only=True,
            workers=workers,
            progress=progress,
        )
        looks = staged_looks(staged)
        thumbs = StagedThumbs(staged, looks)
        verdict = judge(looks, find_copies(looks, thumbs, work))
        refused = (*listing.refused, *unusable(looks), *verdict.refused)
        found = audit(looks, refused, verdict, protocol=settings.protocol, remarks=listing.remarks)
        shown = page_thumbs(found, thumbs)
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
        thumbs=shown,
        files=files,
        split=by_role,
        largest_size=size,
        problems=tuple(problems),
        remarks=(*found.remarks, *_left_aside(listing.records, settings.protocol)),
    )


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that is removed at the end, whatever that is.

    Raises:
        NoSpace: It cannot be made, or holds no more.
    """
    hint = "Let TMPDIR name a folder with some 10 KB of room for each film."
    try:
        made = tempfile.TemporaryDirectory(prefix="mammo-synth-")
    except OSError as error:
        raise NoSpace(f"No temporary folder can be made ({error.strerror}).", hint=hint) from error
    with made as folder:
        try:
            yield Path(folder)
        except NoSpace as error:
            where = Path(folder).parent
            raise NoSpace(f"The temporary files do not fit into '{where}'.", hint=hint) from error


def _named(film: str, files: dict[str, str]) -> str:
    return f"{files[film]} ({film})" if film in files else film


def _left_aside(records: Sequence[FilmRecord], protocol: str) -> tuple[str, ...]:
    n = sum(label_of(record.finding, protocol) is None for record in records)
    if n == 0:
        return ()
    return (f"{n} benign films belong to neither class under the {protocol} protocol.",)
