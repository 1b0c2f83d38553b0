"""Numbers as Spanish text writes them: see `mammo_synth.leaderboard.words_es`."""

from __future__ import annotations

from mammo_synth.bench.estimate import Estimate
from mammo_synth.leaderboard.words_numbers import signed


def count(n: int) -> str:
    """``1 820`` with a narrow no-break space."""
    return f"{n:,}".replace(",", "\u202f")


def signed_interval(estimate: Estimate, digits: int = 2) -> str:
    """``+0.12 a +0.28``, or nothing where the interval is undefined."""
    if not estimate.has_interval:
        return ""
    return f"{signed(estimate.low, digits)} a {signed(estimate.high, digits)}"
