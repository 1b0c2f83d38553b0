"""What the probe found, and what it means in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mammo_synth.quality.measures.classes import POOLED

from .scoring import LEVEL

ORIGIN, CLASS = "origin", "class"
SYNTHETIC, FILMS = "synthetic", "films"
CLASSIFIER, BACKGROUND, SPECTRUM = "small classifier", "background", "spectrum"

TOLD = 0.6
"""AUROC: an interval that lies above it is worth a warning; 0.5 is chance."""


@dataclass(frozen=True)
class Probe:
    """One question and its answer.

    Attributes:
        question: ``origin``: synthetic image (positive) or film? ``class``: cancer (positive) or
            normal?
        of: Of the images of which label (``cancer``, ``normal``, ``pooled``), or for a class, of
            ``synthetic`` images or of ``films``.
        by: What the classifier sees: ``background`` or ``spectrum`` alone; ``small classifier``:
            spectrum and small differences.
        auroc, low, high: With the interval at `LEVEL`; None where it could not be measured. By
            chance it may be below 0.5.
        films, images: How many films and synthetic images it was asked of.
        reason: Why there is no answer, a sentence; None where there is one.
    """

    question: str
    of: str
    by: str
    auroc: float | None
    low: float | None
    high: float | None
    films: int
    images: int
    reason: str | None = None
    level: float = LEVEL

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @property
    def told(self) -> bool:
        """Whether the whole interval lies above `TOLD`."""
        return self.low is not None and self.low > TOLD


@dataclass(frozen=True)
class ShortcutReport:
    """All questions, and sentences for those whose answer is a warning."""

    probes: tuple[Probe, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "probes": [probe.as_dict() for probe in self.probes],
            "warnings": list(self.warnings),
        }


def warnings_of(probes: Sequence[Probe]) -> tuple[str, ...]:
    """The sentences: first of classes, then of origins.

    A class is warned of where the interval on synthetic images lies above `TOLD` and above what
    films give: where films have the shortcut too, it is not the generators'.
    """
    known = {(probe.question, probe.of, probe.by): probe for probe in probes}
    found = []
    for by in (BACKGROUND, SPECTRUM):
        images, films = (known.get((CLASS, of, by)) for of in (SYNTHETIC, FILMS))
        if images is None or not images.told:
            continue
        floor = films.auroc if films is not None else None
        if floor is None or (images.low or 0.0) > floor:
            beside = "films not measured" if floor is None else f"films {floor:.2f}"
            found.append(
                f"The {by} of synthetic images alone tells cancer from normal ({_value(images)}; "
                f"{beside}): a classifier trained on them may learn the generators' fingerprints, "
                "not the disease."
            )
    # Pooled says it for both classes; a class alone speaks only where it is told and both are not.
    told = [probe for probe in probes if probe.question == ORIGIN and probe.told]
    if any(probe.of == POOLED for probe in told):
        told = [probe for probe in told if probe.of == POOLED]
    for of in dict.fromkeys(probe.of for probe in told):
        ways = ", ".join(
            f"{_ORIGIN_BY[probe.by]} ({_value(probe)})" for probe in told if probe.of == of
        )
        what = "Synthetic images" if of == POOLED else f"Synthetic images of {of}"
        found.append(
            f"{what} can be told from films by {ways}: mixed with films, they can be picked out."
        )
    return tuple(found)


_ORIGIN_BY = {
    CLASSIFIER: "a small classifier",
    BACKGROUND: "the background alone",
    SPECTRUM: "the spectrum alone",
}


def _value(probe: Probe) -> str:
    return f"AUROC {probe.auroc:.2f}, interval {probe.low:.2f} to {probe.high:.2f}"
