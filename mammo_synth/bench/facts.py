"""The parts of a record: what a release, a training run and a machine say of themselves."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import numpy as np

from mammo_synth.bench.classifiers.base import Classifier, History, Images
from mammo_synth.bench.predictions import write_predictions
from mammo_synth.bench.record import (
    Counts,
    Environment,
    Evaluation,
    PredictionsFile,
    ReleaseFacts,
    Training,
    evaluate,
)
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.bench.results import TEST_SETS, predictions_name
from mammo_synth.bench.truth import TestSet, write_test_set
from mammo_synth.configurations import CANCER, NORMAL, REAL, SYNTHETIC
from mammo_synth.errors import CheckFailed
from mammo_synth.files import sha256_file
from mammo_synth.release.folder import Release, Rows


def store_evaluation(
    results: Path, folder: Path, split: str, truth: TestSet, p: Floats, threshold: float
) -> Evaluation:
    """Keep the truth and the predictions of one split, and score them.

    Args:
        results: The RESULTS folder.
        folder: The record's folder.
        split: real_test or test.
        truth: The films.
        p: float64 [n] in the order of ``truth``.
        threshold: The operating point.
    """
    write_test_set(results / TEST_SETS, truth)
    path = folder / predictions_name(split)
    write_predictions(path, truth.image_id, p)
    kept: PredictionsFile = {"file": path.name, "sha256": sha256_file(path)}
    return evaluate(truth, p, threshold, kept, split=split)


def checked_scores(classifier: Classifier, images: Images) -> Floats:
    """The classifier's scores, float64 [n] in [0, 1].

    Raises:
        CheckFailed: Another shape, NaN, or values outside [0, 1].
    """
    p = np.asarray(classifier.predict_proba(images), np.float64)
    if p.shape != (len(images),):
        raise CheckFailed(
            f"The classifier gave scores of the shape {p.shape} for {len(images)} images.",
            hint="predict_proba must return one probability of cancer per image.",
        )
    wrong = int((~((p >= 0) & (p <= 1))).sum())
    if wrong:
        raise CheckFailed(
            f"{wrong} of {len(p)} scores of the classifier are NaN or outside [0, 1].",
            hint="Training diverged, or its output is no probability: lower learning_rate.",
        )
    return p


def training_facts(
    rows: Rows, train: Integers, validation: Integers, history: History, seconds: float
) -> Training:
    """Counts of both parts and the course of training."""

    def count(part: Integers) -> Counts:
        label, origin = rows.label[part], rows.origin[part]
        return {
            "cancer": int((label == CANCER).sum()),
            "normal": int((label == NORMAL).sum()),
            "synthetic": int((origin == SYNTHETIC).sum()),
            "real": int((origin == REAL).sum()),
        }

    return {
        "train": count(train),
        "validation": count(validation),
        "epochs": history.epochs,
        "best_epoch": history.best_epoch,
        "seconds": round(seconds, 3),
        "curves": history.curves,
    }


def release_facts(release: Release) -> ReleaseFacts:
    """What a record says of its release."""
    return {
        "name": release.name,
        "version": release.version,
        "sha256": release.sha256,
        "source": release.source,
        "simulated": release.simulated,
        "protocol": release.protocol,
        "size": release.size,
        "image_size": release.image_size,
        "revision": None,
    }


def environment(classifier: Classifier | None) -> Environment:
    """Interpreter, platform and the versions of the packages behind the numbers."""
    names = classifier.packages if classifier else ("numpy", "scikit-learn")
    packages = {}
    for name in names:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # of tensorflow and tensorflow-cpu only one is there
    found: Environment = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": packages,
        "device": classifier.device if classifier else "cpu",
        "backend": classifier.backend if classifier else None,
    }
    if classifier is not None and classifier.features_cached is not None:
        found["features_cached"] = classifier.features_cached
    return found
