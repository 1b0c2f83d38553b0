"""What is drawn together: the films of one patient are one unit, a synthetic image is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mammo_synth.errors import BadInput

from .arrays import Indices


def unit_numbers(patients: Sequence[str] | None, count: int) -> Indices:
    """The unit of each of ``count`` images, from 0: patients in order of their names, or each
    image for itself where ``patients`` is None.

    Raises:
        BadInput: As many patients as images are needed.
    """
    if patients is None:
        return np.arange(count)
    if len(patients) != count:
        raise BadInput(
            f"There are {len(patients)} patients for {count} films.",
            hint="Give the patient of each film.",
        )
    return np.unique(np.asarray(patients), return_inverse=True)[1].reshape(-1).astype(np.int64)


def members(units: Indices) -> list[Indices]:
    """The images of each unit, in order of the units' numbers."""
    order = np.argsort(units, kind="stable")
    return list(np.split(order, np.cumsum(np.bincount(units))[:-1]))
