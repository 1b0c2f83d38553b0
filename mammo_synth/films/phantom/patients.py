"""Settings, random streams and the plan of a phantom patient: who she is before any film is drawn.

Every random number of the simulator comes from `stream`, whose key is a tuple of whole numbers
(seed, patient, stream, ...). Nothing depends on the order of calls or on the process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Final

import numpy as np

from mammo_synth.errors import BadInput, nearest

VIEWS: Final = ("CC", "MLO")
LATERALITIES: Final = ("L", "R")
DENSITIES: Final = ("A", "B", "C", "D")
# About 10, 40, 40 and 10 % of women are in BI-RADS density classes a, b, c and d (ACR BI-RADS
# Atlas, 5th edition, 2013).
DENSITY_SHARES: Final = (0.10, 0.40, 0.40, 0.10)
MIN_HEIGHT: Final = 32
MAX_HEIGHT: Final = 1024

# Numbers of the streams: a new one gets a new number, an old one never changes its own.
PLAN, QUOTA, PATIENT, BREAST, VIEW, TEXTURE, LESION, LESION_VIEW, MARKER, FILM = range(10)


@dataclass(frozen=True)
class PhantomSettings:
    """What the simulator may vary.

    height: film height in px, 32 to 1024; the width is round(0.8 * height).
    conspicuity: factor of every lesion's contrast, 0 (no lesion can be seen) to 4.
    cancer_patients, benign_patients: shares of patients with one malignant or one benign breast.
    marker_share: share of films that carry a lead marker.
    """

    height: int = 512
    conspicuity: float = 1.0
    cancer_patients: float = 0.3
    benign_patients: float = 0.1
    marker_share: float = 0.5

    def __post_init__(self) -> None:
        if not _is_whole(self.height) or not MIN_HEIGHT <= self.height <= MAX_HEIGHT:
            raise BadInput(
                f"Phantom height is {self.height!r}; expected a whole number of px from "
                f"{MIN_HEIGHT} to {MAX_HEIGHT}.",
                hint="Use a height such as 64, 256 or 512.",
            )
        _check_number("conspicuity", self.conspicuity, 4.0)
        _check_number("cancer_patients", self.cancer_patients, 1.0)
        _check_number("benign_patients", self.benign_patients, 1.0)
        _check_number("marker_share", self.marker_share, 1.0)
        if self.cancer_patients + self.benign_patients > 1.0 + 1e-9:
            raise BadInput(
                f"Shares of patients add up to {self.cancer_patients + self.benign_patients:g}; "
                "cancer_patients + benign_patients may be 1 at most.",
                hint="Lower one of the two shares; the remaining patients are normal.",
            )

    @property
    def width(self) -> int:
        """Film width in px."""
        return round(0.8 * self.height)


@dataclass(frozen=True)
class PhantomPatient:
    """The plan of a patient: her BI-RADS density class and the finding of each breast."""

    patient: int
    density: str
    finding_left: str
    finding_right: str

    def finding(self, laterality: str) -> str:
        """normal, benign or malignant: the finding of that breast, not of the patient."""
        check_choice("laterality", laterality, LATERALITIES)
        return self.finding_left if laterality == "L" else self.finding_right


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _check_number(name: str, value: object, high: float) -> None:
    good = isinstance(value, Real) and not isinstance(value, bool)
    if not good or not 0.0 <= float(value) <= high:  # type: ignore[arg-type]
        raise BadInput(
            f"Phantom setting {name} is {value!r}; expected a number from 0 to {high:g}.",
            hint=f"Set {name} within these limits.",
        )


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise BadInput where value is none of the known words."""
    if value not in known:
        close = nearest(str(value), known)
        raise BadInput(
            f"Phantom {name} is {value!r}; expected one of {', '.join(known)}.",
            hint=f"Did you mean {close!r}?" if close else f"Use {' or '.join(known)}.",
        )


def check_index(name: str, value: int) -> None:
    """Raise BadInput where value is no whole number from 0 to 2**63 - 1."""
    if not _is_whole(value) or not 0 <= value < 2**63:
        raise BadInput(
            f"Phantom {name} is {value!r}; expected a whole number, 0 or more.",
            hint=f"Give {name} as a non-negative integer.",
        )


def stream(*key: int) -> np.random.Generator:
    """The random generator of a key of non-negative whole numbers (NumPy SeedSequence, PCG64)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def _step(index: int, share: float, offset: float) -> bool:
    """True where the staircase floor(share * n + offset) climbs between n = index and index + 1.

    Any prefix of n indices then holds share * n of them, to within one.
    """
    return math.floor((index + 1) * share + offset) > math.floor(index * share + offset)


def _affected(seed: int, patient: int, settings: PhantomSettings) -> str:
    """The patient's worst finding. Two staircases: abnormal among patients, cancer among those."""
    abnormal = min(1.0, settings.cancer_patients + settings.benign_patients)
    if abnormal <= 0.0:
        return "normal"
    first, second = (float(value) for value in stream(seed, QUOTA).random(2))
    if not _step(patient, abnormal, first):
        return "normal"
    rank = math.floor(patient * abnormal + first)
    cancer = min(1.0, settings.cancer_patients / abnormal)
    return "malignant" if _step(rank, cancer, second) else "benign"


def plan_patient(
    seed: int, patient: int, settings: PhantomSettings | None = None
) -> PhantomPatient:
    """The plan of one patient, the same for any order of calls.

    The first n patients of a seed hold share * n cancer patients to within 2 (abnormal ones to
    within 1). One breast is affected at most. Density does not depend on the finding.
    Raises BadInput for a negative or fractional seed or patient.
    """
    check_index("seed", seed)
    check_index("patient", patient)
    settings = settings or PhantomSettings()
    rng = stream(seed, patient, PLAN)
    density = DENSITIES[int(np.searchsorted(np.cumsum(DENSITY_SHARES)[:-1], rng.random()))]
    left_affected = bool(rng.random() < 0.5)
    finding = _affected(seed, patient, settings)
    return PhantomPatient(
        patient=int(patient),
        density=density,
        finding_left=finding if left_affected else "normal",
        finding_right="normal" if left_affected else finding,
    )
