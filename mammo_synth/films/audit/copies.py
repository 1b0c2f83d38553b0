"""Films that are one: the same file, the same pixels, or nearly the same picture.

Pairs that may be one are sought among all films (`search`), and the tissue of each such pair is
compared patch by patch (`tissue`).

Measured on 162 films of MIAS and 21 altered copies of each. Agreement of different films (all pairs
of films with less than 13 patches, a quarter of the others; left and right breasts of one patient
included): median 0.30, at most 0.54; what is asked of them is at least 0.15 higher. Copies of
cropped films found: JPEG (quality 50 to 95) 99 %, resized by 0.5, 0.75, 1.5: 99, 98, 99 %;
brightness + 10 and - 5 %: 99, 98 %; contrast 0.6, 1.3: 99, 97 %; gamma 0.7, 1.4: 92, 94 % (some
breasts are cut out otherwise then); 16 bits 99 %; mirrored 99 %; cut by up to 3 % at any edge 98 %;
turned by 1 degree 99 %; mirrored, cut, turned, resized, with other tones and JPEG at once 98 %. Of
whole films (frame ``film``) 98 %, gamma and contrast 95 to 98 %. No two different films, altered or
not, were taken for one. One film of 162 (three of whole films) has hardly any tissue, so only exact
copies of it are found.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mammo_synth.films.audit.look import Look
from mammo_synth.films.audit.search import likely_copies
from mammo_synth.films.audit.tissue import LEAST_PATCHES, Tissue, agreement
from mammo_synth.films.record import Refused

SAME_TISSUE, FEW_PATCHES = 0.64, 0.5
"""Two films are one whose tissue agrees by the first number and the second divided by the number of
patches: few patches agree by chance more easily. 0.66 for 24 patches, 0.72 for 6, 0.81 for 3."""

_KEPT = 512  # films whose tissue is kept at hand: up to 80 MB


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
    """All usable films that are one, as pairs, sorted. Of films with the same bytes or pixels, each
    stands beside the first; only that one is compared with others.

    60,000 films take 50 s, 0.45 GB beside the looks, and a millisecond for each pair that is looked
    at: three for each film at most.
    """
    usable = sorted((look for look in looks if not look.problem), key=lambda look: look.image_id)
    found: dict[tuple[str, str], Copy] = {}
    for kind, key in (("file", "film_sha256"), ("pixels", "pixel_sha256")):
        firsts: dict[str, str] = {}
        for look in usable:
            first = firsts.setdefault(getattr(look, key), look.image_id)
            if first != look.image_id:
                pair = first, look.image_id
                found.setdefault(pair, Copy(*pair, kind, 1.0))
    later = {copy.second for copy in found.values()}
    distinct = [look for look in usable if look.image_id not in later]

    @lru_cache(_KEPT)
    def tissue(place: int) -> Tissue:
        return Tissue(distinct[place].pixels())

    for i, j in likely_copies(distinct):
        agreed = same_tissue(tissue(i), tissue(j))
        if agreed is not None:
            pair = distinct[i].image_id, distinct[j].image_id
            found[pair] = Copy(*pair, "near", round(agreed, 3))
    return tuple(found[pair] for pair in sorted(found))


def same_tissue(first: Tissue, second: Tissue) -> float | None:
    """How well two films agree, if they are one: each must be found on the other."""
    agreed = 1.0
    for one, other in ((first, second), (second, first)):
        found, patches = agreement(one, other)
        if patches < LEAST_PATCHES or found < SAME_TISSUE + FEW_PATCHES / patches:
            return None
        agreed = min(agreed, found)
    return agreed


def tissue_agreement(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float | None:
    """Median agreement of the tissue of two thumbs, ``[128, 128]`` uint8 each; None where ``a`` has
    too few patches with any."""
    found, patches = agreement(Tissue(a), Tissue(b))
    return found if patches >= LEAST_PATCHES else None


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
