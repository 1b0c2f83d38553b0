"""Films that are one: the same file, the same pixels, or nearly the same picture.

Two films of different breasts have much in common: outline, muscle, the glow of the skin. What
tells them apart is the tissue. So each film is compared with those `NEIGHBOURS` that look most like
it as a whole, patch by patch within the breast, and the patches' tissue must agree.

Measured on 162 real films (MIAS) and copies of each. Agreement of different films: mean 0.30,
standard deviation 0.06, greatest of 1566 pairs 0.54, left and right breasts of one patient
included. Copies found, at `SAME_TISSUE`: 99 of 100 that were encoded as JPEG (quality 50, 90),
halved, enlarged by half, mirrored, stored with 16 bits, brightened, cropped by 3 % or turned by 1
degree; 97 of 100 with gamma 1.4 and 94 with gamma 0.7. One film of 162 has hardly any tissue to
compare, so only exact copies of it are found.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mammo_synth.films.audit.look import THUMB, Look
from mammo_synth.films.record import Refused

NEIGHBOURS = 5
ALIKE = 0.9
"""Correlation of the whole pictures, at 16 px, from which tissue is compared."""

SAME_TISSUE = 0.7
"""Median agreement of patches from which two films are one; see the module for the margins."""

LEAST_PATCHES = 3
FIRST_PATCHES, HOPELESS, MOST_PATCHES = 6, 0.5, 24
"""Films whose first patches agree less than this are different; no more than the most are
compared."""

PATCH, REACH = 16, 5  # px of the thumb: side of a patch, and how far its like may lie
_SKIN = 7  # px left out within the outline, where all breasts are alike
_COARSE = 16
_BLOCK = 2048

Grey = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Copy:
    """Two films that are one.

    Attributes:
        first, second: Their image ids, sorted.
        kind: ``file`` (the same bytes), ``pixels`` (the same prepared pixels) or ``near``.
        correlation: Median agreement of their tissue (1 for the first two kinds).
    """

    first: str
    second: str
    kind: str
    correlation: float


@dataclass(frozen=True)
class Verdict:
    """What follows from copies.

    Attributes:
        copies: All pairs.
        refused: Films that are not to be used.
        same_patient: Groups of patient ids that share a film, so they are one person.
        remarks: The same in sentences.
    """

    copies: tuple[Copy, ...]
    refused: tuple[Refused, ...]
    same_patient: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]


def find_copies(looks: Sequence[Look]) -> tuple[Copy, ...]:
    """All pairs of usable films that are one, sorted."""
    usable = [look for look in looks if not look.problem]
    found: dict[tuple[str, str], Copy] = {}
    for kind, key in (("file", "film_sha256"), ("pixels", "pixel_sha256")):
        groups: dict[str, list[str]] = defaultdict(list)
        for look in usable:
            groups[getattr(look, key)].append(look.image_id)
        for group in groups.values():
            first, *others = sorted(group)
            for other in others:
                found.setdefault((first, other), Copy(first, other, kind, 1.0))
    for i, j in _alike(usable):
        first, second = sorted((usable[i].image_id, usable[j].image_id))
        if (first, second) not in found and usable[i].pixel_sha256 != usable[j].pixel_sha256:
            agreement = tissue_agreement(usable[i].pixels(), usable[j].pixels())
            if agreement is not None and agreement >= SAME_TISSUE:
                found[first, second] = Copy(first, second, "near", round(agreement, 3))
    return tuple(found[pair] for pair in sorted(found))


def _alike(looks: Sequence[Look]) -> Iterator[tuple[int, int]]:
    """Pairs of films that are worth a closer look: each with its nearest neighbours."""
    if len(looks) < 2:
        return
    step = THUMB // _COARSE
    coarse = np.stack(
        [look.pixels().reshape(_COARSE, step, _COARSE, step).mean((1, 3)).ravel() for look in looks]
    ).astype(np.float32)
    coarse -= coarse.mean(axis=1, keepdims=True)
    coarse /= np.maximum(np.linalg.norm(coarse, axis=1, keepdims=True), 1e-6)
    count = min(NEIGHBOURS, len(looks) - 1)
    seen = set()
    for start in range(0, len(looks), _BLOCK):
        likeness = coarse[start : start + _BLOCK] @ coarse.T
        rows = np.arange(len(likeness))
        likeness[rows, start + rows] = -1  # not with itself
        nearest = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        for row in rows:
            for other in nearest[row]:
                one, two = sorted((start + int(row), int(other)))
                if likeness[row, other] >= ALIKE and (one, two) not in seen:
                    seen.add((one, two))
                    yield one, two


def tissue_agreement(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float | None:
    """Median over patches of ``a`` of the greatest correlation with a patch of ``b`` nearby, in
    fine structure alone; None where ``a`` has too few patches with any. Both ``[128, 128]``
    uint8."""
    fine_a, fine_b = _fine(a), _fine(b)
    found: list[float] = []
    for top, left in _places(a):
        patch = fine_a[top : top + PATCH, left : left + PATCH]
        agreement = _best(patch, fine_b, top, left)
        if agreement is not None:
            found.append(agreement)
            if len(found) == FIRST_PATCHES and np.median(found) < HOPELESS:
                break
            if len(found) == MOST_PATCHES:
                break
    return float(np.median(found)) if len(found) >= LEAST_PATCHES else None


def _places(thumb: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Upper left corners of patches well within the breast, in an order that is spread over it."""
    inside = ndimage.binary_erosion(thumb > 8, np.ones((3, 3)), iterations=_SKIN)
    places = [
        (top, left)
        for top in range(REACH, THUMB - PATCH - REACH + 1, PATCH // 2)
        for left in range(0, THUMB - PATCH - REACH + 1, PATCH // 2)
        if inside[top : top + PATCH, left : left + PATCH].mean() > 0.95
    ]
    step = 7  # neighbouring patches share half their pixels
    return [place for first in range(step) for place in places[first::step]]


def _fine(thumb: npt.NDArray[np.uint8]) -> Grey:
    grey = thumb.astype(np.float32)
    fine: Grey = ndimage.gaussian_filter(grey, 0.6) - ndimage.gaussian_filter(grey, 2.0)
    return fine


def _best(patch: Grey, other: Grey, top: int, left: int) -> float | None:
    spread = float(patch.std())
    if spread <= 1.0:  # nothing but rounding
        return None
    normal = (patch - patch.mean()) / (spread * patch.size)
    window = other[top - REACH : top + PATCH + REACH, max(0, left - REACH) : left + PATCH + REACH]
    near = np.lib.stride_tricks.sliding_window_view(window, (PATCH, PATCH))
    agreements = np.tensordot(near, normal, axes=((2, 3), (0, 1))) / (near.std(axis=(2, 3)) + 1e-3)
    return float(agreements.max())


def judge(looks: Sequence[Look], copies: Sequence[Copy]) -> Verdict:
    """What follows from ``copies`` of ``looks``: of films that are one and have one finding, the
    first (by image_id) stays; where their findings differ, none does; their patients are one
    person."""
    known = {look.image_id: look for look in looks}
    refused, same, remarks = [], [], []
    for group in _groups((copy.first, copy.second) for copy in copies):
        films = [known[name] for name in group]
        findings = sorted({film.finding for film in films})
        for film in films if len(findings) > 1 else films[1:]:
            others = ", ".join(name for name in group if name != film.image_id)
            reason = (
                f"its labels conflict: it is the same film as {others} ({' or '.join(findings)})"
                if len(findings) > 1
                else f"a copy of {group[0]}"
            )
            refused.append(Refused(film.image_id, reason))
        patients = sorted({film.patient_id for film in films})
        if len(patients) > 1:
            same.append(tuple(patients))
    people = tuple(_groups(pair for group in same for pair in itertools.pairwise(group)))
    for person in people:
        remarks.append(
            f"{', '.join(person)} share a film, so they are one patient, in one role, here."
        )
    return Verdict(
        tuple(copies), tuple(sorted(refused, key=lambda r: r.film)), people, tuple(remarks)
    )


def _groups(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Sets of names that are joined by pairs, each sorted, in the order of their first names."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for a, b in pairs:
        first, second = sorted((root(a), root(b)))
        parent[second] = first
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(parent):
        groups[root(name)].append(name)
    return [tuple(groups[name]) for name in sorted(groups)]
