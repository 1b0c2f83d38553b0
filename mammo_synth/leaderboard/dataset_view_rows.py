"""The board as flat rows: what leaderboard.csv and the data set view of the table hold.

One row for each line of a ranking (ranked, TRTR, its twin, controls, the chance line) and one for
each cell that was not measured. What is undefined or not measured is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.detail import newest
from mammo_synth.leaderboard.lines import Line, lines
from mammo_synth.leaderboard.model import METRICS, RANKED_ON, Board, Estimate, Row, Series, Table
from mammo_synth.leaderboard.submission import NONE
from mammo_synth.leaderboard.tiers import TIER_NAMES

DIGITS = 6
"""Decimal places of numbers, as in leaderboard.json."""
MISSING = "missing"
SEPARATOR = "; "

_TEXT, _WHOLE, _NUMBER, _FLAG = "string", "int64", "float64", "bool"


def _metric_columns() -> dict[str, tuple[str, str]]:
    found = {}
    for name in METRICS:
        found[name] = (_NUMBER, f"{name} of cancer on real_test, mean over replicates")
        found[f"{name}_low"] = (_NUMBER, "lower end of its 95 % interval (patients resampled)")
        found[f"{name}_high"] = (_NUMBER, "upper end of its 95 % interval")
    return found


COLUMNS: dict[str, tuple[str, str]] = {
    "table": (_TEXT, "film source, real or simulated films, and protocol of the ranking"),
    "source": (_TEXT, "source of the films"),
    "simulated": (_FLAG, "whether the films are simulated (phantom): no evidence about real ones"),
    "protocol": (_TEXT, "strict or study"),
    "kind": (
        _TEXT,
        "ranked, incomplete (lacks replicates), baseline (TRTR), twin (of TRTR), control, chance "
        "or missing",
    ),
    "rank": (_WHOLE, "1 is best; ranked rows only; counts within one table"),
    "tied": (_FLAG, "whether another row has the same rank; ranked rows only"),
    "reading": (_TEXT, "how the interval of AUROC stands to chance"),
    "configuration": (_TEXT, "what was trained on"),
    "class_ratio": (_TEXT, "cancer-normal in training; the nine configurations only"),
    "synthetic_percent": (_WHOLE, "synthetic fraction; the nine configurations only"),
    "classifier": (_TEXT, "name of the classifier"),
    "recipe": (_TEXT, "name of its recipe; none where predictions were brought"),
    "recipe_sha256": (_TEXT, "digest of the recipe"),
    "weights": (_TEXT, "where training started from; empty where brought predictions do not say"),
    "weights_sha256": (_TEXT, "digest of those weights"),
    "replicates": (_WHOLE, "training runs that were averaged"),
    "replicates_due": (_WHOLE, "as many as the row should have; fewer make it incomplete"),
    "positive_class": (_TEXT, "cancer, always"),
    "ranked_on": (_TEXT, "metric that ranks"),
    **_metric_columns(),
    "shortcut_gap": (_NUMBER, "balanced accuracy on the synthetic test split minus on real_test"),
    "shortcut_gap_low": (_NUMBER, "lower end of its 95 % interval"),
    "shortcut_gap_high": (_NUMBER, "upper end of its 95 % interval"),
    "threshold_low": (_NUMBER, "lowest operating point of the replicates"),
    "threshold_high": (_NUMBER, "highest operating point of the replicates"),
    "operating_point": (_TEXT, "how it was chosen"),
    "release": (_TEXT, "release of the data set"),
    "release_version": (_TEXT, "its version"),
    "release_sha256": (_TEXT, "its digest"),
    "release_revision": (_TEXT, "its revision on the Hub, where it is known"),
    "test_set": (_TEXT, "digest of the films of real_test"),
    "films": (_WHOLE, "films in real_test"),
    "cancer": (_WHOLE, "of them with cancer"),
    "normal": (_WHOLE, "of them normal"),
    "patients": (_WHOLE, "patients of those films"),
    "date": (_TEXT, "day of the newest record (UTC)"),
    "submitter": (_TEXT, "who posted the records, as said there; empty for the project's own"),
    "code": (_TEXT, "link to the code, as said there"),
    "weights_link": (_TEXT, "link to the trained weights, as said there; none: not published"),
    "other_mammograms": (_TEXT, "other mammograms trained on, as said there; none means none"),
    "tier": (_TEXT, "how far the least checked record was checked: see the page"),
    "records": (_TEXT, "record files, by replicate"),
    "records_sha256": (_TEXT, "their digests, in the same order"),
}
"""Column → type and what it holds, in order."""


def rows(board: Board) -> list[dict[str, Any]]:
    """All rows of all tables, in the order of the board; each has every column of `COLUMNS`."""
    return [row for table in board.tables for row in table_rows(table)]


def table_rows(table: Table) -> list[dict[str, Any]]:
    """Rows of one ranking in its order, then its missing cells."""
    found = [_line(table, line) for line in lines(table) if line.kind != "absent"]
    names = table.series_names()
    for gap in table.missing:
        found += [
            _missing(table, name, names.get(gap.series, gap.series.classifier), gap.series)
            for name in gap.configurations
        ]
    return found


def _line(table: Table, line: Line) -> dict[str, Any]:
    row = _frame(table, line.kind, line.configuration, line.classifier)
    for name in METRICS:
        row |= _estimate(name, line.metrics[name])
    if line.row is not None:
        row |= _measured(line.row) | _estimate("shortcut_gap", line.gap)
    return row


def _missing(table: Table, configuration: str, classifier: str, series: Series) -> dict[str, Any]:
    return _frame(table, MISSING, configuration, classifier) | _series(series)


def _frame(table: Table, kind: str, configuration: str, classifier: str) -> dict[str, Any]:
    release, test_set = table.release, table.test_set
    facts = CONFIGURATIONS.get(configuration)
    return dict.fromkeys(COLUMNS) | {
        "table": table.title,
        "source": table.source,
        "simulated": table.simulated,
        "protocol": table.protocol,
        "kind": kind,
        "configuration": configuration,
        "class_ratio": facts.class_ratio if facts else None,
        "synthetic_percent": facts.synthetic_percent if facts else None,
        "classifier": classifier,
        "positive_class": "cancer",
        "ranked_on": RANKED_ON,
        "release": release["name"],
        "release_version": release["version"],
        "release_sha256": release["sha256"],
        "release_revision": release["revision"],
        "test_set": test_set.digest,
        "films": test_set.n,
        "cancer": test_set.cancer,
        "normal": test_set.normal,
        "patients": test_set.patients,
    }


def _measured(row: Row) -> dict[str, Any]:
    thresholds = [run.scored["real_test"].threshold for run in row.runs]
    return {
        "rank": row.rank,
        "tied": row.tied if row.rank is not None else None,
        "reading": words.verdict(row) or "above chance",
        "replicates": len(row.runs),
        "replicates_due": row.due,
        "threshold_low": _rounded(min(thresholds)),
        "threshold_high": _rounded(max(thresholds)),
        "operating_point": words.operating_point(row),
        "date": newest(row),
        "tier": TIER_NAMES[row.tier],
        "records": SEPARATOR.join(run.path for run in row.runs),
        "records_sha256": SEPARATOR.join(run.sha256 for run in row.runs),
        **_series(row.series),
        **_submitted(row),
    }


def _submitted(row: Row) -> dict[str, str | None]:
    said = [run.submission for run in row.runs if run.submission is not None]
    return {
        "submitter": _joined(one.submitter for one in said),
        "code": _joined(one.code for one in said),
        "weights_link": _joined(one.weights or NONE for one in said),
        "other_mammograms": _joined(one.other_mammograms or NONE for one in said),
    }


def _joined(values: Iterable[str]) -> str | None:
    return SEPARATOR.join(dict.fromkeys(values)) or None


def _series(series: Series) -> dict[str, Any]:
    return {
        "recipe": series.recipe,
        "recipe_sha256": series.recipe_sha256,
        "weights": words.stated_weights(series),
        "weights_sha256": series.weights_sha256,
    }


def _estimate(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {
        name: _rounded(estimate.value),
        f"{name}_low": _rounded(estimate.low),
        f"{name}_high": _rounded(estimate.high),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
