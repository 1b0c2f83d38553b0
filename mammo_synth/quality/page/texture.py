"""Texture: mean spectra and histograms of films and synthetic images, drawn and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import words
from .charts import FILMS, HELD_OUT, NAMES, SYNTHETIC, Line, lines
from .model import LABEL_NAMES, Chart, Content, Table, labels_of, plain_table
from .numbers import number

KINDS = (FILMS, SYNTHETIC, HELD_OUT)


@dataclass(frozen=True)
class Texture:
    """The charts of one label."""

    name: str
    charts: tuple[Chart, ...]


def textures(curves: Mapping[str, Content]) -> list[Texture]:
    """The labels that have any chart."""
    found = []
    for label in labels_of(curves):
        charts = []
        spectrum, histogram = (curves[label].get(name) for name in ("spectrum", "histogram"))
        if spectrum:
            charts += [
                _spectrum(spectrum, LABEL_NAMES[label]),
                _difference(spectrum, LABEL_NAMES[label]),
            ]
        if histogram:
            charts.append(_histogram(histogram, LABEL_NAMES[label]))
        kept = tuple(chart for chart in charts if chart.drawing)
        if kept:
            found.append(Texture(LABEL_NAMES[label], kept))
    return found


def _spectrum(found: Content, name: str) -> Chart:
    x = found["frequency"]
    return Chart(
        words.SPECTRUM,
        lines(
            f"{name}: mean power spectra",
            "cycles per image (equal steps for equal factors)",
            "power, dB",
            drawn(found, x),
            log_x=True,
        ),
        data(found, x, f"{name}: mean power in dB at each frequency.", "Cycles per image"),
    )


def _difference(found: Content, name: str) -> Chart:
    """The same less the films' spectrum: the lines above lie on one another in a good pool."""
    films, x = found[FILMS], found["frequency"]
    apart = {
        kind: [
            None if None in pair else pair[0] - pair[1]
            for pair in zip(found[kind], films, strict=True)
        ]
        for kind in KINDS
        if found.get(kind)
    }
    return Chart(
        words.DIFFERENCE,
        lines(
            f"{name}: mean power spectra less that of the training films",
            "cycles per image (equal steps for equal factors)",
            "difference from training films, dB",
            drawn(apart, x),
            log_x=True,
        ),
    )


def _histogram(found: Content, name: str) -> Chart:
    shares = {
        kind: [None if y is None else 100 * y for y in found[kind]]
        for kind in KINDS
        if found.get(kind)
    }
    x = found["level"]
    return Chart(
        words.HISTOGRAM,
        lines(
            f"{name}: mean histograms of grey levels inside the breast",
            "grey level (0 black, 255 white)",
            "share of the breast's pixels, %",
            drawn(shares, x),
        ),
        data(shares, x, f"{name}: share of pixels in %, by first grey level.", "Grey level"),
    )


def drawn(found: Content, x: Sequence[float]) -> list[Line]:
    """The lines of ``found`` that are there, over ``x``."""
    return [Line(kind, x, found[kind]) for kind in KINDS if found.get(kind)]


def data(found: Content, x: Sequence[float], caption: str, x_name: str) -> Table:
    """The same as a table."""
    kinds = [kind for kind in KINDS if found.get(kind)]
    rows = [(number(at), *(number(found[kind][i]) for kind in kinds)) for i, at in enumerate(x)]
    return plain_table(caption, (x_name, *(NAMES[kind] for kind in kinds)), rows)
