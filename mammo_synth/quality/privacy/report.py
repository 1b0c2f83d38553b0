"""Everything about the privacy of a pool, from images and features to a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress

from .alignment import Aligned, Films, align
from .authenticity import Authenticity, authenticity
from .duplicates import Duplicates, find_duplicates
from .gate import DISCRIMINATOR, PATTERN, PIXELS, Findings, GateSettings, Verdict, judge
from .hashes import Reading, exact_copies, hamming_nearest, perceptual_hashes, read_images
from .membership import Membership, membership
from .neighbours import Neighbours, nearest
from .patterns import BLOCK, Floats, ImageSet, Thumbs, coefficients, patterns
from .sets import FeatureSets, FilmSet, Pair, Scores
from .significance import NearestTest, nearest_test, rank_p_values

CLOSEST = 20
HASH_BITS = 4
"""Hashes that differ in so few of 64 bits are counted as near, beside the held-out films' share."""


@dataclass(frozen=True)
class PrivacyReport:
    """What was found.

    Attributes:
        synthetic, training, held_out: Numbers of images.
        copies: All exact and near copies, the most alike first.
        closest: The `CLOSEST` pairs, the most alike first.
        near_hashes, near_hashes_floor: Share of synthetic (held-out) films whose perceptual hash is
            within `HASH_BITS` of a training film's.
        nearest, membership, authenticity: By space; empty without held-out films (authenticity then
            has no floor).
        duplicates: Within the pool; ``duplicates_floor``: among training films.
        verdict: What the gate says.
    """

    synthetic: int
    training: int
    held_out: int
    copies: tuple[Pair, ...]
    closest: tuple[Pair, ...]
    near_hashes: float
    near_hashes_floor: float | None
    nearest: Mapping[str, NearestTest]
    membership: Mapping[str, Membership]
    authenticity: Mapping[str, Authenticity]
    duplicates: Duplicates
    duplicates_floor: Duplicates
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "images": {
                "synthetic": self.synthetic,
                "training": self.training,
                "held_out": self.held_out,
            },
            "copies": {
                "exact": sum(pair.copy == "exact" for pair in self.copies),
                "near": sum(pair.copy == "near" for pair in self.copies),
                "pairs": [pair.as_dict() for pair in self.copies],
            },
            "closest": [pair.as_dict() for pair in self.closest],
            "hashes": {
                "bits": HASH_BITS,
                "near_share": self.near_hashes,
                "near_share_held_out": self.near_hashes_floor,
            },
            "nearest": _plain(self.nearest),
            "membership": _plain(self.membership),
            "authenticity": _plain(self.authenticity),
            "duplicates": {
                "pool": self.duplicates.as_dict(),
                "training_films": self.duplicates_floor.as_dict(),
            },
            "verdict": self.verdict.as_dict(),
        }


