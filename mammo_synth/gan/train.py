"""The training loop: from images to a generator file, resumable at every snapshot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mammo_synth import __version__
from mammo_synth.configurations import LABEL_VALUES
from mammo_synth.errors import BadInput, MammoSynthError
from mammo_synth.files import canonical_json, sha256_file, write_json, write_text
from mammo_synth.films.prepared import PreparedSet
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
from .data import RealImages, check_images, to_uint8
from .distributed import ALONE, Team
from .figures import save_grid
from .iteration import iterate
from .latents import latents
from .settings import CLASSES, TrainSettings, check, first_difference, to_json
from .state import TrainState, collect, new_state
from .transfer import start_from

KIND = "generator-run"
CHECKPOINT, GENERATOR = "checkpoint.safetensors", "generator.safetensors"
SETTINGS, STATS, REALS = "settings.json", "stats.jsonl", "reals.png"
GRID_IMAGES = 36


@dataclass(frozen=True)
class Origin:
    """What the images are, for the header of the generator file."""

    label: str  # cancer, normal, or both (a conditional run)
    prepared_manifest: str = ""  # sha256 of the prepared set's manifest
    source: str = ""
    simulated: bool = False
    licence: str = ""
    patients: tuple[str, ...] = ()  # short digests of the patients it learned from

    @classmethod
    def of(cls, prepared: PreparedSet, label: str) -> Origin:
        """What a prepared set says about its training films of ``label`` (or both)."""
        return cls(
            label=label,
            prepared_manifest=prepared.manifest.sha256,
            source=prepared.source,
            simulated=prepared.simulated,
            licence=str(prepared.terms.get("licence", "")),
            patients=prepared.patients("train", LABEL_VALUES.get(label)),
        )


@dataclass(frozen=True)
class TrainResult:
    """A finished run."""

    folder: Path
    generator: Path
    sha256: str  # of the generator file
    kimg: float
    skipped: bool  # it was finished before with equal settings


class TrainingDiverged(MammoSynthError):
    """The losses are no longer numbers (exit code 1)."""

    exit_code = 1


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
    progress: Progress = SILENT,
    clock: Callable[[], float] | None = None,
) -> TrainResult:
    """Train a generator on ``images`` (uint8 ``[N, R, R]``) into the run folder ``folder``.

    A folder that holds a checkpoint of equal settings is continued (``resume``); with the same
    device and number of threads the final weights are, bit for bit, those of an uninterrupted run
    on a processor. A finished run of equal settings and inputs is left as it is. ``start``: a
    checkpoint or generator file to begin a new run from. ``clock`` (seconds) fills ``sec_per_kimg``
    in the rows of stats.jsonl. ``labels`` (``[N]``): what a conditional run learns. ``team``: the
    processes that train together; all call this alike, and the first one writes the files.

    Raises:
        BadInput: Images, settings or folder do not fit.
        TrainingDiverged: The losses became infinite or not a number.
    """
    where = torch.device(device)
    start_sha = sha256_file(start) if start is not None and start.is_file() else None
    said = {**to_json(settings), "origin": asdict(origin), "start": start_sha}
    said = json.loads(canonical_json(said))

    def finished() -> TrainResult | None:
        check(settings, team.size)
        _check_size(images, settings)
        if not is_current(folder, KIND, settings=said, seed=settings.seed, inputs=inputs):
            return None
        facts = read_manifest(folder, KIND).facts
        sha = sha256_file(folder / GENERATOR)
        return TrainResult(folder, folder / GENERATOR, sha, float(facts["kimg"]), True)

    def ready() -> tuple[TrainState, RealImages, bool]:
        data = RealImages(images, settings, labels=labels, device=device)
        state = new_state(settings, where)
        state.sampler = data.sampler
        goes_on = _continue(state, settings, folder, said, resume=resume)
        if start is not None and not goes_on:
            start_from(state, settings.network, start, start_sha or "")
        return state, data, goes_on

    done = team.together(finished, where)
    if done is not None:
        return done
    state, data, goes_on = team.together(ready, where)
    if team.leads:
        if not goes_on:
            _begin(state, images, folder)
        write_json(folder / SETTINGS, said)
        (folder / "manifest.json").unlink(missing_ok=True)  # of an earlier, shorter run
        _trim_stats(folder / STATS, state.seen)
    _loop(state, settings, data, folder, team, progress, clock)

    path = folder / GENERATOR
    if not team.leads:
        return TrainResult(folder, path, "", state.seen / 1000, False)
    metadata = generator_metadata(state, settings, origin)
    write_tensors(path, dict(state.G_ema.state_dict()), metadata)
    sha = sha256_file(path)
    facts = {
        "generator_sha256": sha,
        "kimg": state.seen / 1000,
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


def _check_size(images: NDArray[np.uint8], settings: TrainSettings) -> None:
    check_images(images)
    if images.shape[1] != settings.network.resolution:
        raise BadInput(
            f"The images have {images.shape[1]} px; the settings say "
            f"{settings.network.resolution}.",
            hint="Choose the preset for that size, or prepare the films at another --size.",
        )


def generator_metadata(
    state: TrainState, settings: TrainSettings, origin: Origin
) -> dict[str, str]:
    """The header of a generator file: strings, of which some hold JSON."""
    classes = {"classes": canonical_json(list(CLASSES))} if settings.conditional else {}
    return {
        "format": GENERATOR_FORMAT,
        "package_version": __version__,
        "network": canonical_json(to_json(settings.network)),
        "training": canonical_json(to_json(settings)),
        "resolution": str(settings.network.resolution),
        "label": origin.label,
        "kimg": f"{state.seen / 1000:g}",
        "prepared_manifest": origin.prepared_manifest,
        "source": origin.source,
        "simulated": "true" if origin.simulated else "false",
        "licence": origin.licence,
        "patients": canonical_json(list(origin.patients)),
        "init": state.init,
        "init_from": state.init_from or "",
        **classes,
    }


def _continue(
    state: TrainState, settings: TrainSettings, folder: Path, said: dict[str, Any], *, resume: bool
) -> bool:
    """Restore ``state`` from the folder's checkpoint; false where a new run begins."""
    path = folder / CHECKPOINT
    if not path.exists():
        if folder.is_dir() and any(folder.iterdir()) and not (folder / SETTINGS).exists():
            ours = {REALS, "samples-000000.png"}
            foreign = [p.name for p in folder.iterdir() if p.name not in ours]
            foreign = sorted(name for name in foreign if not name.startswith("."))
            if foreign:
                raise BadInput(
                    f"'{folder}' holds other files ('{foreign[0]}', ...); a new or empty folder, "
                    "or the folder of a run to go on with, was expected.",
                    hint="Choose another --out.",
                )
        return False
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
    return True


