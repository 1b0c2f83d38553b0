"""The table of measures: each for each label and pooled, with its floor and against held-out films.

Where there are too few patients or images for an interval, the value stands alone, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.features import Extractor, Features
from mammo_synth.quality.measures import (
    POOLED,
    Measure,
    floor_settings,
    in_units,
    interval_settings,
    measured,
)
from mammo_synth.quality.measures.arrays import some

from .description import Compared, Described
from .parts import Parts

LEAST_HELD_OUT = 8
MOST_HELD_OUT = 2000


@dataclass(frozen=True)
class Task:
    """One measure and the rows that it takes.

    Attributes:
        measure: The measure.
        rows: Described images.
        extractor: None where the measure takes no features.
    """

    measure: Measure
    rows: Described
    extractor: Extractor | None

    @property
    def name(self) -> str:
        """Unique among the tasks of a report."""
        return f"{self.measure.name}-{self.extractor.name if self.extractor else ''}"


def measure_rows(
    tasks: Sequence[Task],
    compared: Compared,
    parts: Parts,
    *,
    resamples: int | None,
    seed: int,
    progress: Progress = SILENT,
) -> list[dict[str, Any]]:
    """Rows of ``measures`` in a report, pooled first.

    Args:
        tasks: What is measured.
        compared: The images.
        parts: Where finished rows are kept.
        resamples: Draws for an interval and splits for a floor; None: `interval_settings` and
            `floor_settings`.
        seed: Of all draws.
        progress: Told of every row.
    """
    groups = compared.groups(seed)
    order = [name for name in (POOLED, *reversed(compared.labels)) if name in groups]
    progress.start("measures", len(tasks) * len(order))
    rows = []
    for task in tasks:
        for label in order:
            part = f"measure-{label}-{task.name}"
            films, images = groups[label]
            make = partial(_row, task, compared, label, films, images, resamples, seed)
            rows.append(parts.get(part, make))
            progress.advance(1, f"{task.measure.name}, {label}")
    progress.finish()
    return rows


def _row(
    task: Task,
    compared: Compared,
    label: str,
    films: Any,
    images: Any,
    resamples: int | None,
    seed: int,
) -> dict[str, Any]:
    measure, rows = task.measure, task.rows
    labels = compared.labels if label == POOLED else (label,)
    held = rows.held_out[compared.of(compared.held_out, labels)]
    real, fake, others = rows.training[films], rows.synthetic[images], held
    if task.extractor is not None and len(real) > 1:
        real, fake, others = in_units(task.extractor.name, real, fake, others)
    row: dict[str, Any] = {
        "extractor": task.extractor.name if task.extractor else None,
        "weights": task.extractor.weights if task.extractor else {},
        "label": label,
        "name": measure.name,
        "text": measure.text,
        "better": measure.better,
        "unit": measure.unit,
        "films": len(real),
        "images": len(fake),
        "value": None,
        "interval": None,
        "floor": None,
        "held_out": None,
        "reason": None,
    }
    patients = [compared.training.patients[i] for i in films]
    intervals = interval_settings(real.shape[1], seed)
    floors = floor_settings(real.shape[1], seed)
    if resamples is not None:
        intervals = replace(intervals, replicates=resamples)
        floors = replace(floors, splits=resamples)
    try:
        found = measured(measure, real, fake, patients=patients, intervals=intervals, floors=floors)
    except BadInput as error:
        row["reason"] = error.message
        try:
            row["value"] = measure.value(real, fake)
        except BadInput as second:
            row["reason"] = second.message
    else:
        row["value"], row["interval"] = found.value, found.interval.as_dict()
        row["floor"] = found.floor.as_dict()
    if row["value"] is not None and not np.isfinite(row["value"]):
        row["reason"] = "It is infinite: the films do not differ from one another in this."
    row["held_out"] = _against_held_out(measure, others, fake, real, seed)
    return row


def _against_held_out(
    measure: Measure, held: Features, images: Features, films: Features, seed: int
) -> dict[str, Any] | None:
    """The measure against held-out films, of synthetic images and of training films, at one count:
    a generator that copies its films is nearer to them than to others."""
    count = min(len(held), len(images), len(films), MOST_HELD_OUT)
    if count < LEAST_HELD_OUT:
        return None
    try:
        values = [
            measure.value(held[some(len(held), count, seed)], rows[some(len(rows), count, seed)])
            for rows in (images, films)
        ]
    except BadInput:
        return None
    return {"films": len(held), "count": count, "synthetic": values[0], "training": values[1]}


def card_rows(
    rows: Sequence[Mapping[str, Any]], extractor: str, names: Sequence[str]
) -> list[dict[str, Any]]:
    """What a data set's card shows: some measures by one extractor, each at the floor's counts.

    ``value`` and ``floor`` are of equal counts, so they can be compared; ``low`` and ``high`` are
    the range of the floor. Rows without a floor are left out.
    """
    return [
        {
            "name": row["name"],
            "measure": row["text"],
            "label": row["label"],
            "value": row["floor"]["value_at_floor_counts"],
            "floor": row["floor"]["median"],
            "low": row["floor"]["low"],
            "high": row["floor"]["high"],
            "better": row["better"],
        }
        for name in names
        for row in rows
        if row["name"] == name and row["extractor"] in (extractor, None) and row["floor"]
    ]
