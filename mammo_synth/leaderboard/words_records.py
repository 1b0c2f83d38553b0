"""What is said of the records of a row: recipe, first weights, and what a second run gave."""

from __future__ import annotations

from mammo_synth.bench.reproduction import METRICS, Difference, Reproduction
from mammo_synth.leaderboard.model import Estimate, Row, Series
from mammo_synth.leaderboard.words_numbers import bracketed, signed, signed_interval
from mammo_synth.leaderboard.words_rows import with_digest

AGAIN = {
    "identical": "the same scores",
    "agrees": "agrees with the record",
    "differs": "differs from the record",
    "undecided": "these films are too few to tell whether it agrees",
}
"""What came of a second run, by its verdict."""


def stated_weights(series: Series) -> str | None:
    """Where training started from; None where only predictions were brought, which do not say."""
    return None if series.recipe is None and series.weights == "none" else series.weights


def weights(series: Series) -> str:
    """Where training started from."""
    if stated_weights(series) is None:
        return "weights not stated"
    origin = {"none": "no weights", "random": "random weights"}.get(
        series.weights, f"{series.weights} weights"
    )
    return with_digest(origin, series.weights_sha256)


def recipe(series: Series) -> str:
    """Name and digest of the recipe."""
    if series.recipe is None:
        return "brought predictions"
    return with_digest(f"recipe {series.recipe}", series.recipe_sha256)


def again(found: Reproduction) -> str:
    """Who ran a record again, when, and what came of it."""
    verdict = AGAIN[found["agreement"]["verdict"]]
    auroc, balanced = (apart(change) for change in rerun_differences(found).values())
    return (
        f"Run again by {found['who']} on {found['when'][:10]}: {verdict}. Again minus recorded "
        f"(95 % interval): AUROC {auroc}, balanced accuracy {balanced}."
    )


def apart(change: Estimate, to: str = "to") -> str:
    """``+0.120 (+0.050 to +0.190)``, or the value alone where there is no interval."""
    return signed(change.value) + bracketed(signed_interval(change, 3, to))


def rerun_differences(found: Reproduction) -> dict[str, Estimate]:
    """By metric, AUROC first: that of the second run minus that of the record, with its 95 %
    interval."""
    differences = found["agreement"]["differences"]
    return {metric: _change(differences[metric]) for metric in METRICS}


def _change(one: Difference) -> Estimate:
    return Estimate(one["difference"], one["low"], one["high"])


def rerun_warning(row: Row) -> str:
    """A warning where a record of the row was run again and did not come out; or nothing."""
    return "a second run differs" if rerun_differs(row) else ""


def rerun_differs(row: Row) -> bool:
    """Whether a record of the row was run again and did not come out."""
    verdicts = [run.reproduction["agreement"]["verdict"] for run in row.runs if run.reproduction]
    return "differs" in verdicts
