"""Whether the files alone give the classes away: format, depth, size and borders, without a breast.

A classifier that learns them looks good and knows nothing of cancer. The score is the AUROC of a
small classifier (logistic regression) that sees nothing else, on patients that it did not learn
from. It should be at chance, 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.films.audit.look import Look

FOLDS = 5
LEAST = 10  # patients of each class; fewer say nothing
DRAWS, DRAWS_AT_ONCE, WEIGHTS_AT_ONCE = 1000, 50, 250_000
SEED = 0
EDGES = ("top", "bottom", "left", "right")


@dataclass(frozen=True)
class Shortcut:
    """The score; cancer is positive.

    Attributes:
        auroc: None where it could not be measured.
        low, high: 95 % interval from a bootstrap over patients.
        strongest: Properties that separate best by themselves: name, and their own AUROC.
        words: What it means, in one sentence.
    """

    auroc: float | None
    low: float | None
    high: float | None
    strongest: tuple[tuple[str, float], ...]
    words: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "auroc": self.auroc,
            "low": self.low,
            "high": self.high,
            "chance": 0.5,
            "positive": "cancer",
            "strongest": [{"property": name, "auroc": value} for name, value in self.strongest],
            "words": self.words,
        }


def properties(looks: Sequence[Look]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Names and values ``[N, P]`` of what the score sees, without those that are equal in all
    films."""
    formats = sorted({look.format for look in looks})
    names = [*(f"format {name}" for name in formats), "bits", "stored inverted"]
    names += ["width", "height", "aspect", "bytes per pixel"]
    names += [f"{edge} edge, {what}" for edge in EDGES for what in ("mean", "spread")]
    values = np.empty((len(looks), len(names)))
    for row, look in zip(values, looks, strict=True):
        row[:] = [
            *(look.format == name for name in formats),
            look.bits,
            look.inverted,
            np.log(look.width),
            np.log(look.height),
            np.log(look.width / look.height),
            np.log1p(look.file_bytes / (look.width * look.height)),
            *look.borders,
        ]
    varied = np.ptp(values, axis=0) > 1e-9
    return [n for n, keep in zip(names, varied, strict=True) if keep], values[:, varied]


def shortcut_score(looks: Sequence[Look]) -> Shortcut:
    """The score of all usable films with a label.

    Patients are never on both sides: five folds by patient, with both classes in each.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    films = [look for look in looks if not look.problem and look.label is not None]
    labels = np.array([look.label for look in films], dtype=np.int64)
    patients = np.array([look.patient_id for look in films])
    counts = [len(set(patients[labels == label])) if films else 0 for label in (1, 0)]
    if min(counts) < LEAST:
        return _unmeasured(
            f"not measured: {counts[0]} patients with cancer films and {counts[1]} with normal "
            f"ones; at least {LEAST} of each are needed"
        )
    names, values = properties(films)
    if not names:
        return Shortcut(0.5, 0.5, 0.5, (), "at chance: all files are alike in format and borders")
    scores = np.zeros(len(films))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    for learn, test in folds.split(values, labels, patients):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit(values[learn], labels[learn])
        # Ranks within the fold: models of different folds have different scales.
        order = model.decision_function(values[test])
        scores[test] = np.argsort(np.argsort(order)) / max(1, len(test) - 1)
    auroc = float(roc_auc_score(labels, scores))
    low, high = _interval(labels, scores, patients)
    alone = [(n, float(roc_auc_score(labels, values[:, k]))) for k, n in enumerate(names)]
    alone.sort(key=lambda pair: -abs(pair[1] - 0.5))
    strongest = tuple((name, round(value, 3)) for name, value in alone[:3])
    return Shortcut(
        round(auroc, 3), round(low, 3), round(high, 3), strongest, _words(low, high, strongest)
    )


def _unmeasured(words: str) -> Shortcut:
    return Shortcut(None, None, None, (), words)


def _interval(
    labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], patients: npt.NDArray[Any]
) -> tuple[float, float]:
    """95 % of the AUROCs of patients drawn again, with all their films each time."""
    rng = np.random.default_rng(SEED)
    names, group = np.unique(patients, return_inverse=True)
    found: list[float] = []
    # Many films are drawn a few times at once, so that memory does not grow with both.
    step = max(1, min(DRAWS_AT_ONCE, WEIGHTS_AT_ONCE // len(labels)))
    for done in range(0, DRAWS, step):
        draws = min(step, DRAWS - done)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
        found += weighted_auroc(labels, scores, drawn[:, group].astype(np.float64)).tolist()
    low, high = np.nanpercentile(found, (2.5, 97.5))
    return float(low), float(high)


def weighted_auroc(
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """AUROC of films that count ``weights [D, N]`` times, ``[D]``: the share of pairs of a positive
    and a negative film in which the positive one has the higher score, ties as half. NaN where all
    films that count are of one class."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    sorted_weights, positive = weights[:, order], labels[order] == 1
    up = np.add.reduceat(sorted_weights * positive, starts, axis=1)
    down = np.add.reduceat(sorted_weights * ~positive, starts, axis=1)
    won = (up * (np.cumsum(down, axis=1) - down / 2)).sum(axis=1)
    pairs = up.sum(axis=1) * down.sum(axis=1)
    shares: npt.NDArray[np.float64] = np.full(len(weights), np.nan)
    np.divide(won, pairs, out=shares, where=pairs > 0)
    return shares


def _words(low: float, high: float, strongest: Sequence[tuple[str, float]]) -> str:
    if low <= 0.5 <= high:
        return "at chance: file format and borders do not tell cancer from normal"
    if high < 0.5:
        return "below chance: folds differ more than classes do; look at the strongest properties"
    name, value = strongest[0]
    side = "more" if value > 0.5 else "less"
    return (
        "a shortcut: a classifier can tell the classes by the files alone, without any breast "
        f"(most by {name}: {side} in cancer films)"
    )
