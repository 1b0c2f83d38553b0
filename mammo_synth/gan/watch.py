"""What stands beside the training loop: it judges the images, keeps the best, says what is wrong,
draws the figures, and decides when to stop. It never touches the random state of the training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_synth.progress import Progress

from . import events
from .checkpoint import write_tensors
from .curve import save_curve
from .data import to_uint8
from .figures import save_evolution, save_grid
from .latents import latents
from .measures import MEASURES, floor, thumbnails, variety
from .meter import Meter
from .monitor import Limits, findings
from .rows import Row, append_row, read_rows, tidy, write_rows
from .sampler import choose_subset
from .settings import TrainSettings
from .snapshots import drop_beyond, prune, sample_grids, samples_path, snapshot_path
from .state import TrainState

STATS, CURVE, BEST, EVENTS = "stats.jsonl", "curve.png", "best.safetensors", "events"
GRID_IMAGES = 36
CHUNK = 12  # images drawn at a time
FIGURE_SECONDS = 60.0
"""Figures are drawn anew at most so often, and at the end: a short run is not spent on them."""


@dataclass
class Memory:
    """What the stopping rule carries over a resume; it lives in the checkpoint."""

    measure: str = "none"
    images: int = 0  # how many images and films were measured
    best: float | None = None
    best_kimg: float = 0.0
    floor: float | None = None
    hours: float = 0.0

    def to_json(self) -> str:
        """As the header of a checkpoint holds it."""
        return json.dumps(vars(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | None) -> Memory:
        """The inverse; a new memory for a checkpoint that has none."""
        return cls(**json.loads(text)) if text else cls()


class Watch:
    """Observes one run in its folder. One process of a run has one: the one that writes."""

    def __init__(
        self,
        folder: Path,
        settings: TrainSettings,
        images: NDArray[np.uint8],
        state: TrainState,
        memory: Memory,
        header: Callable[[], dict[str, str]],
        *,
        labels: NDArray[np.int64] | None = None,
        progress: Progress,
        clock: Callable[[], float] | None,
    ) -> None:
        self._folder, self._settings = folder, settings
        self._images, self._labels, self._header = images, labels, header
        self._progress, self._clock = progress, clock
        self._device = state.pl_mean.device
        self.meter = Meter(clock, self._device, memory.hours)
        self._measure = MEASURES.get(settings.measure)
        self.memory = memory
        if (memory.measure, memory.images) != (settings.measure, settings.measure_images):
            # Values of another measure, or of other films, say nothing about these.
            self.memory = Memory(settings.measure, settings.measure_images, hours=memory.hours)
            self.memory.best_kimg = state.seen / 1000
        self._chosen = _choice(len(images), settings)
        self._films: NDArray[np.float64] | None = None
        self._film_variety = 0.0
        self._limits = Limits(
            measure=settings.measure if self._measure else None,
            ada_max=None if settings.augment_p is not None else settings.ada_max,
            films=len(images),
        )
        self._drawn_at: float | None = clock() if clock else None
        self.rows = read_rows(folder / STATS, state.seen)
        write_rows(folder / STATS, self.rows)
        drop_beyond(folder, state.seen)
        events.begin(folder / EVENTS, self.rows)

    @property
    def stopped(self) -> bool:
        """Whether the measure has not improved for the patience that was given."""
        patience = self._settings.patience_kimg
        if patience is None or self._measure is None or not self.rows:
            return False
        waited = float(self.rows[-1]["kimg"]) - self.memory.best_kimg
        return round(waited * 1000) >= round(patience * 1000)  # in whole images

    def conclude(self, *, stopped: bool) -> None:
        """Draw the figures of the whole run, and say how good it became and why it ended."""
        self.draw()
        memory = self.memory
        if memory.best is None:
            return
        if stopped:
            self._progress.say(
                f"Stopped at {self.rows[-1]['kimg']:g} kimg: {memory.measure} has not improved "
                f"since {memory.best_kimg:g} kimg."
            )
        value = f"{memory.measure} {memory.best:.3g}"
        if memory.floor is not None:
            value += f", {memory.floor:.3g} between films"
        self._progress.say(f"Best at {memory.best_kimg:g} kimg ({value}): {BEST}.")

    def at_tick(self, row: Row) -> None:
        """Add a row: to the file, the events and the monitor."""
        before = self.rows[-1]["warnings"] if self.rows else []
        self.rows.append(row)
        found = findings(self.rows, self._limits)
        row["warnings"] = [finding.name for finding in found]
        append_row(self._folder / STATS, row)
        events.append(self._folder / EVENTS, row)
        for finding in found:
            if finding.name not in before:
                self._progress.say(f"Warning: {finding.text}")

    def at_snapshot(self, state: TrainState, row: Row) -> None:
        """Draw images, measure them, keep the generator, add the row. The checkpoint comes after
        it, with :attr:`memory` in its header."""
        row |= self._judge(state)
        header = self._header()
        if self._measure is not None:
            value = row[self._measure.name]
            header |= {"measure": self._measure.name, "measure_value": f"{value:g}"}
            if self.memory.best is None or value < self.memory.best:
                self.memory.best, self.memory.best_kimg = value, row["kimg"]
                write_tensors(self._folder / BEST, dict(state.G_ema.state_dict()), header)
        if self._settings.keep_snapshots:
            path = snapshot_path(self._folder, state.seen)
            write_tensors(path, dict(state.G_ema.state_dict()), header)
        prune(self._folder, self._settings.keep_snapshots)
        self.at_tick(row)
        self.memory.hours = self.meter.hours

    def after_snapshot(self) -> None:
        """Draw the figures, if that was long ago."""
        if self._clock is None or self._drawn_at is None:
            return
        if self._clock() - self._drawn_at >= FIGURE_SECONDS:
            self.draw()
            self._drawn_at = self._clock()

    def draw(self) -> None:
        """Write the figures: the curve and the images over time."""
        name = None if self._measure is None else self._measure.name
        text = "" if self._measure is None else self._measure.text
        save_curve(self._folder / CURVE, self.rows, name, text)
        save_evolution(self._folder, sample_grids(self._folder), self._images.shape[1])

    def save_samples(self, state: TrainState) -> None:
        """A grid of the running average's images; of each label a row in turn."""
        parts = list(_draw(state, GRID_IMAGES, _grid_labels(state)))
        save_grid(samples_path(self._folder, state.seen), np.concatenate(parts))

    def _judge(self, state: TrainState) -> dict[str, Any]:
        """Draw images of fixed seeds and measure them; the first ones are the grid."""
        count = max(GRID_IMAGES, self._settings.measure_images if self._measure else 0)
        # A conditional generator draws the labels of the films that it is measured against.
        labels = None if self._labels is None else self._labels[self._chosen]
        first: list[NDArray[np.uint8]] = []
        small, features = [], []
        for part in _draw(state, count, labels):
            if len(first) * CHUNK < GRID_IMAGES:
                first.append(part)
            if self._measure is not None:
                features.append(self._measure.features(part))
            small.append(thumbnails(part))
        if labels is None:
            save_grid(samples_path(self._folder, state.seen), np.concatenate(first)[:GRID_IMAGES])
        else:
            self.save_samples(state)
        self._look_at_films()
        shown = variety(np.concatenate(small)) / self._film_variety
        found: dict[str, Any] = {"variety": tidy(shown, 4)}
        if self._measure is not None and self._films is not None:
            value = self._measure.distance(self._films, np.concatenate(features))
            found = {self._measure.name: tidy(value), "floor": self.memory.floor, **found}
        return found

    def _look_at_films(self) -> None:
        """Features of the films, once: they are a sample of fixed seed."""
        if self._film_variety:
            return
        small, features = [], []
        for start in range(0, len(self._chosen), CHUNK):
            part = self._images[self._chosen[start : start + CHUNK]]
            small.append(thumbnails(part))
            if self._measure is not None:
                features.append(self._measure.features(part))
        self._film_variety = max(variety(np.concatenate(small)), 1e-9)
        if self._measure is not None:
            self._films = np.concatenate(features)
            self.memory.floor = tidy(floor(self._measure, self._films))


