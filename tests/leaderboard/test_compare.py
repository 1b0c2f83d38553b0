"""`leaderboard compare`: identical, different and incomparable records; paragraph, figure, JSON."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mammo_synth.bench.comparison import Contender, compare_pairs
from mammo_synth.bench.predictions import write_predictions
from mammo_synth.bench.results import TEST_SETS
from mammo_synth.cli.leaderboard import app
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.leaderboard import compare_figure, words
from mammo_synth.leaderboard.compare import COMPARED, Comparison, compare, document
from mammo_synth.leaderboard.compare_sides import Side, read_side
from mammo_synth.leaderboard.compare_words import headline, paragraph
from tests.leaderboard.board_factory import (
    HOSTILE,
    Cell,
    World,
    edit_record,
    write_cell,
    write_cells,
)

PHANTOM = World(patients=40, test_size=20, epochs=1)
REAL = World("mammo-synth", "mias", False, patients=40, test_size=20, epochs=1, film_prefix="mdb")
STUDY = replace(REAL, name="mammo-study", protocol="study")
RESAMPLES = 400
runner = CliRunner()


def perfect(truth: object) -> np.ndarray:
    return 0.2 + 0.6 * truth.label  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare") / "results"
    guess = Cell("30-70-100syn", skill=0.0)
    cells = [Cell(scores=perfect), Cell(replicate=1, skill=2.0), guess]
    twins = [Cell("50-50-95syn", name, skill=1.0, scores=noisy) for name in ("one", "two")]
    write_cells(folder, PHANTOM, [*cells, *twins])
    write_cells(folder, REAL, [Cell(skill=1.0)])
    write_cells(folder, STUDY, [Cell(skill=1.5)])
    return folder


def noisy(truth: object) -> np.ndarray:
    label = truth.label  # type: ignore[attr-defined]
    return np.clip(0.3 + 0.2 * label + 0.2 * np.random.RandomState(3).normal(size=len(label)), 0, 1)


def folder_of(results: Path, world: World, cell: str) -> Path:
    (release,) = (one for one in results.iterdir() if one.name.startswith(f"{world.name}-"))
    return release / cell


def side(results: Path, cell: str, world: World = PHANTOM) -> Side:
    return read_side(folder_of(results, world, cell))


def against(first: Side, second: Side) -> Comparison:
    return compare(first, second, resamples=RESAMPLES)


def test_identical_records_do_not_differ(results: Path) -> None:
    one, two = (side(results, f"50-50-95syn/{name}/replicate-0") for name in ("one", "two"))
    for found in (against(one, one), against(one, two)):
        assert found.same_predictions
        assert found.other_calls == 0
        for metric in COMPARED:
            pair = found.pairs[metric]
            assert (pair.difference, pair.low, pair.high, pair.p_value) == (0, 0, 0, 1)
            assert found.verdict(metric) == "same"
        said = paragraph(found)
        assert "There is no difference: both give the same predictions" in said
        assert "differ in" not in said


def test_a_known_difference(results: Path) -> None:
    right = side(results, "50-50-90syn/vgg16/replicate-0")
    guess = side(results, "30-70-100syn/vgg16")
    found = against(right, guess)
    truth = right.truth
    p = guess.p[0]
    cancer, normal = p[truth.label == 1], p[truth.label == 0]
    auroc = (cancer[:, None] > normal).mean() + (cancer[:, None] == normal).mean() / 2
    pair = found.pairs["auroc"]
    assert pair.first_value == 1
    assert pair.difference == pytest.approx(1 - auroc)
    assert pair.low is not None
    assert 0 < pair.low <= 1 - auroc
    assert found.verdict("auroc") == "differ"
    assert found.other_calls == int(((p >= 0.5) != (truth.label == 1)).sum())
    said = paragraph(found)
    assert "They differ in AUROC and in balanced accuracy." in said
    assert (
        f"difference {words.signed(1 - auroc)} (95 % interval {words.signed(pair.low)} to" in said
    )
    back = against(guess, right)
    assert back.pairs["auroc"].difference == pytest.approx(auroc - 1)
    assert (back.pairs["auroc"].low, back.pairs["auroc"].high) == pytest.approx(
        (-pair.high, -pair.low)  # type: ignore[operator]
    )


def test_numbers_are_those_of_the_paired_bootstrap(results: Path) -> None:
    one, other = side(results, "50-50-90syn/vgg16"), side(results, "30-70-100syn/vgg16")
    found = against(one, other)
    truth = one.truth
    for metric in COMPARED:
        contenders = [Contender(str(i), s.p, s.thresholds) for i, s in enumerate((one, other))]
        (pair,) = compare_pairs(
            truth.label, truth.patients, contenders, metric, resamples=RESAMPLES
        )
        mine = found.pairs[metric]
        assert (mine.difference, mine.low, mine.high) == (pair.difference, pair.low, pair.high)
        assert mine.p_value == pair.p_value
        assert mine.p_holm is not None and pair.p_value is not None
        assert pair.p_value <= mine.p_holm <= 2 * pair.p_value


def test_replicates_of_a_cell_are_averaged(results: Path) -> None:
    both = side(results, "50-50-90syn/vgg16")
    assert both.name == "50-50-90syn × vgg16 (mean of 2 replicates)"
    assert both.p.shape == (2, 80)
    assert both.thresholds == (0.5, 0.51)
    lone = side(results, "50-50-90syn/vgg16/replicate-1/record.json")
    assert lone.name == "50-50-90syn × vgg16 (replicate 1)"
    found = against(both, lone)
    assert found.other_calls is None
    said = paragraph(found)
    assert "films differently" not in said
    assert "Caution: a mean of 2 replicates is held against one run;" in said
    for pair in ((both, both), (lone, lone)):
        assert "Caution" not in paragraph(against(*pair))


def test_not_told_apart_is_not_called_equal(results: Path) -> None:
    one = side(results, "50-50-90syn/vgg16/replicate-1")
    nearly = replace(one, p=np.clip(one.p + 0.01 * np.sin(np.arange(80)), 0, 1))
    found = against(one, nearly)
    assert found.verdict("auroc") == "alike"
    assert "not told apart, which does not show that they are equal" in paragraph(found)
    assert headline(found) == "The two are not told apart in AUROC"


def test_a_difference_that_correction_takes_away_is_said(results: Path) -> None:
    found = against(side(results, "50-50-90syn/vgg16"), side(results, "30-70-100syn/vgg16"))
    pair = replace(found.pairs["auroc"], low=0.001, high=0.2, p_value=0.04, p_holm=0.06)
    weak = replace(found, pairs={**found.pairs, "auroc": pair})
    assert weak.verdict("auroc") == "weak"
    assert "but not after correction for two metrics" in paragraph(weak)


def test_undefined_is_said_and_never_zero(results: Path) -> None:
    found = against(side(results, "50-50-90syn/vgg16"), side(results, "30-70-100syn/vgg16"))
    none = dict.fromkeys(("first_value", "difference", "low", "high", "p_value", "p_holm"), None)
    gone = replace(found, pairs={m: replace(p, **none) for m, p in found.pairs.items()})
    assert [gone.verdict(metric) for metric in COMPARED] == ["undefined", "undefined"]
    said = paragraph(gone)
    assert "cannot be said" in said
    assert "AUROC: no difference, since it has no value" in said
    assert json.dumps(document(gone, said), allow_nan=False)
    assert compare_figure.draw(gone, "png")[:4] == b"\x89PNG"


def test_other_test_sets_are_refused(results: Path) -> None:
    phantom, real = side(results, "50-50-90syn/vgg16"), side(results, "50-50-90syn/vgg16", REAL)
    with pytest.raises(BadInput, match="different test sets") as caught:
        against(phantom, real)
    assert "80 simulated films of phantom-demo 1.0.0" in caught.value.message
    assert "80 real films of mammo-synth 1.0.0" in caught.value.message
    assert "share 0 films" in caught.value.message


def test_two_protocols_are_refused_on_the_same_films(results: Path) -> None:
    strict = side(results, "50-50-90syn/vgg16", REAL)
    study = side(results, "50-50-90syn/vgg16", STUDY)
    assert strict.truth.digest == study.truth.digest
    with pytest.raises(BadInput, match="protocol 'strict' and that of the second 'study'"):
        against(strict, study)


def test_two_versions_of_a_release_with_the_same_films(results: Path, tmp_path: Path) -> None:
    later = replace(REAL, version="1.1.0")
    write_cells(tmp_path, later, [Cell(skill=1.0)])
    old = side(results, "50-50-90syn/vgg16", REAL)
    new = read_side(next(tmp_path.glob("mammo-synth-*")) / "50-50-90syn/vgg16")
    said = paragraph(against(old, new))
    assert "release mammo-synth 1.0.0 (sha256" in said
    assert "and mammo-synth 1.1.0 (sha256" in said


def test_cautions_are_said(results: Path) -> None:
    phantom = against(*(side(results, "50-50-90syn/vgg16") for _ in range(2)))
    study = against(*(side(results, "50-50-90syn/vgg16", STUDY) for _ in range(2)))
    assert words.PHANTOM in paragraph(phantom)
    assert words.STUDY_PROTOCOL in paragraph(study)
    assert words.PHANTOM not in paragraph(study)
    for said in map(paragraph, (phantom, study)):
        assert "positive class: cancer" in said
        assert "Chance is 0.500" in said
        assert "never for diagnosis" in said
        assert "\n" not in said, "one paragraph"


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_figure_is_the_same_each_time(results: Path, form: str) -> None:
    found = against(side(results, "50-50-90syn/vgg16"), side(results, "30-70-100syn/vgg16"))
    drawn = compare_figure.draw(found, form)
    assert drawn == compare_figure.draw(found, form)
    if form == "svg":
        text = drawn.decode()
        assert "SIMULATED FILMS" in text, "in the title that a screen reader says"
        assert "positive class: cancer" in text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    world = World(source=f"{HOSTILE}\x1b[2J$", patients=10, test_size=10, epochs=1)
    write_cell(tmp_path, world, Cell(recipe=HOSTILE))
    one = side(tmp_path, "50-50-90syn/vgg16", world)
    found = against(one, replace(one, name=f"<b>$x$ {HOSTILE}\x07"))
    said = paragraph(found)
    assert said.isprintable()
    assert "<script>" not in compare_figure.draw(found, "svg").decode()


def test_changed_records_are_refused(results: Path, tmp_path: Path) -> None:
    copied = tmp_path / "results"
    shutil.copytree(results, copied)
    folder = folder_of(copied, PHANTOM, "30-70-100syn/vgg16/replicate-0")

    def better(value: dict) -> None:
        value["evaluations"]["real_test"]["metrics"]["auroc"]["value"] = 0.999

    edit_record(folder / "record.json", better)
    with pytest.raises(CheckFailed, match="cannot be compared"):
        read_side(folder)
    shutil.copy(
        folder_of(results, PHANTOM, "30-70-100syn/vgg16/replicate-0") / "record.json", folder
    )
    truth = PHANTOM.real_test()
    write_predictions(folder / "predictions-real_test.parquet", truth.image_id, perfect(truth))
    with pytest.raises(CheckFailed, match="was changed"):
        read_side(folder)


def test_what_is_no_record_or_no_cell(results: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no record in"):
        read_side(tmp_path)
    with pytest.raises(BadInput, match="no record in"):
        read_side(folder_of(results, PHANTOM, "50-50-90syn"))
    lost = tmp_path / "a/b/c/d/replicate-0"
    shutil.copytree(folder_of(results, PHANTOM, "30-70-100syn/vgg16/replicate-0"), lost)
    with pytest.raises(BadInput, match=TEST_SETS):
        read_side(lost)


def test_the_command(results: Path, tmp_path: Path) -> None:
    cells = [
        str(folder_of(results, PHANTOM, f"{c}/vgg16")) for c in ("50-50-90syn", "30-70-100syn")
    ]
    figure = tmp_path / "figures" / "difference.svg"
    done = runner.invoke(app, ["compare", *cells, "--out", str(figure), "--json"])
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert value["positive_class"] == "cancer"
    assert value["metrics"]["auroc"]["verdict"] == "differ"
    assert value["metrics"]["auroc"]["difference"]["low"] > 0
    assert [one["replicates"] for one in value["sides"]] == [2, 1]
    assert value["figure"] == str(figure)
    assert figure.read_text("utf-8").lstrip().startswith("<?xml")
    plain = runner.invoke(app, ["compare", *cells])
    assert value["paragraph"] in " ".join(plain.stdout.split())
    bad = runner.invoke(app, ["compare", *cells, "--out", str(tmp_path / "x.gif")])
    assert isinstance(bad.exception, BadInput)
    assert ".png, .svg or .pdf" in (bad.exception.hint or "")
