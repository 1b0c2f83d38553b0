"""How every figure looks: colours with dashes and markers for grey print, heading, footer, bytes.

Figures are made with matplotlib's object interface. Its settings are set for the time of one
drawing and of one saving only (`settings`), on top of its own defaults, so that neither a user's
matplotlibrc nor another figure changes a byte.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from mammo_synth.bench.estimate import Estimate
from mammo_synth.configurations import CONFIGURATIONS, REAL_ONLY, REFERENCES
from mammo_synth.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

FORMATS = ("png", "svg", "pdf")
DPI = 150
COLOURS = ("#12507c", "#c0560e", "#117a55", "#8c3c86", "#6a6413", "#444b54")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 2)), (0, (6, 2, 1, 2)), (0, (3, 1)), "--")
MARKERS = ("o", "s", "^", "D", "x", "o")
HATCHES = ("////", "\\\\\\\\", "|||", "---", "xxx", "...")
INK, QUIET, GRID, CHANCE_COLOUR = "#1b1d20", "#5a6068", "#dedad1", "#b3261e"
NOTICE = "Research and teaching only: never for diagnosis."
POSITIVE = "positive class: cancer"
_LONGEST = 200
_DIGITS = 6
_NAME = 48
_SMALL_PER_INCH, _TITLE_PER_INCH = 18.0, 11.5
"""Characters on one inch of a heading's small lines and of its title."""
_SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "mammo-synth",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Heading:
    """What stands around a drawing.

    Attributes:
        title: What is shown.
        films: The test set in words: how many films, of which source, real or simulated.
        protocol: strict or study.
        origin: The release, small in the footer.
        simulated: Whether the films are simulated.
        notes: How to read the drawing, in sentences.
    """

    title: str
    films: str
    protocol: str = "strict"
    origin: str = ""
    simulated: bool = False
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """What stands below the title: films and positive class, warnings and protocol, notes."""
        said = []
        if self.simulated:
            said.append("SIMULATED FILMS: not evidence about real mammograms.")
        if self.protocol == "study":
            said.append(
                "Study protocol: cancer means any tumour, benign ones included, and real films "
                "may stand both in training and in the test."
            )
        else:
            said.append(f"{self.protocol.capitalize()} protocol.")
        notes = " ".join(self.notes)
        return [f"{self.films}; {POSITIVE}.", " ".join(said), *([notes] if notes else [])]

    @property
    def words(self) -> str:
        """All of it as one text."""
        return ". ".join([self.title, " ".join(self.lines)])


@contextmanager
def settings() -> Iterator[None]:
    """matplotlib's own defaults with the settings of these figures, until the block ends."""
    import matplotlib as mpl

    defaults = {
        name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith("backend")
    }
    with mpl.rc_context(defaults | _SETTINGS):
        yield


def new_figure(width: float, height: float, heading: Heading) -> tuple[Figure, SubFigure]:
    """A figure of ``width`` inches with its heading and footer, and the part between them, of
    ``height`` inches, to draw on. To be called, and drawn on, within `settings`.

    Legends and labels of the whole drawing belong to the part, so that they keep off the footer.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    small = [
        line
        for text in heading.lines
        for line in wrap(_unbroken(plain(text, 1000)), max(30, int(width * _SMALL_PER_INCH)))
    ]
    title = wrap(_unbroken(plain(heading.title)), max(20, int(width * _TITLE_PER_INCH)))
    head, foot = 0.14 + 0.17 * len(title) + 0.135 * len(small), 0.28
    figure = Figure(figsize=(width, head + height + foot), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(3, 1, height_ratios=(head, height, foot))
    above, body, below = parts
    left = 0.08 / width
    y = 1 - 0.07 / head
    above.text(
        left, y, "\n".join(title), ha="left", va="top", fontsize=9.5, fontweight="bold", color=INK
    )
    y -= 0.175 * len(title) / head
    above.text(left, y, "\n".join(small), ha="left", va="top", fontsize=7, color=QUIET)
    footer = " · ".join(part for part in (plain(heading.origin, 100), NOTICE) if part)
    below.text(left, 0.16, footer, ha="left", va="bottom", fontsize=6.2, color=QUIET)
    return figure, body


def _unbroken(text: str) -> str:
    """``text`` whose per cent signs stay with their numbers when lines are broken."""
    return text.replace(" %", "\u00a0%")


def to_bytes(figure: Figure, form: str, title: str = "") -> bytes:
    """The finished figure as ``png``, ``svg`` or ``pdf``.

    The same figure gives the same bytes under one version of matplotlib: no date, no random id.
    Its layout is settled: what is added afterwards moves nothing.

    Raises:
        BadInput: Another format.
    """
    if form not in FORMATS:
        raise BadInput(f"There is no format '{form}'.", hint=did_you_mean(form, FORMATS))
    metadata: dict[str, Any] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }[form]
    if title:
        metadata = metadata | {"Title": title}
    stream = io.BytesIO()
    with settings():
        _settle(figure)
        figure.savefig(stream, format=form, metadata=metadata, dpi=DPI)
    return stream.getvalue()


def _settle(figure: Figure) -> None:
    """Lay the figure out once and for all, on places of six digits.

    The solver of the layout leaves other last digits each time, and an SVG names its clipping
    paths by a digest of them.
    """
    from matplotlib.axes import Axes

    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(_DIGITS))
    for axis in figure.findobj(Axes):
        if isinstance(axis, Axes):
            left, bottom, width, height = axis.get_position(original=True).bounds
            place = (round(left, _DIGITS), round(bottom, _DIGITS))
            axis.set_position((*place, round(width, _DIGITS), round(height, _DIGITS)))


def plain(text: str, limit: int = _LONGEST) -> str:
    """``text`` for matplotlib: one printable line, and a dollar sign is no formula."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return short.replace("$", r"\$")


def name(text: str) -> str:
    """``text`` as the name of a classifier in a legend."""
    return plain(text, _NAME)


def bare(axis: Axes, grid: Literal["both", "x", "y"] = "y") -> None:
    """Leave out what says nothing: the top and right border; a quiet grid behind the data."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.set_axisbelow(True)
    axis.grid(axis=grid, color=GRID, linewidth=0.5)


def missing(axis: Axes, text: str = "not measured") -> None:
    """Say in an empty panel why it is empty: hatched, so that it is no white plot."""
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_color(GRID)
    axis.set_facecolor("#f4f2ee")
    axis.patch.set_hatch("///")
    axis.patch.set_edgecolor(GRID)
    axis.text(
        0.5,
        0.5,
        text,
        transform=axis.transAxes,
        ha="center",
        va="center",
        color=QUIET,
        fontsize=7.5,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2.5},
    )


def number(value: float | None, digits: int = 3) -> str:
    """``0.712``, or a dash where there is no value."""
    return "–" if value is None else f"{value:.{digits}f}"


def with_interval(estimate: Estimate, digits: int = 2) -> str:
    """``0.712 (0.66–0.75)``."""
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    return f"{number(estimate.value)} ({estimate.low:.{digits}f}–{estimate.high:.{digits}f})"


def configuration_title(configuration: str) -> str:
    """``30-70, 95 % synthetic``, or what a reference is."""
    facts = CONFIGURATIONS.get(configuration)
    if facts is not None:
        return f"{facts.class_ratio}, {facts.synthetic_percent} % synthetic"
    if configuration in REFERENCES:
        return "real only (TRTR)" if configuration == REAL_ONLY else "synthetic, same count"
    return plain(configuration, 40)
