"""How long work reports on itself without printing: the core calls, the command line shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Receives the steps of one long task; `mammo_synth.cli.console` draws them with an ETA."""

    def start(self, what: str, total: int) -> None:
        """Begin a task named ``what`` of ``total`` steps (films, images, epochs, ...)."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Report ``n`` more finished steps, with an optional short note (a loss, a name)."""

    def finish(self) -> None:
        """End the current task, however far it came."""

    def say(self, text: str) -> None:
        """Show one line that stays: a warning, something found on the way."""


class Silent:
    """The default: reports nothing."""

    def start(self, what: str, total: int) -> None:
        """Ignore the start of a task."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Ignore a step."""

    def finish(self) -> None:
        """Ignore the end."""

    def say(self, text: str) -> None:
        """Ignore a remark."""


SILENT: Progress = Silent()


def counted(items: Iterable[T], progress: Progress) -> Iterator[T]:
    """``items``, each a finished step once the next one is asked for."""
    for item in items:
        yield item
        progress.advance()
