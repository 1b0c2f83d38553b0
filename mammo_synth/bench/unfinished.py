"""The folder of a cell while it is measured: a lock, and the state to go on from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from mammo_synth.bench.classifiers.checkpoint import STATE_NAME, kept_files, remove
from mammo_synth.errors import BadInput
from mammo_synth.files import TEMPORARY_PREFIX, locked
from mammo_synth.progress import Progress

LOCK_NAME = ".lock"
_TRIES = 5


@contextlib.contextmanager
def unfinished(folder: Path, progress: Progress) -> Iterator[Path | None]:
    """The file in which an unfinished cell keeps its state; None if another process is at the same
    cell, which then keeps it. ``folder`` is as from `mammo_synth.bench.results.record_folder`."""
    lock, state = folder / LOCK_NAME, folder / STATE_NAME
    busy = BadInput(f"Another process measures '{folder}' too: this one keeps no state of epochs.")
    with contextlib.ExitStack() as stack:
        try:
            _lock(stack, lock, busy)
        except BadInput as error:
            progress.say(error.message)
            yield None
            return
        except OSError as error:
            raise BadInput(
                f"'{folder}' cannot be written ({error.strerror}).",
                hint="Choose another --out folder, or change its permissions.",
            ) from error
        for leftover in folder.glob(f"{TEMPORARY_PREFIX}*"):
            leftover.unlink(missing_ok=True)  # of a killed process
        try:
            yield state
            for kept in kept_files(folder):
                remove(kept)
        finally:
            if not kept_files(folder):
                lock.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # not empty: there are records
                    for made in (folder, *folder.parents[:3]):
                        made.rmdir()


def _lock(stack: contextlib.ExitStack, lock: Path, busy: BadInput) -> None:
    """Make the folder and hold its lock. Another cell that ends without a state removes what is
    empty above its own folder, just when this one is made: then it is made again."""
    for left in reversed(range(_TRIES)):
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(lock, busy=busy))
            return
        except FileNotFoundError:
            if not left:
                raise
