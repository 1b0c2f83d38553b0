"""LEADERBOARD.md: the tables for readers of the repository, without settings and curves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mammo_synth.bench.published import Published
from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.lines import Line, lines
from mammo_synth.leaderboard.model import METRIC_NAMES, METRICS, Board, Estimate, Table
from mammo_synth.leaderboard.study import rows as study_rows
from mammo_synth.leaderboard.words_numbers import bracketed

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
SHORT = {"recall": "Sensitivity", "average_precision": "Avg. precision"}


def document(board: Board) -> str:
    """The whole file."""
    parts = ["# Leaderboard", f"**{words.NOTICE}**", _paragraphs(_rules(board))]
    parts += [_section(table) for table in board.tables]
    parts.append(published(board.published))
    parts.append("## Resumen en español\n\n" + "\n\n".join(words.SUMMARY_ES))
    return "\n\n".join(parts) + "\n"


def _rules(board: Board) -> list[str]:
    return [
        *words.rules(board.resamples),
        "`index.html` beside this file, in Spanish `index.es.html`, has the settings, training "
        "curves, confusion matrix, ROC and subgroups of every run; `leaderboard.json` has every "
        "number of the tables and of the subgroups, with tier, dates, submitter and record of each "
        "row; settings and curves are in the records.",
    ]


def _section(table: Table) -> str:
    parts = [f"## {text(table.title)}", f"Release {text(table.release_text)}. "]
    parts[1] += f"{text(words.test_set(table))}."
    if table.simulated:
        parts.append(f"**{words.PHANTOM}**")
    parts.append(words.PROTOCOLS.get(table.protocol, ""))
    parts.append(ranking(table))
    parts.append(words.chance_rule(table))
    pairs = words.image_for_image(table)
    if pairs:
        head = f"{words.IMAGE_FOR_IMAGE}:\n\n"
        parts.append(head + "\n".join(f"- {text(line)}" for line in pairs))
    missing = words.missing(table)
    if missing:
        parts.append("Missing:\n\n" + "\n".join(f"- {text(line)}" for line in missing))
    return _paragraphs([part for part in parts if part])


def ranking(table: Table) -> str:
    """The ranked table of one source and protocol."""
    head = ["Rank", "Configuration", "Classifier"]
    head += [SHORT.get(name, METRIC_NAMES[name]) for name in METRICS]
    head += ["Shortcut gap", "Operating point", "Notes"]
    rows = [_row(line) for line in lines(table)]
    return grid(head, [*rows, *_absent(table, len(head))], left=3)


def _absent(table: Table, width: int) -> list[list[str]]:
    """What each series has not measured, as lines without a rank."""
    names = table.series_names()
    empty = [words.DASH] * (width - 4)
    return [
        [
            "missing",
            text(", ".join(gap.configurations)),
            text(names.get(gap.series, gap.series.classifier)),
            *empty,
            "not measured",
        ]
        for gap in table.missing
        if gap.configurations
    ]


def _row(line: Line) -> list[str]:
    cells = [line.rank, text(line.configuration), text(line.classifier)]
    cells += [_estimate(line.metrics[name]) for name in METRICS]
    row = line.row
    if row is None:
        return [*cells, words.DASH, words.DASH, "reference" if line.kind == "chance" else "missing"]
    notes = [words.verdict(row), words.TIER_NAMES[row.tier], words.rerun_warning(row)]
    notes.append(words.replicates(row))
    notes.append(words.recipe(row.series))
    notes.append(words.weights(row.series))
    gap = words.signed(row.gap.value) + bracketed(words.signed_interval(row.gap))
    notes_text = "; ".join(text(note) for note in notes if note)
    return [*cells, gap, words.thresholds(row), notes_text]


def published(study: Published) -> str:
    """The study's own rows, printed and read for cancer."""
    head = ["Configuration", "Accuracy", "Precision of normal", "Recall of normal", "F1 of normal"]
    head += ["Sensitivity", "Specificity", "Precision", "F1", "Balanced accuracy", "Note"]
    rows = [
        [
            text(row.configuration),
            *(words.number(value) for value in (*row.printed_values, *row.reread_values)),
            text(row.note),
        ]
        for row in study_rows(study)
    ]
    return _paragraphs(
        [
            f"## {words.PUBLISHED_TITLE}",
            text(words.study_source(study)),
            words.reread(study),
            "Columns 2 to 5 as printed (positive class: normal); columns 6 to 10 the same numbers "
            "read for cancer (positive class: cancer).",
            grid(head, rows, left=1),
            f"Not printed as numbers: {', '.join(text(name) for name in study.not_printed)}.",
        ]
    )


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """A Markdown table; the first ``left`` columns stand left, the others right."""
    rule = ["---" if i < left else "---:" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def text(value: str) -> str:
    """``value`` as plain Markdown text: one line, nothing in it is markup."""
    one_line = " ".join(value.split())
    return _SPECIAL.sub(r"\\\1", one_line).replace("&", "&amp;").replace("://", ":\u200b//")


def _estimate(estimate: Estimate) -> str:
    return words.number(estimate.value) + bracketed(words.interval(estimate))


def _paragraphs(parts: Sequence[str]) -> str:
    return "\n\n".join(parts)
