"""Named settings: the published ones, those for films, and the demo's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean

from .check import check_resolution
from .settings import CLASSES, NetworkSettings, TrainSettings

FILM_RESOLUTIONS = (64, 128, 256, 512, 1024)
_PATIENCE = 2000.0  # kimg: ten snapshots


@dataclass(frozen=True)
class _Published:
    """One of the published configurations that stand for a data set, not for a rule."""

    resolution: int
    batch: int
    batch_gpu: int
    channel_base: int
    gamma: float
    ema_kimg: float
    learning_rate: float
    mbstd_group: int
    mapping_layers: int = 8
    ema_rampup: float | None = None


# arXiv 2006.06676, appendix C, table of hyperparameters; stylegan2 is that of arXiv 1912.04958.
_PUBLISHED = {
    "paper256": _Published(256, 64, 8, 16384, 1.0, 20.0, 0.0025, 8),
    "paper512": _Published(512, 64, 8, 32768, 0.5, 20.0, 0.0025, 8),
    "paper1024": _Published(1024, 32, 4, 32768, 2.0, 10.0, 0.002, 4),
    "stylegan2": _Published(1024, 32, 4, 32768, 10.0, 10.0, 0.002, 4),
    "cifar": _Published(32, 64, 32, 32768, 0.01, 500.0, 0.0025, 32, 2, 0.05),
}
PRESETS: tuple[str, ...] = (
    "demo",
    "film",
    *(f"film-{size}" for size in FILM_RESOLUTIONS),
    "auto",
    *_PUBLISHED,
)


def _gamma(resolution: int, batch: int) -> float:
    return 0.0002 * resolution**2 / batch


def _ema_kimg(batch: int) -> float:
    return batch * 10 / 32


def _auto(resolution: int, gpus: int, name: str, augment: str) -> TrainSettings:
    """The published rules (arXiv 2006.06676, appendix C): batch and channels by resolution and
    number of accelerators, R1 weight and running average by these."""
    batch = max(min(gpus * min(4096 // resolution, 32), 64), gpus)
    return TrainSettings(
        preset=name,
        network=NetworkSettings(
            resolution=resolution,
            channel_base=32768 if resolution >= 512 else 16384,
            conv_clamp=256.0,
            mbstd_group=min(batch // gpus, 4),
        ),
        kimg=25000.0,
        batch=batch,
        gamma=_gamma(resolution, batch),
        learning_rate=0.002 if resolution >= 1024 else 0.0025,
        ema_kimg=_ema_kimg(batch),
        augment=augment,
        precision="fp16",
        tick_kimg=4.0,
        snapshot_kimg=200.0,
    )


def _published(name: str, gpus: int) -> TrainSettings:
    p = _PUBLISHED[name]
    small = name == "cifar"
    return TrainSettings(
        preset=name,
        network=NetworkSettings(
            resolution=p.resolution,
            mapping_layers=p.mapping_layers,
            channel_base=p.channel_base,
            conv_clamp=256.0,
            mbstd_group=p.mbstd_group,
            d_architecture="orig" if small else "resnet",
        ),
        kimg=100000.0 if small else 25000.0,
        batch=p.batch,
        batch_gpu=min(p.batch_gpu, max(p.batch // gpus, 1)),
        gamma=p.gamma,
        learning_rate=p.learning_rate,
        ema_kimg=p.ema_kimg,
        ema_rampup=p.ema_rampup,
        pl_weight=0.0 if small else 2.0,
        style_mixing=0.0 if small else 0.9,
        augment="bgc",
        precision="fp16",
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
        snapshot_kimg=3.0,
        measure_images=64,
    )


def preset(name: str, resolution: int, gpus: int = 1) -> TrainSettings:
    """The settings of a preset for images of ``resolution`` px and training on ``gpus`` processes.

    ``film`` is ``film-<resolution>``: the published rules with the films' augmentation, stopped
    when the measure has not improved for 2000 kimg. ``auto`` is the published rules as they stand.
    Precision is that of an accelerator: :func:`resolve_precision` adapts it.

    Raises:
        BadInput: The name is unknown, or the preset is for another size.
    """
    check_resolution(resolution)
    if gpus < 1:
        raise BadInput(f"gpus is {gpus}; 1 or more was expected.", hint="Try --gpus 1.")
    if name not in PRESETS:
        raise BadInput(f"There is no preset '{name}'.", hint=did_you_mean(name, PRESETS))
    if name == "demo":
        return _demo(resolution)
    if name == "auto":
        return _auto(resolution, gpus, "auto", "bgc")
    if name in _PUBLISHED:
        _check_size(name, _PUBLISHED[name].resolution, resolution)
        return _published(name, gpus)
    if name != "film":
        _check_size(name, int(name.removeprefix("film-")), resolution)
    published = _auto(resolution, gpus, f"film-{resolution}", "film")
    return replace(published, patience_kimg=_PATIENCE)


def _check_size(name: str, size: int, resolution: int) -> None:
    if size != resolution:
        raise BadInput(
            f"Preset '{name}' is for films of {size} px; the prepared set has {resolution} px.",
            hint=f"Use --preset film-{resolution}, or prepare the films with --size {size}.",
        )


def override(
    settings: TrainSettings, *, run: dict[str, Any], network: dict[str, Any]
) -> TrainSettings:
    """``settings`` with some fields replaced. What a rule derives from the batch (the R1 weight and
    the average's half-life of ``auto`` and the ``film`` presets) follows it, unless it is given
    itself; a conditional run gets its label input."""
    derived: dict[str, Any] = {}
    by_rule = settings.preset == "auto" or settings.preset.startswith("film-")
    if by_rule and run.get("batch", 0) >= 1:
        derived["gamma"] = _gamma(settings.network.resolution, run["batch"])
        derived["ema_kimg"] = _ema_kimg(run["batch"])
    if "conditional" in run:
        network = {"c_dim": len(CLASSES) if run["conditional"] else 0, **network}
    nets = replace(settings.network, **network)
    return replace(settings, network=nets, **{**derived, **run})


def resolve_precision(settings: TrainSettings, device_type: str) -> TrainSettings:
    """``settings`` of a preset for a kind of device: 16-bit numbers are for accelerators, a
    processor gets 32-bit ones. (Who asks for a precision gets it anywhere.)"""
    if device_type == "cpu" and settings.precision != "fp32":
        return replace(settings, precision="fp32")
    return settings
