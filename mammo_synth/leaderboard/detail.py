"""What the page shows when a row is opened: settings, curves, confusion matrices, subgroups,
provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.curves import charts
from mammo_synth.leaderboard.groups import Groups, groups
from mammo_synth.leaderboard.model import METRIC_NAMES, METRICS, Row, Run, Scored

Pairs = list[tuple[str, str]]
_SPLITS = {"real_test": "real_test", "test": "own test split"}


@dataclass(frozen=True)
class Cell:
    """One cell of a confusion matrix: its count, its share of the true class, right or wrong."""

    count: str
    share: str
    hit: bool


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix; rows are the truth."""

    caption: str
    rows: list[tuple[str, list[Cell]]]


@dataclass(frozen=True)
class Curve:
    """One chart of the page, as safe markup."""

    name: str
    svg: Markup


@dataclass(frozen=True)
class RunDetail:
    """One replicate."""

    title: str
    curves: list[Curve]
    matrices: list[Matrix]
    groups: Groups
    images: list[tuple[str, list[str]]]
    record: Pairs
    environment: Pairs


@dataclass(frozen=True)
class Detail:
    """One row."""

    anchor: str
    flag: str
    summary: str
    settings: Pairs
    facts: Pairs
    runs: list[RunDetail]


def detail(row: Row, anchor: str) -> Detail:
    """Everything below one row; ``anchor`` is its id on the page."""
    series = row.series
    said = [words.replicates(row), words.weights(series), words.recipe(series)]
    return Detail(
        anchor=anchor,
        flag=words.verdict(row),
        summary=" · ".join(said),
        settings=_settings(row),
        facts=_facts(row),
        runs=[_run(run, row.name) for run in row.runs],
    )


def _settings(row: Row) -> Pairs:
    record = row.runs[0].record
    parameters = record["classifier"]["parameters"]
    pairs = [
        ("classifier", row.series.classifier),
        ("parameters", words.DASH if parameters is None else f"{parameters:,}"),
        ("first weights", words.weights(row.series)),
        ("recipe", words.recipe(row.series)),
    ]
    recipe = record["recipe"]
    return pairs + (flat(recipe["settings"]) if recipe else [])


def _facts(row: Row) -> Pairs:
    pairs = []
    for name in METRICS:
        estimate = row.metrics[name]
        text = words.number(estimate.value)
        if estimate.value is None:
            text = words.undefined_reason(row, name) or text
        elif estimate.has_interval:
            text += f" ({words.interval(estimate, 3)})"
        pairs.append((METRIC_NAMES[name], text))
    gap = words.signed(row.gap.value)
    if row.gap.has_interval:
        gap += f" ({words.signed_interval(row.gap, 3)})"
    pairs.append(("Shortcut gap", gap))
    pairs.append(("Operating point", f"{words.thresholds(row)}: {words.operating_point(row)}"))
    if words.verdict(row):
        pairs.append(("Reading", words.verdict(row)))
    return pairs


def _run(run: Run, name: str) -> RunDetail:
    record = run.record
    training, seed = record["training"], record["seed"]
    title = f"Replicate {record['replicate']}"
    title += f", seed {seed}" if seed is not None else ""
    title += f": AUROC {words.number(run.scored['real_test'].metrics['auroc'])}"
    title += " on real_test"
    drawn = []
    if training is not None:
        said = f"{name}, replicate {record['replicate']}"
        drawn = charts(training["curves"], training["best_epoch"], said)
    return RunDetail(
        title=title,
        # The charts escape what they take from records; see mammo_synth.svg.
        curves=[Curve(chart.name, Markup(chart.svg)) for chart in drawn],
        matrices=[
            _matrix(f"Confusion matrix, {_SPLITS[split]} (cut at {scored.threshold:.3f})", scored)
            for split, scored in run.scored.items()
        ],
        groups=groups(record["evaluations"]["real_test"]["subgroups"]),
        images=_images(run),
        record=_provenance(run),
        environment=_environment(run),
    )


def _matrix(caption: str, scored: Scored) -> Matrix:
    c = scored.confusion
    rows = (
        ("Cancer", (c["tp"], c["fn"]), (True, False)),
        ("Normal", (c["fp"], c["tn"]), (False, True)),
    )
    return Matrix(
        caption,
        [
            (label, [_cell(n, sum(counts), hit) for n, hit in zip(counts, hits, strict=True)])
            for label, counts, hits in rows
        ],
    )


def _cell(count: int, total: int, hit: bool) -> Cell:
    return Cell(f"{count:,}", f"{count / total:.1%}" if total else words.DASH, hit)


def _images(run: Run) -> list[tuple[str, list[str]]]:
    training = run.record["training"]
    if training is None:
        return []
    parts = (("train", training["train"]), ("validation", training["validation"]))
    return [
        (
            name,
            [f"{n:,}" for n in (part["cancer"], part["normal"], part["synthetic"], part["real"])],
        )
        for name, part in parts
    ]


def _provenance(run: Run) -> Pairs:
    record = run.record
    pairs = [("file", run.path), ("sha256", run.sha256), ("made", record["created"])]
    training = record["training"]
    if training is not None:
        epochs = words.DASH if training["epochs"] is None else str(training["epochs"])
        if training["best_epoch"] is not None:
            epochs += f", best {training['best_epoch']}"
        pairs += [("epochs", epochs), ("seconds", f"{training['seconds']:,.1f}")]
    for split, scored in run.scored.items():
        pairs.append((f"test set, {_SPLITS[split]}", scored.digest))
    evaluations = record["evaluations"]
    pairs.append(("predictions, real_test", evaluations["real_test"]["predictions"]["sha256"]))
    if "test" in evaluations:
        pairs.append(("predictions, own test", evaluations["test"]["predictions"]["sha256"]))
    return pairs


def _environment(run: Run) -> Pairs:
    environment = dict(run.record["environment"])
    packages = environment.pop("packages")
    pairs = [("mammo-synth", run.record["package_version"]), *flat(environment)]
    if isinstance(packages, Mapping) and packages:
        versions = ", ".join(f"{name} {packages[name]}" for name in sorted(packages))
        pairs.append(("packages", versions))
    return pairs


def flat(settings: Mapping[str, Any], prefix: str = "") -> Pairs:
    """Nested settings as dotted names with their values in words, sorted."""
    pairs: Pairs = []
    for name in sorted(settings):
        value = settings[name]
        if isinstance(value, Mapping):
            pairs += flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", _in_words(value)))
    return pairs


def _in_words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_in_words(one) for one in value) or "none"
    return str(value)
