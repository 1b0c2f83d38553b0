"""The audit: what is there, what is wrong, film by film, as data and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mammo_synth.configurations import LABELS
from mammo_synth.films.audit.copies import Copy, Verdict
from mammo_synth.films.audit.look import Look
from mammo_synth.films.audit.shortcut import Shortcut, shortcut_score
from mammo_synth.films.record import Refused

CORNER, CORNERS_FULL = 0.1, 0.2
"""A breast tapers away from the chest wall. Where both far corners of its box (so much of its
sides) are breast by this share or more, what was taken for it is the background of an inverted
film. They are empty in all 162 films of MIAS; inverted, 97 of 100 are found."""

FILLED = 0.1
"""Decoders fill what is missing of a file with one grey value, brighter than this share."""

TURNED = 0.1
"""By so much more of its upper or lower edge than of the wall's is covered by a breast that lies on
its side. Of 162 films of MIAS none comes near it (0.01 at most); turned by 90 degrees, 88 % do, and
all phantoms."""

WALL_MAJORITY = 0.9
"""If this share of the films of one laterality have the chest wall on one side, the others are
turned, or their laterality is wrong."""


@dataclass(frozen=True)
class Warning:
    """A film that is used, and that somebody should look at."""

    film: str
    reason: str


@dataclass(frozen=True)
class Audit:
    """What a look at all films gave.

    Attributes:
        films, patients: How many there are, refused ones included.
        counts: Films by each property, most frequent first.
        by_label: The same counts of the usable films of each class, side by side.
        refused: Films that are not used, and why.
        warnings: Films that are used, and that somebody should look at.
        copies: Pairs of films that are one.
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
    shortcut: Shortcut
    remarks: tuple[str, ...]

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
            "shortcut": self.shortcut.as_dict(),
        }

    def tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, columns and rows for a terminal."""
        rows = [
            [what, ", ".join(f"{n} {value}" for value, n in by_value.items())]
            for what, by_value in self.counts.items()
        ]
        rows.append(["refused", str(len(self.refused))])
        rows.append(["to look at", str(len(self.warnings))])
        rows.append(["shortcut score (cancer is positive)", _score(self.shortcut)])
        return [(f"{self.films} films of {self.patients} patients", ["what", "films"], rows)]


def _score(shortcut: Shortcut) -> str:
    if shortcut.auroc is None:
        return shortcut.words
    return f"{shortcut.auroc:.2f} [{shortcut.low:.2f}, {shortcut.high:.2f}], chance 0.50"


def audit(
    looks: Sequence[Look], refused: Sequence[Refused], verdict: Verdict, *, protocol: str
) -> Audit:
    """Put together what is known of films.

    Args:
        looks: All films that were looked at.
        refused: All that are refused, those of ``verdict`` and those without a look included.
        verdict: What `judge` said of their copies.
        protocol: ``strict`` or ``study``.
    """
    gone = {r.film for r in refused}
    usable = [look for look in looks if look.image_id not in gone and not look.problem]
    shortcut = shortcut_score(usable)
    by_label = {
        name: _counts([look for look in usable if look.label == label], _FILE)
        for label, name in enumerate(LABELS)
    }
    remarks = list(verdict.remarks)
    if shortcut.auroc is None or shortcut.words.startswith("at chance"):
        remarks.append(f"Shortcut score: {shortcut.words}.")
    else:
        remarks.append(f"Shortcut score {_score(shortcut)}: {shortcut.words}.")
    return Audit(
        protocol=protocol,
        films=len(looks),
        patients=len({look.patient_id for look in looks}),
        counts=_counts(looks, {**_LABELS, **_FILE}),
        by_label=by_label,
        refused=tuple(refused),
        warnings=tuple(_warnings(usable)),
        copies=verdict.copies,
        shortcut=shortcut,
        remarks=tuple(remarks),
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
        for reason in _doubts(look, usual):
            yield Warning(look.image_id, reason)


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


def _doubts(look: Look, usual: dict[str, str]) -> Iterable[str]:
    if look.file_laterality and look.laterality and look.file_laterality != look.laterality:
        yield f"its file says laterality {look.file_laterality}, its label {look.laterality}"
    if look.file_view and look.view and look.file_view != look.view:
        yield f"its file says view {look.file_view}, its label {look.view}"
    expected = usual.get(look.laterality or "")
    if expected and look.wall != expected:
        yield (
            f"its chest wall is on the {look.wall}; nearly all {look.laterality} films of this "
            f"source have it on the {expected}: it may be mirrored, turned, or of the other breast"
        )
    at_wall, across, corners = _outline(look)
    if corners > CORNERS_FULL:
        yield "it does not taper to the nipple: black and white may be exchanged"
    if look.borders[3] == 0.0 and look.borders[2] > FILLED:
        yield "its lower edge has one grey value that is not black: the file may be cut short"
    elif across > at_wall + TURNED:
        yield "its breast lies along the upper or lower edge: the film may be turned"


def _outline(look: Look) -> tuple[float, float, float]:
    """Shares that breast covers: of the left edge of its box in the prepared film, of the upper or
    lower one, and of the emptier of the two corners on the right."""
    breast = look.pixels() > 8
    rows, columns = np.flatnonzero(breast.any(axis=1)), np.flatnonzero(breast.any(axis=0))
    if not rows.size:
        return 0.0, 0.0, 0.0
    box = breast[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    edge = 3  # px
    high, wide = (max(1, round(CORNER * side)) for side in box.shape)
    corners = box[:high, -wide:].mean(), box[-high:, -wide:].mean()
    across = max(float(end.mean()) for end in (box[:edge], box[-edge:]))
    return float(box[:, :edge].mean()), across, float(min(corners))
