"""One step of the flow: its result appears whole or not at all, and a killed run goes on.

A step builds its files in a hidden folder beside the result and moves it into place when it is
finished. The hidden folder is named after the step's plan (a digest of settings and inputs), so
the same command finds its own unfinished work, and another command never mixes with it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from mammo_synth.errors import BadInput
from mammo_synth.files import TEMPORARY_PREFIX
from mammo_synth.manifest import MANIFEST_NAME, read_manifest

SUFFIX = ".unfinished"


def unfinished_folder(out: Path, plan: str) -> Path:
    """Where the unfinished work for ``out`` under ``plan`` is kept."""
    return out.parent / f".{out.name}.{plan[:12]}{SUFFIX}"


@contextlib.contextmanager
def step_folder(out: Path, plan: str, *, replace: str | None = None) -> Iterator[Path]:
    """Give the folder to build in; at the end it becomes ``out``.

    A BadInput raised inside removes the unfinished work: it cannot become right by running
    again. Any other end (Ctrl-C, a kill, a full disk) keeps it for the next run.

    Args:
        out: The result's folder.
        plan: Digest of everything that determines the result.
        replace: Kind of a finished result of other settings in ``out`` that may be replaced.

    Raises:
        BadInput: ``out`` holds something else.
    """
    put_back(out)
    refuse_foreign(out, replace=replace)
    work = unfinished_folder(out, plan)
    work.mkdir(parents=True, exist_ok=True)
    try:
        yield work
    except BadInput:
        shutil.rmtree(work, ignore_errors=True)
        raise
    for leftover in work.rglob(f"{TEMPORARY_PREFIX}*"):
        leftover.unlink()  # half a file of an earlier run that was killed
    _bring_in(work, out)
    for other in out.parent.glob(f".{out.name}.*{SUFFIX}"):
        shutil.rmtree(other, ignore_errors=True)


def put_back(out: Path) -> None:
    """Bring back the result that stepped aside for a new one, if the process that was to replace
    it was killed at that moment, between two renames. Steps do so by themselves; whoever looks
    into ``out`` before does it first."""
    aside = _aside(out)
    if aside.exists() and not out.exists():
        aside.rename(out)
    _throw_away(out)


def _aside(out: Path) -> Path:
    return out.parent / f".{out.name}.replaced"


def _bring_in(work: Path, out: Path) -> None:
    """Rename ``work`` to ``out``. A full folder cannot be renamed over: it steps aside first."""
    if not out.exists():
        work.rename(out)
        return
    aside = _aside(out)
    out.rename(aside)
    try:
        work.rename(out)
    except BaseException:
        if not out.exists():
            aside.rename(out)
        raise
    _throw_away(out)


def _throw_away(out: Path) -> None:
    """Remove the old result, under a name from which it is never put back: half of it may be gone
    when the process is killed."""
    aside, gone = _aside(out), out.parent / f".{out.name}.replaced{SUFFIX}"
    shutil.rmtree(gone, ignore_errors=True)
    if aside.exists():
        aside.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def refuse_foreign(out: Path, *, replace: str | None = None) -> None:
    """Raise BadInput unless ``out`` is free, or holds a result of the kind ``replace``: nobody's
    films go because a report was to be replaced in the wrong folder."""
    if not out.exists():
        return
    if not out.is_dir():
        raise BadInput(f"'{out}' is a file; a folder was expected.", hint="Choose another --out.")
    if (out / MANIFEST_NAME).is_file():
        if replace is None:
            raise BadInput(
                f"'{out}' already holds a result that was made with other settings, inputs or "
                "version.",
                hint="Choose another --out, or remove that folder first.",
            )
        read_manifest(out, replace)
        return
    if any(out.iterdir()):
        raise BadInput(
            f"'{out}' exists and is not empty.", hint="Choose another --out, or empty it first."
        )
