"""What `check` says of a folder of results: problems, each with a code that a program can read."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_synth.leaderboard.tiers import Tier

CODES = {
    "stray-record": "a record lies outside the layout",
    "stray-file": "a file has no business in a folder of results",
    "no-record": "a folder has predictions, a submission or a reproduction and no record",
    "link": "a link stands in the place of a file or folder",
    "path-outside": "a file is named outside its folder",
    "too-large": "a file is too large to be what it claims",
    "not-json": "a file is no JSON",
    "schema": "a record breaks the schema",
    "markup": "a text holds HTML, a script or invisible characters",
    "unsafe-link": "a link is neither http nor https",
    "date-invalid": "a date is none",
    "date-impossible": "a date lies in the future, or before the release or the record's format",
    "misplaced": "a record lies in another's place",
    "record-edited": "a record has another digest than it says",
    "recipe-digest": "the settings of a recipe have another digest than the record says",
    "baseline": "baseline and configuration contradict each other",
    "configuration-unknown": "there is no such configuration",
    "name-taken": "predictions come under the name of a classifier of the benchmark, or of "
    "another submitter's",
    "classifier-differs": "a classifier's name or role is not that of its recipe",
    "counts-impossible": "counts of training images contradict each other or the release",
    "release-unknown": "a release is not among those known",
    "release-differs": "a record says of its release what is not so",
    "revision-unknown": "a revision is none, or not among those known",
    "test-set-unknown": "a test set is not the release's, or of no record",
    "test-set-missing": "a test set is not there",
    "test-set-edited": "a test set has another digest than its name",
    "test-set-unreadable": "a test set cannot be read",
    "predictions-missing": "predictions are not there",
    "predictions-edited": "predictions have another digest than the record says",
    "predictions-unreadable": "predictions cannot be read",
    "ids-missing": "films of the test set have no prediction",
    "ids-foreign": "predictions are of films that are not in the test set",
    "ids-doubled": "films have more than one prediction",
    "scores-invalid": "scores are NaN or outside [0, 1]",
    "numbers-differ": "a number is another than the one that recomputes",
    "predictions-copied": "predictions are those of another record",
    "replicate-twice": "another record is of the same replicate",
    "replicate-skipped": "a replicate below that of a posted record is missing",
    "submission-invalid": "what a submitter says breaks its form",
    "reproduction-invalid": "a reproduction breaks its form, or is of another record, or of one "
    "that cannot be run again",
    "reproduction-differs": "a reproduction says what does not recompute",
    "releases-invalid": "the list of known releases breaks its form",
    "not-checkable": "a record cannot be checked",
}
"""Codes of problems and what each means."""


@dataclass(frozen=True)
class Problem:
    """One discrepancy: the file, relative to the results folder, what is not so, and one of
    `CODES`."""

    path: str
    message: str
    code: str


@dataclass(frozen=True)
class Checked:
    """What `check` found.

    Attributes:
        records: How many records it read.
        problems: Every discrepancy.
        notes: What could not be checked, in sentences.
        tiers: Of each record whose schema is valid, by its path relative to the results folder.
        before: How many of the records had their numbers recomputed before, with the same files.
    """

    records: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    tiers: dict[str, Tier] | None = None
    before: int = 0

    @property
    def sound(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


Found = tuple[str, str]
"""A code and a message, before it is known which file they are of."""
