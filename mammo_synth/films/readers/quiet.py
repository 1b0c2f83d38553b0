"""Keeps image libraries from writing to stderr while a film is decoded."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOGGERS = ("PIL", "pydicom")  # pydicom's messages may quote values of the header
_NOWHERE = logging.NullHandler()


class _Hush:
    """Switches Python's warnings and the libraries' logs off while at least one thread asks for it.

    Both are settings of the whole process. `warnings.catch_warnings` alone would leave them off for
    good when two threads enter and leave in turn, so the threads are counted: the first one in
    saves the settings, the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._warnings: Any = None
        self._propagate: dict[str, bool] = {}

    def begin(self) -> None:
        with self._lock:
            if self._threads == 0:
                self._warnings = warnings.catch_warnings()
                self._warnings.__enter__()
                warnings.simplefilter("ignore")
                for name in _LOGGERS:
                    logger = logging.getLogger(name)
                    self._propagate[name] = logger.propagate
                    logger.propagate = False
                    logger.addHandler(_NOWHERE)
            self._threads += 1

    def end(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                for name, propagate in self._propagate.items():
                    logger = logging.getLogger(name)
                    logger.removeHandler(_NOWHERE)
                    logger.propagate = propagate
                self._warnings.__exit__(None, None, None)


_HUSH = _Hush()


@contextmanager
def quiet() -> Iterator[None]:
    """No Python warning and no log of Pillow or pydicom; as before afterwards, in every thread."""
    _HUSH.begin()
    try:
        yield
    finally:
        _HUSH.end()
