"""Training curves of one run as numbers: what a record holds per epoch, ready to be drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MEASURES = ("loss", "accuracy", "precision", "recall")
"""Measures per epoch; with ``val_`` before it, the same on the validation part."""


def curve_points(curves: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float] | None]:
    """One ``(epoch, value)`` per epoch; None where the value is undefined, which breaks a line.

    Args:
        curves: One entry per epoch as in a record.
        key: One of `MEASURES`, with or without ``val_``.
    """
    points: list[tuple[float, float] | None] = []
    for entry in curves:
        value = entry.get(key)
        value = math.nan if value is None else float(value)
        points.append((float(entry["epoch"]), value) if math.isfinite(value) else None)
    return points
