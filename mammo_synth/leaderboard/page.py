"""index.html: one self-contained page, without network, framework or external font."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mammo_synth import __version__
from mammo_synth.leaderboard import fractions, study, words
from mammo_synth.leaderboard.detail import Curve, Detail, detail
from mammo_synth.leaderboard.lines import Line, lines
from mammo_synth.leaderboard.model import CHANCE, METRIC_NAMES, METRICS, Board, Estimate, Table
from mammo_synth.page import environment, style
from mammo_synth.svg import interval_bar

_TEMPLATES = Path(__file__).with_name("templates")
_COLUMNS = len(METRICS) + 4
_QUESTIONS = (
    ("auroc", CHANCE, False),
    ("balanced_accuracy", CHANCE, False),
    ("recall", None, True),
    ("specificity", None, True),
)
"""Metrics drawn against the synthetic fraction: their chance level, and whether folded away."""


@dataclass(frozen=True)
class Shown:
    """One line of a ranking with its cells as text."""

    kind: str
    rank: str
    rank_value: int
    ranked: bool
    configuration: str
    classifier: str
    metrics: dict[str, Estimate]
    bar: Markup
    gap_text: str
    gap_interval: str
    gap_value: str
    thresholds: str
    threshold_value: str
    detail: Detail | None

    def sort_value(self, metric: str) -> str:
        """What the column sorts by; nothing where there is no value."""
        return _sortable(self.metrics[metric].value)


@dataclass(frozen=True)
class Fractions:
    """One metric against the synthetic fraction."""

    name: str
    folded: bool
    svgs: list[Markup]
    legend: list[Curve]


@dataclass(frozen=True)
class View:
    """One table with everything around it."""

    anchor: str
    table: Table
    test_set: str
    protocol: str
    chance: str
    lines: list[Shown]
    image_for_image: list[str]
    missing: list[str]
    fractions: list[Fractions]


def document(board: Board) -> str:
    """The whole page."""
    return (
        environment(_TEMPLATES)
        .get_template("page.html.j2")
        .render(
            style=style(_TEMPLATES / "style.css"),
            script=Markup((_TEMPLATES / "sort.js").read_text("utf-8")),
            words=words,
            metrics=METRICS,
            metric_names=METRIC_NAMES,
            columns=_COLUMNS,
            views=[_view(table, i) for i, table in enumerate(board.tables)],
            study=_study(board),
            rules=words.rules(board.resamples),
            records=board.records,
            newest=_newest(board),
            version=__version__,
        )
    )


def _newest(board: Board) -> str:
    created = [run.record["created"] for t in board.tables for row in t.rows for run in row.runs]
    return max(created, default="")[:10]


def _view(table: Table, i: int) -> View:
    anchor = f"t{i}"
    return View(
        anchor=anchor,
        table=table,
        test_set=words.test_set(table),
        protocol=words.PROTOCOLS[table.protocol],
        chance=words.chance_rule(table),
        lines=[_shown(line, k, f"{anchor}-r{k}") for k, line in enumerate(lines(table))],
        image_for_image=words.image_for_image(table),
        missing=words.missing(table),
        fractions=[_fractions(table, *question) for question in _QUESTIONS],
    )


def _shown(line: Line, place: int, anchor: str) -> Shown:
    row = line.row
    estimate = line.metrics["auroc"]
    spoken = f"AUROC {words.number(estimate.value)}, interval {words.interval(estimate) or 'none'}"
    return Shown(
        kind=line.kind,
        rank=line.rank,
        rank_value=place,
        ranked=line.kind == "ranked",
        configuration=line.configuration,
        classifier=line.classifier,
        metrics=line.metrics,
        bar=Markup(
            interval_bar(estimate.value, (estimate.low, estimate.high), CHANCE, spoken)
            if estimate.value is not None
            else ""
        ),
        gap_text=words.signed(line.gap.value) if row else words.DASH,
        gap_interval=words.signed_interval(line.gap) if row else "",
        gap_value=_sortable(line.gap.value),
        thresholds=words.thresholds(row) if row else words.DASH,
        threshold_value=_sortable(row.runs[0].scored["real_test"].threshold) if row else "",
        detail=detail(row, anchor) if row else None,
    )


def _sortable(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _fractions(table: Table, metric: str, chance: float | None, folded: bool) -> Fractions:
    every = fractions.panels(table, metric)
    return Fractions(
        name=METRIC_NAMES[metric],
        folded=folded,
        svgs=[Markup(svg) for svg in fractions.draw(every, metric, chance)],
        legend=[Curve(key.name, Markup(key.svg)) for key in fractions.legend(every)],
    )


def _study(board: Board) -> dict[str, object]:
    published = board.published
    return {
        "source": words.study_source(published),
        "reread": words.reread(published),
        "rows": study.rows(published),
        "not_printed": ", ".join(published.not_printed),
        "curves": [
            (name, [Curve(chart.name, Markup(chart.svg)) for chart in drawn])
            for name, drawn in study.curves(published)
        ],
    }
