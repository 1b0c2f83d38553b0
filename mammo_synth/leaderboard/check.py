"""Recompute every number of a RESULTS folder and say each thing that is not so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mammo_synth.bench.record import read_record
from mammo_synth.bench.results import Stored, differences
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard.load import record_files
from mammo_synth.progress import SILENT, Progress


@dataclass(frozen=True)
class Problem:
    """One discrepancy: the record file, relative to the results folder, and what is not so."""

    path: str
    message: str


@dataclass(frozen=True)
class Checked:
    """What `check` found: how many records it read, and every discrepancy."""

    records: int
    problems: tuple[Problem, ...]

    @property
    def sound(self) -> bool:
        """Whether every number recomputed."""
        return not self.problems


def check(results: Path, progress: Progress = SILENT) -> Checked:
    """Recompute every number of every record below ``results`` from its predictions.

    Unlike `load.load` this goes on after a problem, and lists each.

    Raises:
        BadInput: There is no folder, no record, or a record outside the layout.
    """
    paths = record_files(results)
    progress.start("records", len(paths))
    problems = []
    for path in paths:
        name = path.relative_to(results).as_posix()
        problems += [Problem(name, message) for message in _problems(results, path)]
        progress.advance(1, path.parent.relative_to(results).as_posix())
    progress.finish()
    return Checked(len(paths), tuple(problems))


def _problems(results: Path, path: Path) -> list[str]:
    try:
        return differences(results, Stored(path, read_record(path)))
    except BadInput as error:
        return [error.message]
