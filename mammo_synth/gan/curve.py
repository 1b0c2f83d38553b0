"""The figure of a run, ``curve.png``: measure, losses and augmentation against kimg and hours."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.files import write_bytes

from .measures import Better
from .rows import Row, with_value

BLUE, ORANGE, GREEN, GREY, RED = "#1f77b4", "#e6780b", "#2a8a3e", "#8a8a8a", "#c0282d"


LABEL, SMALL_LABEL, LEGEND = 28, 34, 18
"""Characters of a line: beside an axis, there in small print, and in a legend."""


def save_curve(
    path: Path,
    rows: Sequence[Row],
    measure: str | None,
    label: str,
    better: Better = "lower",
    since: float = 0.0,
) -> None:
    """Draw ``rows`` and write them as PNG, atomically; nothing where there are fewer than two.

    ``measure``: name of its column, which counts from ``since`` kimg on; ``label``: what its axis
    says; ``better``: its direction.
    """
    if len(rows) < 2:
        return
    # The object interface: pyplot keeps global state, and may ask for a window.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    measured = [] if measure is None else with_value(rows, measure, since)
    panels = 3 if measured else 2
    height = 1.2 + 2.2 * panels
    figure = Figure(figsize=(8.0, height))
    FigureCanvasAgg(figure)
    # By hand: a layout engine would draw everything twice.
    figure.subplots_adjust(
        left=0.12, right=0.8, bottom=0.55 / height, top=1 - 0.65 / height, hspace=0.12
    )
    axes = list(np.atleast_1d(figure.subplots(panels, 1, sharex=True)))
    if measured:
        _draw_measure(axes[0], measured, str(measure), label, better)
    _draw_losses(axes[-2], rows)
    _draw_augmentation(axes[-1], rows)
    for axis in axes:
        axis.grid(visible=True, alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes[-1].set_xlabel("real images shown (kimg)")
    _add_hours(axes[0], rows)
    figure.align_ylabels(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    write_bytes(path, buffer.getvalue())


def _column(rows: Sequence[Row], name: str) -> tuple[list[float], list[float]]:
    found = [(row["kimg"], row[name]) for row in rows if row.get(name) is not None]
    return [kimg for kimg, _ in found], [value for _, value in found]


def _draw_measure(axis: Any, rows: Sequence[Row], measure: str, label: str, better: Better) -> None:
    kimg, values = _column(rows, measure)
    name = measure
    if len(name) > LEGEND:
        parts = measure.replace(":", ":\n", 1).split("\n")
        name = "\n".join(textwrap.fill(part, LEGEND) for part in parts)
    axis.plot(kimg, values, "o-", color=BLUE, markersize=3, label=name)
    best = int(np.argmin(values) if better == "lower" else np.argmax(values))
    axis.plot(
        kimg[best],
        values[best],
        "*",
        color=RED,
        markersize=12,
        label=f"best: {values[best]:.3g}\nat {kimg[best]:g} kimg",
    )
    _, floors = _column(rows, "floor")
    if floors:
        axis.axhline(
            floors[-1],
            color=GREY,
            linestyle="--",
            label=f"floor: {floors[-1]:.3g}\n(films, halves)",
        )
    if min(values) > 0 and better == "lower":  # a distance falls by factors, a share rises by steps
        axis.set_yscale("log")
        from matplotlib.ticker import FuncFormatter

        # Plain numbers: powers of ten would not fit beside the axis.
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_formatter(FuncFormatter(_two_or_five))
    if len(label) > LABEL:
        axis.set_ylabel(textwrap.fill(label, SMALL_LABEL), fontsize=8)
    else:
        axis.set_ylabel(label)


def _two_or_five(value: float, _: int | None) -> str:
    return f"{value:g}" if f"{value:e}"[0] in "25" else ""


def _draw_losses(axis: Any, rows: Sequence[Row]) -> None:
    for name, text, colour in (
        ("loss_g", "generator", ORANGE),
        ("loss_d", "discriminator", BLUE),
    ):
        axis.plot(*_column(rows, name), color=colour, linewidth=1, label=text)
    axis.set_ylabel("loss")
    axis.set_ylim(bottom=0)


def _draw_augmentation(axis: Any, rows: Sequence[Row]) -> None:
    for name, text, colour in (
        ("sign_real", "sign, films", GREEN),
        ("sign_fake", "sign, generated", RED),
    ):
        axis.plot(*_column(rows, name), color=colour, linewidth=0.8, alpha=0.8, label=text)
    axis.plot(
        *_column(rows, "p"), color="black", linewidth=1.8, label="p, strength of\naugmentation"
    )
    kimg, values = _column(rows, "variety")
    if values:
        axis.plot(
            kimg, values, "o-", color=BLUE, markersize=3, linewidth=1, label="variety\n(films: 1)"
        )
    axis.set_ylabel("sign of D, p, variety")
    axis.set_ylim(-1.05, 1.05 * max(1.0, *values, 0.0))


def _add_hours(axis: Any, rows: Sequence[Row]) -> None:
    """A second axis above: hours spent, over all resumes."""
    kimg, hours = _column(rows, "hours")
    rising = [i for i in range(len(hours)) if i == 0 or hours[i] > max(hours[:i])]
    x, y = np.array(kimg)[rising], np.array(hours)[rising]
    if len(x) < 2:
        return
    # Straight on beyond both ends: an axis must be invertible everywhere.
    speed = (y[-1] - y[0]) / (x[-1] - x[0])
    x = np.concatenate([[x[0] - 1e6], x, [x[-1] + 1e6]])
    y = np.concatenate([[y[0] - 1e6 * speed], y, [y[-1] + 1e6 * speed]])
    minutes = hours[-1] < 2
    y = y * 60 if minutes else y
    top = axis.secondary_xaxis(
        "top", functions=(lambda k: np.interp(k, x, y), lambda t: np.interp(t, y, x))
    )
    top.set_xlabel("minutes of training" if minutes else "hours of training")
