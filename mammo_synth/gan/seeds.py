"""Seeds as text: ``"0-9999"``, ``"1,5,7-9"``. Needs no PyTorch: whoever reads pools reads seeds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from mammo_synth.errors import BadInput

MAX_SEED = 2**32 - 1
MAX_SEEDS = 10_000_000
_SEED_DIGITS = len(str(MAX_SEED))
_PART = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def parse_seeds(text: str) -> list[int]:
    """``"0-9999"`` or ``"1,5,7-9"`` as a list, in the order given.

    Nothing is counted out before the whole text was checked, so a range of 10^12 is refused at
    once.

    Raises:
        BadInput: Not such a list; a range that runs backwards; a seed twice, too large or too many.
    """
    ranges = [_parse_range(part.strip(), text) for part in text.split(",")]
    count = sum(len(one) for one in ranges)
    if count > MAX_SEEDS:
        raise BadInput(
            f"The seeds '{_short(text)}' are {count:,}; at most {MAX_SEEDS:,} were expected.",
            hint="Draw them in several parts into several folders.",
        )
    ordered = sorted(ranges, key=lambda one: one.start)
    for before, after in pairwise(ordered):
        if after.start < before.stop:
            raise BadInput(
                f"The seeds '{_short(text)}' name a seed twice ({after.start}).",
                hint="Name every seed once.",
            )
    return [seed for one in ranges for seed in one]


def format_seeds(seeds: Iterable[int]) -> str:
    """The inverse of `parse_seeds`, sorted: ``"0-15,20"``."""
    parts: list[str] = []
    ordered = sorted(seeds)
    first = 0
    for index in range(1, len(ordered) + 1):
        if index == len(ordered) or ordered[index] != ordered[index - 1] + 1:
            low, high = ordered[first], ordered[index - 1]
            parts.append(str(low) if low == high else f"{low}-{high}")
            first = index
    return ",".join(parts)


def _parse_range(part: str, text: str) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise BadInput(
            f"'{_short(part)}' in the seeds '{_short(text)}' is not a number or a range.",
            hint="Write for example --seeds 0-9999 or --seeds 1,5,7-9; seeds are not negative.",
        )
    first, last = match[1], match[1] if match[2] is None else match[2]
    if max(len(first.lstrip("0")), len(last.lstrip("0"))) > _SEED_DIGITS:
        raise _too_large(max(first, last, key=len))  # before int(): it refuses 5,000 digits
    low, high = int(first), int(last)
    if high < low:
        raise BadInput(
            f"The range of seeds {low}-{high} runs backwards.", hint=f"Write --seeds {high}-{low}."
        )
    if high > MAX_SEED:
        raise _too_large(str(high))
    return range(low, high + 1)


def _too_large(seed: str) -> BadInput:
    return BadInput(
        f"Seed {_short(seed)} is too large; seeds go from 0 to {MAX_SEED}.",
        hint="Use smaller seeds.",
    )


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
