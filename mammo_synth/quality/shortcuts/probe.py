"""The questions: real or synthetic, within each label; cancer or normal, without the breast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mammo_synth.configurations import CANCER, LABEL_VALUES, LABELS, NORMAL
from mammo_synth.errors import BadInput
from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.features import Features
from mammo_synth.quality.measures.arrays import Indices, some
from mammo_synth.quality.measures.classes import POOLED, in_proportion
from mammo_synth.quality.measures.units import unit_numbers

from .looks import Looks
from .report import (
    BACKGROUND,
    CLASS,
    CLASSIFIER,
    FILMS,
    ORIGIN,
    SPECTRUM,
    SYNTHETIC,
    Probe,
    ShortcutReport,
    warnings_of,
)
from .scoring import LEAST_GROUPS, told_apart

MOST = 1000
"""Images a side, drawn at random: more would narrow the interval to no use."""
PATIENTS, SEEDS = "patients", "seeds"
WAYS = {ORIGIN: (CLASSIFIER, BACKGROUND, SPECTRUM), CLASS: (BACKGROUND, SPECTRUM)}


@dataclass(frozen=True)
class Side:
    """Films, or synthetic images.

    Attributes:
        looks: Of N images.
        labels: int64 [N], normal 0, cancer 1.
        groups: The patient of each film, or the seed of each synthetic image: what is never on both
            sides of a fold.
    """

    looks: Looks
    labels: Indices
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        counts = len(self.looks), len(self.labels), len(self.groups)
        if len(set(counts)) > 1:
            raise BadInput(
                f"There are looks of {counts[0]} images, {counts[1]} labels and {counts[2]} "
                "groups.",
                hint="Give one of each for each image.",
            )
        if not np.isin(self.labels, (NORMAL, CANCER)).all():
            raise BadInput(
                "A label is neither 0 (normal) nor 1 (cancer).", hint="Check the labels."
            )

    def rows(self, by: str, numbers: Indices) -> Features:
        """What a classifier sees of the images ``numbers`` [n]: [n, D]."""
        if by == BACKGROUND:
            return self.looks.background[numbers]
        spectrum = self.looks.spectrum[numbers]
        if by == SPECTRUM:
            return spectrum
        return np.concatenate([self.looks.fingerprint[numbers], spectrum], axis=1)


@dataclass(frozen=True)
class _Part:
    """Images of one side that stand for one answer: their ``numbers``, and in words what they are
    and what their groups are."""

    side: Side
    numbers: Indices
    words: str
    group: str

    def described(self, by: str) -> _Part:
        """Without images that have no background, where the background is asked for."""
        finite = np.isfinite(self.side.rows(by, self.numbers)).all(axis=1)
        return _Part(self.side, self.numbers[finite], self.words, self.group)

    @property
    def groups(self) -> list[str]:
        return [self.side.groups[number] for number in self.numbers]


def probe_shortcuts(
    films: Side, synthetic: Side, *, seed: int = 0, progress: Progress = SILENT
) -> ShortcutReport:
    """Ask all questions.

    *Origin* is asked within each label and pooled, with the labels in the same proportions on both
    sides: cancers are not to be told from normal films here. *Class* is asked of synthetic images
    and, as the floor, of films. A question without 8 patients and 8 seeds (for a class: 8 of each
    label) has a reason instead of an answer.

    Args:
        films: Training films, or held-out ones.
        synthetic: Images of one label or of both.
        seed: Of what is drawn: images where there are more than `MOST`, folds, intervals.
        progress: Told of every question.

    Raises:
        BadInput: Films and synthetic images of different sides.
    """
    if films.looks.widths != synthetic.looks.widths:
        raise BadInput(
            f"Films have {2 * films.looks.widths[1]} px and synthetic images "
            f"{2 * synthetic.looks.widths[1]} px.",
            hint="Prepare the films at the generator's resolution.",
        )
    questions = list(_questions(films, synthetic, seed))
    progress.start("shortcuts", sum(len(WAYS[question]) for question, *_ in questions))
    probes = []
    try:
        for question, of, positive, negative in questions:
            for by in WAYS[question]:
                probes.append(_answer(question, of, by, positive, negative, seed))
                progress.advance(1, f"{question} by {by}")
    finally:
        progress.finish()
    return ShortcutReport(tuple(probes), warnings_of(probes))


def _questions(films: Side, synthetic: Side, seed: int) -> Iterator[tuple[str, str, _Part, _Part]]:
    """Question, of what, positive and negative images."""
    by_label = {name: _of_label(films, synthetic, name, seed) for name in LABEL_VALUES}
    for name in reversed(LABELS):
        yield ORIGIN, name, *by_label[name]
    yield ORIGIN, POOLED, *_pooled(films, synthetic, seed)
    for of, place in ((SYNTHETIC, 0), (FILMS, 1)):
        cancer, normal = (by_label[LABELS[label]][place] for label in (CANCER, NORMAL))
        yield CLASS, of, cancer, normal


def _of_label(films: Side, synthetic: Side, name: str, seed: int) -> tuple[_Part, _Part]:
    """Synthetic images and films of one label."""
    found = []
    for side, words, group in (
        (synthetic, f"{name} synthetic images", SEEDS),
        (films, f"{name} films", PATIENTS),
    ):
        numbers = np.flatnonzero(side.labels == LABEL_VALUES[name])
        found.append(_Part(side, numbers[some(len(numbers), MOST, seed)], words, group))
    return found[0], found[1]


def _pooled(films: Side, synthetic: Side, seed: int) -> tuple[_Part, _Part]:
    """Synthetic images and films of the labels that both have, in the films' proportions."""
    both = sorted(set(films.labels.tolist()) & set(synthetic.labels.tolist()))
    kept = np.flatnonzero(np.isin(films.labels, both))
    kept = kept[some(len(kept), MOST, seed)]
    numbers = [
        (kept[films.labels[kept] == label], np.flatnonzero(synthetic.labels == label))
        for label in np.unique(films.labels[kept])
    ]
    images = in_proportion(numbers, seed) if numbers else np.zeros(0, np.int64)
    images = images[some(len(images), MOST, seed)]
    words = "of a label that both have"
    return (
        _Part(synthetic, images, f"synthetic images {words}", SEEDS),
        _Part(films, kept, f"films {words}", PATIENTS),
    )


def _answer(question: str, of: str, by: str, positive: _Part, negative: _Part, seed: int) -> Probe:
    parts = [part.described(by) for part in (positive, negative)]
    counts = [sum(len(p.numbers) for p in parts if p.group == group) for group in (PATIENTS, SEEDS)]
    reason = next(filter(None, (_reason(part, by) for part in parts)), None)
    if reason:
        return Probe(question, of, by, None, None, None, counts[0], counts[1], reason)
    rows = np.concatenate([part.side.rows(by, part.numbers) for part in parts])
    answer = np.repeat([True, False], [len(part.numbers) for part in parts])
    # A patient and a seed may have one name; a patient is one in cancer films and in normal ones.
    names = [f"{part.group} {group}" for part in parts for group in part.groups]
    score = told_apart(rows, answer, unit_numbers(names, len(names)), seed)
    return Probe(question, of, by, score.auroc, score.low, score.high, counts[0], counts[1])


def _reason(part: _Part, by: str) -> str | None:
    groups = len(set(part.groups))
    if groups >= LEAST_GROUPS:
        return None
    seen = " whose background can be described" if by == BACKGROUND else ""
    if not groups:
        return f"There are no {part.words}{seen}."
    return (
        f"The {part.words}{seen} are of {groups} {part.group}; {LEAST_GROUPS} are needed to ask "
        "this."
    )
