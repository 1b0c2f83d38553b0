"""Splits films by patient into train, val and real_test, before anything learns.

* ``train``: films that generators learn from, and the real share of a release's train split;
* ``val``: the real share of a release's test split: unseen by generators and by training;
* ``real_test``: the held-out films that the leaderboard ranks on, and nothing else touches.

A patient is in one role with all her films. Patients with a cancer film and patients without are
dealt separately, so each role has both classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammo_synth.configurations import CANCER, LABELS, NORMAL, largest_remainder
from mammo_synth.errors import BadInput
from mammo_synth.films.record import ROLES, FilmRecord, label_of


@dataclass(frozen=True)
class SplitSettings:
    """Shares of patients in each role, in percent, and the seed of the draw."""

    train: int = 60
    val: int = 10
    real_test: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        shares = self.shares
        if min(shares) <= 0 or sum(shares) != 100:
            raise BadInput(
                f"The shares {shares} of train, val and real_test are not three positive whole "
                "percentages that add up to 100.",
                hint="For example --split 60,10,30.",
            )

    @property
    def shares(self) -> tuple[int, int, int]:
        """Shares in the order of `ROLES`."""
        return self.train, self.val, self.real_test


def parse_shares(text: str, seed: int) -> SplitSettings:
    """Read ``60,10,30``.

    Raises:
        BadInput: Not three whole percentages that add up to 100.
    """
    try:
        train, val, real_test = (int(part) for part in text.split(","))
    except ValueError:
        raise BadInput(
            f"'{text}' is not a split; three whole percentages (train, val, real_test) were "
            "expected.",
            hint="For example --split 60,10,30.",
        ) from None
    return SplitSettings(train, val, real_test, seed)


def split_by_patient(
    records: Sequence[FilmRecord], protocol: str, settings: SplitSettings
) -> dict[str, str]:
    """Role of each patient who has a film with a label.

    Args:
        records: All films of a source.
        protocol: ``strict`` or ``study``: what counts as cancer.
        settings: Shares and seed. The draw depends on the seed and the patients' ids only, not
            on the order of the films.

    Returns:
        patient_id → role. Patients without any labelled film are left out.

    Raises:
        BadInput: Too few patients for every role to have both classes; the message counts them.
    """
    labels: dict[str, set[int]] = {}
    for record in records:
        label = label_of(record.finding, protocol)
        if label is not None:
            labels.setdefault(record.patient_id, set()).add(label)
    with_cancer = sorted(p for p, seen in labels.items() if CANCER in seen)
    without = sorted(p for p, seen in labels.items() if CANCER not in seen)
    if min(len(with_cancer), len(without)) < len(ROLES):
        raise BadInput(
            f"There are {len(with_cancer)} patients with cancer and {len(without)} without under "
            f"the {protocol} protocol; a split into {', '.join(ROLES)} needs at least "
            f"{len(ROLES)} of each.",
            hint="Add films, or check the findings with `mammo-synth films inspect`.",
        )
    roles: dict[str, str] = {}
    generator = np.random.default_rng(settings.seed)
    for stratum in (with_cancer, without):
        order = [stratum[i] for i in generator.permutation(len(stratum))]
        sizes = _at_least_one(len(stratum), settings.shares)
        start = 0
        for role, n in zip(ROLES, sizes, strict=True):
            roles |= dict.fromkeys(order[start : start + n], role)
            start += n
    return roles


def _at_least_one(total: int, shares: tuple[int, int, int]) -> list[int]:
    """Largest-remainder shares of ``total`` patients, none of them empty."""
    sizes = list(largest_remainder(total, shares))
    while min(sizes) == 0:
        sizes[sizes.index(max(sizes))] -= 1
        sizes[sizes.index(0)] += 1
    return sizes


def count_films(
    records: Sequence[FilmRecord], roles: dict[str, str], protocol: str
) -> dict[str, dict[str, int]]:
    """Films by role and label name; films without a label are not counted."""
    counts = {role: {LABELS[CANCER]: 0, LABELS[NORMAL]: 0} for role in ROLES}
    for record in records:
        label = label_of(record.finding, protocol)
        if label is not None and record.patient_id in roles:
            counts[roles[record.patient_id]][LABELS[label]] += 1
    return counts
