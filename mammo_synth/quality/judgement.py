"""The privacy of each pool, and the verdict on all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.measures import in_units
from mammo_synth.quality.privacy.discriminator import discriminator_scores
from mammo_synth.quality.privacy.gate import GateSettings
from mammo_synth.quality.privacy.report import PrivacyReport, assess_privacy
from mammo_synth.quality.privacy.sets import FeatureSets, FilmSet, Scores

from .description import Compared, Described
from .films import Films


def feature_sets(
    compared: Compared, label: str, labels: Sequence[str], rows: Described
) -> FeatureSets:
    """Rows of one label's images, of the training films of ``labels``, of their held-out films, in
    the units in which they are compared."""
    training, synthetic, held_out = in_units(
        rows.name,
        rows.training[compared.of(compared.training, labels)],
        rows.synthetic[compared.of_pool(label)],
        rows.held_out[compared.of(compared.held_out, labels)],
    )
    return FeatureSets(synthetic, training, held_out)


def known_films(compared: Compared, labels: Sequence[str]) -> tuple[Films, Films]:
    """The training films that a generator may have learned from, and films that it did not see."""
    return (
        compared.training.chosen(compared.of(compared.training, labels)),
        compared.held_out.chosen(compared.of(compared.held_out, labels)),
    )


def privacy_of(
    compared: Compared,
    label: str,
    labels: Sequence[str],
    features: Sequence[Described],
    *,
    discriminator: Path | None = None,
    device: str = "auto",
    seed: int = 0,
    progress: Progress = SILENT,
) -> PrivacyReport:
    """Compare every image of a label with every training film of ``labels``.

    Args:
        compared: The images.
        label: Of the pool.
        labels: Whose films its generator may have learned from.
        features: Rows of the extractors.
        discriminator: Training checkpoint of the generator, where it is at hand.
        device: For the discriminator.
        seed: Of the bootstrap.
        progress: Told of every step.
    """
    training, held_out = known_films(compared, labels)
    scores = None
    if discriminator is not None:

        def scored(films: Films) -> npt.NDArray[np.float64]:
            return discriminator_scores(
                discriminator, films.images, films.labels, device=device, progress=progress
            )

        scores = Scores(scored(training), scored(held_out))
    return assess_privacy(
        compared.pools[label].images,
        FilmSet(training.images, training.ids, training.patients),
        FilmSet(held_out.images, held_out.ids, held_out.patients),
        {rows.name: feature_sets(compared, label, labels, rows) for rows in features},
        scores=scores,
        seed=seed,
        progress=progress,
    )


def privacy_facts(found: PrivacyReport, seeds: Sequence[int]) -> dict[str, Any]:
    """A privacy report as plain values; every pair with the seed of its image, by which a reader
    finds it."""
    told = found.as_dict()
    for pair in (*told["copies"]["pairs"], *told["closest"]):
        pair["seed"] = seeds[pair["image"]]
    return told


def overall_verdict(privacy: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The verdicts of all labels as one: passed where each passed; sentences name their label."""

    def said(what: str) -> list[str]:
        return [
            f"{label.capitalize()}: {sentence}"
            for label, found in privacy.items()
            for sentence in found["verdict"][what]
        ]

    return {
        "passed": all(found["verdict"]["passed"] for found in privacy.values()),
        "reasons": said("reasons"),
        "warnings": said("warnings"),
        "settings": GateSettings().as_dict(),
        "override": None,
    }
