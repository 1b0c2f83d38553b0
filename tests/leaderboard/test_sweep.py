"""ROC and PR of the page: exact counts, few points, the true areas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from mammo_synth.leaderboard.sweep import POINTS, sweep


def _area(fp: np.ndarray, tp: np.ndarray) -> float:
    return float(np.trapezoid(tp / tp[-1], fp / fp[-1]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=60))
def test_all_corners_give_auroc_and_average_precision(films: list[tuple[bool, int]]) -> None:
    label = np.array([int(a) for a, _ in films])
    if len(set(label.tolist())) < 2:
        return
    p = np.array([score / 10 for _, score in films])
    found = sweep(label, p)
    fp, tp = np.array(found.fp), np.array(found.tp)
    assert (fp[0], tp[0], fp[-1], tp[-1]) == (0, 0, (label == 0).sum(), label.sum())
    assert _area(fp, tp) == pytest.approx(roc_auc_score(label, p))
    called = fp[1:] + tp[1:]
    steps = np.diff(tp) / tp[-1]
    assert float((steps * tp[1:] / called).sum()) == pytest.approx(
        average_precision_score(label, p)
    )


@pytest.mark.parametrize("skill", [0.0, 1.0, 4.0])
def test_few_points_keep_the_curve(skill: float) -> None:
    rng = np.random.default_rng(0)
    label = (rng.random(2_000) < 0.3).astype(np.int64)
    p = 1 / (1 + np.exp(-(skill * label + rng.normal(size=2_000))))
    cut = float(np.median(p))
    found = sweep(label, p, cut=cut)
    fp, tp = np.array(found.fp), np.array(found.tp)
    assert len(fp) <= POINTS
    called = p >= cut
    here = (int((called & (label == 0)).sum()), int((called & (label == 1)).sum()))
    assert here in zip(found.fp, found.tp, strict=True), "the operating point is on the curve"
    assert (np.diff(fp) >= 0).all() and (np.diff(tp) >= 0).all()
    assert (fp[-1], tp[-1]) == ((label == 0).sum(), label.sum())
    assert _area(fp, tp) == pytest.approx(roc_auc_score(label, p), abs=0.005)
    # Every kept point is a true one: so many films of each class score at or above some cut.
    order = np.argsort(-p)
    true = set(zip(np.r_[0, np.cumsum(1 - label[order])], np.r_[0, np.cumsum(label[order])],
                   strict=True))  # fmt: skip
    assert set(zip(fp.tolist(), tp.tolist(), strict=True)) <= true


def test_equal_scores_are_one_step() -> None:
    label = np.array([1, 0, 1, 0])
    found = sweep(label, np.full(4, 0.4))
    assert (found.fp, found.tp) == ((0, 2), (0, 2))
