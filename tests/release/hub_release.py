"""Releases and clients for the tests that publish on the loopback Hub."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mammo_synth.errors import CheckFailed
from mammo_synth.films.phantom.film import PhantomSettings
from mammo_synth.films.prepare import PrepareSettings, prepare
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.films.sources.phantom import PhantomSource
from mammo_synth.films.split import SplitSettings
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.folder import Release
from mammo_synth.release.hub import Repository, git_blob
from mammo_synth.release.publish import Outcome, PublishSettings, publish_release
from mammo_synth.release.quality import Assessment
from mammo_synth.release.upload_plan import release_files
from tests.conftest import fake_generators
from tests.hub.fixtures import LoopbackHub
from tests.release.quality_reports import report_of

NAME = "author/mammo-synth"
NOT_OURS = (".gitattributes", "eval.yaml")


@pytest.fixture(scope="session")
def phantom_set(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """Simulated films, which may be passed on."""
    small = dataclasses.replace(PhantomSettings(), height=32)
    split = SplitSettings(40, 30, 30)
    out = tmp_path_factory.mktemp("phantom") / "films"
    return prepare(PhantomSource(16, 3, small), out, PrepareSettings(32, split=split))


Build = Callable[..., Release]


@pytest.fixture(scope="session")
def build(phantom_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Make a packed release of ``size`` and ``version`` from the simulated films."""

    def make(size: int = 20, version: str = "1.0.0", name: str = "mammo-synth") -> Release:
        folder = tmp_path_factory.mktemp("packed")
        generators = fake_generators(phantom_set, folder)
        settings = ReleaseSettings(size, version, name)
        return build_release(phantom_set, generators, folder / name, settings)

    return make


@pytest.fixture(scope="session")
def packed(build: Build) -> Release:
    """A release of 20 images that may be published whole; do not write to it."""
    return build()


@pytest.fixture(scope="session")
def referenced(prepared_set: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of 20 images without its real films: 3 configurations load. Its privacy gate was
    passed: films of patients are behind it. Do not write to it."""
    folder = tmp_path_factory.mktemp("referenced")
    made = (prepared_set, fake_generators(prepared_set, folder), folder / "mammo-synth")
    quality = Assessment.open(report_of(build_release(*made, ReleaseSettings(20)), folder / "q"))
    return build_release(*made, ReleaseSettings(20), quality=quality)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The client in this process: without Xet, without waiting, with an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda _: None))


class Notes:
    """A progress that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self, what: str, total: int) -> None:
        """Ignore it."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Ignore it."""

    def finish(self) -> None:
        """Ignore it."""

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)


def holds(repository: Repository, revision: str, release: Release) -> bool:
    """Whether ``revision`` has exactly the files of ``release``, and no other but `NOT_OURS`."""
    there = {p: f for p, f in repository.files(revision).items() if p not in NOT_OURS}
    files = release_files(release)
    return set(there) == set(files) and all(
        stored.sha256 == files[path][1]
        if stored.sha256
        else stored.blob == git_blob((release.folder / path).read_bytes())
        for path, stored in there.items()
    )


@dataclasses.dataclass
class Publisher:
    """Publishes in this process. The check from the outside is a comparison of the files only,
    which takes no time; `checked` has the revisions that were checked."""

    hub: LoopbackHub
    checked: list[str] = dataclasses.field(default_factory=list)
    waits: list[float] = dataclasses.field(default_factory=list)
    notes: Notes = dataclasses.field(default_factory=Notes)

    def repository(self, name: str = NAME, token: str | None = LoopbackHub.token) -> Repository:
        return Repository.named(self.hub.api(token), name)

    def __call__(
        self,
        release: Release,
        name: str = NAME,
        token: str | None = LoopbackHub.token,
        **settings: Any,
    ) -> Outcome:
        def require(repository: Repository, revision: str, *, progress: Any) -> None:
            self.checked.append(revision)
            if not holds(repository, revision, release):
                raise CheckFailed(f"{revision} is not the release.")

        return publish_release(
            release,
            self.repository(name, token),
            PublishSettings(**settings),
            progress=self.notes,
            require=require,
            sleep=self.waits.append,
        )
