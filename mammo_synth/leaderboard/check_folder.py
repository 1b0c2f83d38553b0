"""A walk through a folder of results: which records there are, and what does not belong.

Every file has its place: a few names at the top, test sets, and in the folder of a record what it
rests on. What may lie there while a cell is not finished may not lie in the folder of a posted one.
A file of any other name is refused, and so is one that is hidden: a repository is read by people
and browsers, and not only by this package.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammo_synth.bench.reproduction import PREDICTIONS_NAME, REPRODUCTION_NAME
from mammo_synth.bench.results import (
    DEPTH,
    NOT_RECORDS,
    RECORD_NAME,
    TEST_SETS,
    is_posted,
    predictions_name,
    record_paths,
)
from mammo_synth.bench.unfinished import LOCK_NAME
from mammo_synth.files import TEMPORARY_PREFIX
from mammo_synth.leaderboard.check_problem import Problem
from mammo_synth.leaderboard.check_releases import RELEASES_NAME
from mammo_synth.leaderboard.submission import SUBMISSION_NAME

_TOP = {RELEASES_NAME, "README.md", "LICENSE", ".gitattributes", ".gitignore"}
_PREDICTIONS = {predictions_name("real_test"), predictions_name("test")}
_BESIDE = {RECORD_NAME, SUBMISSION_NAME, REPRODUCTION_NAME, PREDICTIONS_NAME, *_PREDICTIONS}
_NEEDS_RECORD = {SUBMISSION_NAME, REPRODUCTION_NAME, PREDICTIONS_NAME}
_OF_THE_SYSTEM = ".DS_Store"  # macOS leaves it in each folder that is looked at

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REPLICATE = re.compile(r"replicate-\d+(?:-[0-9a-f]{8})?")
_TEST_SET = re.compile(r"[0-9a-f]{64}\.(?:json|parquet)")
_TEMPORARY = re.compile(re.escape(TEMPORARY_PREFIX) + r"\w+")
STATE_ENDINGS = (
    *("bin", "ckpt", "h5", "index", "joblib", "json", "keras", "msgpack", "npy", "npz", "onnx"),
    *("pb", "pickle", "pkl", "pt", "pth", "safetensors", "tmp", "txt", "ubj", "weights"),
)
"""Endings that the state of a classifier of one's own may have: nothing that opens as a page."""
_DATA = rf"(?:\.(?:data-[\d-]+of-\d+|{'|'.join(STATE_ENDINGS)}))"
# State of `mammo_synth.bench.classifiers.checkpoint`, and of a class of one's own: a file or folder
# under a name that the class may add an ending to. Numbers and texts, nothing that opens as a page.
_STATE = re.compile(rf"training-state\.safetensors|training-state-own-[0-9a-f]{{16}}{_DATA}*")
_IN_STATE = re.compile(rf"[\w-]+(?:\.\w+)*{_DATA}|[\w-]+")


@dataclass(frozen=True)
class Walked:
    """Records that lie where records lie, and problems of the folder itself."""

    records: list[Path]
    problems: list[Problem]


def walk(results: Path) -> Walked:
    """Look at every file and folder below ``results``, but for git's own and the cache at its top.

    A link is refused wherever it stands and is not followed: what a record rests on lies in its
    own folder.

    Raises:
        BadInput: There is no such folder.
    """
    paths = {path: PurePosixPath(path.relative_to(results).as_posix()) for path in _all(results)}
    linked = {path for path in paths if path.is_symlink()}
    kept = [
        path
        for path in record_paths(results)
        if not linked & {path, *path.parents} and path.is_file() and _is_place(paths[path].parent)
    ]
    folders = {path.parent for path in kept}
    problems = []
    for path, place in paths.items():
        found: tuple[str, str] | None = None
        if path in linked:
            found = _link(path, results), "link"
        elif path.is_dir():
            continue
        elif not stat.S_ISREG(path.stat().st_mode):
            found = "it is neither a file nor a folder", "stray-file"
        else:
            found = _stray(place, has_record=path.parent in folders)
        if found is not None:
            problems.append(Problem(_shown(place), *found))
    return Walked(kept, problems)


def _stray(place: PurePosixPath, *, has_record: bool) -> tuple[str, str] | None:
    """What is wrong with a file at a place, by its name, and the code of that; None if nothing."""
    name = place.name
    if name == _OF_THE_SYSTEM:
        return None
    if len(place.parts) == 1:
        message = f"at the top of a folder of results lie only {', '.join(sorted(_TOP))}"
        known = name in _TOP or bool(_TEMPORARY.fullmatch(name))
        return None if known else (message, "stray-file")
    if place.parts[0] == TEST_SETS:
        message = f"in '{TEST_SETS}' lie only test sets, called after their digests"
        named = _TEST_SET.fullmatch(name) or _TEMPORARY.fullmatch(name)
        known = len(place.parts) == 2 and bool(named)
        return None if known else (message, "stray-file")
    if _belongs(place, has_record=has_record):
        return None
    if name == RECORD_NAME:
        return (
            "it is a record outside the layout of a results folder: "
            "RELEASE/CONFIGURATION/CLASSIFIER/replicate-K/"
        ), "stray-record"
    if name in _NEEDS_RECORD or (name in _PREDICTIONS and _is_place(place.parent)):
        return f"there is no {RECORD_NAME} beside '{name}'", "no-record"
    beside = "beside a record" if has_record else "there"
    return f"'{_shown(name)}' does not belong {beside}", "stray-file"


def _belongs(place: PurePosixPath, *, has_record: bool) -> bool:
    """Whether a file is one of the folder of a record, or of a cell that is not finished."""
    folder, (name, *inside) = PurePosixPath(*place.parts[:DEPTH]), place.parts[DEPTH:] or ("",)
    if not _is_place(folder):
        return False
    if has_record and name in _BESIDE:
        return True
    if is_posted(Path(folder)):
        return False
    if inside:
        return bool(_STATE.fullmatch(name)) and all(map(_IN_STATE.fullmatch, inside))
    kept = name == LOCK_NAME or name in _PREDICTIONS
    return kept or bool(_STATE.fullmatch(name) or _TEMPORARY.fullmatch(name))


def _is_place(folder: PurePosixPath) -> bool:
    """Whether a folder, relative to that of results, is named as one of a record is."""
    *names, replicate = folder.parts or ("",)
    return (
        len(folder.parts) == DEPTH
        and all(map(_NAME.fullmatch, names))
        and names[0] != TEST_SETS
        and _REPLICATE.fullmatch(replicate) is not None
    )


def _shown(place: object) -> str:
    """A path without anything that a terminal would act on."""
    return "".join(mark if mark.isprintable() else "?" for mark in str(place))


def _link(path: Path, results: Path) -> str:
    try:
        inside = path.resolve().is_relative_to(results.resolve())
    except (OSError, RuntimeError):  # a link to itself
        inside = False
    to = "another file of the folder" if inside else "something outside the folder"
    return (
        f"it is a link to {to}; plain files were expected (git clone, or a download into a "
        f"local folder, makes them)"
    )


def _all(results: Path) -> Iterator[Path]:
    """All files and folders below, sorted, without `NOT_RECORDS` and without following links."""
    for here, folders, files in os.walk(results):
        if Path(here) == results:
            folders[:] = [n for n in folders if n not in NOT_RECORDS or (results / n).is_symlink()]
            files = [name for name in files if name != ".git"]  # of a second working tree
        folders.sort()
        for name in (*folders, *sorted(files)):
            yield Path(here) / name