def assess_privacy(
    synthetic: ImageSet,
    training: FilmSet,
    held_out: FilmSet,
    features: Mapping[str, FeatureSets],
    *,
    scores: Scores | None = None,
    settings: GateSettings | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> PrivacyReport:
    """Compare every synthetic image with every training film, and judge.

    The pattern of the tissue is always one of the feature spaces (beside ``features``), and pixels
    after alignment are one more space. Every image is read once; 4 KB of it are kept, and 34 KB of
    a training film.

    Args:
        synthetic: uint8 ``[N, S, S]``.
        training: The films that the generator saw, all of them.
        held_out: Films of other patients, which it did not see (roles val and real_test); may be
            empty: then only copies can be judged, and the verdict says so.
        features: By the extractor's name, in the units in which they are compared
            (`mammo_synth.quality.measures.in_units`).
        scores: Of the discriminator, where its checkpoint is at hand.
        seed: Of the bootstrap over patients.

    Raises:
        BadInput: No image or film, features of other numbers of images, a patient on both sides.
    """
    settings = settings or GateSettings()
    _check(synthetic, training, held_out, features)
    pool = read_images(synthetic, progress, "synthetic films")
    films = read_images(training.images, progress, "training films")
    others = read_images(held_out.images, progress, "held-out films")
    known = Films.of(films.thumbs)
    aligned = align(pool.thumbs, known, progress=progress)
    null = align(others.thumbs, known, progress=progress, what="held-out films aligned")
    described = [_described(one.thumbs) for one in (pool, films, others)]
    judged = len(set(held_out.patients)) > 1
    tests: dict[str, NearestTest] = {}
    if judged:
        tests[PIXELS] = nearest_test(aligned.distance, null.distance, held_out.patients)
    members: dict[str, Membership] = {}
    shares: dict[str, Authenticity] = {}
    spaces = {PATTERN: FeatureSets(*(d.astype(np.float64) for d in described))}
    spaces |= features
    for name, sets in spaces.items():
        to_training = nearest(sets.synthetic, sets.training, progress=progress, what=name)
        held = nearest(sets.held_out, sets.training) if judged else None
        if len(training.ids) > 1:
            among = nearest(sets.training, sets.training, skip_self=True).distance[:, 0]
            shares[name] = authenticity(to_training, held, among)
        if held is not None:
            tests[name] = _tested(to_training, held, held_out)
            of_training, of_held_out = (
                -nearest(one, sets.synthetic).distance[:, 0]
                for one in (sets.training, sets.held_out)
            )
            members[name] = membership(
                of_training, of_held_out, training.patients, held_out.patients, seed=seed
            )
    if scores is not None and judged:
        members[DISCRIMINATOR] = membership(
            scores.training, scores.held_out, training.patients, held_out.patients, seed=seed
        )
    pairs = _pairs(pool, films, training, aligned, null, settings.near_copy)
    copies = tuple(pair for pair in pairs if pair.copy)
    duplicates = find_duplicates(pool.digests, described[0], progress=progress)
    hashes = [perceptual_hashes(one) for one in described]
    near = [_near_share(one, hashes[1]) for one in (hashes[0], hashes[2])]
    findings = Findings(
        exact_copies=sum(pair.copy == "exact" for pair in copies),
        near_copies=sum(pair.copy == "near" for pair in copies),
        held_out=len(held_out.ids),
        nearest=tests,
        membership=members,
        authenticity=shares,
        duplicates=duplicates,
    )
    return PrivacyReport(
        synthetic=len(synthetic),
        training=len(training.ids),
        held_out=len(held_out.ids),
        copies=copies,
        closest=tuple(pairs[:CLOSEST]),
        near_hashes=near[0] or 0.0,
        near_hashes_floor=near[1],
        nearest=tests,
        membership=members,
        authenticity=shares,
        duplicates=duplicates,
        duplicates_floor=find_duplicates(films.digests, described[1]),
        verdict=judge(findings, settings),
    )


def _check(
    synthetic: ImageSet, training: FilmSet, held_out: FilmSet, features: Mapping[str, FeatureSets]
) -> None:
    if len(synthetic) == 0 or len(training.ids) == 0:
        raise BadInput(
            f"There are {len(synthetic)} synthetic and {len(training.ids)} training films; "
            "at least one of each is needed.",
            hint="Give the pool and the prepared set that its generator was trained on.",
        )
    both = set(training.patients) & set(held_out.patients)
    if both:
        raise BadInput(
            f"Patient '{min(both)}' has training films and held-out films.",
            hint="Patients never cross: prepare the films again.",
        )
    counts = len(synthetic), len(training.ids), len(held_out.ids)
    for name, sets in features.items():
        found = len(sets.synthetic), len(sets.training), len(sets.held_out)
        if found != counts:
            raise BadInput(
                f"Features '{name}' are of {found} synthetic, training and held-out films; "
                f"{counts} were expected.",
                hint="Extract them again.",
            )


def _described(thumbs: Thumbs) -> Floats:
    """Pattern coefficients, a block at a time."""
    found = [
        coefficients(patterns(thumbs[start : start + BLOCK]))
        for start in range(0, len(thumbs), BLOCK)
    ]
    return np.concatenate(found) if found else coefficients(patterns(thumbs[:0]))


def _tested(fake: Neighbours, held: Neighbours, held_out: FilmSet) -> NearestTest:
    return nearest_test(fake.distance[:, 0], held.distance[:, 0], held_out.patients)


def _near_share(images: npt.NDArray[np.uint64], films: npt.NDArray[np.uint64]) -> float | None:
    bits, _ = hamming_nearest(images, films)
    return float((bits <= HASH_BITS).mean()) if len(bits) else None


def _pairs(
    pool: Reading,
    films: Reading,
    training: FilmSet,
    aligned: Aligned,
    null: Aligned,
    near_copy: float,
) -> list[Pair]:
    """All copies and the closest others, the most alike first."""
    exact = dict(exact_copies(pool.digests, films.digests))
    alike = aligned.alike.astype(np.float64)
    alike[list(exact)] = 1.0
    p = rank_p_values(1 - alike, null.distance) if len(null.film) else None
    order = np.argsort(-alike, kind="stable")
    wanted = max(CLOSEST, int((alike >= near_copy).sum()))
    found = []
    for i in order[:wanted].tolist():
        film = exact.get(i, int(aligned.film[i]))
        near = "near" if alike[i] >= near_copy else ""
        found.append(
            Pair(
                image=i,
                film=film,
                film_id=training.ids[film],
                alike=float(alike[i]),
                p_value=None if p is None else float(p[i]),
                variant=aligned.variants[i],
                copy="exact" if i in exact else near,
            )
        )
    return found


def _plain(by_space: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.as_dict() for name, value in by_space.items()}
