"""Looks at a source of films before anything is made of it: what is there, what would be used,
what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mammo_synth.configurations import CANCER, NORMAL, largest_size
from mammo_synth.errors import BadInput
from mammo_synth.films.breast import find_breast
from mammo_synth.films.record import FilmRecord, Source, label_of
from mammo_synth.films.split import SplitSettings, count_films, split_by_patient
from mammo_synth.progress import SILENT, Progress


@dataclass(frozen=True)
class Inspection:
    """What a look at a source gave.

    Attributes:
        films, patients: How many there are.
        findings, views, sizes, depths, chest_walls: Films by each value, as counts.
        split: Films by role and label under the protocol, or None where a split is impossible.
        largest_size: Largest release that the split allows (0: none).
        problems: One sentence for each film or rule that is wrong.
        remarks: What was left aside.
    """

    films: int
    patients: int
    findings: dict[str, int]
    views: dict[str, int]
    sizes: dict[str, int]
    depths: dict[str, int]
    chest_walls: dict[str, int]
    split: dict[str, dict[str, int]] | None
    largest_size: int
    problems: tuple[str, ...]
    remarks: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "problems": list(self.problems), "remarks": list(self.remarks)}


def inspect_films(
    source: Source, protocol: str, split: SplitSettings, *, progress: Progress = SILENT
) -> Inspection:
    """Decode every film of ``source`` and count what it holds; films that fail are named.

    Raises:
        BadInput: The layout or the label table itself is wrong.
    """
    listing = source.list()
    problems: list[str] = []
    sizes: Counter[str] = Counter()
    depths: Counter[str] = Counter()
    walls: Counter[str] = Counter()
    progress.start("films", len(listing.records))
    for record in listing.records:
        try:
            pixels = source.read(record).pixels
            sizes[f"{pixels.shape[1]} x {pixels.shape[0]}"] += 1
            depths[f"{pixels.dtype.itemsize * 8} bit"] += 1
            walls[find_breast(pixels).wall] += 1
        except BadInput as error:
            problems.append(f"{record.image_id}: {error.message}")
        progress.advance()
    progress.finish()
    by_role, size = None, 0
    try:
        roles = split_by_patient(listing.records, protocol, split)
        by_role = count_films(listing.records, roles, protocol)
        size = _largest_release(by_role)
    except BadInput as error:
        problems.append(error.message)
    return Inspection(
        films=len(listing.records),
        patients=len({record.patient_id for record in listing.records}),
        findings=_counts(listing.records, "finding"),
        views=_counts(listing.records, "view"),
        sizes=dict(sizes.most_common()),
        depths=dict(depths.most_common()),
        chest_walls=dict(walls.most_common()),
        split=by_role,
        largest_size=size,
        problems=tuple(problems),
        remarks=(*listing.remarks, *_left_aside(listing.records, protocol)),
    )


def _largest_release(by_role: dict[str, dict[str, int]]) -> int:
    available = {
        (split, label): by_role[role][name]
        for split, role in (("train", "train"), ("test", "val"))
        for label, name in ((CANCER, "cancer"), (NORMAL, "normal"))
    }
    return largest_size(available)


def _counts(records: Sequence[FilmRecord], attribute: str) -> dict[str, int]:
    return dict(Counter(str(getattr(r, attribute) or "unknown") for r in records).most_common())


def _left_aside(records: Sequence[FilmRecord], protocol: str) -> tuple[str, ...]:
    n = sum(label_of(record.finding, protocol) is None for record in records)
    if n == 0:
        return ()
    return (f"{n} benign films belong to neither class under the {protocol} protocol.",)
