"""A model's README.md with `model-index`: every metric of every configuration in one record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.hub_export import (
    DIGITS,
    SOURCE_NAME,
    SPLIT,
    cautions,
    commit_of,
    dataset_name,
)
from mammo_synth.leaderboard.markdown import grid, text
from mammo_synth.leaderboard.model import METRIC_NAMES, METRICS, Row, Table

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

TASK_TYPE = "image-classification"


def model_results(
    table: Table, rows: Sequence[Row], dataset_id: str, *, source_url: str | None = None
) -> list[EvalResult]:
    """Every metric that has a value, of every row, as the model-index holds it."""
    from huggingface_hub import EvalResult

    release = table.release
    return [
        EvalResult(
            task_type=TASK_TYPE,
            task_name="Cancer or normal on mammograms",
            dataset_type=dataset_id,
            dataset_name=dataset_name(table),
            dataset_config=row.configuration,
            dataset_split=SPLIT,
            dataset_revision=commit_of(table),
            dataset_args={
                "release_version": release["version"],
                "release_sha256": release["sha256"],
                "test_set": table.test_set.digest,
                "protocol": table.protocol,
                "simulated": table.simulated,
            },
            metric_type=metric,
            metric_name=f"{METRIC_NAMES[metric]} ({words.POSITIVE})",
            metric_value=round(estimate.value, DIGITS),
            metric_args=_metric_args(row, metric),
            source_name=SOURCE_NAME if source_url else None,
            source_url=source_url,
        )
        for row in rows
        for metric, estimate in row.metrics.items()
        if estimate.value is not None
    ]


def model_card(
    table: Table,
    rows: Sequence[Row],
    dataset_id: str,
    model_id: str,
    *,
    source_url: str | None = None,
) -> str:
    """README.md of a model's repository: `model-index` above, the numbers in words below."""
    from huggingface_hub import ModelCardData

    metadata = ModelCardData(
        model_name=model_id.split("/")[-1],
        datasets=[dataset_id],
        pipeline_tag=TASK_TYPE,
        tags=["mammography", "medical", *(["phantom"] if table.simulated else [])],
        eval_results=model_results(table, rows, dataset_id, source_url=source_url),
    )
    head = ["Configuration", *(METRIC_NAMES[name] for name in METRICS), "Reading"]
    body = [
        [
            text(row.configuration),
            *(_cell(row, name) for name in METRICS),
            text(words.verdict(row) or "above chance"),
        ]
        for row in rows
    ]
    parts = [
        f"# {text(model_id)}",
        f"**{words.NOTICE}**",
        f"Results of {text(rows[0].series.classifier)} on the data set `{dataset_id}`. Release "
        f"{text(table.release_text)}. "
        f"{text(words.test_set(table))}.",
        *(f"**{caution}**" for caution in cautions(table)),
        grid(head, body, left=1),
        f"{words.chance_rule(table)} Values are means over replicates with 95 % intervals of a "
        "bootstrap over patients. A dash is undefined, not 0.",
    ]
    return f"---\n{metadata.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n"


def _metric_args(row: Row, metric: str) -> dict[str, Any]:
    estimate = row.metrics[metric]
    return {
        "positive_class": "cancer",
        "replicates": len(row.runs),
        **(
            {"low": round(estimate.low, DIGITS), "high": round(estimate.high, DIGITS)}
            if estimate.low is not None and estimate.high is not None
            else {}
        ),
    }


def _cell(row: Row, metric: str) -> str:
    estimate = row.metrics[metric]
    span = words.interval(estimate)
    return words.number(estimate.value) + (f" ({span})" if span else "")
