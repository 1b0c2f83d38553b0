"""``mammo-synth bench compare``: which classifiers differ on the same real films."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammo_synth.cli import console

if TYPE_CHECKING:
    from mammo_synth.bench.comparison import Pair
    from mammo_synth.bench.contenders import Compared

EPILOG = "Example: mammo-synth bench compare results --metric auroc"


def compare(
    results: Annotated[Path, typer.Argument(help="Results folder of bench run, grid or score.")],
    metric: Annotated[
        str, typer.Option(help="auroc, balanced_accuracy or any other metric of a record.")
    ] = "auroc",
    config: Annotated[str | None, typer.Option(help="Compare on this configuration alone.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a program to read.")
    ] = False,
) -> None:
    """Compare all pairs of classifiers on real films: paired bootstrap, Holm correction.

    Only classifiers on the same release and configuration are compared, from their stored
    predictions. Replicates of a classifier are averaged.
    """
    from mammo_synth.bench.contenders import compare_arenas, read_arenas

    progress = console.ConsoleProgress()
    arenas = read_arenas(results, config, progress)
    found = compare_arenas(arenas, metric, progress=progress)
    alone = [arena for arena in arenas if len(arena.contenders) < 2]
    if as_json:
        console.print_json(_document(found, metric, [arena.configuration for arena in alone]))
        return
    _print(found, metric)
    for arena in alone:
        console.out().print(
            f"Not compared: {arena.release}, {arena.configuration} has "
            f"{arena.contenders[0].name} alone.",
            markup=False,
        )


def _document(found: list[Compared], metric: str, alone: list[str]) -> dict[str, Any]:
    from mammo_synth.bench.metrics import LOWER_IS_BETTER, RESAMPLES

    return {
        "positive_class": "cancer",
        "split": "real_test",
        "metric": metric,
        "lower_is_better": metric in LOWER_IS_BETTER,
        "resamples": RESAMPLES,
        "pairs_corrected_over": sum(p.p_value is not None for one in found for p in one.pairs),
        "comparisons": [
            {
                "release": one.arena.release,
                "release_sha256": one.arena.release_sha256,
                "simulated": one.arena.simulated,
                "configuration": one.arena.configuration,
                "test_set": one.arena.truth.digest,
                "n": len(one.arena.truth.films),
                "replicates": {c.name: len(c.thresholds) for c in one.arena.contenders},
                "pairs": [asdict(pair) for pair in one.pairs],
            }
            for one in found
        ],
        "not_compared": alone,
    }


def _print(found: list[Compared], metric: str) -> None:
    from mammo_synth.bench.metrics import LOWER_IS_BETTER, RESAMPLES

    heads = ["first", "second", "value", "value", "difference", "95 % interval", "p", "p (Holm)"]
    if metric == "auroc":
        heads.append("p (DeLong)")
    for one in found:
        arena = one.arena
        replicates = ", ".join(f"{c.name} {len(c.thresholds)}" for c in arena.contenders)
        console.out().print(
            f"{arena.release}, {arena.configuration}: {metric.replace('_', ' ')} on "
            f"{len(arena.truth.films)} films of real_test (replicates: {replicates})",
            style="bold",
            markup=False,
        )
        for line in console.aligned([heads, *(_row(pair, metric) for pair in one.pairs)]):
            console.out().print(line, markup=False)
    pairs = sum(pair.p_value is not None for one in found for pair in one.pairs)
    better = "Lower" if metric in LOWER_IS_BETTER else "Higher"
    said = [
        f"Positive class: cancer. {better} is better. Difference: first minus second, on the same "
        f"{RESAMPLES:,} resamples of the patients; p (Holm) is corrected over all {pairs} pairs.",
    ]
    if metric == "auroc":
        said.append("p (DeLong) is a cross-check: it takes films of one patient for independent.")
    if any(one.arena.simulated for one in found):
        said.append("Made from simulated films: says nothing about real mammograms.")
    for line in said:
        console.out().print(line, markup=False)


def _row(pair: Pair, metric: str) -> list[str]:
    span = (
        "none" if pair.low is None or pair.high is None else f"{pair.low:+.3f} to {pair.high:+.3f}"
    )
    row = [
        pair.first,
        pair.second,
        _number(pair.first_value),
        _number(pair.second_value),
        _number(pair.difference, sign="+"),
        span,
        _p_value(pair.p_value),
        _p_value(pair.p_holm),
    ]
    if metric == "auroc":
        row.append(_p_value(pair.delong.p_value if pair.delong else None))
    return row


def _number(value: float | None, sign: str = "") -> str:
    return "none" if value is None else format(value, f"{sign}.3f")


def _p_value(value: float | None) -> str:
    if value is None:
        return "none"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
