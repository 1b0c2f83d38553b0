"""Numbers as Spanish text writes them: see `mammo_synth.leaderboard.words_es`."""

from __future__ import annotations

from functools import partial

from mammo_synth.leaderboard import words_numbers

signed_interval = partial(words_numbers.signed_interval, to="a")
"""``+0.12 a +0.28``, or nothing where the interval is undefined."""


def count(n: int) -> str:
    """``1 820`` with a narrow no-break space."""
    return f"{n:,}".replace(",", "\u202f")
