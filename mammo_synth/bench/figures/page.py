"""The page of all configurations side by side: a panel for each, in the places of the study.

Class ratios stand side by side, synthetic fractions below each other, the references (real only,
synthetic images of the same count) in the last row. What was not measured keeps its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mammo_synth.bench.figures.style import Heading, configuration_title, new_figure
from mammo_synth.configurations import CONFIGURATIONS, REFERENCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

COLUMNS = tuple(dict.fromkeys(c.class_ratio for c in CONFIGURATIONS.values()))
ROWS = tuple(dict.fromkeys(c.synthetic_percent for c in CONFIGURATIONS.values()))
PAGE = tuple(CONFIGURATIONS) + REFERENCES
"""Configurations of a page in reading order."""
WIDTH = 7.6
"""Inches: a page of A4 or Letter without its margins."""


@dataclass(frozen=True)
class Page:
    """A page: the figure, its part between heading and footer, and its panels
    ``(configuration, axes)``, titled; ``rest`` is empty room for a legend."""

    figure: Figure
    body: SubFigure
    panels: tuple[tuple[str, Axes], ...]
    rest: Axes


def new_page(heading: Heading, panel_height: float) -> Page:
    """A page of `PAGE` with panels of ``panel_height`` inches."""
    rows = len(ROWS) + 1
    figure, body = new_figure(WIDTH, rows * panel_height, heading)
    axes = body.subplots(rows, len(COLUMNS), squeeze=False).flat
    panels = tuple(zip(PAGE, axes, strict=False))
    for name, axis in panels:
        axis.set_title(configuration_title(name), loc="left")
    rest = axes[len(PAGE)]
    rest.set_axis_off()
    return Page(figure, body, panels, rest)
