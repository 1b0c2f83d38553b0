"""Epochs, early stopping and the return to the best weights, for any framework."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import History, Part
from mammo_synth.bench.classifiers.checkpoint import (
    Arrays,
    TrainingState,
    state_to_go_on_from,
    state_writer,
)
from mammo_synth.bench.classifiers.schedule import Schedule
from mammo_synth.bench.recipes import CommonSettings
from mammo_synth.bench.record import Epoch
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.errors import CheckFailed
from mammo_synth.files import sha256_json
from mammo_synth.keras_backend import memory_errors
from mammo_synth.progress import Progress

_CLIP = 1e-7  # as in Keras, probabilities are kept this far from 0 and 1 in the cross-entropy


@dataclass(frozen=True)
class Batch:
    """What one training step gave: mean loss, and counts at 0.5 with cancer positive."""

    loss: float
    tp: int
    fp: int
    fn: int
    tn: int


class Rows(Protocol):
    """One row per image: an array, or what makes its rows when they are asked for."""

    def __getitem__(self, rows: Integers, /) -> npt.NDArray[Any]:
        """Some of them."""


_X = TypeVar("_X", bound=Rows)
_Taken = TypeVar("_Taken", contravariant=True)


@dataclass(frozen=True)
class Inputs(Generic[_X]):
    """What a network is fed, one row per image, with labels."""

    x: _X
    label: Integers


class Trainee(Protocol[_Taken]):
    """A network that learns step by step."""

    def step(self, x: npt.NDArray[Any], label: Integers) -> Batch:
        """Learn from one batch."""

    def scores(self, x: _Taken) -> Floats:
        """Probability of cancer, float64 [N]."""

    def weights_now(self) -> Arrays:
        """A copy of all weights."""

    def put_weights(self, weights: Arrays) -> None:
        """Return to a copy of them."""

    def memory_now(self) -> tuple[Arrays, Arrays]:
        """Copies of the optimiser's variables and of the state of the random generators."""

    def put_memory(self, optimizer: Arrays, random: Arrays) -> None:
        """Return to copies of them."""


def counts_at_half(p: Floats, label: Integers) -> tuple[int, int, int, int]:
    """tp, fp, fn, tn of scores at 0.5."""
    called, y = p >= 0.5, label == 1
    tp, fp, fn, tn = (int(k.sum()) for k in (y & called, ~y & called, y & ~called, ~y & ~called))
    return tp, fp, fn, tn


