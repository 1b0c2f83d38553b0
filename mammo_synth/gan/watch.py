"""What stands beside the training loop: it judges the images, keeps the best, says what is wrong,
draws the figures, and decides when to stop. It never touches the random state of the training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
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
from .judge import CHUNK, Judge, Looks
from .latents import latents
from .meter import Meter
from .monitor import Limits, findings
from .rows import Row, append_row, read_rows, write_rows
from .settings import TrainSettings
from .snapshots import drop_beyond, prune, sample_grids, samples_path, snapshot_path
from .state import TrainState

STATS, CURVE, BEST, EVENTS = "stats.jsonl", "curve.png", "best.safetensors", "events"
GRID_IMAGES = 36
FIGURE_SECONDS = 60.0
"""Figures are drawn anew at most so often, and at the end: a short run is not spent on them."""


@dataclass
class Memory:
    """What the stopping rule carries over a resume; it lives in the checkpoint."""

    measure: str = "none"
    images: int = 0  # how many images and films were measured
    digest: str = ""  # of the measure's extractor
    since: float = 0.0  # kimg from which on this measure judges
    best: float | None = None
    best_kimg: float = 0.0
    floor: float | None = None
    hours: float = 0.0

    def to_json(self) -> str:
        """As the header of a checkpoint holds it; the later fields only where they say something,
        so that a run without them has the bytes that it always had."""
        usual = {f.name: f.default for f in fields(self) if f.default is not MISSING}
        said = {k: v for k, v in vars(self).items() if k not in _LATER or v != usual[k]}
        return json.dumps(said, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | None) -> Memory:
        """The inverse; a new memory for a checkpoint that has none."""
        return cls(**json.loads(text)) if text else cls()


_LATER = ("digest", "since")


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
        judge: Judge,
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
        self._judge, self._measure = judge, judge.measure
        self.memory = self._remembered(memory, state.seen / 1000)
        self._limits = Limits(
            measure=settings.measure if self._measure else None,
            better=self._measure.better if self._measure else "lower",
            since=self.memory.since,
            ada_max=None if settings.augment_p is not None else settings.ada_max,
            films=len(images),
        )
        self._drawn_at: float | None = clock() if clock else None
        self.rows = read_rows(folder / STATS, state.seen)
        write_rows(folder / STATS, self.rows)
        drop_beyond(folder, state.seen)
        events.begin(folder / EVENTS, self.rows)

    def _remembered(self, memory: Memory, kimg: float) -> Memory:
        """``memory``, or a new one at ``kimg`` where another measure filled it."""
        name, images = self._settings.measure, self._settings.measure_images
        digest = self._measure.digest if self._measure else ""
        if (memory.measure, memory.images, memory.digest) != (name, images, digest):
            # Values of another measure, or of other films, say nothing about these.
            if memory.digest != digest and memory.measure == name:
                self._progress.say(
                    f"{name} has other weights, or is of another version, than up to {kimg:g} "
                    "kimg: the best generator is looked for anew."
                )
            memory = Memory(name, images, digest, kimg, best_kimg=kimg, hours=memory.hours)
        memory.floor = self._judge.floor
        return memory

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
        if stopped:
            self._progress.say(
                f"Stopped at {self.rows[-1]['kimg']:g} kimg: {memory.measure} has not improved "
                f"since {memory.best_kimg:g} kimg."
            )
        if memory.best is None:
            return
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
        row |= self._judged(state)
        header = self._header()
        if self._measure is not None:
            value = row[self._measure.name]
            header["measure"] = self._measure.name
            if value is None:
                self._progress.say(
                    f"Warning: At {row['kimg']:g} kimg: {self._measure.name} is not finite; this "
                    "snapshot is not compared with the others."
                )
            else:
                header["measure_value"] = f"{value:g}"
            if self._measure.improves(value, self.memory.best):
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
        limits, text = self._limits, "" if self._measure is None else self._measure.text
        save_curve(
            self._folder / CURVE, self.rows, limits.measure, text, limits.better, limits.since
        )
        save_evolution(self._folder, sample_grids(self._folder), self._images.shape[1])

    def save_samples(self, state: TrainState) -> None:
        """A grid of the running average's images; of each label a row in turn."""
        parts = list(_draw(state, GRID_IMAGES, _grid_labels(state)))
        save_grid(samples_path(self._folder, state.seen), np.concatenate(parts))

    def _judged(self, state: TrainState) -> dict[str, Any]:
        """Draw images of fixed seeds and judge them; the first ones are the grid."""
        count = max(GRID_IMAGES, self._settings.measure_images if self._measure else 0)
        # A conditional generator draws the labels of the films that it is measured against.
        labels = None if self._labels is None else self._labels[self._judge.chosen]
        first: list[NDArray[np.uint8]] = []
        looks = Looks(self._measure)
        for part in _draw(state, count, labels):
            if len(first) * CHUNK < GRID_IMAGES:
                first.append(part)
            looks.add(part)
        if labels is None:
            save_grid(samples_path(self._folder, state.seen), np.concatenate(first)[:GRID_IMAGES])
        else:
            self.save_samples(state)
        verdict = self._judge.verdict(looks)
        if self._measure is None:
            return {"variety": verdict.variety}
        return {
            self._measure.name: verdict.value,
            "floor": self.memory.floor,
            "variety": verdict.variety,
        }


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
