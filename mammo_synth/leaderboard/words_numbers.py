"""How the numbers of a leaderboard are written, in every form of it."""

from __future__ import annotations

from mammo_synth.bench.estimate import Estimate

DASH = "–"


def count(n: int) -> str:
    """``1,820``."""
    return f"{n:,}"


def number(value: float | None, digits: int = 3) -> str:
    """``0.712``, or a dash where there is no value."""
    return DASH if value is None else f"{value:.{digits}f}"


def interval(estimate: Estimate, digits: int = 2) -> str:
    """``0.66–0.75``, or nothing where the interval is undefined."""
    if not estimate.has_interval:
        return ""
    return f"{number(estimate.low, digits)}–{number(estimate.high, digits)}"


def signed(value: float | None, digits: int = 3) -> str:
    """``+0.210``: differences carry their sign (a true minus)."""
    if value is None:
        return DASH
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if float(f"{value:.{digits}f}") else number(0.0, digits)


def signed_interval(estimate: Estimate, digits: int = 2, to: str = "to") -> str:
    """``+0.12 to +0.28``, or nothing where the interval is undefined."""
    if not estimate.has_interval:
        return ""
    return f"{signed(estimate.low, digits)} {to} {signed(estimate.high, digits)}"


def bracketed(text: str) -> str:
    """`` (text)``, to put after a number; nothing for nothing."""
    return f" ({text})" if text else ""


def reading(difference: Estimate) -> str:
    """What the interval of real minus synthetic says: ``none`` (there is no interval), ``same``
    (it holds 0), or which is better, ``real`` or ``synthetic``."""
    if difference.low is None or difference.high is None:
        return "none"
    if difference.low <= 0 <= difference.high:
        return "same"
    return "real" if difference.low > 0 else "synthetic"
