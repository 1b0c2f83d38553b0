"""index.html and index.es.html: self-contained pages, without network, framework or external font.

One file for each language, each complete in itself, rather than one file that switches: the
language is then that of the whole document, for screen readers, for printing and without script,
and neither carries the other's words. Each links to the other beside it.

Without script a page has every ranking, the main facts of every run and links to its files. The
script sorts, filters, and draws a row's settings, curves and matrices when a reader opens it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from markupsafe import Markup

from mammo_synth import __version__
from mammo_synth.bench.subgroups import SUBGROUP_METRICS
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.leaderboard import bars, fractions, study, words, words_es
from mammo_synth.leaderboard.curves import Chart
from mammo_synth.leaderboard.detail import Detail, Maker
from mammo_synth.leaderboard.lines import Line, lines
from mammo_synth.leaderboard.model import CHANCE, METRICS, RANKED_ON, Board, Estimate, Table
from mammo_synth.leaderboard.sweep import POINTS
from mammo_synth.leaderboard.words_page import Labels
from mammo_synth.leaderboard.words_page_en import ENGLISH
from mammo_synth.leaderboard.words_page_es import SPANISH
from mammo_synth.page import environment, style

LANGUAGES: dict[str, tuple[ModuleType, Labels]] = {
    "en": (words, ENGLISH),
    "es": (words_es, SPANISH),
}
"""The sentences and labels of each language."""

_TEMPLATES = Path(__file__).with_name("templates")
_SCRIPTS = ("sort.js", "draw.js", "row.js")
_COLUMNS = len(METRICS) + 4
_QUESTIONS = (
    ("auroc", CHANCE, False),
    ("balanced_accuracy", CHANCE, False),
    ("recall", None, True),
    ("specificity", None, True),
)
"""Metrics drawn against the synthetic fraction: their chance level, and whether folded away."""


@dataclass(frozen=True)
class Picture:
    """One chart with its name, as safe markup."""

    name: str
    svg: Markup


@dataclass(frozen=True)
class Shown:
    """One line of a ranking with its cells as text."""

    kind: str
    rank: str
    ranked: bool
    configuration: str
    classifier: str
    metrics: dict[str, Estimate]
    bar: Markup
    gap_text: str
    gap_interval: str
    thresholds: str
    detail: Detail | None


@dataclass(frozen=True)
class Absent:
    """What one series has not measured: a line without a rank."""

    classifier: str
    configurations: str


@dataclass(frozen=True)
class Fractions:
    """One metric against the synthetic fraction."""

    title: str
    folded: bool
    svgs: list[Markup]
    legend: list[Picture]


@dataclass(frozen=True)
class View:
    """One table with everything around it; ``choices`` are what its rows can be filtered by."""

    anchor: str
    table: Table
    title: str
    release: str
    images: str
    test_set: str
    protocol: str
    chance: str
    lines: list[Shown]
    absent: list[Absent]
    choices: list[tuple[str, str, list[str]]]
    image_for_image: list[str]
    missing: list[str]
    fractions: list[Fractions]
    fractions_rest: str


def document(board: Board, language: str = "en", records_at: str | None = None) -> str:
    """The whole page.

    Args:
        board: What to show.
        language: One of `LANGUAGES`.
        records_at: Where the results folder lies as seen from the page: a relative path, or the
            http(s) address of a results repository's files. None: record files are named
            without a link.
    """
    sentences, say = LANGUAGES[language]
    maker = Maker(sentences, say, records_at)
    views = [_view(table, i, maker) for i, table in enumerate(board.tables)]
    rows = [line.detail for view in views for line in view.lines if line.detail]
    script = _script()
    return (
        environment(_TEMPLATES)
        .get_template("page.html.j2")
        .render(
            style=style(_TEMPLATES / "style.css"),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            data=_data(maker, rows),
            axis=Markup(bars.AXIS),
            words=sentences,
            say=say,
            metrics=METRICS,
            columns=_COLUMNS,
            views=views,
            study=_study(board, maker),
            rules=sentences.rules(board.resamples),
            footer=_footer(board, rows, maker),
        )
    )


def _script() -> str:
    parts = "\n".join((_TEMPLATES / name).read_text("utf-8") for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _data(maker: Maker, rows: Sequence[Detail]) -> Markup:
    """What the script reads. No "<" stands in it, so that no text of a record can end it."""
    names = maker.words.METRIC_NAMES
    content = {
        "say": asdict(maker.say),
        "metrics": [names[name] for name in METRICS],
        "groups": [names[name] for name in SUBGROUP_METRICS],
        "points": POINTS,
        "rows": {row.anchor: row.data for row in rows},
        "shared": maker.shared.values,
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _footer(board: Board, rows: Sequence[Detail], maker: Maker) -> str:
    newest = max((row.date for row in rows), default="")
    text = maker.say.footer_newest if newest else maker.say.footer
    made = maker.words.records(board.records)
    checked = maker.words.verification(board.records, board.verified)
    return text.format(records=made, date=newest, version=__version__) + f" {checked}"


def _view(table: Table, i: int, maker: Maker) -> View:
    sentences, say = maker.words, maker.say
    trtr = {row.series: row.metrics[RANKED_ON].value for row in table.of_kind("baseline")}
    shown = [_shown(line, trtr, maker) for line in lines(table)]
    names = table.series_names()
    charts, drawn, every = _questions(table, maker)
    return View(
        anchor=f"t{i}",
        table=table,
        title=sentences.title(table),
        release=sentences.release(table),
        images=say.images_value.format(
            size=sentences.count(table.release["size"]), pixels=table.release["image_size"]
        ),
        test_set=sentences.test_set(table),
        protocol=sentences.PROTOCOLS[table.protocol],
        chance=sentences.chance_rule(table),
        lines=shown,
        absent=[
            Absent(names.get(gap.series, gap.series.classifier), ", ".join(gap.configurations))
            for gap in table.missing
            if gap.configurations
        ],
        choices=_choices(table, shown, say),
        image_for_image=sentences.image_for_image(table),
        missing=sentences.missing(_short(table)),
        fractions=charts,
        fractions_rest=say.fractions_rest.format(n=drawn, all=every) if drawn < every else "",
    )


def _short(table: Table) -> Table:
    """The table with only its missing replicates: missing cells have lines of their own."""
    gaps = tuple(replace(gap, configurations=()) for gap in table.missing if gap.short)
    return replace(table, missing=gaps)


def _choices(table: Table, shown: Sequence[Shown], say: Labels) -> list[tuple[str, str, list[str]]]:
    """The filters of a table: name for the script, label, values that its rows have."""
    here = {
        line.configuration for line in shown if line.kind in ("ranked", "incomplete", "control")
    }
    facts = [CONFIGURATIONS[name] for name in CONFIGURATIONS if name in here]
    ratios = list(dict.fromkeys(one.class_ratio for one in facts))
    percents = sorted({one.synthetic_percent for one in facts})
    return [
        ("ratio", say.class_ratio, ratios),
        ("fraction", say.synthetic_fraction, [f"{percent} %" for percent in percents]),
        ("configuration", say.configuration, sorted(here)),
        ("classifier", say.classifier, sorted(table.series_names().values())),
    ]


def _shown(line: Line, trtr: dict[Any, float | None], maker: Maker) -> Shown:
    row, sentences, say = line.row, maker.words, maker.say
    estimate = line.metrics[RANKED_ON]
    reference = trtr.get(row.series) if row and line.kind != "baseline" else None
    fixed = {"chance": (say.chance_line, say.guessing), "absent": ("real", say.not_measured)}
    configuration, classifier = fixed.get(line.kind, (line.configuration, line.classifier))
    return Shown(
        kind=line.kind,
        rank=sentences.rank(line.rank),
        ranked=line.kind == "ranked",
        configuration=configuration,
        classifier=classifier,
        metrics=line.metrics,
        bar=Markup(bars.bar(estimate, reference)),
        gap_text=sentences.signed(line.gap.value) if row else sentences.DASH,
        gap_interval=sentences.signed_interval(line.gap) if row else "",
        thresholds=sentences.thresholds(row) if row else sentences.DASH,
        detail=maker.detail(row) if row else None,
    )


def _questions(table: Table, maker: Maker) -> tuple[list[Fractions], int, int]:
    found, drawn, every = [], 0, 0
    for metric, chance, folded in _QUESTIONS:
        panels, drawn, every = fractions.best(fractions.panels(table, metric), table)
        svgs = fractions.draw(panels, metric, chance, maker.words, maker.say)
        found.append(
            Fractions(
                title=maker.say.against.format(metric=maker.words.METRIC_NAMES[metric]),
                folded=folded,
                svgs=[Markup(svg) for svg in svgs],
                legend=[Picture(key.name, Markup(key.svg)) for key in fractions.legend(panels)],
            )
        )
    return found, drawn, every


def _study(board: Board, maker: Maker) -> dict[str, Any]:
    published, sentences = board.published, maker.words
    return {
        "source": sentences.study_source(published),
        "reread": sentences.reread(published),
        "rows": study.rows(published),
        "note": maker.say.published_note.format(names=", ".join(published.not_printed)),
        "curves": [
            (name, [_picture(chart) for chart in drawn])
            for name, drawn in study.curves(published, maker.say)
        ],
    }


def _picture(chart: Chart) -> Picture:
    # The charts escape what they are given; see mammo_synth.svg.
    return Picture(chart.name, Markup(chart.svg))
