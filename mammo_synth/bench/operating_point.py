"""The operating point: the score from which a film is called cancer, chosen on validation data."""

from __future__ import annotations

import numpy as np

from mammo_synth.bench.metrics import check_scores
from mammo_synth.bench.resampling import Floats, Integers

MAX_BALANCED_ACCURACY = "max balanced accuracy"
FIXED = "fixed 0.5"
RULES = (MAX_BALANCED_ACCURACY, FIXED)
NEUTRAL = 0.5


def choose_threshold(label: Integers, p: Floats, rule: str = MAX_BALANCED_ACCURACY) -> float:
    """The threshold that ``rule`` gives on validation scores; ``p >= threshold`` is cancer.

    For "max balanced accuracy" the candidates are 0.5, the midpoints between neighbouring
    distinct scores, and 0 (every film is called cancer). Of several best candidates the one
    nearest to 0.5 is taken, and of two equally near the lower: it misses fewer cancers.

    Args:
        label: int [n] of the validation part, both classes present.
        p: float64 [n], scores in [0, 1] for cancer.
    """
    label, p = check_scores(label, p)
    if rule == FIXED:
        return NEUTRAL
    scores = np.unique(p)
    candidates = np.unique(np.r_[0.0, NEUTRAL, (scores[1:] + scores[:-1]) / 2])
    cancer, normal = np.sort(p[label == 1]), np.sort(p[label == 0])
    sensitivity = 1 - np.searchsorted(cancer, candidates) / len(cancer)
    specificity = np.searchsorted(normal, candidates) / len(normal)
    balanced = (sensitivity + specificity) / 2
    best = candidates[balanced >= balanced.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - NEUTRAL))])
