"""Verified runs in, board out: grouping, averaging, intervals, ranks. No file is touched here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from mammo_synth.bench.estimate import estimate, mean_of, with_interval
from mammo_synth.bench.metrics import RESAMPLES
from mammo_synth.bench.published import Published
from mammo_synth.bench.record import GAP_METRIC, TRTR
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.series import ranking_key, same_replicate, series_of, series_order
from mammo_synth.bench.together import Case, Resampled, resample_together
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard.completeness import Cells, missing, replicates_due
from mammo_synth.leaderboard.model import (
    BASELINE,
    CHANCE,
    METRICS,
    RANKED_ON,
    TWIN,
    Board,
    Estimate,
    ImageForImage,
    Row,
    Run,
    Scored,
    Series,
    Table,
    TestSet,
)
from mammo_synth.leaderboard.rank import Drawn, by_auroc, rank
from mammo_synth.progress import SILENT, Progress

SEED = 0


def build(
    runs: Sequence[Run],
    published: Published,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    progress: Progress = SILENT,
    helper: Executor | None = None,
) -> Board:
    """Group runs into tables and rank each table on AUROC.

    One table holds one film source, protocol, release and test set, so simulated and real
    films, or the two protocols, never meet in one ranking.

    Args:
        runs: Verified runs, in any order.
        published: The study's own rows, shown apart.
        resamples: Bootstrap resamples of patients.
        seed: Of the bootstrap; the same for every row, which pairs the comparisons.
        progress: Told of every row.
        helper: A pool of one process that resamples half of the rows.

    Raises:
        BadInput: No runs, or two records of the same replicate.
    """
    if not runs:
        raise BadInput(
            "There is no record to rank.", hint="Run `mammo-synth bench run` or `bench grid` first."
        )
    tables: dict[tuple, list[Run]] = {}
    for run in runs:
        tables.setdefault(ranking_key(run.record), []).append(run)
    cells = [_cells(group) for _, group in sorted(tables.items(), key=_first)]
    rows = [row for table in cells for row in table.values()]
    progress.start("rows", len(rows))
    drawn = resample_together(
        [_case(row, "real_test") for row in rows],
        METRICS,
        values_of=(RANKED_ON, GAP_METRIC),
        resamples=resamples,
        seed=seed,
        progress=progress,
        helper=helper,
    )
    progress.finish()
    gaps = _gaps(rows, [one.values[GAP_METRIC] for one in drawn], resamples, seed, helper)
    every = zip(drawn, gaps, strict=True)
    done = [_table(table, [next(every) for _ in table]) for table in cells]
    in_full = sum(run.verified for run in runs)
    return Board(told_apart(done), published, resamples, seed, len(runs), in_full)


def told_apart(tables: Sequence[Table]) -> tuple[Table, ...]:
    """The tables, with as much of release and test set in their titles as tells them apart."""
    done = list(tables)
    for about in (_version, _digest, _films):
        titles = [table.title for table in done]
        done = [
            replace(table, apart=about(table)) if titles.count(table.title) > 1 else table
            for table in done
        ]
    return tuple(done)


def _version(table: Table) -> str:
    return f"{table.release['name']} {table.release['version']}"


def _digest(table: Table) -> str:
    return f"{_version(table)} ({table.release['sha256'][:8]})"


def _films(table: Table) -> str:
    return f"{_digest(table)}, real_test {table.test_set.digest[:8]}"


def _first(item: tuple[tuple, object]) -> tuple:
    return item[0]


def _cells(runs: Iterable[Run]) -> Cells:
    """Replicates by series and configuration, both in a fixed order."""
    found: dict[tuple[Series, str], dict[int, Run]] = {}
    for run in runs:
        replicates = found.setdefault((series_of(run.record), run.record["configuration"]), {})
        k = run.record["replicate"]
        if k in replicates:
            raise same_replicate(run.path, replicates[k].path, k)
        replicates[k] = run
    places = {name: i for i, name in enumerate((BASELINE, TWIN, *CONFIGURATIONS))}
    order = sorted(
        found, key=lambda key: (series_order(key[0]), places.get(key[1], len(places)), key[1])
    )
    return {key: tuple(found[key][k] for k in sorted(found[key])) for key in order}


def _case(runs: Sequence[Run], split: str) -> Case:
    """The replicates of one row on one test set."""
    tests = [run.scored[split] for run in runs]
    return Case(
        tests[0].label,
        np.stack([test.p for test in tests]),
        tuple(test.threshold for test in tests),
        tests[0].patients,
    )


def _table(cells: Cells, resampled: Sequence[tuple[Resampled, Estimate]]) -> Table:
    due = replicates_due(cells)
    drawn = [
        _row(series, configuration, runs, one, gap, due[series, configuration])
        for ((series, configuration), runs), (one, gap) in zip(
            cells.items(), resampled, strict=True
        )
    ]
    ranked = rank([one for one in drawn if one.row.kind == "ranked"])
    others = [one.row for one in drawn if one.row.kind != "ranked"]
    first = next(iter(cells.values()))[0]
    truth, release = first.scored["real_test"], first.record["release"]
    return Table(
        source=release["source"],
        simulated=release["simulated"],
        protocol=release["protocol"],
        release=release,
        test_set=_test_set(truth),
        rows=(*ranked, *sorted(others, key=by_auroc)),
        missing=missing(cells),
        image_for_image=_image_for_image(drawn),
    )


def _test_set(truth: Scored) -> TestSet:
    cancer = int(truth.label.sum())
    n = len(truth.label)
    return TestSet(truth.digest, n, cancer, n - cancer, len(np.unique(truth.patients)))


def _row(
    series: Series,
    configuration: str,
    runs: tuple[Run, ...],
    drawn: Resampled,
    gap: Estimate,
    due: int,
) -> Drawn:
    tests = [run.scored["real_test"] for run in runs]
    metrics = {name: with_interval(_mean(tests, name), drawn.intervals[name]) for name in METRICS}
    if series.role == "control":
        kind = "control"
    else:
        measured = "ranked" if len(runs) == due else "incomplete"
        kind = {BASELINE: "baseline", TWIN: "twin"}.get(configuration, measured)
    row = Row(
        kind=kind,
        configuration=configuration,
        series=series,
        metrics=metrics,
        gap=gap,
        verdict=verdict(metrics[RANKED_ON]),
        runs=runs,
        due=due,
    )
    return Drawn(row, drawn.values[RANKED_ON])


def _image_for_image(drawn: Sequence[Drawn]) -> tuple[ImageForImage, ...]:
    """TRTR minus its twin where a series has the same replicates of both. Every row was drawn with
    one seed from the same films, so the difference is taken within each resample."""
    by_key = {(one.row.series, one.row.kind): one for one in drawn}
    found = []
    for (series, kind), films in by_key.items():
        twin = by_key.get((series, "twin"))
        if kind == "baseline" and twin is not None and _same_replicates(films.row, twin.row):
            here, there = (one.row.metrics[RANKED_ON].value for one in (films, twin))
            value = None if here is None or there is None else here - there
            found.append(ImageForImage(series, estimate(value, films.auroc - twin.auroc)))
    return tuple(found)


def _same_replicates(a: Row, b: Row) -> bool:
    return [run.record["replicate"] for run in a.runs] == [
        run.record["replicate"] for run in b.runs
    ]


def _mean(tests: Sequence[Scored], metric: str) -> float | None:
    return mean_of([test.metrics[metric] for test in tests])


def _gaps(
    rows: Sequence[tuple[Run, ...]],
    real: Sequence[Floats],
    resamples: int,
    seed: int,
    helper: Executor | None,
) -> list[Estimate]:
    """Shortcut gap of each row: its configuration's own test split minus the real test films.

    The two test sets share no patient, so their resamples are independent: the split's are drawn
    with another seed. Where a real film of the split's share stands in both (study protocol) the
    interval is a little too wide.
    """
    having = [i for i, runs in enumerate(rows) if _has_gap(runs)]
    drawn = resample_together(
        [_case(rows[i], "test") for i in having],
        (GAP_METRIC,),
        values_of=(GAP_METRIC,),
        resamples=resamples,
        seed=seed + 1,
        helper=helper,
    )
    gaps = [Estimate(None)] * len(rows)
    for i, one in zip(having, drawn, strict=True):
        here, there = (
            _mean([run.scored[split] for run in rows[i]], GAP_METRIC)
            for split in ("test", "real_test")
        )
        if here is not None and there is not None:
            gaps[i] = estimate(here - there, one.values[GAP_METRIC] - real[i])
    return gaps


def _has_gap(runs: Sequence[Run]) -> bool:
    if any("test" not in run.scored or run.record["baseline"] == TRTR for run in runs):
        return False
    return len({run.scored["test"].digest for run in runs}) == 1


def verdict(auroc: Estimate) -> str:
    """``above``, ``chance`` or ``below`` by the interval; ``undefined`` without one."""
    if auroc.low is None or auroc.high is None:
        return "undefined"
    if auroc.low > CHANCE:
        return "above"
    return "below" if auroc.high < CHANCE else "chance"
