"""Are synthetic films nearer to training films than films are that the generator never saw?

Held-out films are of other patients, so their distances to the nearest training film are what a
generator has that draws from the same distribution and copies nothing.

What the test cannot tell: a generator whose films are all alike and ordinary (a low truncation,
say) is nearer to training films without copying any, and one whose films are blurred or wrong is
farther from them and may still copy. So both directions are reported, and the gate asks
`membership` too, whose comparison of training with held-out films does not depend on what synthetic
films look like.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from mammo_synth.errors import BadInput

from .sets import numbered

Distances = npt.NDArray[np.float64]

NEAR_QUANTILE = 0.01
FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True)
class NearestTest:
    """Distances of synthetic films to their nearest training film against those of held-out films.

    Attributes:
        synthetic, held_out, patients: Numbers of films, and of the held-out films' patients.
        closer: Chance that a synthetic film is closer than a held-out one (0.5: alike), with its 95
            % interval ``low`` to ``high``.
        p_closer, p_farther: One-sided p-values that it is not closer, and not farther.
        near_share: Share of synthetic films that are closer than all but the closest 1 % of
            held-out films, to be compared with ``near_share_held_out``.
        least_p: Least p-value of a single film; it cannot be below 1 / (held_out + 1).
        flagged: Films whose own p-value stands when at most 5 % of those flagged shall be false
            (Benjamini & Hochberg 1995).
    """

    synthetic: int
    held_out: int
    patients: int
    closer: float
    low: float
    high: float
    p_closer: float
    p_farther: float
    near_share: float
    near_share_held_out: float
    least_p: float
    flagged: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def rank_p_values(distances: Distances, null: Distances) -> Distances:
    """One-sided p-value of each distance, ``(1 + held-out films as close) / (1 + held-out films)``
    (Davison & Hinkley 1997, section 4.2)."""
    as_close = np.searchsorted(np.sort(null), distances, side="right")
    return np.asarray((1.0 + as_close) / (1.0 + len(null)), np.float64)


def nearest_test(
    synthetic: Distances, held_out: Distances, patients: Sequence[Hashable]
) -> NearestTest:
    """Compare distances ``[N]`` of synthetic films with those ``[H]`` of held-out films.

    Films of one patient are alike, so the variance of the Mann-Whitney statistic is taken over
    patients (Obuchowski 1997; DeLong et al. 1988 where each has one film). The p-value is that or,
    where it is larger, that of the Mann-Whitney test, which is not lost where all films separate.

    Args:
        patients: Of the held-out films, ``[H]``.

    Raises:
        BadInput: No synthetic film, or held-out films of fewer than two patients.
    """
    of_film, sizes = numbered(patients)
    if len(synthetic) == 0 or len(sizes) < 2:
        raise BadInput(
            f"There are {len(synthetic)} synthetic films and held-out films of {len(sizes)} "
            "patients; at least one and films of two patients are needed.",
            hint="Prepare the films with shares for val and real_test.",
        )
    of_held = _share_below(np.sort(synthetic), held_out)  # synthetic films closer than each
    of_synthetic = 1.0 - _share_below(np.sort(held_out), synthetic)
    closer = float(of_held.mean())
    sums = np.bincount(of_film, weights=of_held - closer)
    clusters = len(sizes)
    variance = clusters / (clusters - 1) * float((sums**2).sum()) / len(held_out) ** 2
    if len(synthetic) > 1:
        variance += float(of_synthetic.var(ddof=1)) / len(synthetic)
    error = float(np.sqrt(variance))
    p = {}
    for side, sign in (("less", 1), ("greater", -1)):
        rank = float(stats.mannwhitneyu(synthetic, held_out, alternative=side).pvalue)
        clustered = float(stats.norm.sf(sign * (closer - 0.5) / error)) if error > 0 else 0.0
        p[side] = max(rank, clustered)
    single = rank_p_values(synthetic, held_out)
    near = np.quantile(held_out, NEAR_QUANTILE)
    return NearestTest(
        synthetic=len(synthetic),
        held_out=len(held_out),
        patients=clusters,
        closer=closer,
        low=max(0.0, closer - 1.96 * error),
        high=min(1.0, closer + 1.96 * error),
        p_closer=p["less"],
        p_farther=p["greater"],
        near_share=float((synthetic <= near).mean()),
        near_share_held_out=float((held_out <= near).mean()),
        least_p=float(single.min()),
        flagged=int((stats.false_discovery_control(single) <= FALSE_DISCOVERIES).sum()),
    )


def _share_below(ordered: Distances, values: Distances) -> Distances:
    """Share of ``ordered`` below each value, ties counted half."""
    left = np.searchsorted(ordered, values, side="left")
    right = np.searchsorted(ordered, values, side="right")
    share: Distances = (left + right) / (2.0 * len(ordered))
    return share
