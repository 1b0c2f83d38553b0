"""The 2021 study's rows as the leaderboard shows them: printed, read for cancer, never ranked."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_synth.bench.published import Printed, Published, Reading, reread
from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.curves import Chart, charts
from mammo_synth.leaderboard.words_page import Labels
from mammo_synth.leaderboard.words_page_en import ENGLISH

PRINTED = ("accuracy", "precision", "recall", "f1")
REREAD = ("recall", "specificity", "precision", "f1", "balanced_accuracy")


@dataclass(frozen=True)
class StudyRow:
    """One printed row (positive class normal) and its reading with cancer positive."""

    configuration: str
    printed: Printed
    reading: Reading
    duplicate_of: str | None

    @property
    def printed_values(self) -> tuple[float, ...]:
        """`PRINTED` as the study printed them."""
        return tuple(getattr(self.printed, name) for name in PRINTED)

    @property
    def reread_values(self) -> tuple[float, ...]:
        """`REREAD` with cancer positive."""
        return tuple(getattr(self.reading, name) for name in REREAD)

    @property
    def note(self) -> str:
        """The warning about a repeated row, or nothing."""
        if self.duplicate_of is None:
            return ""
        return words.repeated(self.duplicate_of)


def rows(study: Published) -> list[StudyRow]:
    """All printed rows in the study's order."""
    repeated = study.duplicates()
    return [
        StudyRow(row.configuration, row, reread(row, study), repeated.get(row.configuration))
        for row in study.rows
    ]


def curves(study: Published, say: Labels = ENGLISH) -> list[tuple[str, list[Chart]]]:
    """The printed training curves by configuration; their positive class is normal."""
    found: dict[str, list[dict]] = {}
    for epoch in study.curves:
        found.setdefault(epoch.configuration, []).append({"epoch": epoch.epoch, **epoch.values})
    return [
        (name, charts(entries, None, say.published_run.format(name=name), say))
        for name, entries in found.items()
    ]
