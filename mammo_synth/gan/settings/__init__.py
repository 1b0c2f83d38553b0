"""Settings of the networks and of a training run, the presets, and what cannot work."""

from .check import MAX_BATCH, MAX_RESOLUTION, MIN_RESOLUTION, PRECISIONS, check, check_resolution
from .presets import FILM_RESOLUTIONS, PRESETS, override, preset, resolve_precision
from .settings import (
    CLASSES,
    NetworkSettings,
    TrainSettings,
    describe,
    first_difference,
    network_from_json,
    to_json,
)

__all__ = [
    "CLASSES",
    "FILM_RESOLUTIONS",
    "MAX_BATCH",
    "MAX_RESOLUTION",
    "MIN_RESOLUTION",
    "PRECISIONS",
    "PRESETS",
    "NetworkSettings",
    "TrainSettings",
    "check",
    "check_resolution",
    "describe",
    "first_difference",
    "network_from_json",
    "override",
    "preset",
    "resolve_precision",
    "to_json",
]
