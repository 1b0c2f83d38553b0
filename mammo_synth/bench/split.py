"""The validation part: split off the training rows, by patient and by seed.

All films of one patient, and all synthetic images of one seed, stand on the same side. (The two
generators turn one seed into two images that share their latent vector, so a seed is kept
together across the classes.) Synthetic and real rows are split apart, stratified by label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mammo_synth.configurations import LABELS, REAL
from mammo_synth.errors import BadInput

Indices = npt.NDArray[np.int64]


def split_validation(
    label: npt.NDArray[np.int64],
    origin: npt.NDArray[np.int64],
    image_id: Sequence[str],
    patient_id: Sequence[str | None],
    seed_of_image: Sequence[int | None],
    *,
    share: float,
    seed: int,
) -> tuple[Indices, Indices]:
    """Indices of the training part and of the validation part, each ascending.

    Units (patients, seeds, or single images without either) of each stratum (origin × the labels
    in the unit) are shuffled; the shortest run whose images come nearest to ``share`` of the
    stratum is validation. The result does not depend on the order of the rows.

    Args:
        label: int [n], normal 0, cancer 1.
        origin: int [n], synthetic 0, real 1.
        image_id, patient_id, seed_of_image: Length n; None where a row has none.
        share: Share of the rows for validation, in (0, 1).
        seed: Seed of the shuffle.

    Raises:
        BadInput: Either part would lack a class.
    """
    units: dict[tuple[str, str], list[int]] = {}
    for i, (name, patient, drawn) in enumerate(
        zip(image_id, patient_id, seed_of_image, strict=True)
    ):
        if origin[i] == REAL:
            key = ("patient", patient) if patient is not None else ("film", name)
        else:
            key = ("seed", f"{drawn:020d}") if drawn is not None else ("image", name)
        units.setdefault(key, []).append(i)
    strata: dict[tuple[int, ...], list[tuple[str, str]]] = {}
    for key in sorted(units):
        rows = units[key]
        stratum = (int(origin[rows[0]]), *sorted({int(label[i]) for i in rows}))
        strata.setdefault(stratum, []).append(key)
    chosen: list[int] = []
    for stratum in sorted(strata):
        keys = strata[stratum]
        order = np.random.default_rng([seed, *stratum]).permutation(len(keys))
        sizes = np.array([len(units[keys[i]]) for i in order])
        taken = np.concatenate([[0], np.cumsum(sizes)])
        n = int(np.argmin(np.abs(taken - share * taken[-1])))
        chosen += [row for i in order[:n] for row in units[keys[i]]]
    validation = np.array(sorted(chosen), dtype=np.int64)
    train = np.setdiff1d(np.arange(len(label), dtype=np.int64), validation)
    for what, part in (("training", train), ("validation", validation)):
        lacking = [LABELS[k] for k in (0, 1) if not (label[part] == k).any()]
        if lacking:
            raise BadInput(
                f"The {what} part ({len(part)} of {len(label)} images at a validation share of "
                f"{share:g}) has no {' and no '.join(lacking)} images; both classes are needed.",
                hint="Use a larger release, or another share: --set validation_share=0.3",
            )
    return train, validation
