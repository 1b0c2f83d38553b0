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

Turned by 180 degrees or flipped top to bottom, all 162 are found; with JPEG 162, resized by 0.6
161, cut 160, with gamma 1.4 153; and no others, nor any of 1,200 phantoms. Different films agree
less upside down than upright.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mammo_synth.films.audit.look import Look, Thumbs, thumb_pixels
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
        correlation: Median agreement of their tissue: 1 for the first two kinds, less for the last.
        upside_down: One was turned by 180 degrees or flipped top to bottom (kind ``near`` only).
    """

    first: str
    second: str
    kind: str
    correlation: float
    upside_down: bool = False


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


def find_copies(
    looks: Sequence[Look], thumbs: Thumbs, folder: Path | None = None
) -> tuple[Copy, ...]:
    """All usable films that are one, as pairs, sorted. Of films with the same bytes or pixels, each
    stands beside the first; only that one is compared with others.

    60,000 films take 70 s, and a millisecond for each pair that is looked at: three for each film
    at most.

    Args:
        looks: Of all films.
        thumbs: Their pictures, which are taken one by one.
        folder: For a temporary file of 3.2 KB a film; None: the system's.

    Raises:
        NoSpace: The temporary file cannot be written.
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
    distinct = [look.image_id for look in usable if look.image_id not in later]

    @lru_cache(_KEPT)
    def tissue(place: int, upside_down: bool) -> Tissue:
        pixels = thumb_pixels(thumbs[distinct[place]])
        return Tissue(pixels[::-1] if upside_down else pixels)

    for i, j, upside_down in likely_copies(distinct, thumbs, folder):
        pair = distinct[i], distinct[j]
        agreed = None if pair in found else same_tissue(tissue(i, upside_down), tissue(j, False))
        if agreed is not None:
            found[pair] = Copy(*pair, "near", _near(agreed), upside_down)
    return tuple(found[pair] for pair in sorted(found))


def _near(agreed: float) -> float:
    """Three digits, and never 1: that is said of identical films alone."""
    return min(0.999, math.floor(agreed * 1000) / 1000)


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
    groups = _groups((copy.first, copy.second) for copy in copies)
    joined = {name for group in groups for name in group}
    known = {look.image_id: look for look in looks if look.image_id in joined}
    over = {(copy.first, copy.second) for copy in copies if copy.upside_down}
    refused, same, remarks = [], [], []
    for group in groups:
        films = [known[name] for name in group]
        conflict = len({film.finding for film in films}) > 1
        for film in films if conflict else films[1:]:
            if conflict:
                others = [name for name in group if name != film.image_id]
                reason = f"its labels conflict: it is the same film as {', '.join(others)}"
            else:
                others = [group[0]]
                reason = f"a copy of {group[0]}"
                if (group[0], film.image_id) in over:
                    reason += ", upside down"
            differ = _differences([film, *(known[name] for name in others)])
            if differ:
                reason += f"; they differ in {differ}"
            refused.append(Refused(film.image_id, reason, "conflict" if conflict else "copy"))
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


def _differences(films: Sequence[Look]) -> str:
    """In what the labels of films differ, with their values: ``view (CC or MLO)``; "" in
    nothing."""
    found = []
    for what in ("finding", "view", "laterality", "patient_id"):
        values = sorted({getattr(film, what) or "unknown" for film in films})
        if len(values) > 1:
            found.append(f"{what.removesuffix('_id')} ({' or '.join(values)})")
    return " and ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))


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
