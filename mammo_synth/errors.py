"""Errors that a user can act on: what was found, what was expected, what to do.

Core code raises these; the command line turns each into one line on stderr and an exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MammoSynthError(Exception):
    """Base of every error that is a message to the user and not a defect of the program.

    Args:
        message: What was found and what was expected, in one or two sentences.
        hint: What to do next, usually a command or a corrected value.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class BadInput(MammoSynthError):
    """A file, folder, name or number from the user that cannot be used (exit code 2)."""

    exit_code = 2


class NoSpace(MammoSynthError):
    """The disk is full or read-only (exit code 2). Unfinished work is kept: it can go on."""


class CheckFailed(MammoSynthError):
    """A check ran and its answer is no: a digest differs, a number does not recompute
    (exit code 1)."""

    exit_code = 1


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the entry of ``known`` that ``word`` was most likely meant to be, or None."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest known one if there is one, else all of them."""
    names = list(known)
    match = nearest(word, names)
    if match is not None:
        return f"Did you mean '{match}'? Known: {', '.join(names)}."
    return f"Known: {', '.join(names)}."
