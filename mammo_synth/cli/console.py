"""What the command line shows: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Sequence
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichBar
from rich.table import Table

from mammo_synth.errors import MammoSynthError

NOTICE = "Synthetic films are for research and teaching, never for diagnosis."
PIPE_WIDTH = 240
PLAIN_INTERVAL_S = 10.0
"""Seconds between progress lines where stderr is a file or a CI log and a bar cannot be drawn."""


def out() -> Console:
    """Console for results. In a pipe or a file a table is as wide as it needs to be: cut off, its
    numbers would be of no use to whoever reads it there."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(highlight=False, soft_wrap=True, width=width)


def err() -> Console:
    """Console for progress and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON for a program to read."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_error(error: MammoSynthError) -> None:
    """One error: what was wrong on the first line, what to do on the second."""
    console = err()
    console.print(f"[bold red]Error:[/] {_escape(error.message)}")
    if error.hint:
        console.print(f"[bold]To do:[/] {_escape(error.hint)}")


def _escape(text: str) -> str:
    """Keep square brackets of a message from being read as markup."""
    return text.replace("[", r"\[")


def print_table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """A table on stdout; columns after the first are numbers and stand right."""
    # The title stands above the grid, not in it: a grid wraps its title at its own width.
    if title:
        out().print(title, style="bold", markup=False)
    grid = Table()
    for i, column in enumerate(columns):
        grid.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*[_escape(str(value)) for value in row])
    Console(highlight=False).print(grid)


def aligned(rows: Sequence[Sequence[str]], left: Collection[int] = (0, 1)) -> list[str]:
    """Rows as lines whose columns stand under each other: those in ``left`` left, others right.

    For what a grid would cut to the width of the terminal, such as long names.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


class ConsoleProgress:
    """A `mammo_synth.progress.Progress`: a bar with ETA, or plain lines without a terminal."""

    def __init__(self) -> None:
        self._console = err()
        self._bar: RichBar | None = None
        self._task: Any = None
        self._what, self._total, self._done = "", 0, 0
        self._note = ""
        self._began = self._spoke = 0.0

    def start(self, what: str, total: int) -> None:
        """Begin a task of ``total`` steps."""
        self.finish()
        self._what, self._total, self._done, self._note = what, total, 0, ""
        self._began = self._spoke = time.monotonic()
        if self._console.is_terminal:
            self._bar = RichBar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,} of {task.total:,}"),
                TextColumn("elapsed"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(what, total=total, note="")

    def advance(self, n: int = 1, note: str = "") -> None:
        """Report ``n`` finished steps; a note stays until the next one."""
        self._done += n
        self._note = note or self._note
        if self._bar is not None:
            self._bar.update(self._task, advance=n, note=self._note)
        elif time.monotonic() - self._spoke >= PLAIN_INTERVAL_S:
            self._spoke = time.monotonic()
            self._line()

    def say(self, text: str) -> None:
        """Print a line above the bar, at once."""
        console = self._console if self._bar is None else self._bar.console
        console.print(f"  {text}", markup=False)

    def finish(self) -> None:
        """End the task with one line: what it was and how long it took."""
        if not self._what:
            return
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        taken = duration(time.monotonic() - self._began)
        self._console.print(f"  {self._what}: {self._done:,} of {self._total:,}, {taken}")
        self._what = ""

    def _line(self) -> None:
        elapsed = time.monotonic() - self._began
        left = elapsed / max(self._done, 1) * (self._total - self._done)
        text = (
            f"  {self._what}: {self._done:,} of {self._total:,}, {duration(elapsed)}, "
            f"about {duration(left)} left {self._note}"
        )
        self._console.print(text.rstrip(), markup=False)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``8.2 s``, ``4 min 10 s``, ``3 h 5 min``, ``2 d 4 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    total = round(seconds)
    days, hours, minutes = total // 86400, total // 3600 % 24, total // 60 % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {total % 60} s"
