"""Settings of the networks and of a training run, and the presets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean

from .augment.settings import PIPELINES

MIN_RESOLUTION, MAX_RESOLUTION = 8, 1024


@dataclass(frozen=True)
class NetworkSettings:
    """The architecture of a generator and its discriminator, ``resolution`` px square."""

    resolution: int
    image_channels: int = 1
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0
    mapping_layers: int = 2
    channel_base: int = 16384  # feature maps at resolution r: min(channel_base // r, channel_max)
    channel_max: int = 512
    g_architecture: str = "skip"
    d_architecture: str = "resnet"
    conv_clamp: float | None = None
    mbstd_group: int = 4


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides what a training run computes (given the images)."""

    preset: str
    network: NetworkSettings
    kimg: float  # length of training, in thousands of real images shown
    batch: int
    gamma: float  # weight of R1
    learning_rate: float = 0.0025
    ema_kimg: float = 10.0  # half-life of the generator's running average
    ema_rampup: float | None = 0.05  # half-life at most this share of the images seen so far
    pl_weight: float = 2.0
    pl_decay: float = 0.01
    pl_batch_shrink: int = 2
    style_mixing: float = 0.9
    g_reg_interval: int = 4  # lazy regularisation: every so many iterations
    d_reg_interval: int = 16
    augment: str = "film"
    mirror: bool = False
    ada_target: float = 0.6  # wanted mean sign of the discriminator's output for real images
    ada_start: float = 0.0
    ada_max: float = 0.8  # augmentations leak into the images beyond it
    ada_kimg: float = 500.0  # images over which p could go from 0 to 1
    ada_interval: int = 4
    tick_kimg: float = 1.0  # one row of stats.jsonl
    snapshot_kimg: float = 50.0  # checkpoint and sample grid
    seed: int = 0


