"""Splits films by patient into train, val and real_test, before anything learns.

* ``train``: films that generators learn from, and the real share of a release's train split;
* ``val``: the real share of a release's test split: unseen by generators and by training;
* ``real_test``: the held-out films that the leaderboard ranks on, and nothing else touches.

A patient is in one role with all her films, of both breasts. Patients with a cancer film and
patients without are dealt separately, so each role has both classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mammo_synth.configurations import CANCER, LABELS, NORMAL, largest_remainder
from mammo_synth.errors import BadInput
from mammo_synth.films.record import ROLES, FilmRecord, label_of

UNITS = ("percent", "patients")


@dataclass(frozen=True)
class SplitSettings:
    """How many patients each role gets, and the seed of the draw.

    Attributes:
        train, val, real_test: Percent of the patients, which add up to 100, or numbers of patients.
        seed: Of the draw.
        unit: ``percent`` or ``patients``.
        given: Role by patient, as a split file says, instead of a draw; patients that it does not
            name are left out. ``given_sha256`` is the digest of that file.
    """

    train: int = 60
    val: int = 10
    real_test: int = 30
    seed: int = 0
    unit: str = "percent"
    given: Mapping[str, str] | None = field(default=None, repr=False)
    given_sha256: str | None = None

    def __post_init__(self) -> None:
        shares = self.shares
        if self.unit not in UNITS:
            raise BadInput(f"There is no unit '{self.unit}'.", hint=f"It is {' or '.join(UNITS)}.")
        if self.unit == "percent" and (min(shares) <= 0 or sum(shares) != 100):
            raise BadInput(
                f"The shares {shares} of train, val and real_test are not three positive whole "
                "percentages that add up to 100.",
                hint="For example --split 60,10,30.",
            )
        if min(shares) < 2:
            raise BadInput(
                f"{shares} patients in train, val and real_test: each needs at least two, one with "
                "cancer and one without.",
                hint="For example --split-patients 400,60,200.",
            )

    @property
    def shares(self) -> tuple[int, int, int]:
        """Percent or patients in the order of `ROLES`."""
        return self.train, self.val, self.real_test

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a manifest; a split file is named by its digest."""
        if self.given_sha256 is not None:
            return {"file_sha256": self.given_sha256}
        values = dict(zip(ROLES, self.shares, strict=True))
        return {**values, "seed": self.seed, "unit": self.unit}


def parse_shares(text: str, seed: int, unit: str = "percent") -> SplitSettings:
    """Read ``60,10,30``: percent, or numbers of patients.

    Raises:
        BadInput: Not three whole numbers, or none that can be.
    """
    try:
        train, val, real_test = (int(part) for part in text.split(","))
    except ValueError:
        example = "--split 60,10,30" if unit == "percent" else "--split-patients 400,60,200"
        raise BadInput(
            f"'{text}' is not a split; three whole numbers (train, val, real_test) were expected.",
            hint=f"For example {example}.",
        ) from None
    return SplitSettings(train, val, real_test, seed, unit)


def split_by_patient(
    records: Sequence[FilmRecord], protocol: str, settings: SplitSettings
) -> dict[str, str]:
    """Role of each patient who has a film with a label.

    Args:
        records: All films of a source.
        protocol: ``strict`` or ``study``: what counts as cancer.
        settings: Shares, numbers or a given split. A draw depends on the seed and the patients'
            ids only, not on the order of the films.

    Returns:
        patient_id → role. Patients without any labelled film, or beyond the numbers asked for, are
        left out.

    Raises:
        BadInput: Too few patients for every role to have both classes, or for the numbers asked
            for; the message counts them.
    """
    labels: dict[str, set[int]] = {}
    for record in records:
        label = label_of(record.finding, protocol)
        if label is not None:
            labels.setdefault(record.patient_id, set()).add(label)
    with_cancer = sorted(p for p, seen in labels.items() if CANCER in seen)
    without = sorted(p for p, seen in labels.items() if CANCER not in seen)
    if settings.given is not None:
        return _as_given(labels, settings.given)
    if min(len(with_cancer), len(without)) < len(ROLES):
        raise BadInput(
            f"There are {len(with_cancer)} patients with cancer and {len(without)} without under "
            f"the {protocol} protocol; a split into {', '.join(ROLES)} needs at least "
            f"{len(ROLES)} of each.",
            hint="Add films, or check the findings with `mammo-synth films inspect`.",
        )
    if settings.unit == "percent":
        sizes = [_at_least_one(len(s), settings.shares) for s in (with_cancer, without)]
    else:
        sizes = _in_numbers(len(with_cancer), len(without), settings.shares)
    roles: dict[str, str] = {}
    generator = np.random.default_rng(settings.seed)
    for stratum, by_role in zip((with_cancer, without), sizes, strict=True):
        order = [stratum[i] for i in generator.permutation(len(stratum))]
        start = 0
        for role, n in zip(ROLES, by_role, strict=True):
            roles |= dict.fromkeys(order[start : start + n], role)
            start += n
    return roles


def _at_least_one(total: int, shares: tuple[int, ...]) -> list[int]:
    """Largest-remainder shares of ``total`` patients, none of them empty."""
    sizes = list(largest_remainder(total, shares))
    while min(sizes) == 0:
        sizes[sizes.index(max(sizes))] -= 1
        sizes[sizes.index(0)] += 1
    return sizes


def _in_numbers(cancer: int, normal: int, wanted: tuple[int, int, int]) -> list[list[int]]:
    """Patients with cancer and without in each role: in each as in all, none of them none."""
    total = cancer + normal
    if sum(wanted) > total:
        raise BadInput(
            f"{sum(wanted)} patients were asked for ({', '.join(map(str, wanted))} in "
            f"{', '.join(ROLES)}); there are {total}: {cancer} with cancer and {normal} without.",
            hint="Ask for fewer, or give shares: --split 60,10,30.",
        )
    with_cancer = [min(max(1, round(n * cancer / total)), n - 1) for n in wanted]
    while sum(with_cancer) > cancer:
        with_cancer[with_cancer.index(max(with_cancer))] -= 1
    without = [n - c for n, c in zip(wanted, with_cancer, strict=True)]
    while sum(without) > normal:
        place = without.index(max(without))
        without[place] -= 1
        with_cancer[place] += 1
    return [with_cancer, without]


def _as_given(labels: Mapping[str, set[int]], given: Mapping[str, str]) -> dict[str, str]:
    roles = {patient: given[patient] for patient in sorted(labels) if patient in given}
    for role in ROLES:
        seen = {label for patient, its in roles.items() if its == role for label in labels[patient]}
        for label in (CANCER, NORMAL):
            if label not in seen:
                raise BadInput(
                    f"The split file puts no patient with a {LABELS[label]} film of this source "
                    f"into {role}; it names {len(roles)} of {len(labels)} patients.",
                    hint="Use the split file of the same source, with its patient_id.",
                )
    return roles


def count_films(
    records: Sequence[FilmRecord], roles: Mapping[str, str], protocol: str
) -> dict[str, dict[str, int]]:
    """Films by role and label name; films without a label or a role are not counted."""
    counts = {role: {LABELS[CANCER]: 0, LABELS[NORMAL]: 0} for role in ROLES}
    for record in records:
        label = label_of(record.finding, protocol)
        if label is not None and record.patient_id in roles:
            counts[roles[record.patient_id]][LABELS[label]] += 1
    return counts