def train_epochs(
    trainee: Trainee[_X],
    train: Inputs[_X],
    held: Inputs[_X],
    schedule: Schedule,
    *,
    seed: int,
    what: str,
    device: str,
    progress: Progress,
    checkpoint: Path | None,
    digest: str,
) -> History:
    """Train until early stopping or the last epoch, then return to the best epoch.

    Args:
        trainee: The network, at its beginning.
        train, held: Training and validation part.
        schedule: Of the recipe.
        seed: Of the shuffles.
        what: Name of the network, for progress.
        device: In words.
        progress: Receives progress.
        checkpoint: Where the state is kept after every epoch; a run that was killed goes on from
            there, to the same result.
        digest: Of all that the run depends on, as from `run_digest`.

    Raises:
        BadInput: The device's memory does not hold a batch.
        CheckFailed: The loss became NaN.
    """
    state = state_to_go_on_from(checkpoint, digest, progress)
    write = state_writer(checkpoint, digest, progress)
    steps = -(-len(train.label) // schedule.batch_size)
    with memory_errors(device, schedule.batch_size, training=True):
        if state.epoch >= 0:
            trainee.put_weights(state.weights)
            trainee.put_memory(state.optimizer, state.random)
            progress.say(f"Training goes on after epoch {state.epoch + 1}.")
        progress.start(f"training {what}", schedule.epochs * steps)
        try:
            progress.advance((state.epoch + 1) * steps)
            while not state.finished:
                # Copies of an earlier epoch are let go: a framework that lent its memory to them
                # would have to copy it before its next update.
                state.weights, state.optimizer = [], []
                epoch = _epoch(trainee, train, held, state.epoch + 1, schedule, seed, progress)
                _add(state, epoch, trainee, schedule)
                if write is not None:
                    state.weights = state.weights or trainee.weights_now()
                    state.optimizer, state.random = trainee.memory_now()
                    write(state)
        finally:
            progress.finish()
        if state.best_weights is not None:
            trainee.put_weights(state.best_weights)
    return History(len(state.curves), state.best_epoch, state.curves)


def _add(state: TrainingState, epoch: Epoch, trainee: Trainee[Any], schedule: Schedule) -> None:
    """Put an epoch into the state: is it the best, is it the last?"""
    number, loss, accuracy = epoch["epoch"], epoch["val_loss"], epoch["val_accuracy"]
    if epoch["loss"] is None or loss is None or accuracy is None:
        raise CheckFailed(
            f"The loss became NaN in epoch {number}.",
            hint="Lower learning_rate; in mixed precision, try --set precision=float32.",
        )
    state.epoch = number
    state.curves.append(epoch)
    watched = loss if schedule.monitor == "val_loss" else -accuracy
    if watched < state.best - schedule.min_delta:
        state.best, state.best_epoch = watched, number
        if schedule.restore_best:
            state.best_weights = state.weights = trainee.weights_now()
    stopped = number - state.best_epoch >= max(schedule.patience, 1)
    state.finished = (schedule.early_stopping and stopped) or number + 1 >= schedule.epochs


def parts_digest(parts: Sequence[Part]) -> str:
    """Digest of images and labels."""
    data = hashlib.sha256()
    for part in parts:
        data.update(np.ascontiguousarray(part.images).data)
        data.update(np.ascontiguousarray(part.label, np.int64).data)
        data.update(str(part.images.shape).encode())
    return data.hexdigest()


def run_digest(
    settings: CommonSettings, seed: int, weights: str | None, where: str, data: str
) -> str:
    """Digest of all that a run depends on.

    Args:
        settings: Of the recipe.
        seed: Of the run.
        weights: Digest of the first weights.
        where: By what and where it is computed, in words.
        data: Digest of images and labels, as from `parts_digest`.
    """
    return sha256_json(
        {
            "settings": vars(settings),
            "seed": seed,
            "weights": weights,
            "where": where,
            "data": data,
        }
    )


def _epoch(
    trainee: Trainee[_X],
    train: Inputs[_X],
    held: Inputs[_X],
    number: int,
    schedule: Schedule,
    seed: int,
    progress: Progress,
) -> Epoch:
    """One pass over the training part, then the validation part."""
    n, size = len(train.label), schedule.batch_size
    order = np.arange(n)
    if schedule.shuffle:
        order = np.random.default_rng([seed, 1, number]).permutation(n)
    loss, sums = 0.0, np.zeros(4, np.int64)
    for i in range(0, n, size):
        rows = order[i : i + size]
        batch = trainee.step(train.x[rows], train.label[rows])
        loss += batch.loss * len(rows) / n
        sums += [batch.tp, batch.fp, batch.fn, batch.tn]
        progress.advance(1, f"epoch {number + 1}, loss {batch.loss:.3f}")
    p = trainee.scores(held.x)
    clipped = np.clip(p, _CLIP, 1 - _CLIP)
    val_loss = float(-np.mean(np.where(held.label == 1, np.log(clipped), np.log(1 - clipped))))
    ours = _shares(*(int(k) for k in sums))
    theirs = _shares(*counts_at_half(p, held.label))
    return {
        "epoch": number,
        "loss": loss if np.isfinite(loss) else None,
        "accuracy": ours[0],
        "precision": ours[1],
        "recall": ours[2],
        "val_loss": val_loss if np.isfinite(val_loss) else None,
        "val_accuracy": theirs[0],
        "val_precision": theirs[1],
        "val_recall": theirs[2],
    }


def _shares(tp: int, fp: int, fn: int, tn: int) -> tuple[float, float | None, float | None]:
    """Accuracy, precision and recall; None where there is no value."""
    return (
        (tp + tn) / max(tp + fp + fn + tn, 1),
        tp / (tp + fp) if tp + fp else None,
        tp / (tp + fn) if tp + fn else None,
    )
