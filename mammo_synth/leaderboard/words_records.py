"""What is said of the records of a row: recipe, first weights, and what a second run gave."""

from __future__ import annotations

from mammo_synth.bench.reproduction import Reproduction
from mammo_synth.leaderboard import words_rows
from mammo_synth.leaderboard.model import Row, Series

AGAIN = {
    "identical": "the same scores",
    "agrees": "agrees with the record",
    "differs": "differs from the record",
    "undecided": "these films are too few to tell whether it agrees",
}
"""What came of a second run, by its verdict."""


def weights(series: Series) -> str:
    """Where training started from."""
    origins = {"none": "no weights", "random": "random weights"}
    return words_rows.weights(series, "weights not stated", origins, "{origin} weights")


def recipe(series: Series) -> str:
    """Name and digest of the recipe."""
    return words_rows.recipe(series, "brought predictions", "recipe {name}")


def again(found: Reproduction) -> str:
    """Who ran a record again, when, and what came of it."""
    sentence = (
        "Run again by {who} on {day}: {verdict}. Again minus recorded (95 % interval): AUROC "
        "{auroc}, balanced accuracy {balanced}."
    )
    return words_rows.again(found, AGAIN, sentence)


def rerun_warning(row: Row) -> str:
    """A warning where a record of the row was run again and did not come out; or nothing."""
    return words_rows.rerun_warning(row, "a second run differs")
