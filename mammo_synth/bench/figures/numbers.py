"""What the figures of a group show, as numbers: computed when first asked for, and once."""

from __future__ import annotations

from dataclasses import dataclass, field

from mammo_synth.bench.bands import Curves, ReliableBin, curves, reliable_bins
from mammo_synth.bench.estimate import Estimate, estimates
from mammo_synth.bench.figures.cells import Cell, Group, Trained, counts_of
from mammo_synth.bench.figures.configurations import SHOWN
from mammo_synth.bench.figures.confusion import Confusions
from mammo_synth.bench.figures.ranking import Ranked
from mammo_synth.bench.figures.training import TrainingRun
from mammo_synth.bench.metrics import RESAMPLES, point_metrics

METRICS = (*SHOWN, "average_precision", "brier", "calibration_error")


@dataclass(frozen=True)
class Numbers:
    """The numbers of one group; ``resamples`` stand behind each interval."""

    group: Group
    resamples: int = RESAMPLES
    _estimates: dict[tuple[str, str], dict[str, Estimate]] = field(default_factory=dict)
    _curves: dict[tuple[str, str], Curves] = field(default_factory=dict)
    _bins: dict[tuple[str, str], list[ReliableBin]] = field(default_factory=dict)

    @property
    def both_classes(self) -> bool:
        """Whether the test set has both classes: without them there is no curve."""
        return 0 < self.group.prevalence < 1

    def of(self, one: Trained, cell: Cell) -> dict[str, Estimate]:
        """`METRICS` of a cell, replicates averaged, with their intervals."""
        key = (one.name, cell.configuration)
        if key not in self._estimates:
            truth = self.group.truth
            self._estimates[key] = estimates(
                truth.label,
                cell.p,
                cell.thresholds,
                truth.patients,
                metrics=METRICS,
                resamples=self.resamples,
            )
        return self._estimates[key]

    def metric(self, classifiers: tuple[Trained, ...], name: str) -> dict[str, dict[str, Estimate]]:
        """One metric by classifier and configuration."""
        return {
            one.name: {key: self.of(one, cell)[name] for key, cell in one.cells.items()}
            for one in classifiers
        }

    def table(self, one: Trained) -> dict[str, dict[str, Estimate]]:
        """All metrics of a classifier by configuration."""
        return {name: self.of(one, cell) for name, cell in one.cells.items()}

    def ranked(self, one: Trained, configuration: str) -> Ranked:
        """Curves, areas and operating points of a cell."""
        cell, truth = one.cells[configuration], self.group.truth
        key = (one.name, configuration)
        if key not in self._curves:
            self._curves[key] = curves(truth.label, cell.p, truth.patients)
        found = self.of(one, cell)
        points = []
        for p, cut in zip(cell.p, cell.thresholds, strict=True):
            at = point_metrics(truth.label, p, cut)
            points.append((at["recall"], at["specificity"], at["precision"]))
        return Ranked(
            one.name, self._curves[key], found["auroc"], found["average_precision"], tuple(points)
        )

    def bins(self, one: Trained, cell: Cell) -> list[ReliableBin]:
        """The reliability diagram of a cell."""
        key = (one.name, cell.configuration)
        if key not in self._bins:
            truth = self.group.truth
            self._bins[key] = reliable_bins(truth.label, cell.p, truth.patients)
        return self._bins[key]

    def confusions(self, one: Trained) -> dict[str, Confusions]:
        """Confusion counts of a classifier by configuration."""
        return {
            name: Confusions(counts_of(self.group, cell), cell.thresholds)
            for name, cell in one.cells.items()
        }


def runs_of(one: Trained) -> dict[str, list[TrainingRun]]:
    """Training curves of a classifier by configuration."""
    return {
        name: [_run(cell, i) for i in range(len(cell.records))] for name, cell in one.cells.items()
    }


def _run(cell: Cell, i: int) -> TrainingRun:
    record = cell.records[i]
    facts = record["training"]
    if facts is None:
        return TrainingRun(record["replicate"], (), None)
    return TrainingRun(record["replicate"], facts["curves"], facts["best_epoch"])


def has_epochs(one: Trained) -> bool:
    """Whether any run of a classifier has training curves."""
    return any(run.curves for runs in runs_of(one).values() for run in runs)
