"""Fabricates RESULTS folders of known quality through the benchmark's own writers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mammo_synth.bench.predictions import write_predictions
from mammo_synth.bench.record import (
    FORMAT,
    Evaluation,
    baseline_of,
    evaluate,
    shortcut_gap,
    write_record,
)
from mammo_synth.bench.results import (
    TEST_SETS,
    expected_folder,
    predictions_name,
)
from mammo_synth.bench.truth import Film, TestSet, make_test_set, write_test_set
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.files import sha256_bytes, sha256_file, sha256_json

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>| `rm` *x* [a](javascript:b)'


@dataclass(frozen=True)
class World:
    """One release and its test films.

    Attributes:
        patients: Patients in real_test, two films each; three in ten have cancer.
        epochs: Length of the fabricated training curves.
    """

    name: str = "phantom-demo"
    source: str = "phantom"
    simulated: bool = True
    protocol: str = "strict"
    patients: int = 60
    test_size: int = 60
    epochs: int = 12
    version: str = "1.0.0"
    film_prefix: str = "film"

    @property
    def sha256(self) -> str:
        return sha256_bytes(f"{self.name}{self.version}{self.protocol}".encode())

    def real_test(self) -> TestSet:
        return make_test_set(
            [
                Film(
                    f"{self.film_prefix}-{i:04d}-{view}",
                    int(i % 10 < 3),
                    f"p{i:04d}",
                    view,
                    "L",
                    self.source,
                )
                for i in range(self.patients)
                for view in ("CC", "MLO")
            ]
        )

    def own_test(self, configuration: str) -> TestSet:
        return make_test_set(
            [
                Film(f"{configuration}-{i:05d}", int(i % 10 < 3), None, None, None, None)
                for i in range(self.test_size)
            ]
        )


@dataclass(frozen=True)
class Cell:
    """One record to fabricate; ``skill`` 0 is chance, 2 separates the classes well."""

    configuration: str = "50-50-90syn"
    classifier: str = "vgg16"
    replicate: int = 0
    skill: float = 1.0
    own_skill: float = 3.0
    role: str = "classifier"
    weights: str = "imagenet"
    recipe: str = "keras-vgg16"
    settings: dict[str, Any] = field(
        default_factory=lambda: {
            "batch": 64,
            "optimizer": {"name": "adam", "rate": 1e-4},
            "dropout": 0.2,
            "patience": 10,
        }
    )
    brought: bool = False
    rule: str = "max balanced accuracy"
    scores: Callable[[TestSet], np.ndarray] | None = None


def scores(truth: TestSet, skill: float, seed: int) -> np.ndarray:
    """Scores in (0, 1) whose logits differ by ``skill`` standard deviations between classes."""
    rng = np.random.RandomState(seed)
    shared = rng.normal(size=int(truth.patients.max()) + 1)[truth.patients]
    logit = skill * (truth.label - 0.3) + 0.6 * shared + 0.8 * rng.normal(size=len(truth.label))
    return 1 / (1 + np.exp(-logit))


def write_cell(results: Path, world: World, cell: Cell) -> Path:
    """Write predictions, truth and record of one cell; returns the path of the record."""
    truths = {"real_test": world.real_test()}
    if cell.configuration != "real" and not cell.brought:
        truths["test"] = world.own_test(cell.configuration)
    seed = int(sha256_json([cell.configuration, cell.classifier, cell.replicate])[:7], 16)
    threshold = 0.5 + 0.01 * cell.replicate
    record = _frame(world, cell, threshold, seed)
    folder = expected_folder(results, record)
    evaluations: dict[str, Evaluation] = {}
    for split, truth in truths.items():
        if cell.scores is not None and split == "real_test":
            p = cell.scores(truth)
        else:
            skill = cell.skill if split == "real_test" else cell.own_skill
            p = scores(truth, skill, seed + len(split))
        write_test_set(results / TEST_SETS, truth)
        path = folder / predictions_name(split)
        write_predictions(path, truth.image_id, p)
        kept = {"file": path.name, "sha256": sha256_file(path)}
        evaluations[split] = evaluate(truth, p, threshold, kept)
    record["evaluations"] = evaluations
    record["shortcut_gap"] = shortcut_gap(evaluations, record["baseline"])
    write_record(folder / "record.json", record)
    return folder / "record.json"


def write_cells(results: Path, world: World, cells: Iterable[Cell]) -> list[Path]:
    return [write_cell(results, world, cell) for cell in cells]


def _frame(world: World, cell: Cell, threshold: float, seed: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "package_version": "0.1.0",
        "created": f"2026-01-0{1 + cell.replicate % 9}T12:00:00Z",
        "release": {
            "name": world.name,
            "version": world.version,
            "sha256": world.sha256,
            "source": world.source,
            "simulated": world.simulated,
            "protocol": world.protocol,
            "size": 24000,
            "image_size": 512,
            "revision": None,
        },
        "configuration": cell.configuration,
        "baseline": baseline_of(cell.configuration),
        "classifier": {
            "name": cell.classifier,
            "role": cell.role,
            "weights": {"origin": cell.weights, "sha256": None},
            "parameters": None if cell.brought else 138_357_544,
        },
        "recipe": None
        if cell.brought
        else {
            "name": cell.recipe,
            "sha256": sha256_json(cell.settings),
            "settings": cell.settings,
        },
        "replicate": cell.replicate,
        "seed": None if cell.brought else seed,
        "positive_class": "cancer",
        "training": None if cell.brought else _training(world, cell, seed),
        "operating_point": {
            "threshold": threshold,
            "chosen_on": "given" if cell.brought else "validation",
            "rule": cell.rule,
        },
        "evaluations": {},
        "shortcut_gap": None,
        "environment": {
            "python": "3.11.7",
            "platform": "Linux x86_64",
            "packages": {"keras": "3.15.1", "tensorflow-cpu": "2.21.0", "numpy": "2.4.6"},
            "device": "cpu, 2 cores",
            "backend": "tensorflow",
        },
    }


def _training(world: World, cell: Cell, seed: int) -> dict[str, Any]:
    rng = np.random.RandomState(seed)
    curves = []
    for epoch in range(world.epochs):
        done = 1 - np.exp(-epoch / 3)
        near = {
            k: float(np.clip(0.55 + 0.43 * done + rng.normal() * 0.012, 0, 1))
            for k in ("accuracy", "precision", "recall")
        }
        far = {
            f"val_{k}": float(np.clip(v - 0.05 + rng.normal() * 0.02, 0, 1))
            for k, v in near.items()
        }
        if epoch == 0:
            far["val_precision"] = None
        curves.append(
            {
                "epoch": epoch,
                "loss": float(0.7 * np.exp(-epoch / 4) + 0.02),
                "val_loss": float(0.6 * np.exp(-epoch / 3) + 0.02 * epoch),
                **near,
                **far,
            }
        )
    counts = {"cancer": 6720, "normal": 6720, "synthetic": 12096, "real": 1344}
    return {
        "train": counts,
        "validation": {k: n // 4 for k, n in counts.items()},
        "epochs": world.epochs,
        "best_epoch": world.epochs // 3,
        "seconds": 1234.5,
        "curves": curves,
    }


def whole(
    world: World,
    classifiers: Sequence[tuple[str, float]] = (("vgg16", 0.5), ("small-cnn", 0.2)),
    replicates: int = 2,
    leave_out: Sequence[tuple[str, str]] = (),
) -> list[Cell]:
    """All nine configurations × classifiers × replicates, TRTR, its twin and one control."""
    cells = []
    for name, skill in classifiers:
        weights = "imagenet" if name == "vgg16" else "random"
        for configuration, facts in CONFIGURATIONS.items():
            if (configuration, name) in leave_out:
                continue
            better = skill * (1 + (100 - facts.synthetic_percent) * 0.2)
            cells += [
                Cell(configuration, name, k, skill=better, weights=weights)
                for k in range(replicates)
            ]
        for reference, skill_of in (("real", 2.2), ("synthetic-reduced", 0.3)):
            cells += [
                Cell(reference, name, k, skill=skill_of, weights=weights) for k in range(replicates)
            ]
    control = Cell(
        "50-50-90syn",
        "background-only",
        skill=0.0,
        role="control",
        weights="none",
        own_skill=0.0,
        recipe="control",
    )
    return [*cells, *(replace(control, replicate=k) for k in range(replicates))]


def edit_record(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Tamper with a record file."""
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), "utf-8")
