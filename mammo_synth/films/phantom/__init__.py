"""Phantom films: a simulator of digitised screen-film mammograms.

Everything here is simulated; what is made from it says so. The same arguments give the same
bytes. The unflipped film of a left breast has the chest wall on the left edge, the right mirrored.
"""

from .film import PhantomFilm, render_film
from .lesions import Lesion
from .patients import (
    DENSITIES,
    DENSITY_SHARES,
    LATERALITIES,
    VIEWS,
    PhantomPatient,
    PhantomSettings,
    plan_patient,
)

__all__ = [
    "DENSITIES",
    "DENSITY_SHARES",
    "LATERALITIES",
    "VIEWS",
    "Lesion",
    "PhantomFilm",
    "PhantomPatient",
    "PhantomSettings",
    "plan_patient",
    "render_film",
]
