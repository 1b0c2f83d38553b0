"""Breast density in test sets, subgroups and what is printed of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mammo_synth.bench.evaluation import evaluate
from mammo_synth.bench.metrics import RESAMPLES, bootstrap, point_metrics
from mammo_synth.bench.subgroups import (
    FEWEST_PATIENTS,
    NO_SUBGROUPS,
    NO_SUBGROUPS_THEN,
    Subgroup,
    score_subgroups,
)
from mammo_synth.bench.truth import Film, TestSet, make_test_set, read_test_set, write_test_set
from mammo_synth.cli.bench_groups import print_normal_positive, print_subgroups
from mammo_synth.files import sha256_json

KEPT: Any = {"file": "p.parquet", "sha256": "0" * 64}

BEFORE = [
    (f"f{i}", i % 2, f"p{i // 2}", "MLO", None if i == 3 else "L", "folder") for i in range(4)
]
DIGEST_BEFORE = "7e008f1de1524f27dc57c296f29c48df8cd242fb4939bac5d8d4a4fb0595a17d"
"""Of `BEFORE`, as mammo-synth gave it before films had a density."""


def test_films_of_unknown_density_keep_the_digest_and_the_file_they_had(tmp_path: Path) -> None:
    truth = make_test_set([Film(*row) for row in BEFORE])
    assert truth.digest == DIGEST_BEFORE == sha256_json([list(row) for row in BEFORE])
    write_test_set(tmp_path, truth)
    names = ["image_id", "label", "patient_id", "view", "laterality", "source"]
    path = tmp_path / f"{DIGEST_BEFORE}.parquet"
    assert pq.read_schema(path).names == names
    assert read_test_set(tmp_path, DIGEST_BEFORE) == truth
    # A file with an empty column of density holds the same films.
    table = pq.read_table(path).append_column("density", pa.nulls(4, pa.string()))
    pq.write_table(table, path)
    assert read_test_set(tmp_path, DIGEST_BEFORE) == truth


def test_a_known_density_is_part_of_the_digest_and_of_the_file(tmp_path: Path) -> None:
    films = [Film(*row) for row in BEFORE]
    seen = {make_test_set(films).digest}
    for density in ("A", "B"):
        truth = make_test_set([replace(films[0], density=density), *films[1:]])
        digest = write_test_set(tmp_path, truth)
        assert digest not in seen
        seen.add(digest)
        again = read_test_set(tmp_path, digest)
        assert again == truth and [f.density for f in again.films] == [density, None, None, None]


def _truth(classes: str, patients: int = 48) -> tuple[TestSet, np.ndarray]:
    """Two views of each patient, a third of them cancer; density is told for all but six patients.
    Films of the first class are easy, the others chance."""
    films = [
        Film(
            f"{i:03d}-{view}",
            int(i % 3 == 0),
            f"p{i:03d}",
            view,
            "L",
            "phantom",
            None if i < 6 else classes[i // 3 % len(classes)],
        )
        for i in range(patients)
        for view in ("CC", "MLO")
    ]
    truth = make_test_set(films)
    noise = np.random.default_rng(0).random(len(films))
    easy = np.array([film.density == classes[0] for film in truth.films])
    return truth, np.where(easy, 0.25 + 0.5 * truth.label, noise)


def _by_density(groups: list[Subgroup]) -> dict[str | None, Subgroup]:
    return {group["group"]: group for group in groups if group["column"] == "density"}


@pytest.mark.parametrize("classes", ["AB", "12"], ids=["ACR", "BI-RADS"])
def test_films_are_scored_by_the_classes_of_their_source(classes: str) -> None:
    truth, p = _truth(classes)
    found = score_subgroups(truth, p, 0.5, resamples=1000)
    assert list(dict.fromkeys(group["column"] for group in found)) == ["view", "density"]
    groups = _by_density(found)
    assert list(groups) == [*classes, None]
    assert groups[classes[0]]["metrics"]["auroc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    members = np.array([film.density == classes[1] for film in truth.films])
    label, scores = truth.label[members], p[members]
    hard = groups[classes[1]]["metrics"]["balanced_accuracy"]
    assert hard["value"] == point_metrics(label, scores, 0.5)["balanced_accuracy"]
    people = [str(film.patient_id) for film in truth.films if film.density == classes[1]]
    codes = np.unique(np.array(people), return_inverse=True)[1].astype(np.int64)
    drawn = bootstrap(label, scores, [0.5], codes, resamples=1000)["balanced_accuracy"]
    assert (hard["low"], hard["high"]) == drawn
    assert groups[None]["why_null"] == f"fewer than {FEWEST_PATIENTS} patients"
    assert sum(group["n"] for group in groups.values()) == len(truth.films)


def test_films_of_one_density_or_none_make_no_groups_by_it() -> None:
    truth, p = _truth("A")
    known = TestSet(tuple(replace(film, density="A") for film in truth.films))
    unknown = TestSet(tuple(replace(film, density=None) for film in truth.films))
    for one in (known, unknown):
        assert _by_density(score_subgroups(one, p, 0.5, resamples=1000)) == {}


def test_what_is_printed_says_each_group_and_whose_convention(
    capsys: pytest.CaptureFixture[str],
) -> None:
    truth, p = _truth("AB")
    scored = evaluate(truth, p, 0.5, KEPT)
    print_subgroups(scored["subgroups"])
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0].startswith("On real_test by subgroup (positive class: cancer")
    assert lines[1].split() == [
        "column",
        "group",
        "films",
        "cancer",
        "AUROC",
        "balanced",
        "accuracy",
    ]
    (line,) = [line for line in lines if line.split()[:2] == ["density", "A"]]
    assert line.split()[2:] == ["42", "14", *["1.000", "(1.000", "to", "1.000)"] * 2]
    (line,) = [line for line in lines if line.split()[:1] == ["density"] and "not said" in line]
    assert line.endswith("none  fewer than 10 patients")
    assert "source's own" in lines[-1]
    width = max(map(len, lines))
    assert width < 110, "a line of a usual terminal"
    # As a record file has them, by the alphabet.
    scored["normal_positive"] = dict(sorted(scored["normal_positive"].items()))
    print_normal_positive({"real_test": scored, "test": evaluate(truth, 1 - p, 0.5, KEPT)})
    lines = capsys.readouterr().out.splitlines()
    assert "positive class: normal" in lines[0]
    assert lines[1].split() == ["test", "set", "accuracy", "precision", "recall", "F1"]
    names = ("accuracy", "precision", "recall", "f1")
    values = [f"{scored['normal_positive'][name]:.3f}" for name in names]
    assert lines[2].split() == ["real_test", *values]
    assert lines[3].split()[0] == "test"
    assert scored["resamples"] == RESAMPLES


def test_no_groups_are_said_to_be_none_and_names_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_subgroups([])
    assert NO_SUBGROUPS in capsys.readouterr().out
    print_subgroups(None)
    assert NO_SUBGROUPS_THEN in capsys.readouterr().out
    truth, p = _truth("AB")
    films = [replace(f, density="\x1b[2J[red]" if f.density == "A" else "B") for f in truth.films]
    print_subgroups(score_subgroups(make_test_set(films), p, 0.5, resamples=1000))
    text = capsys.readouterr().out
    assert "\x1b[2J" not in text and "[red]" in text
