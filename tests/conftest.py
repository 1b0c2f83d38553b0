"""Fixtures shared by all rooms: a folder of fake films, a prepared set and a small release."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mammo_synth.configurations import CANCER, LABELS, NORMAL
from mammo_synth.films.geometry import prepare_pixels
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.sources.folder import FolderSource
from mammo_synth.films.split import SplitSettings
from mammo_synth.leaderboard.verified import HOME
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.folder import Release
from mammo_synth.release.rehydrate import PreparedFilms, rehydrate
from tests.hub.fixtures import hub as hub
from tests.hub.fixtures import hub_process as hub_process

# A loaded machine must not fail a property for being slow; speed is measured elsewhere.
hypothesis.settings.register_profile("mammo-synth", deadline=None, max_examples=50)
hypothesis.settings.load_profile("mammo-synth")

FILM_PATIENTS = 60


def fake_film(number: int, finding: str, side: str = "L", shape: tuple[int, int] = (48, 40)) -> Any:
    """A bright half disc at the chest wall; cancer has a bright spot, so it can be learned."""
    generator = np.random.default_rng(number)
    height, width = shape
    y, x = np.mgrid[:height, :width]
    inside = (x / (0.7 * width)) ** 2 + ((y - height / 2) / (0.42 * height)) ** 2 < 1
    film = np.where(inside, 110 + generator.normal(0, 12, shape), 4)
    if finding == "malignant":
        cy, cx = height / 2 + generator.uniform(-6, 6), 0.25 * width + generator.uniform(-3, 3)
        film += 110 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 8)
    film = np.clip(film, 0, 255).astype(np.uint8)
    return film if side == "L" else film[:, ::-1]


def write_film_folder(folder: Path, patients: int = FILM_PATIENTS) -> Path:
    """Two films a patient (L, R); every third patient has cancer in the left breast."""
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "finding", "patient_id", "view", "laterality"])
        for patient in range(patients):
            for side in "LR":
                finding = "malignant" if patient % 3 == 0 and side == "L" else "normal"
                name = f"{patient:03d}{side}.png"
                film = fake_film(2 * patient + (side == "R"), finding, side)
                Image.fromarray(film).save(folder / name)
                table.writerow([name, finding, f"patient {patient}", "MLO", side])
    return folder


@dataclass(frozen=True)
class FakeGenerator:
    """Stands in for a trained generator where only the machinery around it is tested."""

    label: str
    prepared_set: str
    path: Path
    resolution: int = 32
    patients: frozenset[str] | None = frozenset()
    simulated: bool = False
    before: tuple[dict[str, str], ...] = ()

    @property
    def sha256(self) -> str:
        return ("c" if self.label == "cancer" else "a") * 64

    @property
    def description(self) -> dict[str, Any]:
        return {
            "kimg": 1.0,
            "licence": "test",
            "prepared_set": self.prepared_set,
            "simulated": self.simulated,
            "before": self.before,
        }

    def images(
        self, seeds: Sequence[int], truncation: float
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        finding = "malignant" if self.label == "cancer" else "normal"
        for seed in seeds:
            # What a generator of prepared films would draw: crop and grey values are theirs.
            yield seed, prepare_pixels(fake_film(10_000 + seed, finding), self.resolution)[0]


def fake_generators(prepared: PreparedSet, folder: Path) -> dict[int, FakeGenerator]:
    """Generators of both labels, each with a file that stands for its own."""
    generators = {}
    for label in (CANCER, NORMAL):
        path = folder / f"{LABELS[label]}.safetensors"
        path.write_bytes(LABELS[label].encode())
        generators[label] = FakeGenerator(
            LABELS[label], prepared.manifest.sha256, path, prepared.size
        )
    return generators


def build_small_release(
    prepared: PreparedSet, folder: Path, size: int = 120, **settings: Any
) -> Release:
    """A release of ``size`` in ``folder/mammo-synth``, with the films' pixels in place."""
    generators = fake_generators(prepared, folder)
    replace = settings.pop("replace", False)
    release = build_release(
        prepared,
        generators,
        folder / "mammo-synth",
        ReleaseSettings(size, **settings),
        replace=replace,
    )
    return rehydrate(release, PreparedFilms(prepared))


@pytest.fixture(scope="session", autouse=True)
def cache_of_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What commands remember as verified stays in the tests."""
    folder = tmp_path_factory.mktemp("cache-of-user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME, str(folder))
        yield folder


@pytest.fixture(scope="session")
def film_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fake films with a metadata.csv; do not write to it."""
    return write_film_folder(tmp_path_factory.mktemp("films") / "films")


@pytest.fixture(scope="session")
def prepared_set(film_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """The fake films prepared at 32 px; do not write to it."""
    out = tmp_path_factory.mktemp("prepared") / "prepared"
    return prepare(FolderSource(film_folder), out, PrepareSettings(32, split=SplitSettings()))


@pytest.fixture(scope="session")
def small_release(prepared_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of 120 images per configuration from the fake films; do not write to it."""
    return build_small_release(prepared_set, tmp_path_factory.mktemp("release"))


@pytest.fixture()
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`datasets` with a cache of its own."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return datasets


@dataclass(frozen=True)
class Run:
    """What a command gave."""

    code: int
    stdout: str
    stderr: str


Command = Callable[..., Run]


@pytest.fixture(scope="session")
def run() -> Command:
    """Run ``mammo-synth`` as a user does, in a process of its own."""

    def call(*arguments: str | Path, cwd: Path | None = None, timeout: float = 120) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "mammo_synth", *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    return call


def assert_friendly(run: Run, *words: str, code: int = 2) -> None:
    """The command ended with one clear error: its exit code, its words, no traceback."""
    assert run.code == code, (run.code, run.stdout, run.stderr)
    assert "Traceback" not in run.stderr
    flat = " ".join(run.stderr.split())
    for word in words:
        assert word in flat, flat
