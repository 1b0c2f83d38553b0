"""Predictions: round trip, and what is said of files that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_synth.bench.predictions import Predictions, align, read_predictions, write_predictions
from mammo_synth.errors import BadInput


def test_round_trip_is_exact(tmp_path: Path) -> None:
    ids = ["b", "a", "007"]
    p = np.array([0.1, 1 / 3, 1.0])
    write_predictions(tmp_path / "p.parquet", ids, p)
    found = read_predictions(tmp_path / "p.parquet")
    assert found.image_id == tuple(ids)
    assert np.array_equal(found.p_cancer, p)
    write_predictions(tmp_path / "q.parquet", ids, p)
    assert (tmp_path / "p.parquet").read_bytes() == (tmp_path / "q.parquet").read_bytes()


def test_csv_keeps_ids_as_text_and_ignores_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("note,image_id,p_cancer\nx,007,0.25\ny,8,1\n")
    found = read_predictions(path)
    assert found.image_id == ("007", "8")
    assert found.p_cancer.tolist() == [0.25, 1.0]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.csv", "image_id,score\na,0.1\n", "no column p_cancer"),
        ("p.csv", "image_id,p_cancer\na,high\n", "wrong type"),
        ("p.csv", "image_id,p_cancer,p_cancer\na,0.1,0.2\n", "more than one column p_cancer"),
        ("p.csv", "", "cannot be read as csv"),
        ("p.parquet", "no parquet", "cannot be read as parquet"),
        ("p.txt", "a 0.1", "ends in '.txt'"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=words):
        read_predictions(tmp_path / name)


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    columns = [pa.array(["a"]), pa.array(["b"]), pa.array([0.5])]
    table = pa.Table.from_arrays(columns, names=["image_id", "image_id", "p_cancer"])
    pa.parquet.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(BadInput, match="more than one column image_id"):
        read_predictions(tmp_path / "p.parquet")


def test_a_score_that_is_null_is_nan(tmp_path: Path) -> None:
    table = pa.table({"image_id": ["a", "b"], "p_cancer": pa.array([1, None], pa.int8())})
    pa.parquet.write_table(table, tmp_path / "p.parquet")
    found = read_predictions(tmp_path / "p.parquet").p_cancer
    assert found.dtype == np.float64 and found[0] == 1.0 and np.isnan(found[1])


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    path = tmp_path / "p_cancer=1" / "p.parquet"
    path.parent.mkdir()
    pa.parquet.write_table(pa.table({"image_id": ["a"]}), path)
    with pytest.raises(BadInput, match="no column p_cancer; it has image_id"):
        read_predictions(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no predictions file"):
        read_predictions(tmp_path / "p.csv")


def test_every_kind_of_misfit_is_named_at_once() -> None:
    given_ids = ("a", "b", "b", "x", "n", "h")
    p = np.array([0.1, 0.2, 0.3, 0.4, np.nan, 1.5])
    with pytest.raises(BadInput) as caught:
        align(Predictions(given_ids, p), ["a", "b", "n", "h", "m1", "m2"])
    message = caught.value.message
    for words in (
        "2 missing (m1, m2)",
        "1 doubled (b)",
        "1 unknown (x)",
        "1 without a score (NaN) (n)",
        "1 with a score outside [0, 1] (h)",
    ):
        assert words in message


def test_long_lists_are_cut() -> None:
    with pytest.raises(BadInput, match=r"9 missing \(0, 1, 2, 3, 4, \.\.\.\)"):
        align(Predictions((), np.array([])), [str(i) for i in range(9)])


@given(st.permutations(list(range(8))))
def test_align_gives_the_order_that_is_asked_for(order: list[int]) -> None:
    p = np.arange(8) / 10
    found = align(Predictions(tuple("abcdefgh"), p), ["abcdefgh"[i] for i in order])
    assert np.array_equal(found, p[order])
