"""The state of a training after an epoch, in one file, so that a killed run goes on from there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import History, Part
from mammo_synth.bench.record import Epoch
from mammo_synth.errors import CheckFailed, NoSpace
from mammo_synth.progress import Progress
from mammo_synth.tensors import map_tensors, sampled, write_tensors

Arrays = list[npt.NDArray[Any]]
FORMAT = "mammo-synth/training-state/1"
STATE_PREFIX = "training-state"
"""All files of an unfinished cell begin so."""
STATE_NAME = f"{STATE_PREFIX}.safetensors"


@runtime_checkable
class Resumable(Protocol):
    """A classifier that keeps its state after every epoch, if it is told where."""

    @property
    def resumable(self) -> bool:
        """True."""

    def fit(
        self,
        train: Part,
        validation: Part,
        *,
        seed: int,
        progress: Progress,
        checkpoint: Path | None = None,
    ) -> History:
        """As `Classifier.fit`; goes on from ``checkpoint`` if that is a state of this very run."""


@dataclass
class TrainingState:
    """Everything that the next epoch depends on.

    Attributes:
        epoch: The last finished epoch; -1 before the first.
        weights: Of the trainable part, float32.
        optimizer: Its variables.
        random: State of the generators (dropout). Shuffles depend on seed and epoch alone.
        best: The lowest watched value so far.
        best_epoch: Where it was.
        best_weights: The weights there, if they are to be restored.
        curves: All epochs so far.
        finished: Training ended with this epoch.
    """

    epoch: int = -1
    weights: Arrays = field(default_factory=list)
    optimizer: Arrays = field(default_factory=list)
    random: Arrays = field(default_factory=list)
    best: float = float("inf")
    best_epoch: int = 0
    best_weights: Arrays | None = None
    curves: list[Epoch] = field(default_factory=list)
    finished: bool = False


def write_state(path: Path, state: TrainingState, digest: str) -> None:
    """Write ``state`` atomically.

    Args:
        path: The file.
        state: The state.
        digest: Of all that the run depends on: only a run with the same goes on from it.

    Raises:
        NoSpace: The disk is full or the folder may not be written to.
    """
    groups: dict[str, Sequence[npt.NDArray[Any]]] = {
        "weights": state.weights,
        "optimizer": state.optimizer,
        "random": state.random,
    }
    # The best weights are the weights after an epoch that is the best so far.
    if state.best_weights is not None and state.best_epoch != state.epoch:
        groups["best"] = state.best_weights
    tensors = {f"{name}.{i}": a for name, arrays in groups.items() for i, a in enumerate(arrays)}
    told = {
        "epoch": state.epoch,
        "best": state.best if np.isfinite(state.best) else None,
        "best_epoch": state.best_epoch,
        "restore": state.best_weights is not None,
        "curves": state.curves,
        "finished": state.finished,
    }
    metadata = {"format": FORMAT, "digest": digest, "state": json.dumps(told)}
    # Waiting for the disk would take longer than a short epoch; what a power failure may leave of
    # the file is recognised when it is read.
    write_tensors(path, tensors, metadata | {"sampled": sampled(tensors)}, sync=False)


def kept_files(folder: Path) -> list[Path]:
    """What an unfinished cell keeps in ``folder``: our state, or what an own class wrote."""
    return sorted(folder.glob(f"{STATE_PREFIX}*"))


def remove(kept: Path) -> None:
    """Remove what was kept; an own class may have made it a folder."""
    if kept.is_dir():
        shutil.rmtree(kept)
    else:
        kept.unlink(missing_ok=True)


def read_state(path: Path, digest: str) -> TrainingState | None:
    """The state in ``path``; None if there is none, or it is of another run.

    Raises:
        CheckFailed: The file is damaged.
    """
    if not path.is_file():
        return None
    tensors, metadata = map_tensors(path)
    if metadata.get("format") != FORMAT or metadata.get("digest") != digest:
        return None
    if metadata.get("sampled") != sampled(tensors):
        raise CheckFailed(f"'{path}' is damaged.", hint="Remove it: training starts anew.")

    def group(name: str) -> Arrays:
        n = sum(key.startswith(f"{name}.") for key in tensors)
        return [np.array(tensors[f"{name}.{i}"]) for i in range(n)]

    try:
        told = json.loads(metadata["state"])
        weights, best = group("weights"), None
        if told["restore"]:
            best = weights if told["best_epoch"] == told["epoch"] else group("best")
        return TrainingState(
            epoch=told["epoch"],
            weights=weights,
            optimizer=group("optimizer"),
            random=group("random"),
            best=float("inf") if told["best"] is None else told["best"],
            best_epoch=told["best_epoch"],
            best_weights=best,
            curves=told["curves"],
            finished=told["finished"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CheckFailed(
            f"'{path}' is not a training state ({error}).", hint="Remove it: training starts anew."
        ) from error


def state_to_go_on_from(checkpoint: Path | None, digest: str, progress: Progress) -> TrainingState:
    """The state to go on from, or that of a beginning."""
    found = None
    if checkpoint is not None:
        try:
            found = read_state(checkpoint, digest)
        except CheckFailed as error:
            progress.say(f"{error.message} Training starts anew.")
    return found or TrainingState()


def state_writer(
    checkpoint: Path | None, digest: str, progress: Progress
) -> Callable[[TrainingState], None] | None:
    """What keeps a state; a disk without room for it does not end the training."""
    if checkpoint is None:
        return None
    failed = False

    def write(state: TrainingState) -> None:
        nonlocal failed
        if failed:
            return
        try:
            write_state(checkpoint, state, digest)
        except NoSpace as error:
            failed = True
            progress.say(f"{error.message} If this run is interrupted, it begins anew.")

    return write
