"""leaderboard.json: every number of the tables and of their subgroups, and whose they are, for
programs.

Settings, environments and training curves are not in it: each replicate names its record.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mammo_synth.bench.subgroups import SUBGROUP_METRICS
from mammo_synth.leaderboard import study, words
from mammo_synth.leaderboard.detail import newest
from mammo_synth.leaderboard.groups import groups
from mammo_synth.leaderboard.lines import Line, lines
from mammo_synth.leaderboard.model import RANKED_ON, Board, Estimate, Row, Run, Series, Table

FORMAT = "mammo-synth/leaderboard/2"
_DIGITS = 6


def document(board: Board) -> dict[str, Any]:
    """The board as plain JSON values; undefined is null, numbers have six digits."""
    return {
        "format": FORMAT,
        "positive_class": "cancer",
        "ranked_on": {"metric": RANKED_ON, "split": "real_test", "why": words.WHY_AUROC},
        "intervals": {"resamples": board.resamples, "seed": board.seed, "confidence": 0.95},
        "ties": words.tie_rule(board.resamples),
        "notice": words.NOTICE,
        "records": board.records,
        "verified_in_full": board.verified,
        "tables": [_table(table) for table in board.tables],
        "published": _published(board),
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "source": table.source,
        "simulated": table.simulated,
        "protocol": table.protocol,
        "release": dict(table.release),
        "test_set": vars(table.test_set),
        "lines": [_line(line) for line in lines(table)],
        "image_for_image": [
            {**_series(one.series), "auroc_trtr_minus_twin": _estimate(one.difference)}
            for one in table.image_for_image
        ],
        "missing": [
            {
                **_series(gap.series),
                "configurations": list(gap.configurations),
                "short": [
                    {"configuration": name, "replicates": have, "of": full}
                    for name, have, full in gap.short
                ],
            }
            for gap in table.missing
        ],
        "evidence": words.PHANTOM if table.simulated else words.PROTOCOLS[table.protocol],
    }


def _line(line: Line) -> dict[str, Any]:
    value: dict[str, Any] = {
        "kind": line.kind,
        "configuration": line.configuration,
        "metrics": {name: _estimate(estimate) for name, estimate in line.metrics.items()},
    }
    return value if line.row is None else value | _row(line.row, line.classifier)


def _row(row: Row, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "rank": row.rank,
        "tied": row.tied,
        "tier": str(row.tier),
        "date": newest(row),
        "reading": words.verdict(row) or "above chance",
        "series": _series(row.series),
        "shortcut_gap": _estimate(row.gap),
        "operating_point": {
            "thresholds": [run.scored["real_test"].threshold for run in row.runs],
            "chosen": words.operating_point(row),
        },
        "replicates_due": row.due,
        "replicates": [_replicate(run) for run in row.runs],
    }


def _replicate(run: Run) -> dict[str, Any]:
    return {
        "replicate": run.record["replicate"],
        "record": run.path,
        "sha256": run.sha256,
        "created": run.record["created"],
        "tier": str(run.tier),
        "reproduction": _reproduction(run),
        "submission": asdict(run.submission) if run.submission else None,
        "confusion": dict(run.scored["real_test"].confusion),
        "subgroups": _subgroups(run),
    }


def _reproduction(run: Run) -> dict[str, Any] | None:
    found = run.reproduction
    if found is None:
        return None
    return {
        "who": found["who"],
        "when": found["when"],
        "verdict": found["agreement"]["verdict"],
        "again_minus_recorded": {
            metric: _estimate(change) for metric, change in words.rerun_differences(found).items()
        },
    }


def _subgroups(run: Run) -> list[dict[str, Any]] | None:
    """Those of real_test; None where the record is of a format that had none. Intervals that
    nobody recomputed are left out."""
    found = run.record["evaluations"]["real_test"]["subgroups"]
    if found is None:
        return None
    return [
        {
            **{name: one[name] for name in ("column", "group", "cancer", "normal", "patients")},
            "metrics": {
                metric: _estimate(estimate)
                for metric, estimate in zip(SUBGROUP_METRICS, shown.estimates, strict=True)
            },
            "why_null": one["why_null"],
        }
        for one, shown in zip(found, groups(found, run.verified).rows, strict=True)
    ]


def _series(series: Series) -> dict[str, Any]:
    return {**vars(series), "weights": words.stated_weights(series)}


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {name: _rounded(value) for name, value in vars(estimate).items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _published(board: Board) -> dict[str, Any]:
    return {
        "source": board.published.source,
        "ranked": False,
        "explanation": words.reread(board.published),
        "rows": [
            {
                "configuration": row.configuration,
                "printed": {
                    "positive_class": "normal",
                    **dict(zip(study.PRINTED, row.printed_values, strict=True)),
                },
                "reread": {
                    "positive_class": "cancer",
                    **{
                        name: _rounded(value)
                        for name, value in zip(study.REREAD, row.reread_values, strict=True)
                    },
                },
                "duplicate_of": row.duplicate_of,
            }
            for row in study.rows(board.published)
        ],
        "not_printed": list(board.published.not_printed),
    }
