"""Worker processes that end when their parent is interrupted, without noise and without hanging."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any


@contextlib.contextmanager
def worker_pool(
    workers: int, initializer: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """A pool of ``workers`` processes; on any exception inside they are stopped at once.

    The workers leave Ctrl-C to their parent: a terminal sends it to all of them, and each would
    print a traceback of its own. They are spawned, not forked: a fork of a process in which
    torch has started threads can hang.

    Args:
        workers: Number of processes.
        initializer: Called in each worker before its first task.
        arguments: Its arguments.
    """
    before = set(multiprocessing.active_children())
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=partial(_begin, initializer, arguments),
    ) as pool:
        try:
            yield pool
        except BaseException:
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            # The pool's own thread sees them end, and waits for each. A second waiter beside it
            # can be told that a worker is gone before that thread has taken note of it.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _begin(initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _end_with_parent() -> None:
    """Wait for the parent's end, whatever ends it, and end too.

    A parent that was killed tells its workers nothing; they would go on writing into a folder
    that the next run works in.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
