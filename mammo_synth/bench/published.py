"""The 2021 study's printed numbers, and what they say when cancer is the positive class.

The study printed accuracy, precision and recall without naming the positive class. The numbers
themselves name it: only with "normal" as positive do they fit 900 cancer and 2,100 normal films
(`fitting_counts`). Read for cancer, its classifiers are near chance. Here the printed numbers
stand as they are and our reading is computed from them; neither is ever ranked with measured rows.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from mammo_synth.bench.metrics import chance
from mammo_synth.errors import BadInput
from mammo_synth.resources import resource

CURVE_COLUMNS = ("loss", "accuracy", "precision", "recall")
PRINTED_DIGITS = 3


@dataclass(frozen=True)
class Printed:
    """One row as the study printed it; positive class normal."""

    configuration: str
    accuracy: float
    precision: float
    recall: float
    f1: float
    note: str | None = None


@dataclass(frozen=True)
class Epoch:
    """One printed epoch; positive class normal. Values by column, `val_` for validation."""

    configuration: str
    epoch: int
    values: dict[str, float]


@dataclass(frozen=True)
class Published:
    """Everything the study printed for its classifiers.

    Attributes:
        source: Citation.
        cancer, normal: Real films in its common test set (900, 2100).
        rows: Printed results on that test set.
        not_printed: Configurations without printed results.
        curves: Training curves, in the order of the file.
    """

    source: str
    cancer: int
    normal: int
    rows: tuple[Printed, ...]
    not_printed: tuple[str, ...]
    curves: tuple[Epoch, ...]

    def duplicates(self) -> dict[str, str]:
        """Rows whose four metrics repeat an earlier row digit for digit: {later: earlier}.
        To be shown, never ranked."""
        first: dict[tuple[float, ...], str] = {}
        repeated = {}
        for row in self.rows:
            numbers = (row.accuracy, row.precision, row.recall, row.f1)
            if numbers in first:
                repeated[row.configuration] = first[numbers]
            first.setdefault(numbers, row.configuration)
        return repeated


@dataclass(frozen=True)
class Reading:
    """A row read with one positive class.

    ``tp`` ... ``tn`` are the counts that follow from the printed precision and recall, not
    rounded, since the printed values are; ``counts()`` rounds them.
    """

    positive_class: str
    tp: float
    fp: float
    fn: float
    tn: float

    def counts(self) -> dict[str, int]:
        """Whole films."""
        return {name: round(getattr(self, name)) for name in ("tp", "fp", "fn", "tn")}

    @property
    def accuracy(self) -> float:
        """Share of films called rightly."""
        return (self.tp + self.tn) / (self.tp + self.fp + self.fn + self.tn)

    @property
    def precision(self) -> float:
        """Share of right calls among calls of the positive class."""
        return self.tp / (self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the positive class that was called (sensitivity where it is cancer)."""
        return self.tp / (self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Recall of the other class."""
        return self.tn / (self.tn + self.fp)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of recall and specificity: the same whichever class is positive."""
        return (self.recall + self.specificity) / 2

    def metrics(self) -> dict[str, float]:
        """Six count metrics by the names of `mammo_synth.bench.metrics`."""
        names = ("accuracy", "precision", "recall", "f1", "specificity", "balanced_accuracy")
        return {name: getattr(self, name) for name in names}


def load_published(folder: Path | None = None) -> Published:
    """Read `results.json` and `curves.csv` (by default the copies shipped with the package)."""
    folder = folder or resource("benchmarks/published")
    try:
        document = json.loads((folder / "results.json").read_text("utf-8"))
        rows = tuple(
            Printed(
                configuration=row["config"],
                **{name: float(row[name]) for name in ("accuracy", "precision", "recall", "f1")},
                note=row.get("note"),
            )
            for row in document["classification_on_real_test"]
        )
        return Published(
            source=document["source"],
            cancer=int(document["test_set"]["cancer"]),
            normal=int(document["test_set"]["normal"]),
            rows=rows,
            not_printed=tuple(document["not_printed_as_numbers"]),
            curves=_read_curves(folder / "curves.csv"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"The published numbers in '{folder}' cannot be read ({error}).",
            hint="Install the package again, or restore benchmarks/published.",
        ) from error


def _read_curves(path: Path) -> tuple[Epoch, ...]:
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple(
            Epoch(
                row.pop("config"),
                int(row.pop("epoch")),
                {name: float(value) for name, value in row.items()},
            )
            for row in csv.DictReader(stream)
        )


def as_printed(row: Printed, published: Published) -> Reading:
    """The row with normal positive, as printed: TP = recall × normal, FP = TP (1/precision - 1)."""
    tp = row.recall * published.normal
    fp = tp * (1 / row.precision - 1)
    return Reading("normal", tp, fp, published.normal - tp, published.cancer - fp)


def reread(row: Printed, published: Published) -> Reading:
    """The same films with cancer positive: our reading of the row."""
    printed = as_printed(row, published)
    return Reading("cancer", tp=printed.tn, fp=printed.fn, fn=printed.fp, tn=printed.tp)


def implied_accuracy(precision: float, recall: float, positives: int, negatives: int) -> float:
    """The accuracy that precision and recall force on a test set of known class counts."""
    tp = recall * positives
    fp = tp * (1 / precision - 1)
    return (tp + negatives - fp) / (positives + negatives)


def prevalence(accuracy: float, precision: float, recall: float) -> float:
    """Share of the positive class that three printed metrics imply:
    p = (1 - acc) / ((1 - rec) + rec (1/prec - 1)): errors are missed and wrongly called positives.
    """
    return (1 - accuracy) / ((1 - recall) + recall * (1 / precision - 1))


def fitting_counts(row: Printed, positives: int, negatives: int) -> list[tuple[int, int]]:
    """All (TP, TN) in whole films whose accuracy, precision and recall print as the row does.

    An empty list refutes the assignment of classes: no classifier can have printed these numbers.
    """
    fitting = []
    half = 0.5 * 10**-PRINTED_DIGITS + 1e-12
    total = positives + negatives
    for tp in _whole(row.recall - half, row.recall + half, positives):
        for right in _whole(row.accuracy - half, row.accuracy + half, total):
            tn = right - tp
            fp = negatives - tn
            if not 0 <= tn <= negatives or tp + fp == 0:
                continue
            if abs(tp / (tp + fp) - row.precision) <= half:
                fitting.append((tp, tn))
    return fitting


def _whole(low: float, high: float, total: int) -> range:
    """Whole numbers whose share of ``total`` may lie between ``low`` and ``high``."""
    return range(max(0, int(low * total)), min(total, int(high * total) + 1) + 1)


def positive_class(row: Printed, published: Published) -> str | None:
    """The class that the printed metrics take as positive, from the numbers alone; None where
    both or neither fit."""
    normal = bool(fitting_counts(row, published.normal, published.cancer))
    cancer = bool(fitting_counts(row, published.cancer, published.normal))
    if normal == cancer:
        return None
    return "normal" if normal else "cancer"


def chance_line(published: Published) -> dict[str, float]:
    """What guessing gives on the study's test set, cancer positive."""
    return chance(published.cancer / (published.cancer + published.normal))
