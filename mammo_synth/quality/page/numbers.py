"""How the page writes numbers: three digits that count, a true minus, words for what is missing."""

from __future__ import annotations

import math

DASH = "–"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LEAST, _MOST = -3, 6  # powers of ten that are written out
_LEAST_P = 1e-4


def number(value: float | None, digits: int = 3) -> str:
    """``0.0123``, ``12.3``, ``1,230``, ``1.23 × 10⁻⁵``, ``∞``; a dash where there is none."""
    if value is None or math.isnan(value):
        return DASH
    sign = "−" if value < 0 else ""
    if math.isinf(value):
        return f"{sign}∞"
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{abs(value):.{digits - 1}e}".partition("e")
    power = int(exponent)
    if not _LEAST <= power < _MOST:
        return f"{sign}{mantissa}\u00a0×\u00a010{str(power).translate(_RAISED)}"
    rounded = float(f"{mantissa}e{power}")
    return f"{sign}{rounded:,.{max(0, digits - 1 - power)}f}"


def between(low: float | None, high: float | None) -> str:
    """``0.12 to 0.34``; nothing where an end is missing."""
    if low is None or high is None:
        return ""
    return f"{number(low)} to {number(high)}"


def percent(share: float | None) -> str:
    """A share as ``12.3 %``."""
    return DASH if share is None else f"{number(100 * share)} %"


def chance(value: float | None) -> str:
    """A chance or p-value with two digits, ``< 0.0001`` below that."""
    if value is None:
        return DASH
    return f"< {_LEAST_P:.4f}" if value < _LEAST_P else f"{float(f'{value:.1e}'):.6f}".rstrip("0.")


def count(value: int | None, one: str = "", more: str = "") -> str:
    """``1,234``, or with the noun, ``1 film`` and ``1,234 films``."""
    if value is None:
        return DASH
    noun = one if value == 1 else more or f"{one}s"
    return f"{value:,} {noun}" if one else f"{value:,}"


def sentence(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]


def shortened(text: str, most: int = 160) -> str:
    """The beginning of a long text, and how much more there is."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters in report.json)"
