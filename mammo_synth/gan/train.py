"""A training run: from images to a generator file, resumable at every snapshot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_synth import __version__
from mammo_synth.errors import BadInput
from mammo_synth.files import canonical_json, locked, sha256_file, write_json
from mammo_synth.manifest import Input, is_current, read_manifest, write_manifest
from mammo_synth.progress import SILENT, Progress

from .checkpoint import (
    GENERATOR_FORMAT,
    checkpoint_settings,
    read_checkpoint,
    restore,
    save_checkpoint,
    write_tensors,
)
from .data import RealImages, check_images
from .distributed import ALONE, Team
from .figures import save_grid
from .judge import Judge
from .loop import TrainingDiverged, train_loop
from .measures import Measure
from .measures.choice import Choice
from .origin import Origin
from .settings import CLASSES, TrainSettings, check, first_difference, to_json
from .state import TrainState, new_state
from .transfer import start_from
from .watch import GRID_IMAGES, Memory, Watch

__all__ = ["Origin", "TrainResult", "TrainingDiverged", "generator_metadata", "train_run"]

KIND = "generator-run"
CHECKPOINT, GENERATOR = "checkpoint.safetensors", "generator.safetensors"
SETTINGS, REALS, PLAN, LOCK = "settings.json", "reals.png", "plan.json", ".lock"


@dataclass(frozen=True)
class TrainResult:
    """A finished run."""

    folder: Path
    generator: Path
    sha256: str  # of the generator file
    kimg: float
    skipped: bool  # it was finished before with equal settings


def train_run(
    images: NDArray[np.uint8],
    settings: TrainSettings,
    folder: Path,
    origin: Origin,
    *,
    labels: NDArray[np.int64] | None = None,
    inputs: tuple[Input, ...] = (),
    device: str = "cpu",
    team: Team = ALONE,
    resume: bool = True,
    start: Path | None = None,
    measure: Measure | None = None,
    progress: Progress = SILENT,
    clock: Callable[[], float] | None = None,
) -> TrainResult:
    """Train a generator on ``images`` (uint8 ``[N, R, R]``) into the run folder ``folder``.

    A folder that holds a checkpoint of equal settings is continued (``resume``); with the same
    device and number of threads the final weights are, bit for bit, those of an uninterrupted run
    on a processor. A finished run of equal settings and inputs is left as it is. ``start``: a
    checkpoint or generator file to begin a new run from. ``measure``: what
    ``settings.measure`` names, made already (`mammo_synth.gan.measures.choice`); without it, it is
    made here, with its usual weights. ``clock`` (seconds) fills the times in the rows of
    stats.jsonl. ``labels`` (``[N]``): what a conditional run learns. ``team``: the processes that
    train together; all call this alike, and the first one judges and writes the files.

    Raises:
        BadInput: Images, settings or folder do not fit; another process trains in the folder.
        TrainingDiverged: Losses or weights became infinite or not a number.
        NoSpace: The disk is full; the last checkpoint is whole.
    """
    where = torch.device(device)
    start_sha = sha256_file(start) if start is not None and start.is_file() else None
    if start is not None and start_sha is not None:
        origin = origin.after(start)
    said = {**to_json(settings), "origin": asdict(origin), "start": start_sha}
    said = json.loads(canonical_json(said))

    def measuring() -> Measure | None:
        check(settings, team.size)
        _check_size(images, settings)
        return _measure(settings, measure, device) if team.leads else None

    def finished() -> TrainResult:
        facts = read_manifest(folder, KIND).facts
        sha = sha256_file(folder / GENERATOR)
        return TrainResult(folder, folder / GENERATOR, sha, float(facts["kimg"]), True)

    def ready() -> tuple[TrainState, RealImages, Memory | None, Judge | None]:
        data = RealImages(images, settings, labels=labels, device=device)
        state = new_state(settings, where)
        state.sampler = data.sampler
        remembered = _continue(state, settings, folder, said, resume=resume)
        if start is not None and remembered is None:
            start_from(state, settings.network, start, start_sha or "")
        judge = Judge(images, settings, chosen) if team.leads else None
        return state, data, remembered, judge

    chosen = team.together(measuring, where)
    told = dict(chosen.facts) if chosen else {}
    said |= {"judge": told} if told else {}
    # The first process alone knows the measure, and with it what was said.
    current = team.leads and is_current(
        folder, KIND, settings=said, seed=settings.seed, inputs=inputs
    )
    if team.decide(current, where):
        return team.together(finished, where)
    state, data, remembered, judge = team.together(ready, where)

    def hold() -> None:
        if team.leads:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder / LOCK, busy=_busy(folder)))

    with ExitStack() as held:
        team.together(hold, where)
        watch = None
        if judge is not None:
            write_json(folder / SETTINGS, said)
            (folder / "manifest.json").unlink(missing_ok=True)  # of an earlier, shorter run
            watch = Watch(
                folder,
                settings,
                images,
                state,
                remembered or Memory(),
                partial(generator_metadata, state, settings, origin, told),
                judge,
                labels=labels if settings.conditional else None,
                progress=progress,
                clock=clock,
            )
            if remembered is None:
                save_grid(folder / REALS, images[:GRID_IMAGES])
                watch.save_samples(state)

        def save() -> None:
            memory = watch.memory.to_json() if watch else ""
            save_checkpoint(folder / CHECKPOINT, state, settings, origin.header(), memory)

        train_loop(state, settings, data, watch, save, progress, team)

        path = folder / GENERATOR
        if watch is None:
            return TrainResult(folder, path, "", state.seen / 1000, False)
        metadata = generator_metadata(state, settings, origin, told)
        write_tensors(path, dict(state.G_ema.state_dict()), metadata)
        sha = sha256_file(path)
        facts = {
            "generator_sha256": sha,
            "kimg": state.seen / 1000,
            "measure": watch.memory.measure,
            "best": watch.memory.best,
            "best_kimg": watch.memory.best_kimg,
            "floor": watch.memory.floor,
            "images": len(images),
            "init": state.init,
            "p": state.p,
            "device": where.type,
            "processes": team.size,
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
        }
        write_manifest(folder, KIND, settings=said, seed=settings.seed, inputs=inputs, facts=facts)
        return TrainResult(folder, path, sha, state.seen / 1000, False)


def _measure(settings: TrainSettings, made: Measure | None, device: str) -> Measure | None:
    """``made``, or the measure that ``settings`` names."""
    if made is None:
        return Choice(settings.measure).make(device)
    if made.name != settings.measure:
        raise BadInput(
            f"The measure '{made.name}' was given; the settings say '{settings.measure}'.",
            hint="Give both the same name.",
        )
    return made


def _busy(folder: Path) -> BadInput:
    return BadInput(
        f"Another process is training in '{folder}'.",
        hint="Let it go on, or stop it first and run this command again.",
    )


def _check_size(images: NDArray[np.uint8], settings: TrainSettings) -> None:
    check_images(images)
    if images.shape[1] != settings.network.resolution:
        raise BadInput(
            f"The images have {images.shape[1]} px; the settings say "
            f"{settings.network.resolution}.",
            hint="Choose the preset for that size, or prepare the films at another --size.",
        )


def generator_metadata(
    state: TrainState,
    settings: TrainSettings,
    origin: Origin,
    judge: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """The header of a generator file: strings, of which some hold JSON. ``judge``: facts of the
    measure that judged the run, if there are any."""
    classes = {"classes": canonical_json(list(CLASSES))} if settings.conditional else {}
    return {
        "format": GENERATOR_FORMAT,
        "package_version": __version__,
        "network": canonical_json(to_json(settings.network)),
        "training": canonical_json(to_json(settings)),
        "resolution": str(settings.network.resolution),
        "kimg": f"{state.seen / 1000:g}",
        **origin.header(),
        "init": state.init,
        "init_from": state.init_from or "",
        **classes,
        **({"judge": canonical_json(judge)} if judge else {}),
    }


def refuse_foreign_run(folder: Path) -> None:
    """Raise :class:`BadInput` unless ``folder`` is free for a run, or that of one."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(
            f"'{folder}' is a file; a folder was expected.", hint="Choose another --out."
        )
    if not folder.is_dir() or (folder / SETTINGS).exists():
        return
    ours = {PLAN, REALS, "samples-000000.png"}
    names = sorted(p.name for p in folder.iterdir() if p.name not in ours)
    foreign = [name for name in names if not name.startswith(".")]
    if foreign:
        raise BadInput(
            f"'{folder}' holds other files ('{foreign[0]}', ...); a new or empty folder, "
            "or the folder of a run to go on with, was expected.",
            hint="Choose another --out.",
        )


