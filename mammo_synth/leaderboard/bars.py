"""The bar in a cell of the ranking: value and interval on a 0 to 1 axis, chance and TRTR.

The numbers stand beside it as text, so a screen reader is told to pass it over. The axis and the
chance line are drawn once (`AXIS`) and used by every bar.
"""

from __future__ import annotations

from mammo_synth.leaderboard.model import CHANCE, Estimate

_LEFT, _LENGTH = 3, 84

AXIS = (
    '<svg class="interval axis-only" width="0" height="0" aria-hidden="true"><defs><g id="axis">'
    f'<path class="bar-axis" d="M{_LEFT} 8H{_LEFT + _LENGTH}"/>'
    f'<path class="bar-chance" d="M{_LEFT + CHANCE * _LENGTH:g} 1V15"/></g></defs></svg>'
)
"""Stands once on a page that has bars."""


def bar(estimate: Estimate, trtr: float | None) -> str:
    """The bar of one cell as markup; nothing where there is no value.

    Args:
        estimate: What the cell shows, in [0, 1].
        trtr: The same metric of the classifier when trained on real films, or None.
    """
    if estimate.value is None:
        return ""
    parts = ['<use href="#axis"/>']
    if trtr is not None:
        parts.append(f'<path class="trtr" d="M{_place(trtr)} 2V14"/>')
    if estimate.low is not None and estimate.high is not None:
        parts.append(f'<path class="bar" d="M{_place(estimate.low)} 8H{_place(estimate.high)}"/>')
    parts.append(f'<circle class="point" cx="{_place(estimate.value)}" cy="8" r="3.4"/>')
    return f'<svg class="interval" viewBox="0 0 90 16" aria-hidden="true">{"".join(parts)}</svg>'


def _place(value: float) -> str:
    return f"{_LEFT + value * _LENGTH:.1f}"