def _begin(state: TrainState, images: NDArray[np.uint8], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_grid(folder / REALS, images[:GRID_IMAGES])
    save_samples(state, folder)


def _loop(
    state: TrainState,
    settings: TrainSettings,
    data: RealImages,
    folder: Path,
    team: Team,
    progress: Progress,
    clock: Callable[[], float] | None,
) -> None:
    total = math.ceil(settings.kimg * 1000)
    tick, snapshot = settings.tick_kimg * 1000, settings.snapshot_kimg * 1000
    progress.start("Training images shown", total)
    progress.advance(min(state.seen, total))
    began, since = clock() if clock else 0.0, state.seen
    while state.seen < total:
        before = state.seen
        iterate(state, settings, data, team)
        progress.advance(min(state.seen, total) - before)
        at_end = state.seen >= total
        at_snapshot = at_end or state.seen // snapshot != before // snapshot
        if at_snapshot or state.seen // tick != before // tick:
            now = clock() if clock else 0.0
            seconds = (now - began) / (state.seen - since) * 1000 if clock else None
            row = _row(state, collect(state, team), seconds)
            began, since = now, state.seen
            if team.leads:
                _append(folder / STATS, row)
            progress.advance(0, f"p {state.p:.2f}")
        if at_snapshot and team.leads:
            # The grid first: a checkpoint always stands beside its images.
            save_samples(state, folder)
            save_checkpoint(folder / CHECKPOINT, state, settings)
    progress.finish()


def _row(
    state: TrainState, means: dict[str, float], seconds: float | None
) -> dict[str, float | None]:
    bad = sorted(name for name, value in means.items() if not math.isfinite(value))
    if bad:
        raise TrainingDiverged(
            f"Training broke down at {state.seen / 1000:g} kimg: {', '.join(bad)} is no longer a "
            "number. The last checkpoint is intact.",
            hint="Train into a new folder with a larger --gamma (ten times) or a lower "
            "--learning-rate (half).",
        )
    rounded = {name: float(f"{value:.6g}") for name, value in sorted(means.items())}
    taken = None if seconds is None else float(f"{seconds:.4g}")
    kimg = state.seen / 1000
    return {"kimg": kimg, **rounded, "p": round(state.p, 6), "sec_per_kimg": taken}


def _append(path: Path, row: dict[str, float | None]) -> None:
    with path.open("a") as stream:
        stream.write(json.dumps(row) + "\n")


def _trim_stats(path: Path, seen: int) -> None:
    """Keep the rows up to the checkpoint: what came after it is computed again."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the last line of a killed process
        if round(row["kimg"] * 1000) <= seen:
            kept.append(line + "\n")
    write_text(path, "".join(kept))


def save_samples(state: TrainState, folder: Path) -> None:
    """A grid of the running average's images for seeds 0 to 35, without truncation."""
    device = state.pl_mean.device
    z = latents(range(GRID_IMAGES), state.G_ema.z_dim).to(device)
    # A conditional generator shows a row of each label in turn.
    place = torch.arange(GRID_IMAGES, device=device) // 6 % max(state.G_ema.c_dim, 1)
    c = torch.nn.functional.one_hot(place, max(state.G_ema.c_dim, 1)).to(torch.float32)
    parts = zip(z.split(12), c.split(12), strict=True)
    with torch.no_grad():
        images = [to_uint8(state.G_ema(part, label, noise_mode="const")) for part, label in parts]
    save_grid(folder / f"samples-{state.seen // 1000:06d}.png", np.concatenate(images))
