"""How well a small classifier tells two kinds of images, on patients and seeds it did not see.

The classifier is logistic regression on standardised numbers: few settings, one optimum, and what
it finds, any network finds. It learns on four fifths of the groups (patients, seeds) and scores the
rest, five times. Only images of one fold are compared with each other: each fold has a classifier
of its own, with a scale of its own, and across folds the scores of equal classes are drawn apart
(what one fold has more of, the others have less of), which shows as an AUROC below chance.

The bootstrap draws groups again and leaves the five classifiers as they are, but these share films,
and err together. So its interval is widened by `WIDER`, the factor of Nadeau and Bengio (2003,
Inference for the generalization error). Without it, 78 to 92 % of intervals held the AUROC that
they were for, in rows of noise with a small difference or none; measured, the errors were 1.05 to
1.45 times what the bootstrap says.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_synth.films.audit.shortcut import weighted_auroc
from mammo_synth.quality.features import Features
from mammo_synth.quality.measures.arrays import Indices

Flags = npt.NDArray[np.bool_]

FOLDS = 5
LEAST_GROUPS = 8
"""Patients or seeds of each kind; fewer say nothing."""
LEVEL = 0.95
ROUNDS = 1000
WIDER = math.sqrt((1 / FOLDS + 1 / (FOLDS - 1)) * FOLDS)
"""1.5: the variance of a mean over J tests, each of n2 images after learning on n1, is
1 / J + n2 / n1 of that of one test, not 1 / J."""
_AT_A_TIME = 50  # rounds: some 2,000 images each, 1 MB an array
INVERSE_PENALTY = 0.1
"""scikit-learn's C. A few hundred standardised numbers of a few hundred images are not learned by
heart with it."""
ITERATIONS = 1000
FARTHEST = 5.0
"""Standard deviations: an outlier counts as this far."""
_EQUAL = 1e-9
"""A deviation below this share of the mean is rounding."""


@dataclass(frozen=True)
class Score:
    """AUROC with its interval ``low`` to ``high`` at `LEVEL`, over groups."""

    auroc: float
    low: float
    high: float


def told_apart(rows: Features, positive: Flags, groups: Indices, seed: int) -> Score:
    """How well ``rows`` [N, D] tell positive images from others.

    Args:
        rows: Finite numbers.
        positive: [N]; `LEAST_GROUPS` groups at least have a positive image, and as many another.
        groups: [N], numbers from 0: images of one group never stand on both sides, and are drawn
            together.
        seed: Of the folds and of the bootstrap.
    """
    random = np.random.default_rng(seed)
    kinds = _kinds(positive, groups)
    folds = deal(kinds, random)[groups]
    scores = np.zeros(len(rows))
    for fold in range(FOLDS):
        test = folds == fold
        scores[test] = _fitted(rows[~test], positive[~test], rows[test])
    auroc = float(_auroc(positive, scores, folds, np.ones((1, len(rows))))[0])
    drawn = []
    for start in range(0, ROUNDS, _AT_A_TIME):
        counts = _draws(kinds, min(_AT_A_TIME, ROUNDS - start), random)
        drawn.append(_auroc(positive, scores, folds, counts[:, groups]))
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(np.concatenate(drawn), (tail, 1 - tail))
    low, high = (np.clip(auroc + WIDER * (end - auroc), 0, 1) for end in (low, high))
    return Score(auroc, float(low), float(high))


def _kinds(positive: Flags, groups: Indices) -> list[Indices]:
    """Groups with positive images only, with both, and with others only. A patient may have a
    breast with cancer and one without."""
    has = np.bincount(groups[positive], minlength=int(groups.max()) + 1) > 0
    others = np.bincount(groups[~positive], minlength=len(has)) > 0
    return [np.flatnonzero(one) for one in (has & ~others, has & others, others & ~has)]


def deal(kinds: list[Indices], random: np.random.Generator) -> Indices:
    """The fold of each group, at random: all folds have as many groups, to within one, and as many
    groups with positive and with other images, to within one."""
    order = np.concatenate([random.permutation(kind) for kind in kinds])
    folds = np.empty(len(order), np.int64)
    # Groups with positive images stand in one run of this order, and so do those with others.
    folds[order] = np.arange(len(order)) % FOLDS
    return folds


def _draws(kinds: list[Indices], rounds: int, random: np.random.Generator) -> Features:
    """How often each group is drawn, as many of each kind as there are: [rounds, groups]."""
    counts = np.zeros((rounds, sum(map(len, kinds))))
    for kind in kinds:
        if len(kind):
            share = np.full(len(kind), 1 / len(kind))
            counts[:, kind] = random.multinomial(len(kind), share, size=rounds)
    return counts


def _fitted(learn: Features, positive: Flags, test: Features) -> Features:
    """Scores of ``test`` by a classifier that learned from ``learn``; high means positive."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, deviation = learn.mean(axis=0), learn.std(axis=0)
    deviation[deviation <= _EQUAL * np.maximum(np.abs(mean), 1)] = np.inf
    one, other = (np.clip((rows - mean) / deviation, -FARTHEST, FARTHEST) for rows in (learn, test))
    model = LogisticRegression(
        C=INVERSE_PENALTY, class_weight="balanced", max_iter=ITERATIONS, random_state=0
    )
    with warnings.catch_warnings():
        # A classifier that is not quite at its optimum is a classifier all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(one, positive)
    return np.asarray(model.decision_function(other), np.float64)


def _auroc(positive: Flags, scores: Features, folds: Indices, weights: Features) -> Features:
    """AUROC of images that count ``weights`` [R, N] times, over all pairs within a fold: [R]. NaN
    where there is no such pair."""
    won, pairs = np.zeros((2, len(weights)))
    labels = positive.astype(np.int64)
    for fold in range(FOLDS):
        inside = folds == fold
        here = weights[:, inside]
        count = here[:, positive[inside]].sum(axis=1) * here[:, ~positive[inside]].sum(axis=1)
        share = weighted_auroc(labels[inside], scores[inside], here)
        won += np.where(count > 0, share, 0) * count
        pairs += count
    found = np.full(len(weights), np.nan)
    np.divide(won, pairs, out=found, where=pairs > 0)
    return found
