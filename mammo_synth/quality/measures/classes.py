"""The same for each class, and pooled with the classes in the films' proportions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput

from .arrays import Indices

POOLED = "pooled"
T = TypeVar("T")


def per_class(
    task: Callable[[Indices, Indices], T],
    real_labels: Sequence[int] | npt.NDArray[np.integer],
    fake_labels: Sequence[int] | npt.NDArray[np.integer],
    *,
    names: Mapping[int, str] | Sequence[str] = LABELS,
    seed: int = 0,
) -> dict[str, T]:
    """What ``task`` says of each class, by its name, and of all classes as ``pooled``.

    Pooled synthetic images are drawn so that the classes have the films' proportions: otherwise
    a pool of 50 % cancer would be told from films by its cancers, however good they are.

    Args:
        task: Takes the numbers of the films and of the synthetic images that it is to compare.
        real_labels: Label of each film.
        fake_labels: Label of each synthetic image.
        names: Name of each label.
        seed: Of the drawing.

    Raises:
        BadInput: A label without a name, or a class that only one side has.
    """
    films, images = np.asarray(real_labels), np.asarray(fake_labels)
    labels = sorted({*films.tolist(), *images.tolist()})
    known = dict(names) if isinstance(names, Mapping) else dict(enumerate(names))
    for label in labels:
        if label not in known:
            raise BadInput(
                f"The label {label} is none of {sorted(known)}.", hint="Check the labels."
            )
        for side, found in (("films", films), ("synthetic images", images)):
            if not np.any(found == label):
                raise BadInput(
                    f"There is no {known[label]} among the {side}.",
                    hint="Compare the classes that both have.",
                )
    numbers = [(np.nonzero(films == label)[0], np.nonzero(images == label)[0]) for label in labels]
    results = {
        known[label]: task(ours, theirs)
        for label, (ours, theirs) in zip(labels, numbers, strict=True)
    }
    if len(labels) > 1:
        results[POOLED] = task(np.arange(len(films)), in_proportion(numbers, seed))
    return results


def in_proportion(numbers: Sequence[tuple[Indices, Indices]], seed: int) -> Indices:
    """As many synthetic images as can be, with the classes in the films' proportions, in order.

    Args:
        numbers: Of each class, the numbers of its films and of its synthetic images.
        seed: Of the drawing.
    """
    scale = min(len(images) / len(films) for films, images in numbers)
    random = np.random.default_rng(seed)
    chosen = [
        random.permutation(images)[: max(1, round(scale * len(films)))] for films, images in numbers
    ]
    return np.sort(np.concatenate(chosen))
