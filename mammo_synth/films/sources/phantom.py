"""Simulated films as a source: the same interface as real ones, made on the spot.

Four films a patient (two breasts, CC and MLO). The films are simulated and say so in every
identifier; see `mammo_synth.films.phantom` for the simulator.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_bytes
from mammo_synth.films.phantom import PhantomSettings, plan_patient, render_film
from mammo_synth.films.record import LATERALITIES, VIEWS, Film, FilmRecord, Listing, Terms

TERMS = Terms(
    licence="CC0 1.0: simulated films, no patient data",
    licence_id="cc0-1.0",
    citation="Phantom films of the mammo-synth simulator; no real patient.",
    redistributable=True,
    simulated=True,
)
MAX_PATIENTS = 100_000


@dataclass(frozen=True)
class PhantomSource:
    """``patients`` simulated patients drawn from ``seed``."""

    patients: int
    seed: int = 0
    phantom: PhantomSettings = field(default_factory=PhantomSettings)

    @property
    def name(self) -> str:
        """``phantom``."""
        return "phantom"

    @property
    def terms(self) -> Terms:
        """Free, and simulated."""
        return TERMS

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the films."""
        return {
            "source": self.name,
            "patients": self.patients,
            "film_seed": self.seed,
            "phantom": asdict(self.phantom),
        }

    def list(self) -> Listing:
        """Four films for each patient.

        Raises:
            BadInput: No patient, or too many.
        """
        if not 1 <= self.patients <= MAX_PATIENTS:
            raise BadInput(
                f"{self.patients} phantom patients were asked for; 1 to {MAX_PATIENTS} can be.",
                hint="Use --patients 100, for example.",
            )
        records = []
        for number in range(self.patients):
            patient = plan_patient(self.seed, number, self.phantom)
            for laterality in LATERALITIES:
                finding = patient.finding(laterality)
                for view in VIEWS:
                    records.append(
                        FilmRecord(
                            image_id=f"phantom-s{self.seed}-p{number:05d}-{laterality}{view}",
                            patient_id=f"phantom-s{self.seed}-p{number:05d}",
                            finding=finding,
                            view=view,
                            laterality=laterality,
                            density=patient.density,
                            locator=f"{number}",
                        )
                    )
        return Listing(tuple(records))

    def read(self, record: FilmRecord) -> Film:
        """Render one film."""
        view, laterality = record.view or "", record.laterality or ""
        film = render_film(self.seed, int(record.locator), view, laterality, self.phantom)
        return Film(film.image, "phantom", 8)

    def size(self, record: FilmRecord) -> int:
        """0: a phantom has no file."""
        return 0

    def digest(self, record: FilmRecord) -> str:
        """sha256 of the film's identity and settings: a phantom has no file to hash."""
        return sha256_bytes(f"{record.image_id}|{self.settings}".encode())