def _auto(resolution: int) -> TrainSettings:
    """The published rules for one accelerator (arXiv 2006.06676, appendix C): batch and channels by
    resolution, R1 weight ``0.0002 * R^2 / batch``, average over ``batch * 10 / 32`` kimg."""
    batch = max(min(4096 // resolution, 32), 4)
    return TrainSettings(
        preset=f"film-{resolution}",
        network=NetworkSettings(
            resolution=resolution,
            channel_base=32768 if resolution >= 512 else 16384,
            conv_clamp=256.0,
            mbstd_group=min(batch, 4),
        ),
        kimg=25000.0,
        batch=batch,
        gamma=0.0002 * resolution**2 / batch,
        learning_rate=0.002 if resolution >= 1024 else 0.0025,
        ema_kimg=batch * 10 / 32,
        tick_kimg=4.0,
        snapshot_kimg=200.0,
    )


def _demo(resolution: int) -> TrainSettings:
    """Minutes on a processor instead of days on an accelerator: few feature maps, small batches
    (the number of updates counts), no path-length regularisation, a short running average."""
    return TrainSettings(
        preset="demo",
        network=NetworkSettings(
            resolution=resolution,
            z_dim=64,
            w_dim=64,
            channel_base=512,
            channel_max=64,
            mbstd_group=4,
        ),
        kimg=18.0,
        batch=4,
        gamma=0.5,
        learning_rate=0.003,
        ema_kimg=0.4,
        pl_weight=0.0,
        style_mixing=0.0,
        tick_kimg=0.25,
        snapshot_kimg=2.0,
    )


FILM_RESOLUTIONS = (64, 128, 256, 512, 1024)
PRESETS: tuple[str, ...] = ("demo", *(f"film-{size}" for size in FILM_RESOLUTIONS))


def preset(name: str, resolution: int) -> TrainSettings:
    """The settings of a preset for images of ``resolution`` px; ``auto`` picks ``film-<size>``.

    Raises:
        BadInput: The name is unknown, or the preset is for another size.
    """
    check_resolution(resolution)
    if name == "demo":
        return _demo(resolution)
    if name == "auto":
        return replace(_auto(resolution), preset=f"film-{resolution}")
    if name not in PRESETS:
        raise BadInput(f"There is no preset '{name}'.", hint=did_you_mean(name, ("auto", *PRESETS)))
    size = int(name.removeprefix("film-"))
    if size != resolution:
        raise BadInput(
            f"Preset '{name}' is for films of {size} px; the prepared set has {resolution} px.",
            hint=f"Use --preset film-{resolution}, or prepare the films with --size {size}.",
        )
    return _auto(resolution)


def override(
    settings: TrainSettings, *, run: dict[str, Any], network: dict[str, Any]
) -> TrainSettings:
    """``settings`` with some fields replaced. What a rule derives from the batch (the R1 weight and
    the average's half-life of the ``film`` presets) follows it, unless it is given itself."""
    derived: dict[str, Any] = {}
    if "batch" in run and run["batch"] >= 1 and settings.preset.startswith("film-"):
        derived["gamma"] = 0.0002 * settings.network.resolution**2 / run["batch"]
        derived["ema_kimg"] = run["batch"] * 10 / 32
    nets = replace(settings.network, **network)
    return replace(settings, network=nets, **{**derived, **run})


def check_resolution(resolution: int) -> None:
    """Raise :class:`BadInput` unless ``resolution`` is a power of two from 8 to 1024."""
    exact = resolution > 0 and 2 ** int(math.log2(resolution)) == resolution
    if not exact or not MIN_RESOLUTION <= resolution <= MAX_RESOLUTION:
        raise BadInput(
            f"Images of {resolution} px cannot be learnt; the size must be a power of two from "
            f"{MIN_RESOLUTION} to {MAX_RESOLUTION}.",
            hint="Prepare the films with --size 64, 128, 256 or 512.",
        )


def check(settings: TrainSettings) -> TrainSettings:
    """Return ``settings``; raise :class:`BadInput` where a value cannot work."""
    s = settings
    check_resolution(s.network.resolution)
    positive = ("kimg", "learning_rate", "tick_kimg", "snapshot_kimg", "ada_kimg")
    for name in positive:
        if not getattr(s, name) > 0 or not math.isfinite(getattr(s, name)):
            raise BadInput(
                f"{name} is {getattr(s, name)}; a positive number was expected.",
                hint=f"Give --{name.replace('_', '-')} a positive number.",
            )
    if not 1 <= s.batch <= 4096:
        raise BadInput(f"batch is {s.batch}; 1 to 4096 was expected.", hint="Try --batch 8.")
    group = min(s.network.mbstd_group, s.batch)
    if s.batch % group:
        raise BadInput(
            f"A batch of {s.batch} cannot be cut into groups of {group}, in which the "
            "discriminator compares images.",
            hint=f"Use a multiple of {group}, for example --batch {s.batch // group * group}.",
        )
    if s.augment not in PIPELINES:
        raise BadInput(
            f"There is no augmentation '{s.augment}'.", hint=did_you_mean(s.augment, PIPELINES)
        )
    if not 0 <= s.gamma < math.inf:
        raise BadInput(f"gamma is {s.gamma}; 0 or more was expected.", hint="Try --gamma 1.")
    if not 0 <= s.ada_start <= s.ada_max <= 1:
        raise BadInput(
            f"ADA starts at {s.ada_start} with a maximum of {s.ada_max}.",
            hint="Both are probabilities, and the start is at most the maximum.",
        )
    if not 0 <= s.seed < 2**32:
        raise BadInput(f"seed is {s.seed}; 0 to 4294967295 was expected.", hint="Try --seed 0.")
    if min(s.network.channel_base // s.network.resolution, s.network.channel_max) < 1:
        raise BadInput(
            f"channel_base {s.network.channel_base} leaves no feature map at "
            f"{s.network.resolution} px.",
            hint=f"Use --channel-base {s.network.resolution * 8} or more.",
        )
    return settings


def to_json(settings: TrainSettings | NetworkSettings) -> dict[str, Any]:
    """Plain values for JSON."""
    return asdict(settings)


def network_from_json(value: dict[str, Any]) -> NetworkSettings:
    """The inverse of :func:`to_json`. Raises ``TypeError`` or ``ValueError`` if it does not fit."""
    known = {f.name for f in fields(NetworkSettings)}
    unknown = set(value) - known
    if unknown:
        raise ValueError(f"unknown network settings: {sorted(unknown)}")
    return NetworkSettings(**value)


def first_difference(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> str | None:
    """Name the first setting that differs, with both values, or ``None``. ``kimg`` may grow and the
    spacing of rows and snapshots may change: neither alters what is computed."""
    free = {"kimg", "tick_kimg", "snapshot_kimg", "preset"}
    for key in sorted(set(old) | set(new)):
        if not prefix and key in free:
            continue
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            inner = first_difference(a, b, f"{prefix}{key}.")
            if inner is not None:
                return inner
        elif a != b:
            return f"{prefix}{key} is {b!r} now and was {a!r}"
    return None
