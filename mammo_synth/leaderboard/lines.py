"""The lines of a table as every form shows them: rows, and the references between them."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_synth.bench.metrics import chance
from mammo_synth.leaderboard.model import METRICS, RANKED_ON, Estimate, Row, Table

_APART = ("incomplete", "control")


@dataclass(frozen=True)
class Line:
    """One displayed line.

    Attributes:
        kind: That of the row; ``chance``, or ``absent`` (no TRTR measured).
        rank: What stands in the rank column.
        configuration, classifier: What stands in the name columns.
        row: The measured row, or None for the chance line and the absent baseline.
    """

    kind: str
    rank: str
    configuration: str
    classifier: str
    metrics: dict[str, Estimate]
    gap: Estimate
    row: Row | None = None


def lines(table: Table) -> list[Line]:
    """All lines of ``table``, best first: rows, TRTR, its twin and chance by AUROC; then rows
    that lack replicates, and controls at the end."""
    names = table.series_names()
    measured = [
        Line(
            row.kind, row.rank_text, row.configuration, names[row.series], row.metrics, row.gap, row
        )
        for row in table.rows
    ]
    body = [line for line in measured if line.kind not in _APART]
    body.append(_chance(table))
    # A stable sort on AUROC alone keeps the ranking's own order among the ranked rows. At equal
    # AUROC the references stand first: what only equals chance does not stand above it.
    body.sort(key=lambda line: (-(line.metrics[RANKED_ON].value or 0.0), line.kind == "ranked"))
    if not table.of_kind("baseline"):
        empty = dict.fromkeys(METRICS, Estimate(None))
        body.append(Line("absent", "TRTR", "real", "not measured", empty, Estimate(None)))
    return [*body, *(line for kind in _APART for line in measured if line.kind == kind)]


def _chance(table: Table) -> Line:
    known = chance(table.test_set.prevalence)
    metrics = {name: Estimate(known.get(name)) for name in METRICS}
    return Line("chance", "chance", "chance line", "guessing", metrics, Estimate(0.0))
