"""Verified runs in, board out: grouping, averaging, intervals, ranks. No file is touched here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammo_synth.bench.estimate import estimate, mean_of
from mammo_synth.bench.metrics import RESAMPLES, percentile_interval, resample
from mammo_synth.bench.published import Published
from mammo_synth.bench.record import GAP_METRIC, TRTR
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.series import ranking_key, same_replicate, series_of, series_order
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard.model import (
    BASELINE,
    CHANCE,
    METRICS,
    RANKED_ON,
    TWIN,
    Board,
    Estimate,
    ImageForImage,
    Missing,
    Row,
    Run,
    Scored,
    Series,
    Table,
    TestSet,
)
from mammo_synth.progress import SILENT, Progress

SEED = 0


@dataclass(frozen=True)
class _Drawn:
    """A row before ranking, with its AUROC in every resample of the patients."""

    row: Row
    auroc: Floats


def build(
    runs: Sequence[Run],
    published: Published,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    progress: Progress = SILENT,
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
    cells = {key: _cells(group) for key, group in tables.items()}
    progress.start("rows", sum(len(rows) for rows in cells.values()))
    done = tuple(
        _table(rows, resamples, seed, progress) for _, rows in sorted(cells.items(), key=_first)
    )
    progress.finish()
    return Board(done, published, resamples, seed, len(runs))


def _first(item: tuple[tuple, object]) -> tuple:
    return item[0]


def _cells(runs: Iterable[Run]) -> dict[tuple[Series, str], tuple[Run, ...]]:
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


def _table(
    cells: dict[tuple[Series, str], tuple[Run, ...]],
    resamples: int,
    seed: int,
    progress: Progress,
) -> Table:
    drawn = []
    for (series, configuration), runs in cells.items():
        drawn.append(_row(series, configuration, runs, resamples, seed))
        progress.advance(1, f"{configuration} × {series.classifier}")
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
        rows=(*ranked, *sorted(others, key=_by_auroc)),
        missing=_missing(cells),
        image_for_image=_image_for_image(drawn),
    )


def _test_set(truth: Scored) -> TestSet:
    cancer = int(truth.label.sum())
    n = len(truth.label)
    return TestSet(truth.digest, n, cancer, n - cancer, len(np.unique(truth.patients)))


def _row(
    series: Series, configuration: str, runs: tuple[Run, ...], resamples: int, seed: int
) -> _Drawn:
    tests = [run.scored["real_test"] for run in runs]
    drawn = resample(
        tests[0].label,
        np.stack([test.p for test in tests]),
        [test.threshold for test in tests],
        tests[0].patients,
        resamples=resamples,
        seed=seed,
        metrics=METRICS,
    )
    metrics = {name: estimate(_mean(tests, name), drawn[name]) for name in METRICS}
    if series.role == "control":
        kind = "control"
    else:
        kind = {BASELINE: "baseline", TWIN: "twin"}.get(configuration, "ranked")
    row = Row(
        kind=kind,
        configuration=configuration,
        series=series,
        metrics=metrics,
        gap=_gap(runs, drawn[GAP_METRIC], resamples, seed),
        verdict=verdict(metrics[RANKED_ON]),
        runs=runs,
    )
    return _Drawn(row, drawn[RANKED_ON])


def _image_for_image(drawn: Sequence[_Drawn]) -> tuple[ImageForImage, ...]:
    """TRTR minus its twin where a series has both. Every row was drawn with one seed from the
    same films, so the difference is taken within each resample."""
    by_key = {(one.row.series, one.row.kind): one for one in drawn}
    found = []
    for (series, kind), films in by_key.items():
        twin = by_key.get((series, "twin"))
        if kind == "baseline" and twin is not None:
            here, there = (one.row.metrics[RANKED_ON].value for one in (films, twin))
            value = None if here is None or there is None else here - there
            found.append(ImageForImage(series, estimate(value, films.auroc - twin.auroc)))
    return tuple(found)


def _mean(tests: Sequence[Scored], metric: str) -> float | None:
    return mean_of([test.metrics[metric] for test in tests])


def _gap(runs: tuple[Run, ...], real: Floats, resamples: int, seed: int) -> Estimate:
    """Shortcut gap: the configuration's own test split minus the real test films.

    The two test sets share no patient, so their resamples are independent: the split's are drawn
    with another seed. Where a real film of the split's share stands in both (study protocol) the
    interval is a little too wide.
    """
    if any("test" not in run.scored or run.record["baseline"] == TRTR for run in runs):
        return Estimate(None)
    own = [run.scored["test"] for run in runs]
    here, there = _mean(own, GAP_METRIC), _mean([r.scored["real_test"] for r in runs], GAP_METRIC)
    if here is None or there is None or len({test.digest for test in own}) != 1:
        return Estimate(None)
    drawn = resample(
        own[0].label,
        np.stack([test.p for test in own]),
        [test.threshold for test in own],
        own[0].patients,
        resamples=resamples,
        seed=seed + 1,
        metrics=(GAP_METRIC,),
    )
    return estimate(here - there, drawn[GAP_METRIC] - real)


def verdict(auroc: Estimate) -> str:
    """``above``, ``chance`` or ``below`` by the interval; ``undefined`` without one."""
    if auroc.low is None or auroc.high is None:
        return "undefined"
    if auroc.low > CHANCE:
        return "above"
    return "below" if auroc.high < CHANCE else "chance"


def rank(rows: Sequence[_Drawn]) -> list[Row]:
    """Give ranks on AUROC, best first, equal ranks to rows that cannot be told apart.

    The best row opens a group; a row joins it while the 95 % interval of the paired difference
    to the row that opened it includes zero; else it opens the next group. A row without an AUROC
    stands last, without a rank.
    """
    order = sorted(rows, key=lambda one: _by_auroc(one.row))
    groups: list[list[_Drawn]] = []
    for one in order:
        if one.row.metrics[RANKED_ON].value is None:
            continue
        if groups and _same(groups[-1][0], one):
            groups[-1].append(one)
        else:
            groups.append([one])
    ranked: list[Row] = []
    for group in groups:
        place = len(ranked) + 1
        ranked += [replace(one.row, rank=place, tied=len(group) > 1) for one in group]
    return [*ranked, *(one.row for one in order if one.row.metrics[RANKED_ON].value is None)]


def _same(best: _Drawn, other: _Drawn) -> bool:
    interval = percentile_interval(best.auroc - other.auroc)
    return interval is None or interval[0] <= 0 <= interval[1]


def _by_auroc(row: Row) -> tuple:
    """Best first; then a fixed order, so that equal values give one output."""
    value = row.metrics[RANKED_ON].value
    return (
        ("baseline", "twin").index(row.kind) if row.kind in ("baseline", "twin") else 2,
        value is None,
        -(value or 0.0),
        row.configuration,
        series_order(row.series),
    )


def _missing(cells: dict[tuple[Series, str], tuple[Run, ...]]) -> tuple[Missing, ...]:
    """What each series lacks of the nine, TRTR and its twin; controls owe nothing."""
    gaps = []
    for series in dict.fromkeys(series for series, _ in cells):
        if series.role == "control":
            continue
        have = {name: len(runs) for (owner, name), runs in cells.items() if owner == series}
        full = max(have.values())
        gap = Missing(
            series,
            tuple(name for name in (*CONFIGURATIONS, BASELINE, TWIN) if name not in have),
            tuple((name, n, full) for name, n in have.items() if n < full),
        )
        if gap.configurations or gap.short:
            gaps.append(gap)
    return tuple(gaps)
