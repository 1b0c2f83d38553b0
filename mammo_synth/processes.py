"""Worker processes that end when their parent is interrupted, without noise and without hanging."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from mammo_synth.errors import MammoSynthError

T = TypeVar("T")
R = TypeVar("R")


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


def map_in_order(
    pool: ProcessPoolExecutor,
    act: Callable[[T], R],
    items: Iterable[T],
    *,
    waiting: int,
    together: int = 1,
) -> Iterator[R]:
    """``act`` of every item, in their order, with at most ``waiting`` items handed out at a time.

    The pool's own ``map`` hands out all at once, and cancels what is left when it is abandoned; a
    worker that ends after that (see :func:`worker_pool`) makes the pool's thread fail with a
    traceback of its own, as it finds a cancelled task among those that it means to fail.

    Args:
        pool: From :func:`worker_pool`.
        act: A function that can be sent to another process.
        items: Its arguments.
        waiting: The most items that are handed out and not yet given back.
        together: Items in one message, where a single one is quickly done.
    """
    rest = iter(items)
    sent: deque[Future[list[R]]] = deque()
    while True:
        while len(sent) * together < waiting and (part := list(islice(rest, together))):
            sent.append(pool.submit(_each, act, part))
        if not sent:
            return
        yield from sent.popleft().result()


def map_in_processes(act: Callable[[T], R], items: Sequence[T], *, each: int) -> Iterator[R]:
    """``act`` of every item, in their order, by as many processes as there are cores.

    Args:
        act: A function that can be sent to another process, and whose errors can come back.
        items: Its arguments.
        each: The fewest items for which a process is worth its start; with less than twice as
            many, this process does all.

    Raises:
        MammoSynthError: A process was ended, such as by a machine without memory. Which item it was
            at is not known.
    """
    workers = min(os.cpu_count() or 1, len(items) // each)
    if workers < 2:
        yield from map(act, items)
        return
    try:
        with worker_pool(workers) as pool:
            yield from map_in_order(pool, act, items, waiting=4 * workers)
    except BrokenProcessPool as error:
        raise MammoSynthError(
            "A worker process was ended from outside, perhaps for lack of memory, or by a file "
            "that cannot be read safely.",
            hint="Run the same command again with more memory free; if that does not help, check "
            "folders one by one.",
        ) from error


def _each(act: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [act(item) for item in items]


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
