"""A walk through a folder of results: which records there are, and what does not belong."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mammo_synth.bench.reproduction import PREDICTIONS_NAME, REPRODUCTION_NAME
from mammo_synth.bench.results import RECORD_NAME, predictions_name, record_paths
from mammo_synth.leaderboard.check_problem import Problem
from mammo_synth.leaderboard.submission import SUBMISSION_NAME

_BESIDE = {
    RECORD_NAME,
    SUBMISSION_NAME,
    REPRODUCTION_NAME,
    PREDICTIONS_NAME,
    predictions_name("real_test"),
    predictions_name("test"),
}
_UNFINISHED = re.compile(r"training-state.*")
_NEEDS_RECORD = {SUBMISSION_NAME, REPRODUCTION_NAME}


@dataclass(frozen=True)
class Walked:
    """Records that lie where records lie, and problems of the folder itself."""

    records: list[Path]
    problems: list[Problem]


def walk(results: Path) -> Walked:
    """Look at every file and folder below ``results``. Hidden ones (.git, .cache) are not results.

    A link is refused wherever it stands and is not followed: what a record rests on lies in its
    own folder.

    Raises:
        BadInput: There is no such folder.
    """
    records, problems = record_paths(results), []
    linked = set()
    for path in _everything(results):
        name = path.relative_to(results).as_posix()
        if path.is_symlink():
            linked.add(path)
            problems.append(Problem(name, _link(path, results), "link"))
        elif not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            problems.append(Problem(name, "it is neither a file nor a folder", "stray-file"))
    kept = [path for path in records if not linked & {path, *path.parents}]
    folders = {path.parent for path in kept}
    for path in _everything(results):
        name = path.relative_to(results).as_posix()
        if path.is_symlink() or path.is_dir():
            continue
        if path.parent in folders:
            if path.name not in _BESIDE and not _UNFINISHED.fullmatch(path.name):
                message = f"'{path.name}' does not belong beside a record"
                problems.append(Problem(name, message, "stray-file"))
        elif path.name == RECORD_NAME:
            message = (
                "it is a record outside the layout of a results folder: "
                "RELEASE/CONFIGURATION/CLASSIFIER/replicate-K/"
            )
            problems.append(Problem(name, message, "stray-record"))
        elif path.name in _NEEDS_RECORD:
            message = f"there is no {RECORD_NAME} beside '{path.name}'"
            problems.append(Problem(name, message, "no-record"))
    return Walked(kept, problems)


def _link(path: Path, results: Path) -> str:
    try:
        inside = path.resolve().is_relative_to(results.resolve())
    except (OSError, RuntimeError):  # a link to itself
        inside = False
    where = "another file of the folder" if inside else "something outside the folder"
    return (
        f"it is a link to {where}; plain files were expected (git clone, or a download into a "
        f"local folder, makes them)"
    )


def _everything(folder: Path) -> Iterator[Path]:
    """All files and folders below, sorted, without hidden ones and without following links."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*folders, *sorted(name for name in files if not name.startswith("."))):
            yield Path(here) / name
