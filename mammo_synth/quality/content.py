"""What a report says, put together from its parts: the content of ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mammo_synth.films.prepared import PreparedSet
from mammo_synth.quality.features import Extractor

from .description import Compared
from .fidelity import card_rows
from .films import Films, Learned
from .judgement import overall_verdict
from .parts import plain
from .report import FORMAT

CARD = ("frechet", "precision", "recall", "coverage", "diversity", "spectrum", "exposure")
"""Measures that a data set's card shows."""


def report_content(
    compared: Compared,
    prepared: PreparedSet,
    origins: Mapping[str, Learned],
    extractors: Sequence[Extractor],
    *,
    measures: Sequence[Mapping[str, Any]],
    curves: Mapping[str, Any],
    shortcuts: Mapping[str, Any] | None,
    privacy: Mapping[str, Mapping[str, Any]],
    montages: Sequence[Mapping[str, Any]],
    missing: Sequence[str],
) -> dict[str, Any]:
    """Plain values that follow `report.schema.json`.

    Args:
        compared: The images.
        prepared: The films behind them.
        origins: What the generators learned from, by label.
        extractors: The first gives the numbers of the card.
        measures: Rows of the table.
        curves: Of the figures, by label.
        shortcuts: Of the probes.
        privacy: By label.
        montages: Those that were drawn.
        missing: Why others were not, one sentence each.
    """
    content: dict[str, Any] = plain({
        "format": FORMAT,
        "prepared_manifest": prepared.manifest.sha256,
        "source": prepared.source,
        "simulated": prepared.simulated,
        "protocol": prepared.protocol,
        "terms": prepared.terms,
        "image_size": prepared.size,
        "pools": {
            label: {
                **{key: value for key, value in pool.described().items() if key != "content"},
                "learned_from": origins[label].films,
            }
            for label, pool in compared.pools.items()
        },
        "films": {
            label: {
                name: _counted(compared, films, origins[label])
                for name, films in (("train", compared.training), ("held_out", compared.held_out))
            }
            for label in compared.labels
        },
        "extractors": [
            {"name": e.name, "dimension": e.dimension, "digest": e.digest, "weights": e.weights}
            for e in extractors
        ],
        "measures": measures,
        "curves": curves,
        "shortcuts": shortcuts,
        "privacy": privacy,
        "verdict": overall_verdict(privacy),
        "card": card_rows(measures, extractors[0].name, CARD),
        "montages": montages,
        "remarks": [
            *_remarks(compared, prepared, origins), *_withheld(prepared, privacy), *missing,
        ],
    })  # fmt: skip
    return content


def _counted(compared: Compared, films: Films, origin: Learned) -> dict[str, int]:
    return films.chosen(compared.of(films, origin.labels)).counted()


def _remarks(
    compared: Compared, prepared: PreparedSet, origins: Mapping[str, Learned]
) -> list[str]:
    said = []
    for label, origin in origins.items():
        if origin.films == "other films":
            said.append(
                f"The {label} generator did not learn from these films: copies of the films that "
                "it did learn from were not looked for."
            )
        elif origin.films == "unknown":
            said.append(
                f"What the {label} generator learned from is not known: its file is not at hand. "
                f"Its images were compared with {label} training films."
            )
        if len(origin.labels) > 1:
            said.append(
                f"The {label} generator began from networks that learned from films of both "
                "labels: for privacy its images were compared with the training films of both."
            )
    if prepared.protocol == "study":
        said.append(
            "Under the study protocol patients may stand in training and in test films; held-out "
            "films of such patients were left out of the comparison."
        )
    if not len(compared.held_out):
        said.append("There are no held-out films: distances could not be judged, only copies.")
    return said


def _withheld(prepared: PreparedSet, privacy: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Films are withheld from pictures; an image that copies one is none, and stays."""
    copied = [label for label, found in privacy.items() if found["copies"]["pairs"]]
    if prepared.terms["redistributable"] or not copied:
        return []
    return [
        f"Pictures of this report may show {' and '.join(copied)} images that copy films which may "
        "not be passed on: keep the report to yourself."
    ]
