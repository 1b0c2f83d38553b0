"""The training loop itself: iterations, rows, snapshots, checkpoints, and when to end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from mammo_synth.errors import MammoSynthError
from mammo_synth.progress import Progress

from .data import RealImages
from .distributed import ALONE, Team
from .iteration import iterate
from .meter import note
from .rows import Row, tidy
from .settings import TrainSettings
from .state import TrainState, collect
from .watch import Watch


class TrainingDiverged(MammoSynthError):
    """Losses or weights are no longer numbers (exit code 1)."""

    exit_code = 1


def train_loop(
    state: TrainState,
    settings: TrainSettings,
    data: RealImages,
    watch: Watch | None,
    save: Callable[[], None],
    progress: Progress,
    team: Team = ALONE,
) -> None:
    """Train ``state`` to its end: ``settings.kimg``, or where ``watch`` stops it.

    ``watch`` and ``save`` (which writes the checkpoint) belong to the process that leads; the
    others have no watch.

    Raises:
        TrainingDiverged: Losses or weights became infinite or not a number.
        NoSpace: The disk is full.
    """
    total = math.ceil(settings.kimg * 1000)
    tick, snapshot = settings.tick_kimg * 1000, settings.snapshot_kimg * 1000
    device = state.pl_mean.device
    since = f" (after {state.seen / 1000:g} kimg)" if state.seen else ""
    progress.start(f"Training images shown{since}", max(total - state.seen, 0))
    try:
        stopped = team.decide(watch is not None and watch.stopped, device)
        if watch is not None:
            watch.meter.restart(state.seen)
        while state.seen < total and not stopped:
            before = state.seen
            iterate(state, settings, data, team)
            progress.advance(min(state.seen, total) - before)
            at_end = state.seen >= total
            at_snapshot = at_end or state.seen // snapshot != before // snapshot
            if not at_snapshot and state.seen // tick == before // tick:
                continue
            means = _finite_means(state, team)
            if at_snapshot:
                _check_weights(state)
            if watch is not None:
                row = _row(state, means, watch)
                progress.advance(0, note(row))
                if at_snapshot:
                    watch.at_snapshot(state, row)
                    # Last: a checkpoint always stands beside its images, and its rows are there.
                    save()
                    watch.after_snapshot()
                else:
                    watch.at_tick(row)
                watch.meter.restart(state.seen)
            if at_snapshot:
                stopped = team.decide(watch is not None and watch.stopped, device)
        if watch is not None:
            watch.conclude(stopped=stopped)
    finally:
        progress.finish()


def _row(state: TrainState, means: dict[str, float], watch: Watch) -> Row:
    row: Row = {"kimg": state.seen / 1000, **watch.meter.read(state.seen)}
    row |= {"p": round(state.p, 6)}
    return row | {name: tidy(value) for name, value in sorted(means.items())}


def _finite_means(state: TrainState, team: Team) -> dict[str, float]:
    means = collect(state, team)
    bad = sorted(name for name, value in means.items() if not math.isfinite(value))
    if bad:
        raise _diverged(state, ", ".join(bad))
    return means


def _check_weights(state: TrainState) -> None:
    """No checkpoint and no image comes from weights or moments that are no numbers: the last good
    checkpoint would be lost to them. One wait for the device at each snapshot."""
    tensors = list(_floats(state))
    largest = torch.stack(torch._foreach_norm(tensors, math.inf))
    if not bool(torch.isfinite(largest).all()):
        raise _diverged(state, "a weight or one of Adam's moments")


def _floats(state: TrainState) -> Iterator[Tensor]:
    for module in (state.G, state.D, state.G_ema):
        yield from (t.detach() for t in module.state_dict().values() if t.is_floating_point())
    for optimizer in (state.adam_g, state.adam_d):
        for moments in optimizer.state.values():
            yield from (moments["exp_avg"], moments["exp_avg_sq"])


def _diverged(state: TrainState, what: str) -> TrainingDiverged:
    return TrainingDiverged(
        f"Training broke down at {state.seen / 1000:g} kimg: {what} is no longer a number. The "
        "last checkpoint is intact.",
        hint="Train into a new folder with a larger --gamma (ten times) or a lower "
        "--learning-rate (half).",
    )
