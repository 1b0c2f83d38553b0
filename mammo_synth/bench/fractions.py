"""The study's question as data: a metric against the synthetic fraction, per class ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mammo_synth.bench.estimate import Estimate
from mammo_synth.configurations import CONFIGURATIONS, REAL_ONLY, SYNTHETIC_REDUCED

BASELINE = REAL_ONLY
"""The configuration name of the TRTR baseline: trained on real films, tested on real films."""
TWIN = SYNTHETIC_REDUCED
"""The configuration name of TRTR's twin: of each label as many synthetic images, and no film."""
CLASS_RATIOS = tuple(dict.fromkeys(c.class_ratio for c in CONFIGURATIONS.values()))
SYNTHETIC = tuple(sorted({c.synthetic_percent for c in CONFIGURATIONS.values()}))
POSITIONS = ("real\nonly", "synthetic,\nsame count", *(f"{percent} %" for percent in SYNTHETIC))
"""Places on the horizontal axis, evenly spaced: TRTR, its twin, then the fractions. Labels may
have two lines."""
BASELINE_PLACE, TWIN_PLACE, FRACTION_PLACES = 0, 1, range(2, len(POSITIONS))


@dataclass(frozen=True)
class Point:
    """One measured point: where it stands on the axis and its estimate."""

    position: int
    estimate: Estimate


@dataclass(frozen=True)
class Line:
    """One series of one class ratio; ``style`` picks colour, dash and marker.

    ``baseline`` is TRTR and ``twin`` its twin, the same in every class ratio. They stand apart
    from ``points``, the fractions, and are None where they were not measured.
    """

    name: str
    style: int
    baseline: Estimate | None
    points: tuple[Point, ...]
    twin: Estimate | None = None

    @property
    def places(self) -> tuple[Point, ...]:
        """All that is measured, in the order of the axis: TRTR, its twin, the fractions."""
        references = ((BASELINE_PLACE, self.baseline), (TWIN_PLACE, self.twin))
        found = (Point(place, one) for place, one in references if one is not None)
        return (*found, *self.points)


@dataclass(frozen=True)
class Panel:
    """All series of one class ratio."""

    class_ratio: str
    lines: tuple[Line, ...]


def panels(measured: Mapping[str, Mapping[str, Estimate]]) -> list[Panel]:
    """One panel for each class ratio.

    Args:
        measured: By name of a series, in the order in which they take their styles: its estimates
            by configuration. What is absent there was not measured and has no point.
    """
    return [
        Panel(
            ratio,
            tuple(
                Line(
                    name,
                    style,
                    found.get(BASELINE),
                    _points(found, ratio),
                    found.get(TWIN),
                )
                for style, (name, found) in enumerate(measured.items())
            ),
        )
        for ratio in CLASS_RATIOS
    ]


def _points(found: Mapping[str, Estimate], ratio: str) -> tuple[Point, ...]:
    points = [
        Point(FRACTION_PLACES[SYNTHETIC.index(facts.synthetic_percent)], found[name])
        for name, facts in CONFIGURATIONS.items()
        if facts.class_ratio == ratio and name in found
    ]
    return tuple(sorted(points, key=lambda point: point.position))
