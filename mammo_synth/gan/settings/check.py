"""What cannot work, each with one clear sentence."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean

from .settings import CLASSES, NetworkSettings, TrainSettings

MIN_RESOLUTION, MAX_RESOLUTION = 8, 1024
MAX_BATCH = 4096
PRECISIONS = ("fp32", "bf16", "fp16")
_FILTERED_PX = 32
ARCHITECTURES = ("orig", "skip", "resnet")

_POSITIVE = (
    "kimg",
    "learning_rate",
    "d_learning_rate",
    "ema_kimg",
    "ema_rampup",
    "tick_kimg",
    "snapshot_kimg",
    "patience_kimg",
    "ada_kimg",
    "conv_clamp",
)
# Name: least and greatest value.
_BETWEEN: dict[str, tuple[float, float]] = {
    "batch": (1, MAX_BATCH),
    "batch_gpu": (1, MAX_BATCH),
    "gamma": (0, 1e9),
    "pl_weight": (0, 1e9),
    "pl_decay": (0, 1),
    "pl_batch_shrink": (1, 4096),
    "style_mixing": (0, 1),
    "g_reg_interval": (1, 1e6),
    "d_reg_interval": (1, 1e6),
    "augment_p": (0, 1),
    "ada_target": (-1, 1),
    "ada_interval": (1, 1e6),
    "subset": (2, 1e9),
    "low_precision_resolutions": (1, 16),
    "keep_snapshots": (0, 1e6),
    "measure_images": (2, 1e7),
    "seed": (0, 2**32 - 1),
    "z_dim": (1, 1e5),
    "w_dim": (1, 1e5),
    "mapping_layers": (1, 64),
    "d_mapping_layers": (1, 64),
    "channel_base": (1, 2**24),
    "channel_max": (1, 2**16),
    "mbstd_group": (1, MAX_BATCH),
}


def check_resolution(resolution: int) -> None:
    """Raise :class:`BadInput` unless ``resolution`` is a power of two from 8 to 1024."""
    exact = resolution > 0 and 2 ** int(math.log2(resolution)) == resolution
    if not exact or not MIN_RESOLUTION <= resolution <= MAX_RESOLUTION:
        raise BadInput(
            f"Images of {resolution} px cannot be learnt; the size must be a power of two from "
            f"{MIN_RESOLUTION} to {MAX_RESOLUTION}.",
            hint="Prepare the films with --size 64, 128, 256 or 512.",
        )


def check(settings: TrainSettings, processes: int = 1) -> TrainSettings:
    """Return ``settings``; raise :class:`BadInput` where a value cannot work, alone or when
    ``processes`` share the batch."""
    check_resolution(settings.network.resolution)
    _check_values(settings)
    _check_values(settings.network)
    _check_names(settings)
    _check_batch(settings, processes)
    s, n = settings, settings.network
    if not 0 <= s.ada_start <= s.ada_max <= 1:
        raise BadInput(
            f"ADA starts at {s.ada_start} with a maximum of {s.ada_max}.",
            hint="Both are probabilities, and the start is at most the maximum.",
        )
    if s.precision == "fp16" and n.conv_clamp is None:
        raise BadInput(
            "Activations of these networks are not bounded (conv_clamp), and fp16 overflows.",
            hint="Give --conv-clamp 256, or use --precision bf16.",
        )
    steps = int(math.log2(n.resolution)) - 2
    if not 0 <= s.freeze_d <= steps:
        raise BadInput(
            f"freeze_d is {s.freeze_d}; the discriminator has {steps} resolutions above 4 px.",
            hint=f"Try --freeze-d {min(3, steps)}.",
        )
    if n.c_dim != (len(CLASSES) if s.conditional else 0):
        raise BadInput(
            f"The networks take {n.c_dim} labels, and the run is "
            f"{'conditional' if s.conditional else 'not conditional'}.",
            hint=f"A conditional run has network.c_dim {len(CLASSES)}, any other 0.",
        )
    if min(n.channel_base // n.resolution, n.channel_max) < 1:
        raise BadInput(
            f"channel_base {n.channel_base} leaves no feature map at {n.resolution} px.",
            hint=f"Use --channel-base {n.resolution * 8} or more.",
        )
    return settings


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _check_values(settings: TrainSettings | NetworkSettings) -> None:
    for f in fields(settings):
        value: Any = getattr(settings, f.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInput(
                f"{f.name} is {value}; a number was expected.",
                hint=f"Give {_option(f.name)} a number.",
            )
        if value is None:
            continue
        if f.name in _POSITIVE and not value > 0:
            raise BadInput(
                f"{f.name} is {value}; a positive number was expected.",
                hint=f"Give {_option(f.name)} a positive number.",
            )
        if f.name in _BETWEEN:
            least, most = _BETWEEN[f.name]
            if not least <= value <= most:
                raise BadInput(
                    f"{f.name} is {value}; {least:g} to {most:g} was expected.",
                    hint=f"Give {_option(f.name)} such a number, or leave it out.",
                )


def _check_names(settings: TrainSettings) -> None:
    from mammo_synth.gan.augment import PIPELINES  # imports torch, which the presets do not need
    from mammo_synth.gan.measures.choice import check_name

    network = settings.network
    for what, name, known in (
        ("augmentation", settings.augment, tuple(PIPELINES)),
        ("precision", settings.precision, PRECISIONS),
        ("architecture", network.g_architecture, ARCHITECTURES),
        ("architecture", network.d_architecture, ARCHITECTURES),
    ):
        if name not in known:
            raise BadInput(f"There is no {what} '{name}'.", hint=did_you_mean(name, known))
    check_name(settings.measure)
    if PIPELINES[settings.augment].imgfilter and network.resolution < _FILTERED_PX:
        raise BadInput(
            f"Augmentation '{settings.augment}' filters frequency bands, which needs images of "
            f"{_FILTERED_PX} px; these have {network.resolution}.",
            hint="Use --augment bgc or film.",
        )


def _check_batch(settings: TrainSettings, processes: int) -> None:
    """A batch is dealt out to processes, and in each to parts that are held at once. The
    discriminator compares images in groups, and a group must not be torn apart."""
    batch, group = settings.batch, min(settings.network.mbstd_group, settings.batch)
    if batch % group:
        raise BadInput(
            f"A batch of {batch} cannot be cut into groups of {group}, in which the "
            "discriminator compares images.",
            hint=f"Use a multiple of {group}, for example --batch {batch // group * group}.",
        )
    if processes > 1 and batch % (processes * group):
        raise BadInput(
            f"A batch of {batch} cannot be dealt out to {processes} processes in groups of "
            f"{group}, in which the discriminator compares images.",
            hint=f"Use a multiple of {processes * group}, for example --batch {processes * group}.",
        )
    each, part = batch // processes, settings.batch_gpu
    if part is not None and part < each and (each % part or part % group):
        raise BadInput(
            f"The {each} images of a process cannot be held in parts of {part} with whole groups "
            f"of {group}, in which the discriminator compares images.",
            hint=f"Use a divisor of {each} that is a multiple of {group} as --batch-gpu.",
        )
