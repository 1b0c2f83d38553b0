"""What every cut through a run's scores would call rightly and wrongly: ROC and PR as counts.

One list of whole counts gives both curves without rounding: sensitivity and recall are ``tp`` by
the cancers, 1 − specificity is ``fp`` by the normals, precision is ``tp / (tp + fp)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_synth.bench.resampling import Floats, Integers

POINTS = 60
"""At most so many points are kept of each curve."""


@dataclass(frozen=True)
class Sweep:
    """Counts at falling cuts, films of equal score together.

    Attributes:
        fp, tp: Films called cancer wrongly and rightly, from the cut that calls none (0, 0) to
            the one that calls all; both never fall.
    """

    fp: tuple[int, ...]
    tp: tuple[int, ...]


def sweep(label: Integers, p: Floats, points: int = POINTS, *, cut: float | None = None) -> Sweep:
    """The counts at every distinct score, thinned to at most ``points``.

    A curve with more corners keeps its first and last one and those nearest to even steps along
    its way, so that no stretch of it is left without a point.

    Args:
        label: int64 [n], cancer 1, normal 0; both classes present.
        p: float64 [n], predicted probability of cancer.
        points: The most that are kept, 3 or more.
        cut: The operating point, which is kept too.
    """
    order = np.argsort(-p, kind="stable")
    scores, hits = p[order], label[order]
    last = np.r_[np.flatnonzero(np.diff(scores)), len(scores) - 1]
    tp = np.r_[0, np.cumsum(hits)[last]]
    fp = np.r_[0, np.cumsum(1 - hits)[last]]
    if len(tp) > points:
        way = tp / max(int(tp[-1]), 1) + fp / max(int(fp[-1]), 1)
        steps = np.searchsorted(way, np.linspace(0, way[-1], points - (cut is not None)))
        steps[-1] = len(tp) - 1
        here = [] if cut is None else [int((scores[last] >= cut).sum())]
        kept = np.unique(np.r_[steps, here].astype(np.int64))
        tp, fp = tp[kept], fp[kept]
    return Sweep(tuple(fp.tolist()), tuple(tp.tolist()))