def _continue(
    state: TrainState, settings: TrainSettings, folder: Path, said: dict[str, Any], *, resume: bool
) -> Memory | None:
    """Restore ``state`` from the folder's checkpoint; what its watch remembered, or ``None`` where
    a new run begins."""
    path = folder / CHECKPOINT
    if not path.exists():
        refuse_foreign_run(folder)
        return None
    if not resume:
        raise BadInput(
            f"'{folder}' holds a run already, and resuming is switched off.",
            hint="Leave --resume at auto to go on with it, or choose another --out.",
        )
    file = read_checkpoint(path)
    before = checkpoint_settings(file)
    if (folder / SETTINGS).is_file():
        before = json.loads((folder / SETTINGS).read_text())
    now = said if "origin" in before else json.loads(canonical_json(to_json(settings)))
    difference = first_difference(before, now)
    if difference is not None:
        raise BadInput(
            f"'{folder}' holds a run with other settings: {difference}.",
            hint="Give the same options to go on with it, or choose another --out.",
        )
    seen = int(file.metadata["seen"])
    if seen - settings.batch >= settings.kimg * 1000:
        raise BadInput(
            f"'{folder}' holds a run that is at {seen / 1000:g} kimg, beyond {settings.kimg:g}.",
            hint=f"Give --kimg {math.ceil(seen / 1000)} or more, or choose another --out.",
        )
    restore(state, file, path)
    return Memory.from_json(file.metadata.get("watch"))
