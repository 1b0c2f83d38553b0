"""Measures cells of a grid, one record each, in this process.

Rows of the configuration are split into training and validation part, the classifier learns, the
operating point is chosen on the validation part, and `real_test` and `test` are predicted and
scored. A cell whose record is already there is skipped, and a cell that was interrupted goes on
after its last finished epoch, so a grid that was killed goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mammo_synth import __version__
from mammo_synth.bench.classifiers import CLASSIFIERS, make_classifier
from mammo_synth.bench.classifiers.base import Classifier, History, Options, Part
from mammo_synth.bench.classifiers.checkpoint import Resumable
from mammo_synth.bench.facts import (
    checked_scores,
    environment,
    release_facts,
    store_evaluation,
    training_facts,
)
from mammo_synth.bench.grid import Cell, Failure, Outcome
from mammo_synth.bench.operating_point import choose_threshold
from mammo_synth.bench.record import (
    FORMAT,
    Evaluations,
    Record,
    baseline_of,
    read_record,
    shortcut_gap,
    write_record,
)
from mammo_synth.bench.results import (
    CACHE,
    RECORD_NAME,
    record_folder,
    release_folder,
)
from mammo_synth.bench.rows import RowReader
from mammo_synth.bench.split import split_validation
from mammo_synth.bench.truth import test_set_of
from mammo_synth.bench.unfinished import unfinished
from mammo_synth.configurations import REFERENCES
from mammo_synth.errors import BadInput, MammoSynthError
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.folder import Release, Rows

MAX_SEED = 2**32 - 1


class Bench:
    """Runs cells on one release. Keeps networks, features and rows between them.

    Args:
        release: The release.
        results: The RESULTS folder.
        options: How to run; see `mammo_synth.bench.classifiers.base.Options`. Activations of
            frozen layers are kept in RESULTS/.cache if it names no other folder.
        now: Gives the time of a record, UTC, as ``2026-01-31T12:00:00Z``.
        progress: Receives progress.
        overwrite: Replace records of other settings in the same place.

    Attributes:
        release, results, now, options, overwrite: As given; ``options`` with the cache folder.
    """

    def __init__(
        self,
        release: Release,
        results: Path,
        *,
        now: Callable[[], str],
        options: Options | None = None,
        progress: Progress = SILENT,
        overwrite: bool = False,
    ) -> None:
        self.release, self.results, self.now = release, results, now
        given = options or Options()
        self.options = replace(given, cache_folder=given.cache_folder or results / CACHE)
        self._progress, self.overwrite = progress, overwrite
        self._reader = RowReader(release)
        self._classifiers: dict[str, Classifier] = {}

    def folder(self, cell: Cell) -> Path:
        """Where the record of ``cell`` lies or will lie."""
        release = release_folder(self.release.name, self.release.version, self.release.sha256)
        return record_folder(
            self.results, release, cell.configuration, cell.recipe.classifier, cell.replicate
        )

    def finished(self, cell: Cell) -> Record | None:
        """The record of ``cell`` if it is there: same release, recipe digest and seed.

        Raises:
            BadInput: There is a record of other settings in its place, and ``overwrite`` is off.
        """
        path = self.folder(cell) / RECORD_NAME
        if not path.is_file():
            return None
        record = read_record(path)
        recipe = record["recipe"]
        digest = recipe["sha256"] if recipe else None
        same_release = record["release"]["sha256"] == self.release.sha256
        if same_release and digest == cell.recipe.sha256 and record["seed"] == cell.seed:
            return record
        if self.overwrite:
            return None
        raise BadInput(
            f"'{path}' is a record of other settings (recipe "
            f"'{recipe['name'] if recipe else 'brought predictions'}', seed {record['seed']}).",
            hint="Choose another --out or --replicate, or replace it with --overwrite.",
        )

    def run(self, cell: Cell) -> Outcome:
        """Measure one cell, or return the record that is there.

        Raises:
            BadInput: Unknown configuration, a split without one class, no real_test, ...
            CheckFailed: The classifier's scores are no probabilities.
        """
        self.check(cell)
        path = self.folder(cell) / RECORD_NAME
        record = self.finished(cell)
        if record is not None:
            return Outcome(cell, path, record, skipped=True)
        # Until the new record is whole there is none: never an old one beside new predictions.
        path.unlink(missing_ok=True)
        with unfinished(path.parent, self._progress) as state:
            record = self._measure(cell, path.parent, state)
            write_record(path, record)
            if state is not None:
                state.unlink(missing_ok=True)
        return Outcome(cell, path, record, skipped=False)

    def grid(self, cells: Iterable[Cell]) -> Iterator[Outcome | Failure]:
        """Run all cells; one that fails is reported and the rest goes on."""
        for cell in cells:
            try:
                yield self.run(cell)
            except MammoSynthError as error:
                yield Failure(cell, str(error))
            except Exception as error:  # a framework's own error must not end the whole grid
                yield Failure(cell, f"{type(error).__name__}: {error}")
            finally:
                self._progress.finish()

    def check(self, cell: Cell) -> None:
        """Raise BadInput for a cell that can never run: its configuration, seed or replicate."""
        if cell.configuration not in REFERENCES:
            self.release.shards(cell.configuration, "train")
        if not 0 <= cell.seed <= MAX_SEED or cell.replicate < 0:
            raise BadInput(
                f"Seed {cell.seed} and replicate {cell.replicate}: a seed between 0 and {MAX_SEED} "
                f"and a replicate of 0 or more were expected.",
                hint="Leave --seed out to use the number of the replicate.",
            )

    def _rows(self, cell: Cell, split: str) -> Rows:
        settings = cell.recipe.settings
        size = getattr(settings, "input_size", None)
        filter_name = getattr(settings, "resize_filter", "lanczos")
        return self._reader.rows(cell.configuration, split, size, filter_name)

    def _measure(self, cell: Cell, folder: Path, state: Path | None) -> Record:
        settings, recipe = cell.recipe.settings, cell.recipe
        tests = {split: self._rows(cell, split) for split in ("real_test", "test")}
        rows = self._rows(cell, "train")
        train, validation = split_validation(
            rows.label,
            rows.origin,
            rows.image_id,
            rows.patient_id,
            rows.seed,
            share=settings.validation_share,
            seed=cell.seed,
        )
        if recipe.sha256 not in self._classifiers:
            self._classifiers[recipe.sha256] = make_classifier(recipe, self.options)
        classifier = self._classifiers[recipe.sha256]
        held = Part(rows.images[validation], rows.label[validation])
        began = time.perf_counter()
        learn = Part(rows.images[train], rows.label[train])
        history = self._fit(classifier, learn, held, cell.seed, state)
        seconds = time.perf_counter() - began
        threshold = choose_threshold(
            held.label, checked_scores(classifier, held.images), settings.operating_point
        )
        evaluations = self._evaluate(classifier, tests, threshold, folder)
        baseline = baseline_of(cell.configuration)
        return {
            "format": FORMAT,
            "package_version": __version__,
            "created": self.now(),
            "release": release_facts(self.release),
            "configuration": cell.configuration,
            "baseline": baseline,
            "classifier": {
                "name": recipe.classifier,
                "role": CLASSIFIERS[recipe.kind].role,
                "weights": classifier.weights,
                "parameters": classifier.parameters,
            },
            "recipe": {"name": recipe.name, "sha256": recipe.sha256, "settings": recipe.plain},
            "replicate": cell.replicate,
            "seed": cell.seed,
            "positive_class": "cancer",
            "training": training_facts(rows, train, validation, history, seconds),
            "operating_point": {
                "threshold": threshold,
                "chosen_on": "validation",
                "rule": settings.operating_point,
            },
            "evaluations": evaluations,
            "shortcut_gap": shortcut_gap(evaluations, baseline),
            "environment": environment(classifier),
        }

    def _fit(
        self, classifier: Classifier, train: Part, held: Part, seed: int, state: Path | None
    ) -> History:
        if isinstance(classifier, Resumable) and classifier.resumable:
            return classifier.fit(train, held, seed=seed, progress=self._progress, checkpoint=state)
        return classifier.fit(train, held, seed=seed, progress=self._progress)

    def _evaluate(
        self, classifier: Classifier, tests: dict[str, Rows], threshold: float, folder: Path
    ) -> Evaluations:
        scored = {}
        for split, rows in tests.items():
            truth = test_set_of(rows)
            scores = checked_scores(classifier, rows.images)
            position = {name: i for i, name in enumerate(rows.image_id)}
            p = scores[[position[name] for name in truth.image_id]]
            scored[split] = store_evaluation(self.results, folder, split, truth, p, threshold)
        return {"real_test": scored["real_test"], "test": scored["test"]}
