"""Figures: the numbers behind them, what they say, their bytes, the folder and the command."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from typer.testing import CliRunner, Result

from mammo_synth.bench import bands
from mammo_synth.bench.bands import GRID, Curves, curves, reliable_bins
from mammo_synth.bench.estimate import Estimate, estimates
from mammo_synth.bench.figures import confusion, question, ranking, reliability, training
from mammo_synth.bench.figures.cells import read_groups
from mammo_synth.bench.figures.configurations import configurations
from mammo_synth.bench.figures.folder import write_figures
from mammo_synth.bench.figures.numbers import Numbers
from mammo_synth.bench.figures.plan import drawings, notes
from mammo_synth.bench.figures.style import FORMATS, NOTICE, Heading, new_figure, settings, to_bytes
from mammo_synth.bench.metrics import bootstrap
from mammo_synth.bench.resampling import draw_counts
from mammo_synth.bench.truth import make_test_set
from mammo_synth.cli.bench_figures import EPILOG, figures
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.manifest import check_folder, verify_chain, write_manifest
from tests.leaderboard.board_factory import Cell, World, write_cells

HEADING = Heading("AUROC of $x$ & <b>", "real_test: 20 simulated films", simulated=True)
WORLD = World(patients=20, test_size=20, epochs=4)
STUDY = World("mammo-study", "mias", simulated=False, protocol="study", patients=20, test_size=20)
RESAMPLES = 200


def _scores(n: int, levels: int, seed: int, replicates: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    label = (rng.rand(n) < 0.4).astype(int)
    label[:2] = (0, 1)
    raw = 0.6 * rng.rand(replicates, n) + 0.4 * label * rng.rand(replicates, n)
    return label, np.round(raw * levels) / levels


# The numbers -------------------------------------------------------------------------------------


@given(st.integers(2, 40), st.sampled_from([1, 3, 10, 1000]), st.integers(0, 10_000))
def test_areas_are_the_mean_metrics(n: int, levels: int, seed: int) -> None:
    label, p = _scores(n, levels, seed)
    found = curves(label, p, np.arange(n), resamples=1)
    auroc = np.mean([roc_auc_score(label, one) for one in p])
    assert found.roc.area == pytest.approx(auroc, abs=1e-12)
    precision = np.mean([average_precision_score(label, one) for one in p])
    assert found.precision_recall.area == pytest.approx(precision, abs=1e-12)
    assert found.prevalence == label.mean()
    assert found.roc.x[[0, -1]].tolist() == [0, 1]
    assert found.roc.y[[0, -1]].tolist() == [0, 1]
    assert (np.diff(found.roc.y) >= -1e-12).all()


def test_roc_points_are_those_of_scikit_learn() -> None:
    label, p = _scores(50, 8, 3, replicates=1)
    found = curves(label, p[0], np.arange(50), resamples=1).roc
    drawn = set(zip(found.x.round(9), found.y.round(9), strict=True))
    for rate, sensitivity in zip(*roc_curve(label, p[0])[:2], strict=True):
        assert (round(rate, 9), round(sensitivity, 9)) in drawn


def _brute(label: np.ndarray, p: np.ndarray, patients: np.ndarray, resamples: int) -> np.ndarray:
    """ROC and precision-recall of films repeated one by one: [2, places, resamples]."""
    found = np.full((2, len(GRID), resamples), np.nan)
    drawn = np.concatenate(list(draw_counts(patients.max() + 1, resamples, 0, 7)), axis=1)
    for k in range(resamples):
        films = np.repeat(np.arange(len(label)), drawn[patients, k].astype(int))
        y = label[films]
        if y.all() or not y.any():
            continue
        each = []
        for one in p:
            s = one[films]
            rate, sensitivity, _ = roc_curve(y, s, drop_intermediate=False)
            # the top of a vertical step: the last point at a rate
            tops = [
                np.interp(x, rate, sensitivity)
                if not np.isclose(rate, x).any()
                else sensitivity[np.isclose(rate, x)].max()
                for x in GRID
            ]
            cuts = np.unique(s)[::-1]
            called = [s >= cut for cut in cuts]
            recalls = np.array([y[c].sum() / y.sum() for c in called])
            precisions = np.array([y[c].mean() for c in called])
            first = [precisions[np.argmax(recalls >= max(x, 1 / y.sum()) - 1e-9)] for x in GRID]
            each.append((tops, first))
        found[:, :, k] = np.mean(each, axis=0)
    return found


@pytest.mark.parametrize("levels", [4, 1000])
def test_bands_are_those_of_films_drawn_one_by_one(
    levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, p = _scores(24, levels, 5)
    patients = np.arange(24) // 2
    expected = _brute(label, p, patients, 40)
    low, high = np.percentile(expected, (2.5, 97.5), axis=2)
    monkeypatch.setattr(bands, "_CELLS_AT_ONCE", 24 * 9)  # several chunks
    found = curves(label, p, patients, resamples=40)
    for curve, a, b in zip((found.roc, found.precision_recall), low, high, strict=True):
        np.testing.assert_allclose(curve.low, a, atol=1e-9)
        np.testing.assert_allclose(curve.high, b, atol=1e-9)


def test_a_band_needs_resamples_with_both_classes() -> None:
    label, p = np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3])
    found = curves(label, p, np.arange(4), resamples=100)  # cancer is absent from a third
    assert np.isnan(found.roc.low).all()
    assert np.isnan(found.precision_recall.high).all()
    alone = curves(label, p, np.zeros(4, dtype=int), resamples=100)  # one patient
    assert np.isnan(alone.roc.low).all()
    with pytest.raises(BadInput, match="0 cancer"):
        curves(np.zeros(4, dtype=int), p, np.arange(4))
    with pytest.raises(BadInput, match="NaN"):
        curves(label, np.array([0.1, np.nan, 0.2, 0.3]), np.arange(4))
    with pytest.raises(BadInput, match="do not fit"):
        curves(label, p, np.arange(3))


def test_reliable_bins_pool_the_replicates() -> None:
    label, patients = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 2])
    p = np.array([[0.05, 0.95, 0.95, 0.95], [0.05, 0.05, 0.95, 1.0]])
    found = reliable_bins(label, p, patients, resamples=300)
    assert [one.bin.n for one in found] == [3, 0, 0, 0, 0, 0, 0, 0, 0, 5]
    assert found[0].share.value == pytest.approx(1 / 3)
    assert found[9].share.value == pytest.approx(3 / 5)
    assert found[1].share == Estimate(None)
    drawn = np.concatenate(list(draw_counts(3, 300, 0, 300)), axis=1)
    cancer, scores = drawn[0] + 2 * drawn[1], drawn[0] + 2 * drawn[1] + 2 * drawn[2]
    low, high = np.percentile(cancer / scores, (2.5, 97.5))
    assert (found[9].share.low, found[9].share.high) == pytest.approx((low, high))


def test_estimates_are_the_intervals_of_the_benchmark() -> None:
    label, p = _scores(40, 100, 1)
    patients = np.arange(40) // 2
    wanted = ("auroc", "recall", "brier")
    found = estimates(label, p, (0.4, 0.5), patients, metrics=wanted, resamples=300)
    expected = bootstrap(label, p, (0.4, 0.5), patients, resamples=300, metrics=wanted)
    assert {n: (e.low, e.high) for n, e in found.items()} == expected
    mean = np.mean([roc_auc_score(label, one) for one in p])
    assert found["auroc"].value == pytest.approx(mean)
    # precision is undefined in one replicate: no mean over the others
    high = estimates(label, p, (0.4, 2.0), patients, metrics=("precision",), resamples=50)
    assert high["precision"] == Estimate(None)


# The figures -------------------------------------------------------------------------------------


def _texts(figure) -> str:
    import matplotlib.text

    found = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
    return " ".join(" ".join(found).split())


MEASURED = {
    "vgg16": {
        "real": Estimate(0.9, 0.8, 0.95),
        "30-70-100syn": Estimate(0.6, 0.5, 0.7),
        "30-70-90syn": Estimate(0.7, 0.6, 0.8),
        "50-50-95syn": Estimate(None),
    }
}


def test_question_joins_neighbours_only_and_names_what_is_missing() -> None:
    figure = question.question(MEASURED, "AUROC", 0.5, HEADING)
    axes = figure.findobj(mpl.axes.Axes)
    assert [axis.get_title(loc="left") for axis in axes] == [
        f"{ratio} cancer-normal" for ratio in ("30-70", "50-50", "70-30")
    ]
    for axis in axes:
        straight = [tuple(np.unique(line.get_ydata())) for line in axis.lines]
        assert (0.5,) in straight, "the chance line"
        assert (0.9,) in straight, "the real-only line"
        points = next(line for line in axis.lines if line.get_linestyle() == "None")
        assert 0.9 in points.get_ydata(), "its point"
    joined = [line for line in axes[0].lines if line.get_linestyle() != "None"]
    path = next(line for line in joined if len(line.get_xdata()) == 3)
    np.testing.assert_array_equal(path.get_ydata(), [0.7, np.nan, 0.6])
    bars = next(line for line in joined if len(line.get_xdata()) == 9)
    ends = np.reshape(bars.get_ydata(), (3, 3)).tolist()
    assert sorted(end[:2] for end in ends) == [[0.5, 0.7], [0.6, 0.8], [0.8, 0.95]]
    assert np.isnan([end[2] for end in ends]).all(), "nothing joins two bars"
    middles = np.reshape(bars.get_xdata(), (3, 3))
    assert (middles == middles[:, :1]).all(), "each bar stands upright over its point"
    assert [len([t for t in a.texts if "missing" in t.get_text()]) for a in axes] == [2, 4, 4]
    assert len({axis.get_ylim() for axis in axes}) == 1
    said = _texts(figure)
    for words in ("positive class: cancer", "SIMULATED FILMS", "Strict protocol", NOTICE):
        assert words in said
    assert "30-70-90syn 0.700 (0.60–0.80)" in question.describe(MEASURED, "AUROC")


def test_the_study_protocol_is_said_in_words() -> None:
    heading = Heading("t", "real_test: 8 real films", protocol="study")
    said = _texts(confusion.confusion(_confusions(), heading))
    assert "cancer means any tumour, benign ones included" in said
    assert "SIMULATED" not in said


def _confusions() -> confusion.Confusions:
    counts = ({"tp": 3, "fn": 1, "fp": 2, "tn": 6}, {"tp": 2, "fn": 2, "fp": 0, "tn": 8})
    return confusion.Confusions(counts, (0.4, 0.5))


def test_confusion_shows_mean_counts_shares_and_thresholds() -> None:
    said = _texts(confusion.confusion(_confusions(), HEADING))
    for words in ("2.5", "62.5 %", "37.5 %", "found", "missed", "false alarm", "0.400 to 0.500"):
        assert words in said
    assert "12.5 %" in said and "87.5 %" in said
    assert "2 to 3" in said, "the range over replicates"
    assert "cancer missed: 1.5 (37.5 %)" in confusion.describe(_confusions())
    lone = confusion.Confusions(({"tp": 0, "fn": 0, "fp": 1, "tn": 1},), (0.5,))
    assert "no film" in _texts(confusion.confusion(lone, HEADING))


def test_pages_keep_a_place_for_what_is_missing() -> None:
    cells = {name: _confusions() for name in list(CONFIGURATIONS)[:4]}
    said = _texts(confusion.confusion_page(cells, HEADING))
    assert said.count("not measured") == 5 + 2
    assert said.count("cut at") == 4
    runs = {"real": [training.TrainingRun(0, (), None)], "30-70-95syn": [_run()]}
    said = _texts(training.training_page(runs, "loss", HEADING))
    assert said.count("no epochs") == 1
    assert said.count("not measured") == 9
    table = {"real": dict.fromkeys(("auroc", "balanced_accuracy"), Estimate(0.6, 0.5, 0.7))}
    for name in ("accuracy", "precision", "recall", "specificity", "f1"):
        table["real"][name] = Estimate(None)
    figure = configurations(table, 0.3, HEADING)
    assert _texts(figure).count("not measured") == 10 * 7
    levels = [{float(line.get_xdata()[0]) for line in axis.lines} for axis in figure.axes]
    assert 0.5 in levels[0] and 0.5 in levels[1], "chance"
    assert 0.7 in levels[2] and 0.3 in levels[3], "always normal; prevalence"


def _run(replicate: int = 0) -> training.TrainingRun:
    curves = [
        {
            "epoch": k,
            "loss": 1 / (k + 1),
            "val_loss": 0.5,
            "accuracy": 0.5,
            "val_accuracy": 0.4,
            "precision": None if k == 1 else 0.6,
            "val_precision": 0.3,
            "recall": 0.2,
            "val_recall": float("nan"),
        }
        for k in range(4)
    ]
    return training.TrainingRun(replicate, curves, 2)


def test_training_breaks_a_line_where_a_value_is_undefined() -> None:
    figure = training.training([_run(), _run(1)], HEADING)
    loss, accuracy, precision, recall = figure.axes
    np.testing.assert_array_equal(precision.lines[0].get_ydata(), [0.6, np.nan, 0.6, 0.6])
    assert precision.lines[1].get_xdata().tolist() == [0.0], "a lone value is a dot"
    assert np.isnan(recall.lines[3].get_ydata()).all()
    assert loss.lines[0].get_linestyle() == "-"
    assert [list(line.get_xdata()) for line in accuracy.lines].count([2.0]) == 4, "weights kept"
    assert "4 epochs, weights of epoch 2 kept" in training.describe([_run()])
    assert "validation" in _texts(figure)


def _ranked(name: str, seed: int = 0) -> tuple[ranking.Ranked, Curves]:
    label, p = _scores(40, 50, seed)
    found = curves(label, p, np.arange(40) // 2, resamples=RESAMPLES)
    points = ((0.7, 0.6, 0.5), (0.8, 0.5, None))
    return ranking.Ranked(name, found, Estimate(0.7, 0.6, 0.8), Estimate(0.6), points), found


def test_ranking_draws_curves_bands_chance_and_operating_points() -> None:
    one, found = _ranked("a")
    figure = ranking.roc_and_precision_recall([one, _ranked("b", 1)[0]], HEADING)
    roc, precision_recall = figure.axes
    np.testing.assert_array_equal(roc.lines[0].get_ydata(), found.roc.y)
    assert [[0, 1], [0, 1]] in [[list(x.get_xdata()), list(x.get_ydata())] for x in roc.lines]
    levels = [list(line.get_ydata()) for line in precision_recall.lines]
    assert [found.prevalence] * 2 in levels
    hatched = [c.get_hatch() for c in roc.collections if c.get_hatch()]
    assert len(hatched) == len(set(hatched)) == 2, "bands differ in grey"
    dashes = [str(line._dash_pattern) for line in roc.lines if len(line.get_xdata()) > 2]
    assert len(set(dashes)) == 2, "lines differ in grey"
    marks = [line.get_marker() for line in roc.lines if len(line.get_xdata()) == 1]
    assert sorted(set(marks)) == ["o", "s"]
    assert len([x for x in precision_recall.lines if len(x.get_xdata()) == 1]) == 2, "None: no mark"
    assert "a: AUROC 0.700 (0.60–0.80)" in _texts(figure)
    page = ranking.ranking_page({"real": one}, ranking.ROC, HEADING)
    assert _texts(page).count("not measured") == 10


def test_reliability_says_how_many_scores_a_bin_has() -> None:
    label, p = _scores(40, 1000, 2)
    bins = reliable_bins(label, p, np.arange(40), resamples=RESAMPLES)
    brier, error = Estimate(0.2), Estimate(0.1, 0.05, 0.2)
    figure = reliability.reliability(
        bins, HEADING, replicates=2, prevalence=0.4, calibration_error=error, brier=brier
    )
    above, below = figure.axes
    counts = [int(text.get_text()) for text in below.texts]
    assert counts == [one.bin.n for one in bins]
    assert sum(counts) == 80
    assert "films × 2" in below.get_ylabel()
    assert [[0, 1], [0, 1]] in [[list(x.get_xdata()), list(x.get_ydata())] for x in above.lines]
    assert "calibration error 0.100 (0.05–0.20), Brier score 0.200" in _texts(figure)


def test_bytes_are_the_same_and_settings_stay_as_they_were() -> None:
    before = dict(mpl.rcParams)
    first = {
        form: to_bytes(question.question(MEASURED, "a", 0.5, HEADING), form, "t")
        for form in FORMATS
    }
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "black", "svg.hashsalt": "other"}):
        for form in FORMATS:
            again = question.question(MEASURED, "a", 0.5, HEADING)
            assert to_bytes(again, form, "t") == first[form], form
    assert dict(mpl.rcParams) == before
    assert first["png"][:8] == b"\x89PNG\r\n\x1a\n"
    assert first["pdf"][:5] == b"%PDF-"
    assert b"<svg" in first["svg"]
    for data in first.values():
        assert not re.search(rb"CreationDate|<dc:date>|20[23]\d-\d\d-\d\d", data)
    with pytest.raises(BadInput, match="jpg"), settings():
        to_bytes(new_figure(3, 2, HEADING)[0], "jpg")


def test_pages_give_the_same_bytes_though_a_solver_lays_them_out() -> None:
    cells = {name: _confusions() for name in list(CONFIGURATIONS)[:3]}
    drawn = {to_bytes(confusion.confusion_page(cells, HEADING), "svg") for _ in range(4)}
    assert len(drawn) == 1


def test_a_hostile_name_is_text() -> None:
    name = "$\\frac{1}{0}$\n<script>" + "x" * 300
    figure = question.question({name: MEASURED["vgg16"]}, "AUROC", None, HEADING)
    assert to_bytes(figure, "png")


# The folder --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantom: two classifiers, one brought (no epochs), several configurations. Real films under
    the study protocol: one cell."""
    folder = tmp_path_factory.mktemp("figures") / "results"
    cells = [Cell(replicate=k) for k in range(2)]
    cells += [Cell("30-70-100syn"), Cell("real", skill=2.0)]
    cells += [Cell(classifier="brought", brought=True)]
    write_cells(folder, WORLD, cells)
    write_cells(folder, STUDY, [Cell("50-50-90syn", classifier="other")])
    return folder


