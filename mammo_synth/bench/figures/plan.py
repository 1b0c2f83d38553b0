"""Which figures a group gives: each with its place, its words and how it is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mammo_synth.bench.figures import (
    configurations,
    confusion,
    question,
    ranking,
    reliability,
    training,
)
from mammo_synth.bench.figures.cells import Cell, Group, Trained
from mammo_synth.bench.figures.numbers import Numbers, has_epochs, runs_of
from mammo_synth.bench.figures.page import PAGE
from mammo_synth.bench.figures.style import Heading, configuration_title
from mammo_synth.bench.metrics import chance
from mammo_synth.bench.training_curves import MEASURES
from mammo_synth.files import sha256_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTIONS = {
    "auroc": "AUROC",
    "balanced_accuracy": "Balanced accuracy",
    "average_precision": "Average precision",
}
"""Metrics drawn against the synthetic fraction: those that have a chance line."""
CURVES = {ranking.ROC: "ROC curves", ranking.PRECISION_RECALL: "precision-recall curves"}
_LONGEST = 80
_BANDS = (
    "Shaded: pointwise 95 % band of a patient-level bootstrap, replicates averaged.",
    "Marks: operating points of the replicates.",
)
_INTERVALS = "Bars: 95 % intervals of a patient-level bootstrap, replicates averaged."


@dataclass(frozen=True)
class Drawing:
    """One figure to draw.

    Attributes:
        path: Below the folder, without its ending.
        section: Heading under which the index shows it.
        heading: What stands around it.
        draw: Makes the figure, given the heading.
        words: What it shows, in words.
        wide: Whether it is as wide as a page.
    """

    path: str
    section: str
    heading: Heading
    draw: Callable[[Heading], Figure]
    words: Callable[[], str]
    wide: bool = True


def drawings(numbers: Numbers, *, whole: bool = True) -> Iterator[Drawing]:
    """All figures of a group: the study's question first, then classifiers side by side, then for
    each classifier its configurations side by side and one by one.

    Without ``whole`` the group holds one configuration alone, by choice: nothing that sets
    configurations side by side is drawn, since it would call the others missing.
    """
    if whole:
        yield from _questions(numbers)
    if numbers.both_classes:
        yield from _contests(numbers)
    for one in numbers.group.classifiers:
        if whole:
            yield from _pages(numbers, one)
        for cell in one.cells.values():
            yield from _cell(numbers, one, cell)


def notes(numbers: Numbers, *, whole: bool = True) -> list[str]:
    """What has no figure or no place in one, and why: one sentence each; ``whole`` as above."""
    said = []
    if not numbers.both_classes:
        said.append("The test set has one class alone: no ROC and no precision-recall curve.")
    for one in numbers.group.classifiers:
        if not has_epochs(one):
            said.append(f"{one.name} has no epochs, so it has no training curves.")
        absent = [name for name in PAGE if name not in one.cells]
        if whole and absent:
            said.append(f"{one.name} was not measured on: {', '.join(absent)}.")
    return said


def _heading(group: Group, title: str, *said: str, films: str | None = None) -> Heading:
    release = group.release
    return Heading(
        title, films or group.films, release["protocol"], group.origin, release["simulated"], said
    )


def _questions(numbers: Numbers) -> Iterator[Drawing]:
    group = numbers.group
    competing = tuple(one for one in group.classifiers if not one.is_control)
    shown = competing or group.classifiers
    for metric, title in QUESTIONS.items():
        level = chance(group.prevalence)[metric]

        def draw(heading: Heading, m: str = metric, t: str = title, c: float = level) -> Figure:
            return question.question(numbers.metric(shown, m), t, c, heading)

        def words(m: str = metric, t: str = title) -> str:
            return question.describe(numbers.metric(shown, m), t)

        heading = _heading(
            group,
            f"{title} against the synthetic fraction of the training set",
            _INTERVALS,
            f"Dashed: chance ({level:.2f}). Dotted: trained on real films only (TRTR).",
        )
        path = f"{group.folder}/question-{_slug(metric.replace('_', '-'))}"
        yield Drawing(path, "The study's question", heading, draw, words)


def _contests(numbers: Numbers) -> Iterator[Drawing]:
    """Classifiers against each other on one configuration, where there are several."""
    group = numbers.group
    for configuration in PAGE:
        there = [one for one in group.classifiers if configuration in one.cells]
        if len(there) < 2:
            continue

        def ranked(there: list[Trained] = there, name: str = configuration) -> list[ranking.Ranked]:
            return [numbers.ranked(one, name) for one in there]

        title = f"All classifiers on {_named(configuration)}"
        yield Drawing(
            f"{group.folder}/classifiers/{_slug(configuration)}-roc-and-precision-recall",
            "Classifiers side by side",
            _heading(group, title, *_BANDS),
            partial(_draw_ranked, ranked),
            partial(_say_ranked, ranked),
        )


def _draw_ranked(ranked: Callable[[], list[ranking.Ranked]], heading: Heading) -> Figure:
    return ranking.roc_and_precision_recall(ranked(), heading)


def _say_ranked(ranked: Callable[[], list[ranking.Ranked]]) -> str:
    return " ".join(ranking.describe(one) for one in ranked())


def _pages(numbers: Numbers, one: Trained) -> Iterator[Drawing]:
    """All configurations of one classifier side by side."""
    group = numbers.group
    folder, section = f"{group.folder}/{_slug(one.name)}", f"{one.name}: side by side"
    matrices, runs = numbers.confusions(one), runs_of(one)

    def each(say: Callable[[str], str]) -> str:
        return " ".join(f"{_named(name)}: {say(name)}" for name in one.cells)

    yield Drawing(
        f"{folder}/configurations",
        section,
        _heading(group, f"{one.name}: the configurations side by side", _INTERVALS),
        lambda h: configurations.configurations(numbers.table(one), group.prevalence, h),
        lambda: configurations.describe(numbers.table(one)),
    )
    yield Drawing(
        f"{folder}/confusion-matrices",
        section,
        _heading(group, f"{one.name}: confusion matrices of all configurations"),
        lambda h: confusion.confusion_page(matrices, h),
        lambda: each(lambda name: confusion.describe(matrices[name])),
    )
    for kind, title in CURVES.items() if numbers.both_classes else ():

        def page(heading: Heading, kind: str = kind) -> Figure:
            ranked = {name: numbers.ranked(one, name) for name in one.cells}
            return ranking.ranking_page(ranked, kind, heading)

        yield Drawing(
            f"{folder}/{kind}",
            section,
            _heading(group, f"{one.name}: {title} of all configurations", *_BANDS),
            page,
            lambda: each(lambda name: ranking.describe(numbers.ranked(one, name))),
        )
    for measure in MEASURES if has_epochs(one) else ():

        def curves(heading: Heading, measure: str = measure) -> Figure:
            return training.training_page(runs, measure, heading)

        def ends(measure: str = measure) -> str:
            return each(lambda name: training.describe(runs[name], (measure,)))

        title = f"{one.name}: {measure} per epoch in all configurations"
        films = f"train and validation parts of each training set, source {group.release['source']}"
        yield Drawing(
            f"{folder}/training-{measure}",
            section,
            _heading(group, title, films=films),
            curves,
            ends,
        )


def _cell(numbers: Numbers, one: Trained, cell: Cell) -> Iterator[Drawing]:
    group = numbers.group
    folder = f"{group.folder}/{_slug(one.name)}/{_slug(cell.configuration)}"
    section = f"{one.name}: each configuration"
    what = f"{one.name} on {_named(cell.configuration)}"
    if numbers.both_classes:
        yield Drawing(
            f"{folder}/roc-and-precision-recall",
            section,
            _heading(group, f"ROC and precision-recall: {what}", *_BANDS),
            lambda h: ranking.roc_and_precision_recall(
                [numbers.ranked(one, cell.configuration)], h
            ),
            lambda: ranking.describe(numbers.ranked(one, cell.configuration)),
        )
    matrix = numbers.confusions(one)[cell.configuration]
    yield Drawing(
        f"{folder}/confusion-matrix",
        section,
        _heading(group, f"Confusion matrix: {what}", _operating_point(cell)),
        lambda h: confusion.confusion(matrix, h),
        lambda: confusion.describe(matrix),
        wide=False,
    )

    def draw(heading: Heading) -> Figure:
        found = numbers.of(one, cell)
        return reliability.reliability(
            numbers.bins(one, cell),
            heading,
            replicates=len(cell.thresholds),
            prevalence=group.prevalence,
            calibration_error=found["calibration_error"],
            brier=found["brier"],
        )

    def words() -> str:
        found = numbers.of(one, cell)
        return reliability.describe(
            numbers.bins(one, cell), found["calibration_error"], found["brier"]
        )

    yield Drawing(
        f"{folder}/reliability",
        section,
        _heading(group, f"Reliability diagram: {what}", _INTERVALS),
        draw,
        words,
        wide=False,
    )
    runs = runs_of(one)[cell.configuration]
    if any(run.curves for run in runs):
        yield Drawing(
            f"{folder}/training",
            section,
            _heading(group, f"Training curves: {what}", films=_learned_from(cell)),
            lambda h: training.training(runs, h),
            lambda: training.describe(runs),
        )


def _operating_point(cell: Cell) -> str:
    chosen = {"validation": "chosen on validation data", "given": "given with the predictions"}
    ways = {
        f"{point['rule']}, {chosen.get(point['chosen_on'], point['chosen_on'])}"
        for point in (record["operating_point"] for record in cell.records)
    }
    return f"Operating point: {'; '.join(sorted(ways))}."


def _learned_from(cell: Cell) -> str:
    """The images of the training curves: those of the first replicate that tells."""
    facts = next(record["training"] for record in cell.records if record["training"] is not None)
    parts = []
    for name, part in (("train", facts["train"]), ("validation", facts["validation"])):
        parts.append(
            f"{name}: {part['cancer']:,} cancer, {part['normal']:,} normal "
            f"({part['synthetic']:,} synthetic, {part['real']:,} real)"
        )
    return "; ".join(parts)


def _named(configuration: str) -> str:
    return f"{configuration} ({configuration_title(configuration)})"


def _slug(name: str) -> str:
    """``name`` as the name of a folder; with its digest where it has to change, so that two names
    never share one."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:_LONGEST]
    return slug if slug == name else f"{slug}-{sha256_bytes(name.encode())[:8]}".strip("-")
