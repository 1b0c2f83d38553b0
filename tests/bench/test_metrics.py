"""Metrics: closed forms, agreement with scikit-learn, and properties."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from mammo_synth.bench.calibration import reliability
from mammo_synth.bench.metrics import (
    METRICS,
    RANK_METRICS,
    Confusion,
    bootstrap,
    chance,
    confusion,
    normal_positive,
    patient_codes,
    percentile_interval,
    point_metrics,
    resample,
)
from mammo_synth.bench.operating_point import choose_threshold
from mammo_synth.bench.resampling import draw_counts
from mammo_synth.errors import BadInput

SENSITIVITIES = ("sensitivity_at_80_specificity", "sensitivity_at_90_specificity")


def test_point_metrics_follow_from_known_counts() -> None:
    # 4 cancers of which 3 called, 6 normals of which 2 called
    label = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    p = np.array([0.9, 0.8, 0.7, 0.1, 0.6, 0.5, 0.2, 0.2, 0.1, 0.0])
    assert confusion(label, p, 0.5) == Confusion(tp=3, fp=2, fn=1, tn=4)
    values = point_metrics(label, p, 0.5)
    assert values["accuracy"] == pytest.approx(0.7)
    assert values["precision"] == pytest.approx(3 / 5)
    assert values["recall"] == pytest.approx(3 / 4)
    assert values["f1"] == pytest.approx(6 / 9)
    assert values["specificity"] == pytest.approx(4 / 6)
    assert values["balanced_accuracy"] == pytest.approx((3 / 4 + 4 / 6) / 2)
    # pairs: three cancers above all 6 normals; the one at 0.1 above one, ties with one
    assert values["auroc"] == pytest.approx((18 + 1.5) / 24)
    # steps: precision 1 at the first three; the fourth comes among 4 + 5 called
    assert values["average_precision"] == pytest.approx((1 + 1 + 1 + 4 / 9) / 4)
    # (3·4 - 2·1) / sqrt(5 called · 4 cancers · 6 normals · 5 not called)
    assert values["mcc"] == pytest.approx(10 / np.sqrt(600))
    # at most one of 6 normals may be called, or none: three cancers stand above them all
    assert values["sensitivity_at_80_specificity"] == pytest.approx(3 / 4)
    assert values["sensitivity_at_90_specificity"] == pytest.approx(3 / 4)
    squares = [0.1, 0.2, 0.3, 0.9, 0.6, 0.5, 0.2, 0.2, 0.1, 0.0]
    assert values["brier"] == pytest.approx(np.square(squares).mean())
    # bins with two films are [0.1, 0.2) (0.1 cancer, 0.1 normal) and [0.2, 0.3) (two normals)
    alone = [0.1, 0.2, 0.3, 0.6, 0.5, 0.0]
    assert values["calibration_error"] == pytest.approx((sum(alone) + 0.8 + 0.4) / 10)
    assert set(values) == set(METRICS)


@pytest.mark.parametrize(
    ("cancer", "normal", "at_80", "at_90"),
    [
        # 10 normals: at 80 % two may be called, at 90 % one
        ([0.95, 0.85, 0.75, 0.05], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0], 0.75, 0.5),
        # the cut at 0.8 calls three tied normals at once: only what lies above it counts
        ([0.9, 0.8, 0.8, 0.8], [0.8, 0.8, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 0.25, 0.25),
        # all scores equal: calling nothing is the only cut that keeps the specificity
        ([0.5] * 4, [0.5] * 10, 0.0, 0.0),
        ([0.9] * 4, [0.1] * 10, 1.0, 1.0),
        ([0.1] * 4, [0.9] * 10, 0.0, 0.0),
        # five normals: 80 % allows exactly one, 90 % none (and 0.2 · 5 is not quite 1 in binary)
        ([0.95, 0.6, 0.6, 0.1], [0.9, 0.5, 0.4, 0.3, 0.2], 0.75, 0.25),
    ],
)
def test_sensitivity_at_a_specificity(
    cancer: list[float], normal: list[float], at_80: float, at_90: float
) -> None:
    label = np.r_[np.ones(len(cancer), int), np.zeros(len(normal), int)]
    values = point_metrics(label, np.array(cancer + normal), 0.5)
    assert values["sensitivity_at_80_specificity"] == at_80
    assert values["sensitivity_at_90_specificity"] == at_90


def test_calibration_bins_are_ten_and_an_edge_belongs_above() -> None:
    p = np.array([0.0, 0.0999, 0.1, 0.3, 0.6, 0.7, 1.0])
    bins = reliability(np.array([0, 1, 1, 0, 1, 1, 1]), p)
    assert [b.n for b in bins] == [2, 1, 0, 1, 0, 0, 1, 1, 0, 1]
    assert [b.low for b in bins] == pytest.approx(np.arange(10) / 10)
    assert bins[0].mean_score == pytest.approx(0.04995)
    assert bins[0].cancer_share == 0.5
    assert bins[2].mean_score is None
    # scores that are right on average in their bin have no calibration error
    label, p = np.array([0, 1, 0, 1, 1, 0]), np.array([0.55, 0.45, 0.45, 0.55, 0.5, 0.5])
    below, above = np.array([1, 2]), np.array([0, 3, 4, 5])
    error = (abs(1 - 0.9) + abs(2 - 2.1)) / 6
    assert label[below].sum() == 1
    assert label[above].sum() == 2
    assert point_metrics(label, p, 0.5)["calibration_error"] == pytest.approx(error)
    assert point_metrics(label, label.astype(float), 0.5)["calibration_error"] == 0
    assert point_metrics(label, 1.0 - label, 0.5)["brier"] == 1


def test_normal_positive_exchanges_the_classes() -> None:
    counts = Confusion(tp=3, fp=2, fn=1, tn=4)
    values = normal_positive(counts)
    assert values == {
        "accuracy": 0.7,
        "precision": 4 / 5,
        "recall": pytest.approx(4 / 6),
        "f1": pytest.approx(8 / 11),
    }
    assert normal_positive(Confusion(tp=2, fp=0, fn=0, tn=0))["recall"] is None


@given(st.integers(0, 10_000), st.sampled_from([4, 1000]))
def test_point_metrics_agree_with_scikit_learn(seed: int, levels: int) -> None:
    label, p, _ = _case(seed, levels=levels)
    values = point_metrics(label, p, 0.5)
    called = (p >= 0.5).astype(int)
    (tn, fp), (fn, tp) = sk.confusion_matrix(label, called, labels=[0, 1]).tolist()
    assert confusion(label, p, 0.5) == Confusion(tp=tp, fp=fp, fn=fn, tn=tn)
    assert values["accuracy"] == pytest.approx(sk.accuracy_score(label, called))
    assert values["recall"] == pytest.approx(sk.recall_score(label, called))
    assert values["specificity"] == pytest.approx(sk.recall_score(label, called, pos_label=0))
    assert values["f1"] == pytest.approx(sk.f1_score(label, called))
    assert values["auroc"] == pytest.approx(sk.roc_auc_score(label, p))
    assert values["average_precision"] == pytest.approx(sk.average_precision_score(label, p))
    assert values["brier"] == pytest.approx(sk.brier_score_loss(label, p))
    if called.any():
        assert values["precision"] == pytest.approx(sk.precision_score(label, called))
    if 0 < called.sum() < len(p):
        assert values["mcc"] == pytest.approx(sk.matthews_corrcoef(label, called))
    recall, specificity = values["recall"], values["specificity"]
    assert recall is not None
    assert specificity is not None
    assert values["balanced_accuracy"] == pytest.approx((recall + specificity) / 2)
    called_normal, found, _ = sk.roc_curve(label, p, drop_intermediate=False)
    for share in (80, 90):
        best = found[called_normal <= 1 - share / 100 + 1e-9].max()
        assert values[f"sensitivity_at_{share}_specificity"] == pytest.approx(best)


@given(st.integers(0, 10_000), st.sampled_from([3, 1000]))
def test_rank_metrics_see_only_the_order(seed: int, levels: int) -> None:
    label, p, _ = _case(seed, levels=levels)
    values = point_metrics(label, p, 0.5)
    moved = point_metrics(label, 0.2 + 0.5 * p**3, 0.5)
    for name in RANK_METRICS:
        assert moved[name] == pytest.approx(values[name]), name
    # turned round, and with the classes exchanged as well, each pair keeps its order
    auroc = values["auroc"]
    assert auroc is not None
    assert point_metrics(label, 1 - p, 0.5)["auroc"] == pytest.approx(1 - auroc)
    assert point_metrics(1 - label, 1 - p, 0.5)["auroc"] == pytest.approx(auroc)
    assert values["sensitivity_at_80_specificity"] >= values["sensitivity_at_90_specificity"]


def test_cancer_is_the_positive_class() -> None:
    label = np.array([1, 0, 0, 0])
    values = point_metrics(label, np.ones(4), 0.5)
    assert values["precision"] == 0.25
    assert values["recall"] == 1.0
    assert values["specificity"] == 0.0


@pytest.mark.parametrize(
    ("label", "p", "undefined"),
    [
        ([0, 1], [0.1, 0.2], {"precision", "mcc"}),
        ([0, 0], [0.1, 0.2], {"precision", "recall", "f1", "balanced_accuracy", "mcc", "auroc",
                              "average_precision", *SENSITIVITIES}),
        ([1, 1], [0.9, 0.2], {"specificity", "balanced_accuracy", "mcc", "auroc", *SENSITIVITIES}),
        ([1], [0.9], {"specificity", "balanced_accuracy", "mcc", "auroc", *SENSITIVITIES}),
    ],
)  # fmt: skip
def test_what_has_no_value_is_none_and_warns_not(
    label: list[int], p: list[float], undefined: set[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = point_metrics(np.array(label), np.array(p), 0.5)
    assert {name for name, value in values.items() if value is None} == undefined


@pytest.mark.parametrize(
    ("label", "p", "words"),
    [
        ([0, 1], [0.5], "shape"),
        ([], [], "shape"),
        ([0, 2], [0.1, 0.2], "normal = 0 and cancer = 1"),
        ([0, 1], [0.1, np.nan], "row 1"),
        ([0, 1], [1.5, 0.1], "row 0: 1.5"),
    ],
)
def test_unusable_scores_are_refused(label: list[int], p: list[float], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        point_metrics(np.array(label), np.array(p), 0.5)


def _case(seed: int, n: int = 60, levels: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    label = np.r_[0, 1, generator.integers(0, 2, n - 2)]
    p = generator.integers(0, levels + 1, n) / levels  # many ties, 0.5 among them
    return label, p, generator.integers(0, n // 3, n)


@given(st.integers(0, 10_000), st.sampled_from([3, 1000]))
def test_resampling_equals_scikit_learn_with_weights(seed: int, levels: int) -> None:
    label, p, raw = _case(seed, levels=levels)
    patients = np.unique(raw, return_inverse=True)[1]
    drawn = resample(label, p, [0.5], patients, resamples=5, seed=seed)
    counts = next(draw_counts(int(patients.max()) + 1, 5, seed, 5))
    for row, count in enumerate(counts.T):
        weight, called = count[patients], (p >= 0.5).astype(int)
        assert weight.sum() > 0
        both = weight[label == 1].sum() > 0 and weight[label == 0].sum() > 0
        expected = {
            "accuracy": sk.accuracy_score(label, called, sample_weight=weight),
            "precision": sk.precision_score(
                label, called, sample_weight=weight, zero_division=np.nan
            ),
            "recall": sk.recall_score(label, called, sample_weight=weight, zero_division=np.nan),
            "f1": sk.f1_score(label, called, sample_weight=weight, zero_division=np.nan),
            "specificity": sk.recall_score(
                label, called, pos_label=0, sample_weight=weight, zero_division=np.nan
            ),
        }
        expected["brier"] = sk.brier_score_loss(label, p, sample_weight=weight)
        # A film with the weight k counts as k films.
        repeated = np.repeat(np.arange(len(p)), weight.astype(int))
        again = point_metrics(label[repeated], p[repeated], 0.5)
        for name in (*SENSITIVITIES, "calibration_error", "mcc"):
            value = again[name]
            expected[name] = np.nan if value is None else value
        if both:
            expected["auroc"] = sk.roc_auc_score(label, p, sample_weight=weight)
            expected["average_precision"] = sk.average_precision_score(
                label, p, sample_weight=weight
            )
            expected["balanced_accuracy"] = sk.balanced_accuracy_score(
                label, called, sample_weight=weight
            )
        for name, value in expected.items():
            assert drawn[name][row] == pytest.approx(value, nan_ok=True), name


def test_resamples_weigh_patients_whole() -> None:
    counts = np.concatenate(list(draw_counts(7, 11, seed=3, at_once=4)), axis=1)
    assert counts.shape == (7, 11)
    assert (counts.sum(axis=0) == 7).all()
    # how many are drawn at a time must not matter
    (at_once,) = draw_counts(7, 11, seed=3, at_once=11)
    assert np.array_equal(counts, at_once)


def test_the_draw_is_frozen() -> None:
    # Records must recompute with any NumPy: RandomState(0) draws 4 5 0 3 3 3 and 1 3 5 2 4 0.
    counts = next(draw_counts(6, 2, seed=0, at_once=2)).T.astype(int).tolist()
    assert counts == [[1, 0, 0, 3, 1, 1], [1, 1, 1, 1, 1, 1]]


def test_films_of_one_patient_widen_the_interval() -> None:
    generator = np.random.default_rng(0)
    label = np.repeat(generator.integers(0, 2, 100), 4)
    p = np.repeat(generator.random(100), 4)  # four equal films each: no more than 100 facts
    films = bootstrap(label, p, [0.5], np.arange(400))["accuracy"]
    patients = bootstrap(label, p, [0.5], np.repeat(np.arange(100), 4))["accuracy"]
    assert films is not None
    assert patients is not None
    assert (patients[1] - patients[0]) > 1.7 * (films[1] - films[0])


def test_interval_has_the_width_that_theory_gives() -> None:
    label = np.r_[np.ones(400, int), np.zeros(600, int)]
    p = (np.arange(1000) % 4 != 0).astype(float)  # 75 % called
    interval = bootstrap(label, p, [0.5], np.arange(1000), resamples=4000)["accuracy"]
    accuracy = point_metrics(label, p, 0.5)["accuracy"]
    assert interval is not None
    assert accuracy is not None
    half = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 1000)
    assert interval[0] == pytest.approx(accuracy - half, abs=0.003)
    assert interval[1] == pytest.approx(accuracy + half, abs=0.003)


def test_replicates_are_averaged_within_each_resample() -> None:
    label, p, patients = _case(1, levels=1000)
    patients = np.unique(patients, return_inverse=True)[1]
    q = 1 - p
    both = resample(label, np.stack([p, q]), [0.5, 0.4], patients, resamples=50)
    one = resample(label, p, [0.5], patients, resamples=50)
    two = resample(label, q, [0.4], patients, resamples=50)
    for name in METRICS:
        assert both[name] == pytest.approx((one[name] + two[name]) / 2, nan_ok=True)
    assert both["auroc"] == pytest.approx(np.full(50, 0.5), nan_ok=True)


def test_an_interval_needs_values_in_almost_all_resamples() -> None:
    values = np.linspace(0, 1, 101)
    assert percentile_interval(values) == pytest.approx((0.025, 0.975))
    assert percentile_interval(np.r_[values, np.full(3, np.nan)]) is not None
    assert percentile_interval(np.r_[values, np.full(20, np.nan)]) is None
    assert bootstrap(np.array([0, 1]), np.array([0.1, 0.2]), [0.5], np.arange(2))["auroc"] is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    label, p, patients = _case(0)
    with pytest.raises(BadInput, match="2 thresholds"):
        resample(label, p, [0.5, 0.5], patients)
    with pytest.raises(BadInput, match="0 resamples"):
        resample(label, p, [0.5], patients, resamples=0)


def test_10000_resamples_are_drawn_of_every_metric() -> None:
    generator = np.random.default_rng(0)
    label, p = (np.arange(300) < 90).astype(int), generator.random((3, 300))
    drawn = resample(label, p, [0.5] * 3, np.arange(300))
    assert {name: len(values) for name, values in drawn.items()} == dict.fromkeys(METRICS, 10_000)


def test_memory_of_the_bootstrap_is_bounded() -> None:
    label, p = (np.arange(3000) < 900).astype(int), np.linspace(0, 1, 3000)
    tracemalloc.start()
    resample(label, p, [0.5], np.arange(3000), resamples=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 2**20  # all counts at once would take 24 MB for every 1,000 resamples


def test_one_patient_gives_no_interval() -> None:
    label, p = np.array([1, 0]), np.array([0.9, 0.2])
    assert set(bootstrap(label, p, [0.5], np.zeros(2, int)).values()) == {None}
    assert set(bootstrap(label[:1], p[:1], [0.5], np.zeros(1, int)).values()) == {None}


def test_constant_scores_rank_nothing() -> None:
    label = np.arange(20) % 4 == 0
    values = bootstrap(label.astype(int), np.full(20, 0.4), [0.5], np.arange(20))
    assert values["auroc"] == (0.5, 0.5)
    assert values["sensitivity_at_80_specificity"] == (0, 0)
    assert values["precision"] is None  # nothing is called cancer in any resample
    assert values["mcc"] is None


def test_patient_codes_keep_films_without_patient_apart() -> None:
    assert patient_codes(["b", None, "a", "b", None]).tolist() == [0, 1, 2, 0, 3]


def test_chance_line() -> None:
    assert chance(0.3) == {
        "balanced_accuracy": 0.5,
        "auroc": 0.5,
        "average_precision": 0.3,
        "precision": 0.3,
    }
    generator = np.random.default_rng(0)
    label, p = (np.arange(20_000) < 6000).astype(int), generator.random(20_000)
    values = point_metrics(label, p, 0.7)
    for name, value in chance(0.3).items():
        assert values[name] == pytest.approx(value, abs=0.015)


def test_threshold_maximises_balanced_accuracy() -> None:
    label = np.array([0, 0, 0, 1, 1])
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.9])
    assert choose_threshold(label, p) == pytest.approx(0.35)  # the only cut that errs nowhere
    assert choose_threshold(label, p, "fixed 0.5") == 0.5


def test_threshold_ties_go_to_the_one_nearest_to_one_half() -> None:
    assert choose_threshold(np.array([0, 1]), np.array([0.2, 0.9])) == 0.5
    assert choose_threshold(np.array([0, 1, 0, 1]), np.full(4, 0.3)) == 0.5
    # cuts at 0.25 and 0.8 are equally good (0.75): 0.25 is nearer
    label, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.7, 0.3, 0.2])
    assert choose_threshold(label, p) == pytest.approx(0.25)


@given(st.integers(0, 10_000))
def test_no_threshold_beats_the_chosen_one(seed: int) -> None:
    label, p, _ = _case(seed)

    def balanced(threshold: float) -> float:
        called = p >= threshold
        return float((called[label == 1].mean() + (~called)[label == 0].mean()) / 2)

    best = balanced(choose_threshold(label, p))
    for threshold in np.r_[np.unique(p), np.linspace(0, 1, 21)]:
        assert best >= balanced(threshold) - 1e-12


def test_perfect_scores_of_many_films_stay_within_one() -> None:
    """Steps of average precision may sum to 1 + 2e-16, which is no metric."""
    for cancers in range(1, 60):
        label = np.r_[np.ones(cancers), np.zeros(7)].astype(np.int64)
        p = np.linspace(1.0, 0.0, len(label))
        values = point_metrics(label, p, 0.5)
        assert values["average_precision"] == pytest.approx(1.0, abs=1e-12)
        drawn = bootstrap(label, p, [p[cancers - 1]], np.arange(len(p)), resamples=50)
        for name, value in values.items():
            span = drawn[name]
            numbers = [value, *(span or ())]
            assert all(number is None or 0 <= number <= 1 for number in numbers), name
