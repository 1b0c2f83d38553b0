"""The audit: what is there, what is wrong, film by film, as data and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mammo_synth.configurations import LABELS
from mammo_synth.films.audit.copies import Copy, Verdict
from mammo_synth.films.audit.look import Look
from mammo_synth.films.audit.shortcut import Shortcut, shortcut_score
from mammo_synth.films.record import Refused

CORNERS_FULL = 0.2
"""A breast tapers away from the chest wall. Where both far corners of its box are breast by this
share or more, what was taken for it is the background of an inverted film."""

GROUND_BRIGHT, EDGES_BRIGHT = 0.9, 0.75
"""The most frequent grey of a film is that of its background. Where it and the median of the edges
are as bright as these, black and white are exchanged. By one rule or the other all 162 inverted
films of MIAS and all of 240 phantoms are found, and none of the upright ones."""

FILLED = 0.1
"""Decoders fill what is missing of a file with one grey value, brighter than this share."""

TURNED = 0.02
"""A breast is higher than wide (by 1.1 in MIAS at least), and tapers to the nipple. One that is
wider than high, and tapers up or down as much as to the side, or less by no more than this, lies on
its side. All 162 films of MIAS that were turned by 90 degrees are found, and all of 240 phantoms,
and none of the upright ones."""

WALL_MAJORITY = 0.9
"""If this share of the films of one laterality have the chest wall on one side, the others are
turned, or their laterality is wrong."""


@dataclass(frozen=True)
class Warning:
    """A film that is used, and that somebody should look at.

    ``kind`` names the reason for programs: ``laterality`` and ``view`` (file and label differ),
    ``wall`` (the chest wall is on the other side than usual), ``inverted``, ``cut_short`` or
    ``turned``.
    """

    film: str
    reason: str
    kind: str


@dataclass(frozen=True)
class Audit:
    """What a look at all films gave.

    Attributes:
        films, patients: How many there are, refused ones included.
        counts: Films by each property, most frequent first.
        by_label: The same counts of the usable films of each class, side by side.
        refused: Films that are not used, and why: one entry for each reason.
        warnings: Films that are used, and that somebody should look at: one for each reason.
        copies: Pairs of films that are one.
        same_patient: Groups of patient ids that share a film, so they are one person.
        shortcut: Whether the files alone give the classes away.
        remarks: What a user of these films must know.
    """

    protocol: str
    films: int
    patients: int
    counts: dict[str, dict[str, int]]
    by_label: dict[str, dict[str, dict[str, int]]]
    refused: tuple[Refused, ...]
    warnings: tuple[Warning, ...]
    copies: tuple[Copy, ...]
    same_patient: tuple[tuple[str, ...], ...]
    shortcut: Shortcut
    remarks: tuple[str, ...]

    @property
    def refused_films(self) -> int:
        """Number of films that are not used."""
        return len({r.film for r in self.refused})

    @property
    def warned_films(self) -> int:
        """Number of films that somebody should look at."""
        return len({w.film for w in self.warnings})

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "protocol": self.protocol,
            "films": self.films,
            "patients": self.patients,
            **self.counts,
            "by_label": self.by_label,
            "refused": [asdict(r) for r in self.refused],
            "warnings": [asdict(w) for w in self.warnings],
            "copies": [asdict(c) for c in self.copies],
            "same_patient": [list(group) for group in self.same_patient],
            "shortcut": self.shortcut.as_dict(),
            "remarks": list(self.remarks),
        }

    def tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, columns and rows for a terminal."""
        rows = [
            [what, ", ".join(f"{n} {value}" for value, n in by_value.items())]
            for what, by_value in self.counts.items()
        ]
        rows.append(["refused", str(self.refused_films)])
        rows.append(["to look at", str(self.warned_films)])
        rows.append(["shortcut score (cancer is positive)", _score(self.shortcut)])
        return [(f"{self.films} films of {self.patients} patients", ["what", "films"], rows)]


def _score(shortcut: Shortcut) -> str:
    if shortcut.auroc is None:
        return shortcut.words[:1].upper() + shortcut.words[1:]
    return f"{shortcut.auroc:.2f} [{shortcut.low:.2f}, {shortcut.high:.2f}], chance 0.50"


