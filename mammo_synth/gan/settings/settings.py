"""The settings as data. Every field says what it means, in words that the command line shows."""

from __future__ import annotations

from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from typing import Any

from mammo_synth.configurations import LABELS

CLASSES = LABELS
"""Labels of a conditional run: the index is the place in the one-hot vector."""

# Headings under which the command line lists the options.
LENGTH, OBJECTIVE, AUGMENTATION = "Length and records", "Objective and learning", "Augmentation"
NETWORKS, FILMS, MACHINE = "Networks", "Films", "Machine"


def setting(text: str, group: str, default: Any = MISSING, *, free: bool = False) -> Any:
    """A field with its explanation. ``free``: it may differ when a run goes on, because it does not
    alter what is computed (but for rounding)."""
    metadata = {"text": text, "group": group, "free": free}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NetworkSettings:
    """The architecture of a generator and its discriminator, ``resolution`` px square."""

    resolution: int
    image_channels: int = 1
    z_dim: int = setting("Numbers in a latent z.", NETWORKS, 512)
    w_dim: int = setting("Numbers in an intermediate latent w.", NETWORKS, 512)
    c_dim: int = 0  # labels: 0, or one place for each of CLASSES
    mapping_layers: int = setting("Layers of the mapping network (z to w).", NETWORKS, 2)
    channel_base: int = setting(
        "Feature maps at r px: base // r, at most --channel-max.", NETWORKS, 16384
    )
    channel_max: int = setting("Most feature maps.", NETWORKS, 512)
    g_architecture: str = setting(
        "How the generator's resolutions are joined: skip, resnet or orig.", NETWORKS, "skip"
    )
    d_architecture: str = setting(
        "How the discriminator's are: resnet, skip or orig.", NETWORKS, "resnet"
    )
    conv_clamp: float | None = setting(
        "Bound of the activations; 16-bit numbers need one (256).", NETWORKS, None
    )
    mbstd_group: int = setting(
        "Images that the discriminator compares with one another, at most the batch.", NETWORKS, 4
    )
    d_mapping_layers: int = setting(
        "Layers that map the labels for a conditional discriminator.", NETWORKS, 8
    )


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides what a training run computes (given the images)."""

    preset: str
    network: NetworkSettings
    kimg: float = setting("Length: thousands of real images shown.", LENGTH, free=True)
    batch: int = setting("Images per update, over all processes.", OBJECTIVE)
    gamma: float = setting("Weight of R1, the discriminator's brake (larger is calmer).", OBJECTIVE)
    learning_rate: float = setting("Learning rate of both networks (Adam).", OBJECTIVE, 0.0025)
    d_learning_rate: float | None = setting(
        "Learning rate of the discriminator, where it shall be another.", OBJECTIVE, None
    )
    ema_kimg: float = setting(
        "Half-life of the generator's running average, in kimg.", OBJECTIVE, 10.0
    )
    ema_rampup: float | None = setting(
        "At the start: half-life at most this share of the images seen so far.", OBJECTIVE, 0.05
    )
    pl_weight: float = setting("Weight of path-length regularisation (0: off).", OBJECTIVE, 2.0)
    pl_decay: float = setting("Speed of the mean path length.", OBJECTIVE, 0.01)
    pl_batch_shrink: int = setting(
        "Path-length regularisation sees the batch divided by this.", OBJECTIVE, 2
    )
    style_mixing: float = setting(
        "Probability that an update mixes the styles of two latents.", OBJECTIVE, 0.9
    )
    g_reg_interval: int = setting("Path-length regularisation every so many updates.", OBJECTIVE, 4)
    d_reg_interval: int = setting("R1 every so many updates.", OBJECTIVE, 16)
    freeze_d: int = setting(
        "Highest resolutions of the discriminator that stay as they are: for few films, with "
        "--resume FILE (arXiv 2002.10964).",
        OBJECTIVE,
        0,
    )
    augment: str = setting(
        "Pipeline by name: film, none, blit, geom, color, bg, bgc, bgcf, bgcfn, bgcfnc.",
        AUGMENTATION,
        "film",
    )
    augment_p: float | None = setting(
        "Fixed strength, a probability; without it the strength adapts (ADA).", AUGMENTATION, None
    )
    ada_target: float = setting(
        "ADA: wanted mean sign of the discriminator's output for real images.", AUGMENTATION, 0.6
    )
    ada_start: float = setting("ADA: strength at the start.", AUGMENTATION, 0.0)
    ada_max: float = setting(
        "ADA: greatest strength; augmentations leak into the images beyond 0.8.", AUGMENTATION, 0.8
    )
    ada_kimg: float = setting(
        "ADA: kimg in which the strength could go from 0 to 1.", AUGMENTATION, 500.0
    )
    ada_interval: int = setting("ADA: adjust every so many updates.", AUGMENTATION, 4)
    mirror: bool = setting(
        "Show every film mirrored as well (left and right get mixed).", FILMS, False
    )
    subset: int | None = setting("Learn from so many films only, chosen by seed.", FILMS, None)
    conditional: bool = setting(
        "One generator for both labels: normal and cancer become a choice when sampling.",
        FILMS,
        False,
    )
    precision: str = setting(
        "Numbers of the highest resolutions: fp32, bf16 or fp16; weights stay fp32.",
        MACHINE,
        "fp32",
    )
    low_precision_resolutions: int = setting(
        "How many of the highest resolutions use it.", MACHINE, 4
    )
    compile: bool = setting(
        "Compile the networks with torch.compile (minutes at the start, faster then).",
        MACHINE,
        False,
        free=True,
    )
    batch_gpu: int | None = setting(
        "Images that a process holds at once: less memory, equal result, longer.",
        MACHINE,
        None,
        free=True,
    )
    tick_kimg: float = setting("One row of stats.jsonl every so many kimg.", LENGTH, 1.0, free=True)
    snapshot_kimg: float = setting(
        "Checkpoint, measure and sample grid every so many kimg.", LENGTH, 50.0, free=True
    )
    keep_snapshots: int = setting(
        "Newest snapshots to keep; the best is kept apart.", LENGTH, 3, free=True
    )
    measure: str = setting(
        "What judges the images at every snapshot, chooses the best one, and stops the run with "
        "--patience-kimg: texture, none, spectrum, slope, histogram, exposure; or a measure of "
        "features and an extractor, like frechet:radiomics. Measures: frechet, frechet_infinity, "
        "kid, precision, recall, density, coverage, diversity, vendi. Extractors: radiomics, "
        "pixels, inception, squeezenet, radimagenet, dino, keras:NAME, hf:NAME, timm:NAME.",
        LENGTH,
        "texture",
        free=True,
    )
    measure_images: int = setting("Images it looks at.", LENGTH, 1000, free=True)
    patience_kimg: float | None = setting(
        "Stop when the measure has not improved for so many kimg.", LENGTH, None, free=True
    )
    seed: int = 0


def describe(settings: type[TrainSettings] | type[NetworkSettings]) -> list[Field[Any]]:
    """The fields that have an explanation, in order: ``metadata`` holds ``text`` and ``group``."""
    return [f for f in fields(settings) if "text" in f.metadata]


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


# "judge" is what a run adds to its settings about the measure.
_FREE = {"preset", "judge", *(f.name for f in describe(TrainSettings) if f.metadata["free"])}


def first_difference(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> str | None:
    """Name the first setting that differs, with both values, or ``None``. Settings that do not
    alter what is computed may differ: ``kimg`` may grow, rows and snapshots may come more often.
    A setting that ``old`` does not know had its default."""
    kind = NetworkSettings if prefix else TrainSettings
    defaults = {f.name: f.default for f in fields(kind) if f.default is not MISSING}
    for key in sorted(set(old) | set(new)):
        if not prefix and key in _FREE:
            continue
        a, b = old.get(key, defaults.get(key)), new.get(key, defaults.get(key))
        if isinstance(a, dict) and isinstance(b, dict):
            inner = first_difference(a, b, f"{prefix}{key}.")
            if inner is not None:
                return inner
        elif a != b:
            return f"{prefix}{key} is {b!r} now and was {a!r}"
    return None