def _choice(films: int, settings: TrainSettings) -> NDArray[np.int64]:
    """Indices of the films to measure against, of those trained on, in a random order that the
    seed fixes."""
    shown = np.arange(films)
    if settings.subset is not None:
        shown = choose_subset(films, settings.subset, settings.seed)
    order = np.random.default_rng([settings.seed, 0x77]).permutation(shown)
    return np.asarray(order[: settings.measure_images], np.int64)


def _grid_labels(state: TrainState) -> NDArray[np.int64] | None:
    if not state.G_ema.c_dim:
        return None
    return np.arange(GRID_IMAGES, dtype=np.int64) // 6 % state.G_ema.c_dim


def _draw(
    state: TrainState, count: int, labels: NDArray[np.int64] | None
) -> Iterator[NDArray[np.uint8]]:
    """Images of the running average for seeds from 0 on, without truncation, ``CHUNK`` at a time;
    ``labels`` are given out in turn."""
    z = latents(range(count), state.G_ema.z_dim).to(state.pl_mean.device)
    c = None
    if labels is not None:
        given = torch.from_numpy(np.resize(labels, count)).to(z.device)
        c = torch.nn.functional.one_hot(given, state.G_ema.c_dim).to(z.dtype)
    for start in range(0, count, CHUNK):
        stop = start + CHUNK
        with torch.no_grad():
            part = c if c is None else c[start:stop]
            images = state.G_ema(z[start:stop], part, noise_mode="const")
        yield to_uint8(images)