@pytest.fixture(scope="module")
def made(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The figures of one configuration and one classifier, as SVG."""
    out = tmp_path_factory.mktemp("made") / "figures"
    write_figures(
        results,
        out,
        formats=["svg"],
        classifier="vgg16",
        configuration="50-50-90syn",
        resamples=RESAMPLES,
    )
    return out


def test_simulated_and_real_films_and_protocols_never_share_a_figure(results: Path) -> None:
    groups = read_groups(results)
    assert [(g.release["simulated"], g.release["protocol"]) for g in groups] == [
        (False, "study"),
        (True, "strict"),
    ]
    assert [one.name for one in groups[1].classifiers] == ["brought", "vgg16"]
    paths = [one.path for group in groups for one in drawings(Numbers(group, RESAMPLES))]
    assert len(set(paths)) == len(paths)
    roots = {path.partition("/")[0] for path in paths}
    assert roots == {group.folder for group in groups}
    assert len(roots) == 2
    for group in groups:
        for one in drawings(Numbers(group, RESAMPLES)):
            said = one.heading.words
            assert "positive class: cancer" in said
            assert ("SIMULATED FILMS" in said) == group.release["simulated"]
            assert ("any tumour" in said) == (group.release["protocol"] == "study")


def test_the_plan_has_every_figure_and_says_what_has_none(results: Path) -> None:
    numbers = Numbers(read_groups(results)[1], RESAMPLES)
    names = [one.path.partition("/")[2] for one in drawings(numbers)]
    assert {"question-auroc", "question-balanced-accuracy"} <= set(names)
    assert "classifiers/50-50-90syn-roc-and-precision-recall" in names
    for name in ("configurations", "confusion-matrices", "roc", "precision-recall"):
        assert f"vgg16/{name}" in names and f"brought/{name}" in names
    for name in ("roc-and-precision-recall", "confusion-matrix", "reliability"):
        assert f"vgg16/real/{name}" in names and f"brought/50-50-90syn/{name}" in names
    assert {f"vgg16/training-{m}" for m in ("loss", "accuracy", "precision", "recall")} <= set(
        names
    )
    assert "vgg16/50-50-90syn/training" in names
    assert not [name for name in names if "training" in name and name.startswith("brought")]
    said = notes(numbers)
    assert "brought has no epochs, so it has no training curves." in said
    assert any(note.startswith("vgg16 was not measured on: 50-50-100syn") for note in said)
    assert notes(numbers, whole=False) == [said[0]], "what was not asked for is not missing"


def test_a_test_set_of_one_class_has_no_curves(results: Path) -> None:
    group = read_groups(results, classifier="vgg16")[0]
    normal = np.flatnonzero(group.truth.label == 0)
    truth = make_test_set([group.truth.films[i] for i in normal])
    trained = group.classifiers[0]
    cells = {name: replace(cell, p=cell.p[:, normal]) for name, cell in trained.cells.items()}
    numbers = Numbers(
        replace(group, truth=truth, classifiers=(replace(trained, cells=cells),)), RESAMPLES
    )
    every = list(drawings(numbers))
    assert not [one.path for one in every if "roc" in one.path.rpartition("/")[2].split("-")]
    assert any("one class alone" in note for note in notes(numbers))
    for one in every[:5]:
        assert one.words()
        assert one.draw(one.heading).axes


def test_words_tell_the_numbers(results: Path) -> None:
    numbers = Numbers(read_groups(results, "50-50-90syn", "vgg16")[0], RESAMPLES)
    group = numbers.group
    said = {one.path.rpartition("/")[2]: one.words() for one in drawings(numbers, whole=False)}
    cell = group.classifiers[0].cells["50-50-90syn"]
    auroc = np.mean([roc_auc_score(group.truth.label, p) for p in cell.p])
    assert f"AUROC {auroc:.3f}" in said["roc-and-precision-recall"]
    hits = np.mean(
        [
            ((p >= c) & (group.truth.label == 1)).sum()
            for p, c in zip(cell.p, cell.thresholds, strict=True)
        ]
    )
    assert f"cancer found: {hits:g} (" in said["confusion-matrix"]


class _Images(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "img":
            self.images.append(found)
        self.links += [v for k, v in attrs if k in ("src", "href") and v and v[0] != "#"]


def test_the_index_shows_every_figure_with_its_words(made: Path) -> None:
    text = (made / "index.html").read_text("utf-8")
    page = _Images(text)
    written = {p.relative_to(made).as_posix() for p in made.rglob("*.svg")}
    assert {image["src"] for image in page.images} == written
    assert len(written) == 4
    assert all(len(image["alt"] or "") > 60 for image in page.images)
    assert set(page.links) == written, "nothing outside the folder"
    assert "SIMULATED FILMS" in text and "positive class: cancer" in text
    assert "never for diagnosis" in text
    assert check_folder(made) == []
    assert [link.problems for link in verify_chain(made)] == [()] * 3


def test_the_same_records_give_the_same_bytes_and_a_killed_run_goes_on(
    results: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {
        "formats": ["svg"],
        "classifier": "vgg16",
        "configuration": "50-50-90syn",
        "resamples": RESAMPLES,
    }
    out = tmp_path / "figures"
    real, calls = training.training, []

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "training", killed)
    with pytest.raises(KeyboardInterrupt):
        write_figures(results, out, **arguments)
    assert not out.exists()
    monkeypatch.setattr(training, "training", real)
    monkeypatch.setattr(
        confusion, "confusion", lambda *_: calls.append("again") or pytest.fail("drawn twice")
    )
    done = write_figures(results, out, **arguments)
    assert not done.skipped
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures"]
    for path in made.rglob("*"):
        if path.is_file() and path.name != "manifest.json":  # which names the way to the records
            assert (out / path.relative_to(made)).read_bytes() == path.read_bytes(), path
    assert write_figures(results, out, **arguments).skipped


def test_only_a_folder_of_figures_is_replaced(results: Path, made: Path, tmp_path: Path) -> None:
    arguments = {"formats": ["svg"], "configuration": "real", "resamples": RESAMPLES}
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        write_figures(results, other, **arguments)
    assert (other / "thesis.txt").read_text() == "mine"
    write_manifest(other, "release", settings={})
    with pytest.raises(BadInput, match="release folder"):
        write_figures(results, other, **arguments)
    copy = shutil.copytree(made, tmp_path / "copy")
    write_figures(results, copy, **arguments)
    assert not list(copy.rglob("50-50-90syn")), "figures of the earlier choice are gone"


def test_changed_predictions_are_refused(results: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(results, tmp_path / "results")
    victim = next(copy.glob("*/50-50-90syn/vgg16/replicate-0/predictions-real_test.parquet"))
    shutil.copy(next(copy.glob("*/real/vgg16/replicate-0/predictions-real_test.parquet")), victim)
    with pytest.raises(CheckFailed, match="was changed"):
        write_figures(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _command(*arguments: str | Path) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=EPILOG)(figures)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_command(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures"
    choice = ("--config", "50-50-90syn", "--classifier", "other", "--format", "pdf, png")
    done = _command(results, "--out", out, *choice, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert len(said["figures"]) == 4
    for path in said["figures"]:
        assert (out / f"{path}.pdf").read_bytes()[:5] == b"%PDF-"
        assert (out / f"{path}.png").is_file()
    again = _command(results, "--out", out, *choice)
    assert "4 figures there already" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--format", "jpg"), "no format 'jpg'"),
        (("--format", ","), "No format"),
        (("--config", "50-50-91syn"), "no record of configuration '50-50-91syn'"),
        (("--classifier", "vgg"), "no record of classifier 'vgg'"),
        (("--classifier", "other", "--config", "real"), "no record of classifier 'other' on"),
    ],
)
def test_bad_input(results: Path, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = _command(results, "--out", tmp_path / "out", *arguments)
    assert isinstance(done.exception, BadInput)
    assert words in done.exception.message
    assert not (tmp_path / "out").exists()


def test_empty_results(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no record"):
        read_groups(tmp_path)
    with pytest.raises(BadInput, match="no results folder"):
        read_groups(tmp_path / "nowhere")
