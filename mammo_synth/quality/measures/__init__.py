"""Measures by name: how near synthetic images are to films, each a pure function of two arrays.

Every measure is one line in `MEASURES`. What it compares are rows, one for each image:
``measure.rows`` makes them of features (as they are) or of images (a spectrum, a histogram), and
``measure.value(real rows, fake rows)`` is the number. `measured` adds the interval and the floor,
`per_class` does that for each class and pooled.
"""

from .arrays import MIXED_UNITS, in_units, standardised
from .classes import POOLED, per_class
from .floor import Floor, FloorSettings, floor
from .intervals import Interval, IntervalSettings, interval
from .measured import Measured, floor_settings, interval_settings, measured
from .registry import MEASURES, Measure, find_measure

__all__ = [
    "MEASURES",
    "MIXED_UNITS",
    "POOLED",
    "Floor",
    "FloorSettings",
    "Interval",
    "IntervalSettings",
    "Measure",
    "Measured",
    "find_measure",
    "floor",
    "floor_settings",
    "in_units",
    "interval",
    "interval_settings",
    "measured",
    "per_class",
    "standardised",
]
