"""Read a RESULTS folder into verified runs. Nothing is taken on trust and nothing is dropped.

Every record is recomputed from the predictions and the truth beside it before it may be shown;
one that differs stops the rendering, with its file named.
"""

from __future__ import annotations

from pathlib import Path

from mammo_synth.bench.metrics import point_metrics
from mammo_synth.bench.record import SPLITS, read_record
from mammo_synth.bench.results import (
    RECORD_NAME,
    Stored,
    differences,
    evaluation_of,
    read_scored,
    record_paths,
)
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.model import Run, Scored
from mammo_synth.progress import SILENT, Progress

_SHOWN = 3


def load(results: Path, progress: Progress = SILENT) -> tuple[Run, ...]:
    """All runs below ``results``, each recomputed from its predictions.

    Raises:
        BadInput: No folder, no record, a record that is invalid, misplaced or does not recompute,
            predictions or test sets that are missing or changed. Names the file.
    """
    paths = record_files(results)
    progress.start("records", len(paths))
    runs = []
    for path in paths:
        stored = Stored(path, read_record(path))
        problems = differences(results, stored)
        if problems:
            raise BadInput(
                f"'{path}' cannot stand on a leaderboard: {_listed(problems)}.",
                hint="Restore the file or run the cell again; "
                "`mammo-synth leaderboard check` lists every problem of a folder.",
            )
        runs.append(_run(results, stored))
        progress.advance(1, path.parent.relative_to(results).as_posix())
    progress.finish()
    return tuple(runs)


def record_files(results: Path) -> list[Path]:
    """Paths of all records below ``results``, sorted.

    Raises:
        BadInput: No folder, no record in it, or a record where none belongs, which reading by
            the layout would drop without a word.
    """
    paths = record_paths(results)
    stray = sorted(set(results.rglob(RECORD_NAME)) - set(paths))
    if stray:
        raise BadInput(
            f"'{stray[0]}' is a record outside the layout of a results folder"
            + (f" ({len(stray)} in all)." if len(stray) > 1 else "."),
            hint="Records lie in RELEASE/CONFIGURATION/CLASSIFIER/replicate-K/.",
        )
    if not paths:
        raise BadInput(
            f"There is no record in '{results}'.",
            hint="`mammo-synth bench run` and `bench grid` write them (--out).",
        )
    return paths


def _listed(problems: list[str]) -> str:
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more


def _run(results: Path, stored: Stored) -> Run:
    threshold = stored.record["operating_point"]["threshold"]
    scored = {}
    for split in SPLITS:
        evaluation = evaluation_of(stored.record, split)
        if evaluation is None:
            continue
        found = read_scored(results, stored, split)
        label = found.truth.label
        scored[split] = Scored(
            digest=evaluation["test_set"],
            label=label,
            p=found.p_cancer,
            patients=found.truth.patients,
            threshold=threshold,
            metrics=point_metrics(label, found.p_cancer, threshold),
            confusion=evaluation["confusion"],
        )
    path = stored.path.relative_to(results).as_posix()
    return Run(stored.record, path, sha256_file(stored.path), scored)
