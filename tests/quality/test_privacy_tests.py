"""Significance, membership and authenticity: closed forms, independent references, levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score

from mammo_synth.errors import BadInput
from mammo_synth.gan.checkpoint import save_checkpoint
from mammo_synth.gan.settings import override
from mammo_synth.gan.state import new_state
from mammo_synth.quality.privacy.authenticity import authenticity
from mammo_synth.quality.privacy.discriminator import discriminator_scores
from mammo_synth.quality.privacy.membership import membership
from mammo_synth.quality.privacy.neighbours import nearest
from mammo_synth.quality.privacy.significance import nearest_test, rank_p_values
from tests.gan.gan_runs import TINY, blobs


def _areas(seed: int = 0, n: int = 60, m: int = 40):
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(0, 1, n), 1), np.round(rng.normal(0.4, 1, m), 1)


def test_rank_p_values_by_hand():
    p = rank_p_values(np.array([0.0, 2.0, 2.5, 9.0]), np.array([4.0, 2.0, 3.0]))
    assert p.tolist() == [1 / 4, 2 / 4, 2 / 4, 1]


def test_agrees_with_mann_whitney_and_delong_where_each_patient_has_one_film():
    near, far = _areas()
    found = nearest_test(near, far, range(len(far)))
    labels = np.r_[np.zeros(len(near)), np.ones(len(far))]
    assert found.closer == pytest.approx(roc_auc_score(labels, np.r_[near, far]))
    win = (near[:, None] < far) + 0.5 * (near[:, None] == far)
    variance = win.mean(axis=0).var(ddof=1) / len(far) + win.mean(axis=1).var(ddof=1) / len(near)
    assert found.high - found.closer == pytest.approx(1.96 * variance**0.5)
    rank = stats.mannwhitneyu(near, far, alternative="less").pvalue
    clustered = stats.norm.sf((found.closer - 0.5) / variance**0.5)
    assert found.p_closer == pytest.approx(max(rank, clustered))
    assert found.p_closer < 0.05 < 0.9 < found.p_farther


def test_films_of_one_patient_count_less():
    near, far = _areas()
    once = nearest_test(near, far, range(len(far)))
    again = nearest_test(near, np.repeat(far, 4), np.repeat(range(len(far)), 4))
    assert again.patients == once.patients and again.held_out == 4 * once.held_out
    assert again.high - again.low == pytest.approx(once.high - once.low, rel=0.01)
    assert nearest_test(near, np.repeat(far, 4), range(160)).high < again.high


def test_the_level_of_the_test_holds_with_patients():
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(400):
        woman = np.repeat(rng.normal(0, 1, 30), 4)
        held = woman + rng.normal(0, 0.3, 120)
        fake = rng.normal(0, np.hypot(1, 0.3), 300)
        rejected += nearest_test(fake, held, np.repeat(range(30), 4)).p_closer < 0.05
    assert 5 <= rejected <= 34  # 20 are expected at the level; four deviations are 17


def test_all_copies_and_all_far():
    held = np.arange(1.0, 101)
    copies = nearest_test(np.zeros(50), held, range(100))
    assert copies.closer == 1 and copies.p_closer < 1e-10 and copies.p_farther > 0.99
    assert copies.near_share == 1 and copies.near_share_held_out == 0.01
    assert copies.flagged == 50 and copies.least_p == 1 / 101
    far = nearest_test(np.full(50, 999.0), held, range(100))
    assert far.closer == 0 and far.p_closer > 0.99 and far.p_farther < 1e-10 and far.flagged == 0


def test_what_cannot_be_tested():
    for fake, held, patients in (([], [1.0, 2], "ab"), ([1.0], [1.0, 2], "aa"), ([1.0], [], "")):
        with pytest.raises(BadInput, match="two patients"):
            nearest_test(np.array(fake), np.array(held), patients)


def test_membership_agrees_with_scikit_learn():
    others, members = _areas(1)
    found = membership(members, others, range(len(members)), range(len(others)))
    labels = np.r_[np.ones(len(members)), np.zeros(len(others))]
    assert found.auroc == pytest.approx(roc_auc_score(labels, np.r_[members, others]))
    assert found.low < found.auroc < found.high
    win = (members[:, None] > others) + 0.5 * (members[:, None] == others)
    variance = win.mean(axis=0).var(ddof=1) / len(others) + win.mean(axis=1).var(ddof=1) / len(
        members
    )
    assert (found.high - found.low) == pytest.approx(2 * 1.96 * variance**0.5, rel=0.15)
    assert membership(members, others, range(40), range(60)) == found  # same seed


def test_membership_interval_is_one_of_patients():
    others, members = _areas(2)
    patients = np.repeat(range(10), 4), np.repeat(range(10), 6)
    by_film = membership(np.sort(members), np.sort(others), range(40), range(60))
    by_patient = membership(np.sort(members), np.sort(others), *patients)
    assert by_patient.auroc == by_film.auroc
    assert by_patient.high - by_patient.low > 1.3 * (by_film.high - by_film.low)


def test_membership_in_many_blocks(monkeypatch):
    others, members = _areas(4)
    whole = membership(members, others, np.arange(40) // 3, np.arange(60) // 2)
    monkeypatch.setattr("mammo_synth.quality.privacy.membership._CELLS", 130)
    assert membership(members, others, np.arange(40) // 3, np.arange(60) // 2) == whole
    assert membership(np.ones(3), np.zeros(3), "abc", "def").low == 1
    for wrong in (np.array([]), np.array([np.nan])):
        with pytest.raises(BadInput):
            membership(wrong, others, range(len(wrong)), range(60))


def test_authenticity_by_hand():
    films = np.array([[0.0], [1.0], [10.0]])  # nearest others: 1, 1, 9
    among = nearest(films, films, skip_self=True).distance[:, 0]
    assert among.tolist() == [1, 1, 9]
    fake = nearest(np.array([[-0.5], [-2.0], [15.0], [20.0]]), films)
    held = nearest(np.array([[-3.0], [12.0]]), films)
    found = authenticity(fake, held, among)
    assert found.share == 0.5 and found.floor == 0.5
    assert authenticity(fake, None, among).floor is None


@pytest.mark.parametrize("conditional", [False, True])
def test_discriminator_scores_each_film_alone(tmp_path: Path, conditional):
    settings = override(TINY, run={}, network={"c_dim": 2} if conditional else {})
    path = tmp_path / "checkpoint.safetensors"
    state = new_state(settings, torch.device("cpu"))
    save_checkpoint(path, state, settings)
    films = blobs(40)
    labels = np.arange(40) % 2 if conditional else None
    scores = discriminator_scores(path, films, labels, device="cpu")
    assert scores.shape == (40,) and np.unique(scores).size > 20
    one = discriminator_scores(
        path, films[7:8], None if labels is None else labels[7:8], device="cpu"
    )
    assert one[0] == pytest.approx(scores[7], abs=1e-5)
    x = torch.from_numpy(films[7:8]).float()[:, None] / 127.5 - 1
    c = torch.eye(2)[[1]] if conditional else None
    assert state.D(x, c).item() == pytest.approx(scores[7], abs=1e-5)
    with pytest.raises(BadInput, match="8 x 8"):
        discriminator_scores(path, films[:, ::2, ::2], labels, device="cpu")
    if conditional:
        with pytest.raises(BadInput, match="labels"):
            discriminator_scores(path, films, device="cpu")
    with pytest.raises(BadInput, match="is not there"):
        discriminator_scores(tmp_path / "none", films, device="cpu")
