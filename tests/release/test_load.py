"""`mammo_synth.load_dataset`: folder and Hub, never a stale cache, every refusal in a sentence."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import mammo_synth
from mammo_synth.configurations import CONFIGURATIONS
from mammo_synth.errors import BadInput, NoSpace
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.release.build import ReleaseSettings, build_release
from mammo_synth.release.folder import Release
from mammo_synth.release.rehydrate import PreparedFilms, rehydrate
from tests.conftest import FakeGenerator, fake_generators

CONFIGURATION = "50-50-90syn"


@pytest.fixture()
def copy(small_release: Release, tmp_path: Path) -> Path:
    folder = tmp_path / "mammo-synth"
    shutil.copytree(small_release.folder, folder)
    return folder


@pytest.fixture()
def referenced(prepared_set: PreparedSet, tmp_path: Path) -> Path:
    """A release of films that may not be passed on."""
    out = tmp_path / "mammo-synth"
    build_release(prepared_set, fake_generators(prepared_set, tmp_path), out, ReleaseSettings(120))
    return out


def test_the_folder_in_the_working_directory(
    small_release: Release, offline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_release.folder.parent)
    data = mammo_synth.load_dataset(CONFIGURATION)
    assert {split: data[split].num_rows for split in data} == {
        "train": 84,
        "test": 36,
        "real_test": 36,
    }
    assert mammo_synth.load_dataset().keys() == data.keys()
    assert mammo_synth.load_dataset(split="test").info.config_name == CONFIGURATION
    for revision in ("1.0.0", "v1.0.0"):
        assert mammo_synth.load_dataset(CONFIGURATION, revision=revision, split="test").num_rows
    part = mammo_synth.load_dataset(CONFIGURATION, split="train[:5]+real_test", columns=["label"])
    assert part.num_rows == 41 and part.column_names == ["label"]
    both = mammo_synth.load_dataset(CONFIGURATION, split=["train", "test"])
    assert [one.num_rows for one in both] == [84, 36]
    stream = mammo_synth.load_dataset(CONFIGURATION, split="test", streaming=True)
    assert next(iter(stream))["image"].size == (32, 32)
    with pytest.raises(BadInput, match=r"cannot be streamed.*take\(n\)"):
        mammo_synth.load_dataset(CONFIGURATION, split="test[:5]", streaming=True)


def test_wrong_names_are_answered_with_the_right_ones(copy: Path, offline: Any) -> None:
    def refused(words: str, *arguments: Any, **options: Any) -> None:
        with pytest.raises(BadInput, match=words):
            mammo_synth.load_dataset(*arguments, **{"name": copy, **options})

    refused("no configuration '50-50-9syn'.*Did you mean '50-50-9", "50-50-9syn")
    refused("no split 'training'.*Did you mean 'train'", CONFIGURATION, split="training")
    refused("no split 'dev'", CONFIGURATION, split=["train", "test+dev[:3]"])
    refused(r"holds release 1\.0\.0; revision 'v2\.0\.0'.*--tag v2\.0\.0", revision="v2.0.0")
    refused("could not be loaded.*Check split=", CONFIGURATION, split="train[:x]")
    refused("has no option 'colour'", CONFIGURATION, colour="red")
    refused("no folder 'nowhere'.*release download ORG/NAME.*release build", name="nowhere")
    (copy / "manifest.json").unlink()
    refused("has no manifest.json", CONFIGURATION)


def test_films_that_are_not_there(referenced: Path, offline: Any) -> None:
    data = mammo_synth.load_dataset("30-70-100syn", name=referenced)
    assert set(data) == {"train", "test"}
    assert mammo_synth.load_dataset(name=referenced, split="test").info.config_name.endswith(
        "100syn"
    )
    rehydrate_line = f"mammo-synth release rehydrate {referenced} --films PATH"
    with pytest.raises(BadInput, match="needs real films") as error:
        mammo_synth.load_dataset(CONFIGURATION, name=referenced)
    assert rehydrate_line in str(error.value) and "30-70-100syn" in str(error.value)
    with pytest.raises(BadInput, match="Split 'real_test' needs real films") as error:
        mammo_synth.load_dataset("30-70-100syn", name=referenced, split="real_test")
    assert rehydrate_line in str(error.value)


def test_a_broken_folder_is_refused_before_it_is_read(copy: Path, offline: Any) -> None:
    shards = sorted((copy / "data" / "train" / "cancer-synthetic").glob("*.parquet"))
    whole = shards[0].read_bytes()
    shards[0].write_bytes(whole[:-1])
    with pytest.raises(BadInput, match=f"{shards[0].name}' has .* bytes; the manifest says"):
        mammo_synth.load_dataset(CONFIGURATION, name=copy)
    shards[0].unlink()
    with pytest.raises(BadInput, match=f"{shards[0].name}' is missing.*release verify"):
        mammo_synth.load_dataset(CONFIGURATION, name=copy)
    shards[0].write_bytes(whole)
    (copy / "README.md").unlink()
    with pytest.raises(BadInput, match=r"README.md' is missing"):
        mammo_synth.load_dataset(CONFIGURATION, name=copy)
    (copy / "manifest.json").write_text((copy / "manifest.json").read_text().replace("facts", "f"))
    with pytest.raises(BadInput, match="not a valid manifest"):
        mammo_synth.load_dataset(CONFIGURATION, name=copy)


def test_a_shard_of_the_right_size_that_is_no_parquet(copy: Path, offline: Any) -> None:
    shard = next((copy / "data" / "train" / "normal-real").glob("*.parquet"))
    shard.write_bytes(b"\0" * shard.stat().st_size)
    with pytest.raises(BadInput, match=r"could not be loaded.*release verify"):
        mammo_synth.load_dataset(CONFIGURATION, name=copy)


@dataclass(frozen=True)
class Darker(FakeGenerator):
    """Draws other pixels for the same seeds."""

    @property
    def sha256(self) -> str:
        return ("d" if self.label == "cancer" else "b") * 64

    def images(
        self, seeds: Sequence[int], truncation: float
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        for seed, pixels in super().images(seeds, truncation):
            yield seed, pixels // 2


@pytest.mark.parametrize("ours", [False, True], ids=["datasets", "mammo_synth"])
def test_a_folder_of_other_content_is_loaded_anew(
    ours: bool, prepared_set: PreparedSet, tmp_path: Path, offline: Any
) -> None:
    """Same size, same version, same names: only the pixels are others."""
    out, settings = tmp_path / "mammo-synth", ReleaseSettings(40)
    first = fake_generators(prepared_set, tmp_path)
    others = {label: Darker(g.label, g.prepared_set, g.path) for label, g in first.items()}
    for label, generator in others.items():
        path = tmp_path / f"other-{label}"
        path.write_bytes(b"other" + bytes([label]))
        object.__setattr__(generator, "path", path)

    def load() -> Any:
        if ours:
            return mammo_synth.load_dataset(CONFIGURATION, name=out, split="train")
        return offline.load_dataset(str(out), CONFIGURATION, split="train")

    loaded = []
    for generators in (first, others):
        release = build_release(prepared_set, generators, out, settings, replace=True)
        rehydrate(release, PreparedFilms(prepared_set))
        data = load()
        assert load()["image_id"][:] == data["image_id"][:]  # this one is from the cache
        loaded.append((data["image_id"][0], np.asarray(data[0]["image"])))
    (old_id, old), (new_id, new) = loaded
    assert old_id != new_id and np.array_equal(new, old // 2)


@dataclass
class FakeHub:
    """Stands in for `datasets.load_dataset`: keeps what it was asked, and fails as it is told."""

    error: Exception | None = None
    asked: tuple[Any, ...] = ()

    def __call__(self, *arguments: Any, **options: Any) -> str:
        self.asked = (*arguments, options)
        if self.error is not None:
            raise self.error
        return "data"


@pytest.fixture()
def hub(offline: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setattr(offline, "load_dataset", fake)
    monkeypatch.chdir(tmp_path)
    return fake


def test_a_name_of_the_hub_is_passed_on(hub: FakeHub) -> None:
    loaded = mammo_synth.load_dataset(
        CONFIGURATION, name="org/mammo-synth", revision="1.0.0", split="train", token="t"
    )
    assert loaded == "data"
    options = {"revision": "v1.0.0", "split": "train", "streaming": False, "token": "t"}
    assert hub.asked == ("org/mammo-synth", CONFIGURATION, options)
    mammo_synth.load_dataset(name="org/mammo-synth", revision="main")
    assert hub.asked[1] is None and hub.asked[2]["revision"] == "main"
    hub.asked = ()
    for wrong in ({"config": "50-50-9syn"}, {"split": "dev"}):
        with pytest.raises(BadInput, match="There is no"):
            mammo_synth.load_dataset(**wrong, name="org/mammo-synth")
    assert hub.asked == (), "names that no release has do not reach the network"


def missing(available: list[str]) -> ValueError:
    return ValueError(f"BuilderConfig '{CONFIGURATION}' not found. Available: {available}")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (missing(list(CONFIGURATIONS)[:3]), r"needs real films.*download org/x.*rehydrate"),
        (missing(["default"]), "has no configuration '50-50-90syn'. Known: default"),
        (ConnectionError("Couldn't reach 'org/x' on the Hub"), "release download.*without one"),
        (FileNotFoundError("Dataset 'org/x' doesn't exist"), "doesn't exist.*Check name="),
    ],
)
def test_what_the_hub_refuses_is_said_in_words(hub: FakeHub, error: Exception, words: str) -> None:
    hub.error = error
    with pytest.raises(BadInput, match=words):
        mammo_synth.load_dataset(CONFIGURATION, name="org/x")


def test_a_full_disk(hub: FakeHub) -> None:
    hub.error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(NoSpace, match="cache"):
        mammo_synth.load_dataset(name="org/x")


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, mammo_synth\n"
        "heavy = {'torch', 'datasets', 'numpy', 'pyarrow', 'pandas'} & set(sys.modules)\n"
        "assert 'load_dataset' in dir(mammo_synth)\n"
        "from mammo_synth import load_dataset\n"
        "heavy |= {'torch', 'datasets', 'pandas'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'lod_dataset'"):
        _ = mammo_synth.lod_dataset
