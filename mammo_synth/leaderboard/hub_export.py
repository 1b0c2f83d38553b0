"""Results for the Hub: `eval.yaml`, `.eval_results/*.yaml` and `model-index`.

A task of the Hub's leaderboards holds one number, so each configuration × metric is a task, called
``50-50-90syn_auroc``. Only rows with a rank are exported: TRTR, its twin and controls are
references, and incomplete rows lack replicates. A metric without a value has no entry, since an
entry must have one and 0 would be another claim.

The Hub calls this feature work in progress. It validates `eval.yaml` when that is pushed, and takes
only an ``evaluation_framework`` that is on its own list, where mammo-synth is not: until somebody
adds it there, the Hub may refuse the file, and it shows leaderboards only of data sets that it has
allowed (documentation of the Hub, "Evaluation Results").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml

from mammo_synth.bench.metrics import chance
from mammo_synth.bench.results import release_folder
from mammo_synth.bench.series import Series
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.model import METRIC_NAMES, METRICS, Board, Row, Table
from mammo_synth.leaderboard.terminal import clean

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry

EVAL_YAML = "eval.yaml"
RESULTS_FOLDER = ".eval_results"
README = "README.md"
FRAMEWORK = "mammo-synth"
FRAMEWORK_NOTE = (
    "The Hub validates an eval.yaml when it is pushed, and takes an evaluation_framework that is "
    f"on its own list alone. '{FRAMEWORK}' is not: it has to be added there, and the data set "
    "allowed, before leaderboards are shown; until then the push may be refused."
)
SPLIT = "real_test"
EXPORTED = ("auroc", "balanced_accuracy", "accuracy", "precision", "recall", "f1")
"""Metrics that become tasks: the one that ranks first, then those that the board promises."""
SOURCE_NAME = "mammo-synth leaderboard"
_COMMIT = re.compile(r"[0-9a-f]{40}")
DIGITS = 6


def choose_table(board: Board, release: str | None = None) -> Table:
    """The table of ``release`` (``NAME-VERSION-DIGEST8``, as its folder in RESULTS is called).

    Raises:
        BadInput: There is no such table, or several and none is named.
    """
    named: dict[str, list[Table]] = {}
    for table in board.tables:
        r = table.release
        named.setdefault(release_folder(r["name"], r["version"], r["sha256"]), []).append(table)
    if release is not None and release not in named:
        raise BadInput(
            f"There is no record of the release '{release}'.", hint=did_you_mean(release, named)
        )
    found = named[release] if release is not None else list(board.tables)
    if len(found) > 1:
        raise BadInput(
            f"The records make {len(found)} tables; what is exported to one data set of the Hub "
            f"comes from one.",
            hint=f"Name its release: --release {' or '.join(named)}."
            if len(named) > 1
            else "Its records have different test sets: export them from folders of their own.",
        )
    return found[0]


def choose_series(
    table: Table, classifier: str | None = None, configurations: Sequence[str] = ()
) -> tuple[Row, ...]:
    """Ranked rows of one series: what one model repository speaks for.

    Args:
        table: As `choose_table` gives it.
        classifier: Name of the series as the table shows it; may be None where there is one.
        configurations: Only these; empty means all.

    Raises:
        BadInput: An unknown name, or several series and none is named.
    """
    names = table.series_names()
    rows: dict[Series, list[Row]] = {}
    for row in table.of_kind("ranked"):
        rows.setdefault(row.series, []).append(row)
    by_name = {names[series]: found for series, found in rows.items()}
    if classifier is None and len(by_name) != 1:
        raise BadInput(
            f"The table has {len(by_name)} classifiers with a rank; a model repository speaks for "
            f"one.",
            hint=f"Name it: --classifier {' or '.join(map(repr, by_name))}."
            if by_name
            else "Controls, TRTR and its twin are references and are not exported.",
        )
    if classifier is not None and classifier not in by_name:
        raise BadInput(
            f"There is no ranked classifier '{classifier}' in the table.",
            hint=did_you_mean(classifier, by_name),
        )
    found = by_name[classifier] if classifier is not None else next(iter(by_name.values()))
    known = [row.configuration for row in found]
    for name in configurations:
        if name not in known:
            raise BadInput(
                f"The classifier has no row with a rank of configuration '{name}'.",
                hint=did_you_mean(name, known),
            )
    return tuple(row for row in found if not configurations or row.configuration in configurations)


def check_metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    """``metrics``, or `EXPORTED` where there is none.

    Raises:
        BadInput: One is not a metric of the board.
    """
    for name in metrics:
        if name not in METRICS:
            raise BadInput(f"There is no metric '{name}'.", hint=did_you_mean(name, METRICS))
    return tuple(dict.fromkeys(metrics)) or EXPORTED


def task_id(configuration: str, metric: str) -> str:
    """Name of the task that one number belongs to."""
    return f"{configuration}_{metric}"


def eval_yaml(table: Table, metrics: Sequence[str] = EXPORTED) -> str:
    """``eval.yaml`` for the data set's repository: a task for each configuration × metric.

    The tasks are those of all nine configurations, measured or not: results come later.
    """
    document = {
        "name": dataset_name(table),
        "description": " ".join(
            [
                f"Classifiers trained on synthetic mammograms, tested on {words.test_set(table)}.",
                "A task is configuration_metric; values are shares from 0 to 1, each the metric "
                "of the class cancer.",
                words.chance_rule(table),
                *cautions(table),
                words.NOTICE,
            ]
        ),
        "evaluation_framework": FRAMEWORK,
        "tasks": [
            {"id": task_id(configuration, metric), "config": configuration, "split": SPLIT}
            for metric in metrics
            for configuration in CONFIGURATIONS
        ],
    }
    return _yaml(document)


def eval_results(
    table: Table,
    rows: Sequence[Row],
    dataset_id: str,
    *,
    metrics: Sequence[str] = EXPORTED,
    source_url: str | None = None,
) -> dict[str, str]:
    """`.eval_results/*.yaml` of a model's repository by path: one file for each configuration.

    Args:
        table: Table of the rows.
        rows: As `choose_series` gives them.
        dataset_id: The data set that has the tasks, ORG/NAME.
        metrics: Metrics that have a task.
        source_url: Where the records or the board can be seen.
    """
    from huggingface_hub import eval_result_entries_to_yaml

    files = {}
    for row in rows:
        entries = result_entries(table, row, dataset_id, metrics=metrics, source_url=source_url)
        if entries:
            path = f"{RESULTS_FOLDER}/{_slug(dataset_id)}_{_slug(row.configuration)}.yaml"
            files[path] = _yaml(eval_result_entries_to_yaml(entries))
    return files


def result_entries(
    table: Table,
    row: Row,
    dataset_id: str,
    *,
    metrics: Sequence[str] = EXPORTED,
    source_url: str | None = None,
) -> list[EvalResultEntry]:
    """One entry for each of ``metrics`` that has a value in ``row``."""
    from huggingface_hub import EvalResultEntry

    found = []
    expected = chance(table.test_set.prevalence)
    for metric in metrics:
        estimate = row.metrics[metric]
        if estimate.value is None:
            continue
        span = words.interval(estimate, 3)
        level = expected.get(metric)
        facts = [
            f"{METRIC_NAMES[metric]} on {SPLIT} ({words.POSITIVE})",
            f"95 % interval {span}" if span else "no interval",
            f"chance {words.number(level)}" if level is not None else "",
            words.replicates(row),
            f"release {clean(table.release_text)}",
            f"test set {table.test_set.digest[:8]}",
            words.verdict(row),
        ]
        notes = "; ".join(fact for fact in facts if fact)
        found.append(
            EvalResultEntry(
                dataset_id=dataset_id,
                task_id=task_id(row.configuration, metric),
                value=round(estimate.value, DIGITS),
                dataset_revision=commit_of(table),
                date=max(run.record["created"] for run in row.runs),
                source_url=source_url,
                source_name=SOURCE_NAME if source_url else None,
                notes=" ".join([f"{notes}.", *cautions(table), "Never for diagnosis."]),
            )
        )
    return found


def undefined(rows: Sequence[Row], metrics: Sequence[str]) -> list[str]:
    """What was left out of an export since it has no value, in words."""
    return [
        f"{clean(row.name)}: {METRIC_NAMES[metric]} is undefined and left out"
        for row in rows
        for metric in metrics
        if row.metrics[metric].value is None
    ]


def dataset_name(table: Table) -> str:
    """What the data set is called beside a result."""
    return clean(f"mammo-synth: {table.title}")


def cautions(table: Table) -> list[str]:
    """What the numbers do not say: simulated films, the study's rules."""
    said = [words.PHANTOM] if table.simulated else []
    return [*said, words.STUDY_PROTOCOL] if table.protocol == "study" else said


def commit_of(table: Table) -> str | None:
    """The release's revision, where it is a commit as the Hub's format asks."""
    revision = table.release["revision"]
    return revision if revision is not None and _COMMIT.fullmatch(revision) else None


def _slug(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", value).strip("-.")


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100))
