"""A page of 500 records stays small: what many runs share stands once, the rest is numbers."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest

from mammo_synth.files import sha256_bytes
from mammo_synth.leaderboard import page
from mammo_synth.leaderboard.detail import Shared
from mammo_synth.leaderboard.detail_numbers import EPOCHS, curves, thousandths
from mammo_synth.leaderboard.model import Board, Row, Run, Table
from tests.leaderboard.test_leaderboard_output import page_data

FILMS, LONG = 1_820, 60


def _run(run: Run, name: str) -> Run:
    """A run of its own digest, with long training curves and as many films as the study's."""
    rng = np.random.default_rng(len(name))
    record = copy.deepcopy(run.record)
    training = record["training"]
    assert training is not None
    training["curves"] = [
        {**training["curves"][0], "epoch": e, "loss": float(rng.random()), "val_recall": None}
        for e in range(LONG)
    ]
    groups = record["evaluations"]["real_test"]["subgroups"]
    assert groups
    record["evaluations"]["real_test"]["subgroups"] = (groups * 8)[:8]
    label = (np.arange(FILMS) % 10 < 3).astype(np.int64)
    test = replace(run.scored["real_test"], label=label, p=rng.random(FILMS))
    digest = sha256_bytes(name.encode())
    return replace(run, record=record, sha256=digest, scored={**run.scored, "real_test": test})


def _many(table: Table, rows: int, replicates: int) -> tuple[Row, ...]:
    made = []
    ranked = table.of_kind("ranked")
    for i in range(rows):
        row = ranked[i % len(ranked)]
        series = replace(row.series, classifier=f"classifier-{i // 9:03d}")
        runs = [_run(row.runs[0], f"{i} {k}") for k in range(replicates)]
        made.append(replace(row, series=series, runs=tuple(runs)))
    return tuple(made)


@pytest.mark.parametrize(("rows", "replicates"), [(125, 4), (500, 1)])
@pytest.mark.parametrize("language", ["en", "es"])
def test_500_records_are_below_3_mb(
    board: Board, phantom: Table, rows: int, replicates: int, language: str
) -> None:
    table = replace(phantom, rows=_many(phantom, rows, replicates), missing=(), image_for_image=())
    html = page.document(replace(board, tables=(table,), records=500), language, "../results")
    assert len(html.encode()) < 3_000_000
    data = page_data(html)
    assert sum(len(row["t"]) for row in data["rows"].values()) == 500
    assert len(data["shared"]) < 200, "settings and environments stand once"
    said = page.LANGUAGES[language][1].fractions_rest
    assert said.split("{n}")[0] in html, "charts say what they leave out"


def test_shared_values_stand_once() -> None:
    shared = Shared()
    places = [shared.place(value) for value in ([("a", "1")], "x", [("a", "1")], "x", [("a", 1)])]
    assert places == [0, 1, 0, 1, 2]
    assert json.loads(json.dumps(shared.values)) == [[["a", "1"]], "x", [["a", 1]]]


def test_long_curves_keep_first_best_and_last() -> None:
    entries = [{"epoch": e, "loss": e / 1000, "val_loss": None} for e in range(500)]
    epochs, best, series = curves(entries, 77)
    assert len(epochs) <= EPOCHS
    assert (epochs[0], epochs[-1], best) == (0, 499, 77) and 77 in epochs
    assert series[0] == epochs and set(series[1]) == {None}
    assert len(series) == 8
    short, _, _ = curves(entries[:EPOCHS], None)
    assert short == list(range(EPOCHS))


def test_thousandths_are_what_is_printed() -> None:
    for value in (0.0005, 0.0625, 0.9995, 1.0, -0.0436, 0.123456, 17.7):
        assert thousandths(value) == round(float(f"{value:.3f}") * 1000)
        assert f"{thousandths(value) / 1000:.3f}" == f"{value:.3f}"  # type: ignore[operator]
    assert thousandths(None) is None and thousandths(float("nan")) is None