def audit(
    looks: Sequence[Look],
    refused: Sequence[Refused],
    verdict: Verdict,
    *,
    protocol: str,
    remarks: Sequence[str] = (),
) -> Audit:
    """Put together what is known of films.

    Args:
        looks: All films that were looked at.
        refused: All that are refused, those of ``verdict`` and those without a look included.
        verdict: What `judge` said of their copies.
        protocol: ``strict`` or ``study``.
        remarks: What else a user of these films must know; they come first.
    """
    gone = {r.film for r in refused}
    usable = [look for look in looks if look.image_id not in gone and not look.problem]
    shortcut = shortcut_score(usable)
    by_label = {
        name: _counts([look for look in usable if look.label == label], _FILE)
        for label, name in enumerate(LABELS)
    }
    score = "" if shortcut.auroc is None else f" {_score(shortcut)}:"
    return Audit(
        protocol=protocol,
        films=len(looks),
        patients=len({look.patient_id for look in looks}),
        counts=_counts(looks, {**_LABELS, **_FILE}),
        by_label=by_label,
        refused=tuple(refused),
        warnings=tuple(_warnings(usable)),
        copies=verdict.copies,
        same_patient=verdict.same_patient,
        shortcut=shortcut,
        remarks=(*remarks, *verdict.remarks, f"Shortcut score{score} {shortcut.words}."),
    )


Property = Callable[[Look], str]
_LABELS: dict[str, Property] = {
    "findings": lambda look: look.finding,
    "views": lambda look: look.view or "unknown",
    "lateralities": lambda look: look.laterality or "unknown",
}
_FILE: dict[str, Property] = {
    "formats": lambda look: look.format,
    "depths": lambda look: f"{look.bits} bit",
    "sizes": lambda look: f"{look.width} x {look.height}",
    "chest_walls": lambda look: look.wall,
}
MOST_VALUES = 12


def _counts(looks: Sequence[Look], what: dict[str, Property]) -> dict[str, dict[str, int]]:
    found = {}
    for name, value_of in what.items():
        decoded = [look for look in looks if name in _LABELS or not look.problem]
        common = Counter(value_of(look) for look in decoded).most_common()
        shown = dict(common[:MOST_VALUES])
        if len(common) > MOST_VALUES:
            shown[f"{len(common) - MOST_VALUES} others"] = sum(n for _, n in common[MOST_VALUES:])
        found[name] = shown
    return found


def _warnings(looks: Sequence[Look]) -> Iterable[Warning]:
    usual = _usual_walls(looks)
    for look in looks:
        for kind, reason in _doubts(look, usual):
            yield Warning(look.image_id, reason, kind)


def _usual_walls(looks: Sequence[Look]) -> dict[str, str]:
    """Side of the chest wall that nearly all films of a laterality share."""
    usual = {}
    for laterality in ("L", "R"):
        walls = Counter(look.wall for look in looks if look.laterality == laterality)
        if walls:
            wall, n = walls.most_common(1)[0]
            if n >= WALL_MAJORITY * walls.total():
                usual[laterality] = wall
    return usual


def _doubts(look: Look, usual: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Kind and sentence of each thing that may be wrong."""
    if look.file_laterality and look.laterality and look.file_laterality != look.laterality:
        sides = f"{look.file_laterality}, its label {look.laterality}"
        yield "laterality", f"its file says laterality {sides}"
    if look.file_view and look.view and look.file_view != look.view:
        yield "view", f"its file says view {look.file_view}, its label {look.view}"
    expected = usual.get(look.laterality or "")
    if expected and look.wall != expected:
        most = f"nearly all {look.laterality} films of this source have it on the {expected}"
        may = "it may be mirrored, turned, or of the other breast"
        yield "wall", f"its chest wall is on the {look.wall}; {most}: {may}"
    corners, high, taper = look.outline
    ground, edges = look.tones
    inverted = corners > CORNERS_FULL or (ground > GROUND_BRIGHT and edges > EDGES_BRIGHT)
    cut_short = look.borders[3] == 0.0 and look.borders[2] > FILLED
    if inverted:
        what = "its background is bright, or it does not taper to the nipple"
        yield "inverted", f"{what}: black and white may be exchanged"
    if cut_short:
        what = "its lower edge has one grey value that is not black"
        yield "cut_short", f"{what}: the file may be cut short"
    if high < 1 and taper > -TURNED and not inverted and not cut_short:
        yield "turned", "its breast lies along the upper or lower edge: the film may be turned"
