"""Shortcuts among what is compared: synthetic images of all pools against films of their labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from mammo_synth.configurations import LABEL_VALUES
from mammo_synth.progress import SILENT, Progress

from .description import Compared
from .measures.arrays import some
from .shortcuts import Looks, Side, look, probe_shortcuts
from .stored import StoredImages

MOST = 1000
"""Images of a label that are looked at: more would hardly narrow the intervals."""
BLOCK = 128


def shortcuts_of(compared: Compared, seed: int, progress: Progress = SILENT) -> dict[str, Any]:
    """The shortcut report as plain values.

    Films of all roles are looked at: nothing is learned here that a generator or a benchmark sees.
    """
    images: list[Looks] = []
    labels: list[int] = []
    seeds: list[str] = []
    films: list[Looks] = []
    film_labels: list[int] = []
    patients: list[str] = []
    progress.start("looks for shortcuts", 2 * len(compared.pools))
    for label, pool in compared.pools.items():
        chosen = [int(i) for i in some(len(pool), MOST, seed)]
        images.append(_looks(pool.images.chosen(chosen)))
        labels += [LABEL_VALUES[label]] * len(chosen)
        seeds += [f"{label} {pool.seeds[i]}" for i in chosen]
        progress.advance(1, f"synthetic {label}")
        of_label = 0
        for one in (compared.training, compared.held_out):
            numbers = compared.of(one, [label])
            kept = one.chosen(numbers[some(len(numbers), MOST // 2, seed)])
            if len(kept):
                films.append(_looks(kept.images))
                patients += kept.patients
                of_label += len(kept)
        film_labels += [LABEL_VALUES[label]] * of_label
        progress.advance(1, f"{label} films")
    progress.finish()
    report = probe_shortcuts(
        Side(Looks.concatenated(films), np.array(film_labels, np.int64), tuple(patients)),
        Side(Looks.concatenated(images), np.array(labels, np.int64), tuple(seeds)),
        seed=seed,
        progress=progress,
    )
    return report.as_dict()


def _looks(images: StoredImages) -> Looks:
    return Looks.concatenated([look(block) for block in images.blocks(BLOCK)])
