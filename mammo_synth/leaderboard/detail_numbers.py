"""The numbers of a row as the page's script takes them: whole thousandths, short lists."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mammo_synth.bench.training_curves import MEASURES
from mammo_synth.leaderboard.model import Estimate
from mammo_synth.leaderboard.words_page import Labels
from mammo_synth.leaderboard.words_page_en import ENGLISH

Pairs = list[tuple[str, str]]
EPOCHS = 32
"""Longer training curves are thinned to so many epochs; the first, best and last one stay."""


def curves(entries: Sequence[Mapping[str, Any]], best: int | None) -> list[Any]:
    """Training curves for the script: epochs, the best one, and train and validation of each of
    `MEASURES`, at most `EPOCHS` of them."""
    kept = _thin(entries, best)
    series = [
        [thousandths(entry.get(f"{part}{name}")) for entry in kept]
        for name in MEASURES
        for part in ("", "val_")
    ]
    return [[entry["epoch"] for entry in kept], best, series]


def _thin(entries: Sequence[Mapping[str, Any]], best: int | None) -> Sequence[Mapping[str, Any]]:
    if len(entries) <= EPOCHS:
        return entries
    places = set(np.linspace(0, len(entries) - 1, EPOCHS - 1).round().astype(int).tolist())
    places |= {i for i, entry in enumerate(entries) if entry["epoch"] == best}
    return [entries[i] for i in sorted(places)]


def three(estimate: Estimate) -> list[int | None]:
    """Value, and the ends of its interval where it has one, in thousandths."""
    if not estimate.has_interval:
        return [thousandths(estimate.value)]
    return [thousandths(v) for v in (estimate.value, estimate.low, estimate.high)]


def thousandths(value: float | None) -> int | None:
    """``value`` × 1,000 as a whole number, rounded as it is printed; None if it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(f"{value:.3f}") * 1000)


def flat(settings: Mapping[str, Any], say: Labels = ENGLISH, prefix: str = "") -> Pairs:
    """Nested settings as dotted names with their values in words, sorted."""
    pairs: Pairs = []
    for name in sorted(settings):
        value = settings[name]
        if isinstance(value, Mapping):
            pairs += flat(value, say, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", _in_words(value, say)))
    return pairs


def _in_words(value: Any, say: Labels) -> str:
    if value is None:
        return say.none
    if isinstance(value, bool):
        return say.yes if value else say.no
    if isinstance(value, (list, tuple)):
        return ", ".join(_in_words(one, say) for one in value) or say.none
    return str(value)
