"""Whether films suffice for a release: what each configuration needs, what there is, what fits."""

from __future__ import annotations

from collections.abc import Mapping

from mammo_synth.configurations import (
    CANCER,
    CONFIGURATIONS,
    LABELS,
    NORMAL,
    REAL,
    SPLITS,
    Cell,
    check_size,
    largest_size,
    real_films_needed,
)
from mammo_synth.errors import BadInput

REAL_ROLE = {"train": "train", "test": "val"}
"""Role of the films that fill a split's real share: never ``real_test``, never both."""

_KEYS = [(split, label) for split in SPLITS for label in (CANCER, NORMAL)]


def available_films(by_role: Mapping[str, Mapping[str, int]]) -> dict[tuple[str, int], int]:
    """Films for a release's real share by its split and label, of films by role and label name."""
    return {(split, label): by_role[REAL_ROLE[split]][LABELS[label]] for split, label in _KEYS}


def too_few_films(size: int, available: Mapping[tuple[str, int], int]) -> BadInput | None:
    """The error of a release of ``size`` images per configuration that the films do not suffice
    for, or None.

    Args:
        size: Images per configuration (train + test).
        available: Real films by (split, label).

    Raises:
        BadInput: No release is that small.
    """
    check_size(size)
    short = [
        f"{split} needs {n} real {LABELS[label]} films (role {REAL_ROLE[split]}), there are "
        f"{available[split, label]}"
        for (split, label), n in real_films_needed(size).items()
        if available[split, label] < n
    ]
    if not short:
        return None
    fits = largest_size(dict(available), limit=size)
    advice = (
        f"The largest --size that these films allow is {fits}."
        if fits
        else "No size fits these films."
    )
    return BadInput(
        f"A release of {size} images per configuration is too large for the prepared films: "
        f"{'; '.join(short)}. {_by_configuration(size, available)}",
        hint=f"{advice} More films or another `films prepare --split` allow more.",
    )


def _by_configuration(size: int, available: Mapping[tuple[str, int], int]) -> str:
    needs = []
    for name, configuration in CONFIGURATIONS.items():
        counts = configuration.counts(size)
        real = [counts[Cell(split, label, REAL)] for split, label in _KEYS]
        if any(real):
            needs.append(f"{name} {'/'.join(map(str, real))}")
    there = "/".join(str(available[key]) for key in _KEYS)
    return (
        "Real films needed (train cancer/train normal/test cancer/test normal): "
        f"{', '.join(needs)}; the 100syn configurations none; there are {there}."
    )
