"""Keeps image libraries from writing to stderr while a film is decoded."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Hush:
    """Switches Python's warnings and pydicom's log off while at least one thread asks for it.

    Both are settings of the whole process. `warnings.catch_warnings` alone would leave them off for
    good when two threads enter and leave in turn, so the threads are counted: the first one in
    saves the settings, the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._warnings: Any = None

    def begin(self) -> None:
        with self._lock:
            if self._threads == 0:
                self._warnings = warnings.catch_warnings()
                self._warnings.__enter__()
                warnings.simplefilter("ignore")
                logging.getLogger("pydicom").addFilter(_drop)
            self._threads += 1

    def end(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                logging.getLogger("pydicom").removeFilter(_drop)
                self._warnings.__exit__(None, None, None)


def _drop(record: logging.LogRecord) -> bool:
    """pydicom's messages may quote values of the header."""
    return False


_HUSH = _Hush()


@contextmanager
def quiet() -> Iterator[None]:
    """No Python warning and no message of pydicom; as before afterwards, in every thread."""
    _HUSH.begin()
    try:
        yield
    finally:
        _HUSH.end()
