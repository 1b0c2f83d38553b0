"""Membership inference: can one tell which films the generator learned from?

An attacker scores films, and the area under the ROC curve says how well the scores tell training
films (members) from held-out ones: 0.5 is chance. With a pool alone, the score is the distance to
the nearest synthetic film (Chen et al. 2020, GAN-Leaks, arXiv 1909.03935); with the training
checkpoint it is what the discriminator says (Hayes et al. 2019, LOGAN, arXiv 1705.07663). Both sets
are films, so the result does not depend on how real synthetic films look.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.errors import BadInput

from .sets import numbered

ROUNDS = 1000
_CELLS = 1 << 22  # comparisons at a time: 32 MB
_AT_A_TIME = 100  # rounds


@dataclass(frozen=True)
class Membership:
    """AUROC of telling ``members`` training films (positive) from ``others`` held-out films, with
    the 95 % interval ``low`` to ``high`` over patients."""

    auroc: float
    low: float
    high: float
    members: int
    others: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def membership(
    members: npt.NDArray[np.float64],
    others: npt.NDArray[np.float64],
    member_patients: Sequence[Hashable],
    other_patients: Sequence[Hashable],
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Membership:
    """How well scores tell members from others; high means member (a distance: its negative).

    The interval is a percentile bootstrap over patients, drawn anew among the members' and among
    the others'. Comparisons are summed for each pair of patients once; a round is a small product.

    Args:
        members, others: Scores ``[T]`` and ``[H]``.
        member_patients, other_patients: Of these films.

    Raises:
        BadInput: No film on one side, or a score that is not finite.
    """
    if len(members) == 0 or len(others) == 0:
        raise BadInput(
            f"Scores of {len(members)} training films and {len(others)} held-out films were given; "
            "both are needed.",
            hint="Prepare the films with shares for val and real_test.",
        )
    if not (np.isfinite(members).all() and np.isfinite(others).all()):
        raise BadInput("Scores of films are not all finite.", hint="The discriminator is damaged.")
    rows, row_sizes = numbered(member_patients)
    columns, column_sizes = numbered(other_patients)
    won = np.zeros((len(row_sizes), len(column_sizes)))
    step = max(1, _CELLS // len(others))
    by_patient = np.zeros((len(others), len(column_sizes)))
    by_patient[np.arange(len(others)), columns] = 1
    for start in range(0, len(members), step):
        some = members[start : start + step, None]
        better = (some > others) + 0.5 * (some == others)
        np.add.at(won, rows[start : start + step], better @ by_patient)
    rng = np.random.default_rng(seed)
    drawn = []
    for start in range(0, rounds, _AT_A_TIME):
        count = min(_AT_A_TIME, rounds - start)
        m, o = (
            rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=count)
            for sizes in (row_sizes, column_sizes)
        )
        pairs = (m @ row_sizes) * (o @ column_sizes)
        drawn.append(np.einsum("ij,ij->i", m @ won, o) / pairs)
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975))
    auroc = float(won.sum() / (len(members) * len(others)))
    return Membership(auroc, float(low), float(high), len(members), len(others))
