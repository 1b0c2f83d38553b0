"""What the figures of a report draw: mean spectra, mean histograms, distances to training films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mammo_synth.quality.features import Features

from .description import Compared, Described
from .measures.arrays import Indices, in_units
from .privacy.neighbours import nearest

BINS = 64
SHARES = np.round(np.linspace(0, 1, 51), 2)


def curves(
    compared: Compared,
    summaries: Mapping[str, Described],
    features: Sequence[Described],
    learned: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """By label: ``spectrum`` in dB of power over cycles an image, ``histogram`` as shares of the
    breast's pixels in `BINS` bins, ``distances`` to the nearest training film as quantiles.

    Args:
        compared: The images.
        summaries: Rows of spectra and histograms, by name; one may be missing.
        features: Rows of the extractors.
        learned: Of each label, those whose films its generator may have learned from.
    """
    found: dict[str, Any] = {}
    for label in compared.labels:
        films = compared.of(compared.training, [label])
        held = compared.of(compared.held_out, [label])
        images = compared.of_pool(label)
        entry: dict[str, Any] = {}
        for name, rows in summaries.items():
            means = _means(rows, films, images, held)
            if name == "spectra":
                count = rows.training.shape[1]
                entry["spectrum"] = {
                    "frequency": np.arange(1, count + 1).tolist(),
                    **{key: None if row is None else 10 * row for key, row in means.items()},
                }
            else:
                levels = rows.training.shape[1]
                entry["histogram"] = {
                    "level": np.arange(0, levels, levels // BINS).tolist(),
                    **{
                        key: None if row is None else row.reshape(BINS, -1).sum(axis=1)
                        for key, row in means.items()
                    },
                }
        labels = learned[label]
        known = compared.of(compared.training, labels)
        others = compared.of(compared.held_out, labels)
        entry["distances"] = {
            rows.name: _distances(
                *in_units(
                    rows.name, rows.training[known], rows.synthetic[images], rows.held_out[others]
                )
            )
            for rows in features
        }
        found[label] = entry
    return found


def _means(
    rows: Described, films: Indices, images: slice, held: Indices
) -> dict[str, Features | None]:
    return {
        "films": rows.training[films].mean(axis=0),
        "synthetic": rows.synthetic[images].mean(axis=0),
        "held_out": rows.held_out[held].mean(axis=0) if len(held) else None,
    }


def _distances(films: Features, fake: Features, held: Features) -> dict[str, Any]:
    ours = nearest(fake, films).distance[:, 0]
    theirs = nearest(held, films).distance[:, 0] if len(held) else None
    return {
        "share": SHARES,
        "synthetic": np.quantile(ours, SHARES),
        "held_out": None if theirs is None else np.quantile(theirs, SHARES),
    }
