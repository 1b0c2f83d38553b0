"""Runs a record's cell again: same release, recipe, replicate and seed, from its own words.

What a record says comes from a stranger. Nothing that it names is run unless it is a part of this
package or of an installed one; code in a file is run only where the caller names the file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth import __version__
from mammo_synth.bench.classifiers import CLASSIFIERS, find_reference
from mammo_synth.bench.classifiers.base import Options
from mammo_synth.bench.classifiers.own_source import installed
from mammo_synth.bench.grid import Cell
from mammo_synth.bench.predictions import write_predictions
from mammo_synth.bench.recipes import Recipe, make_recipe
from mammo_synth.bench.record import Record, read_record
from mammo_synth.bench.reproduction import (
    FORMAT,
    PREDICTIONS_NAME,
    REPRODUCTION_NAME,
    Reproduction,
    Thresholds,
    agreement,
    check_reproduction,
)
from mammo_synth.bench.results import (
    DEPTH,
    RECORD_NAME,
    RUNS,
    Stored,
    expected_folder,
    read_scored,
)
from mammo_synth.bench.run import Bench
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file, write_json
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.folder import Release


@dataclass(frozen=True)
class Reproduced:
    """What `reproduce` wrote: ``folder`` holds the copy of the record and `reproduction.json`."""

    folder: Path
    reproduction: Reproduction


def reproduce(
    record: Path,
    release: Release,
    out: Path,
    *,
    who: str,
    now: Callable[[], str],
    classifier: str | None = None,
    options: Options | None = None,
    progress: Progress = SILENT,
) -> Reproduced:
    """Run the cell of a record again and say whether it agrees.

    Writes a copy of the record, the second run's predictions of `real_test` and
    `reproduction.json` to the record's place below ``out``; the last two may be laid beside the
    record in a folder of results. The run itself is kept in ``out``/.runs, so a second call does
    not train again.

    Args:
        record: A `record.json` in a folder of results, or the folder that holds it.
        release: The release that the record was measured on.
        out: Folder to write to.
        who: Name of who reproduces.
        now: Gives the time, UTC, as ``2026-01-31T12:00:00Z``.
        classifier: As `bench run --classifier`, where the recipe names a file: the source of a
            classifier of one's own, or the folder of a checkpoint.
        options: How to run.
        progress: Receives progress.

    Raises:
        BadInput: No record, brought predictions, another release, test set or recipe.
        CheckFailed: The record's predictions or test set were changed.
    """
    path = record / RECORD_NAME if record.is_dir() else record
    stored = Stored(path, read_record(path))
    said = stored.record
    check_release(said, release)
    cell = cell_of(said, classifier)
    scored = read_scored(_results(path), stored, "real_test")
    bench = Bench(release, out / RUNS, now=now, options=options, progress=progress)
    outcome = bench.run(cell)
    again = read_scored(out / RUNS, Stored(outcome.path, outcome.record), "real_test")
    if again.truth.digest != scored.truth.digest:
        raise BadInput(
            f"'{path}' was scored on the test set {scored.truth.digest[:12]}..., and real_test of "
            f"'{release.folder}' is {again.truth.digest[:12]}....",
            hint="The record is not of this release, whatever it says: do not accept it.",
        )
    thresholds: Thresholds = {
        "recorded": said["operating_point"]["threshold"],
        "again": outcome.record["operating_point"]["threshold"],
    }
    truth = scored.truth
    agree = agreement(truth.label, truth.patients, scored.p_cancer, again.p_cancer, thresholds)
    folder = expected_folder(out, said)
    predictions = folder / PREDICTIONS_NAME
    write_predictions(predictions, truth.image_id, again.p_cancer)
    shutil.copyfile(path, folder / RECORD_NAME)
    found: Reproduction = {
        "format": FORMAT,
        "who": who,
        "when": now(),
        "package_version": __version__,
        "record": {"sha256": sha256_file(path), "package_version": said["package_version"]},
        "environment": outcome.record["environment"],
        "thresholds": thresholds,
        "predictions": {"file": PREDICTIONS_NAME, "sha256": sha256_file(predictions)},
        "agreement": agree,
    }
    check_reproduction(found, "What was to become a reproduction")
    write_json(folder / REPRODUCTION_NAME, found)
    return Reproduced(folder, found)


def check_release(record: Record, release: Release) -> None:
    """Raise BadInput unless ``record`` was measured on ``release``, by its digest."""
    said = record["release"]
    if said["sha256"] != release.sha256:
        raise BadInput(
            f"The record was measured on {said['name']} {said['version']} "
            f"(sha256 {said['sha256'][:12]}...) and '{release.folder}' is "
            f"{release.name} {release.version} ({release.sha256[:12]}...).",
            hint="Give the record's own release with --release.",
        )


def cell_of(record: Record, classifier: str | None = None) -> Cell:
    """The cell that a record measured, ready to run.

    Args:
        record: The record.
        classifier: As for `reproduce`.

    Raises:
        BadInput: Brought predictions; a recipe that this version does not know, that has another
            digest than the record says, or that names a file which ``classifier`` does not.
    """
    recipe, seed = record["recipe"], record["seed"]
    if recipe is None or seed is None:
        raise BadInput(
            "The record is of brought predictions: it has no recipe, so it cannot be run again.",
            hint="Ask its submitter for the code and the weights.",
        )
    made = _recipe(recipe["name"], recipe["settings"], classifier)
    if made.sha256 != recipe["sha256"] or made.classifier != record["classifier"]["name"]:
        raise BadInput(
            f"The record's recipe gives {made.classifier} with the digest {made.sha256[:12]}...; "
            f"the record says {record['classifier']['name']} and {recipe['sha256'][:12]}....",
            hint="The record was changed, or another version of mammo-synth wrote it: "
            f"{record['package_version']}; this is {__version__}.",
        )
    return Cell(record["configuration"], made, record["replicate"], seed)


def _recipe(name: str, plain: Mapping[str, Any], classifier: str | None) -> Recipe:
    """The recipe with the settings of a record, which are ``plain`` and unchecked."""
    settings = dict(plain)
    kind = settings.pop("classifier", None)
    if not isinstance(kind, str) or kind not in CLASSIFIERS:
        raise BadInput(
            f"The record's recipe is for the classifier {kind!r}; this version has none such.",
            hint="Install the version of mammo-synth that wrote the record.",
        )
    if classifier is not None:
        reference = find_reference(classifier)
        if reference is None or not set(reference[1]) <= set(settings):
            raise BadInput(
                f"The record's recipe is for {kind}; '{classifier}' is no such classifier.",
                hint="Leave --classifier out, or name the file or folder that the recipe means.",
            )
        settings |= reference[1]
    elif kind == "own" and settings.get("source") not in installed():
        raise BadInput(
            f"The record is of somebody's own classifier, {settings.get('source')!r}, and its code "
            f"is not a part of any installed package.",
            hint="Read the code first; then name it: --classifier path/to/file.py:MyClassifier. "
            "It is run on this machine.",
        )
    document = {"name": name, "classifier": kind, "description": "", "settings": settings}
    return make_recipe(document, "The record's recipe", {})


def _results(path: Path) -> Path:
    """The folder of results in which the record file ``path`` lies."""
    parents = path.resolve().parents
    if len(parents) <= DEPTH:
        raise BadInput(
            f"'{path}' does not lie in a folder of results.",
            hint="Records lie in RELEASE/CONFIGURATION/CLASSIFIER/replicate-K/.",
        )
    return parents[DEPTH]
