"""Fetching a published release: whole, checked, resumed, refused, and loaded without the Hub."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mammo_synth.errors import BadInput, CheckFailed, NoSpace
from mammo_synth.manifest import check_folder, write_manifest
from mammo_synth.release.download import Download, download_release, find_release
from mammo_synth.release.folder import KIND, Release
from mammo_synth.release.hub import Repository
from mammo_synth.release.hub_errors import ATTEMPTS, HubTrouble
from tests.hub.fixtures import LoopbackHub
from tests.release.hub_release import NAME, Build, Publisher
from tests.release.hub_release import build as build
from tests.release.hub_release import here as here
from tests.release.hub_release import packed as packed
from tests.release.hub_release import phantom_set as phantom_set

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(scope="module")
def published(hub_process: LoopbackHub, packed: Release, build: Build) -> LoopbackHub:
    """The Hub with versions 1.0.0 (tagged 1.9.0 too) and 1.10.0; do not change those."""
    hub_process.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        patch.setattr("mammo_synth.release.publish.verify_release", lambda *_, **__: [])
        publish = Publisher(hub_process)
        publish(packed)
        publish.repository().api.create_tag(NAME, tag="v1.9.0", repo_type="dataset")
        publish(build(20, "1.10.0"))
    return hub_process


@pytest.fixture
def hub(published: LoopbackHub) -> Iterator[LoopbackHub]:
    """The Hub with the releases, its log empty and its faults healed."""
    published.clear_log()
    yield published
    published.heal()


@pytest.fixture
def repository(hub: LoopbackHub) -> Repository:
    """The published data set, for a visitor."""
    return Repository.named(hub.api(None), NAME)


def fetch(repository: Repository, out: Path, tag: str | None = "v1.0.0", **how: Any) -> Download:
    return download_release(repository, out, tag, sleep=lambda _: None, **how)


def contents(hub: LoopbackHub) -> list[str]:
    """Files whose bytes were asked for, the manifest aside, in order."""
    asked = [line.path.split("/", 6)[6] for line in hub.log("GET", "/resolve/")]
    return [path for path in asked if path != "manifest.json"]


def test_the_verbatim_line_works_offline(hub: LoopbackHub, packed: Release, tmp_path: Path) -> None:
    command = ["-m", "mammo_synth", "release", "download", NAME, "--tag", "v1.0.0"]
    done = hub.run(command, tmp_path.parent / "home", token=None, cwd=tmp_path)
    assert "Release 1.0.0 is in mammo-synth, every digest checked." in done.stdout
    assert 'load_dataset("mammo-synth", "50-50-90syn")' in done.stdout
    folder = tmp_path / "mammo-synth"
    assert [path.name for path in tmp_path.iterdir()] == ["mammo-synth"]
    assert not list(folder.rglob(".*")) and check_folder(folder) == []
    assert Release.open(folder).sha256 == packed.sha256
    code = (
        "import os; os.environ['HF_HUB_OFFLINE'] = '1'\n"
        "from datasets import load_dataset\n"
        'data = load_dataset("mammo-synth", "50-50-90syn")\n'
        "print({name: len(rows) for name, rows in data.items()}, data['train'][0]['image'].size)"
    )
    loaded = hub.run(code, tmp_path.parent / "home2", token=None, cwd=tmp_path)
    splits = packed.manifest.facts["configurations"]["50-50-90syn"]["splits"]
    rows = {name: splits[name]["rows"] for name in ("train", "test", "real_test")}
    assert loaded.stdout.strip() == f"{rows} (32, 32)"


def test_the_release_that_is_there_is_not_fetched_again(
    hub: LoopbackHub, repository: Repository, tmp_path: Path
) -> None:
    out = tmp_path / "mammo-synth"
    assert not fetch(repository, out).present
    hub.clear_log()
    assert fetch(repository, out).present and contents(hub) == []
    shard = next(out.glob("data/train/*/*.parquet"))
    shard.write_bytes(b"?")
    with pytest.raises(CheckFailed, match=f"is this release, but damaged.*{shard.name}") as refused:
        fetch(repository, out)
    assert "--replace" in str(refused.value.hint)
    assert not fetch(repository, out, replace=True).present and check_folder(out) == []


def test_another_version_takes_its_place_only_if_asked(
    repository: Repository, tmp_path: Path
) -> None:
    out = tmp_path / "mammo-synth"
    fetch(repository, out)
    with pytest.raises(BadInput, match=r"holds another release \(version 1\.0\.0") as refused:
        fetch(repository, out, None)
    assert "--replace" in str(refused.value.hint)
    assert fetch(repository, out, None, replace=True).tag == "v1.10.0"
    assert Release.open(out).version == "1.10.0" and check_folder(out) == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["mammo-synth"]


def test_other_folders_are_left_alone(repository: Repository, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "films.txt").write_text("x")
    for replace in (False, True):
        with pytest.raises(BadInput, match="exists and is not empty"):
            fetch(repository, out, replace=replace)
    write_manifest(out, "prepared", settings={})
    with pytest.raises(BadInput, match="holds a prepared of mammo-synth, not a release"):
        fetch(repository, out, replace=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="is a file"):
        fetch(repository, tmp_path / "file")


def test_tags(hub: LoopbackHub, repository: Repository) -> None:
    assert find_release(repository, None).tag == "v1.10.0"
    with pytest.raises(BadInput, match=r"no tag 'v1\.1\.0'") as refused:
        find_release(repository, "v1.1.0")
    assert "Known: v1.0.0, v1.9.0, v1.10.0." in str(refused.value.hint)
    with pytest.raises(BadInput, match=r"no tag '1\.0\.0'") as refused:
        find_release(repository, "1.0.0")
    assert "Did you mean 'v1.0.0'?" in str(refused.value.hint)


def other(hub: LoopbackHub, name: str, files: dict[str, bytes], tag: str | None) -> Repository:
    """A data set with these files."""
    mine = Repository.named(hub.api(), name)
    mine.create(private=False)
    for path, content in files.items():
        mine.api.upload_file(
            path_or_fileobj=content, path_in_repo=path, repo_id=name, repo_type="dataset"
        )
    if tag:
        mine.api.create_tag(name, tag=tag, repo_type="dataset")
    return Repository.named(hub.api(None), name)


def test_what_is_no_release(hub: LoopbackHub, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no data set 'author/none'"):
        fetch(Repository.named(hub.api(None), "author/none"), tmp_path / "out")
    untagged = other(hub, "author/untagged", {}, None)
    with pytest.raises(BadInput, match=r"no tag of a version such as v1\.0\.0"):
        fetch(untagged, tmp_path / "out", None)
    plain = other(hub, "author/plain", {"a.csv": b"a\n"}, "v1.0.0")
    with pytest.raises(BadInput, match=r"has no manifest\.json"):
        fetch(plain, tmp_path / "out")
    strange = other(hub, "author/strange", {"manifest.json": b'{"format": 1}'}, "v1.0.0")
    with pytest.raises(BadInput, match="holds no release of mammo-synth"):
        fetch(strange, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_access(hub: LoopbackHub, packed: Release, tmp_path: Path) -> None:
    name = "author/kept"
    publish = Publisher(hub)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mammo_synth.release.publish.verify_release", lambda *_, **__: [])
        publish(packed, name, gated="manual")
    stranger = Repository.named(hub.api(hub.stranger_token), name)
    for reader in (stranger, Repository.named(hub.api(None), name)):
        with pytest.raises(BadInput, match="is gated: access is given on request") as refused:
            fetch(reader, tmp_path / "out")
        assert "hf auth login" in str(refused.value.hint)
    publish.repository(name).set_access(private=True, gated=None)
    with pytest.raises(BadInput, match="or it is private"):
        fetch(stranger, tmp_path / "out")
    assert fetch(publish.repository(name), tmp_path / "out").release.version == "1.0.0"


def test_a_release_that_was_tampered_with_is_refused(
    hub: LoopbackHub, packed: Release, tmp_path: Path
) -> None:
    name, folder = "author/tampered", Path(shutil.copytree(packed.folder, tmp_path / "copy"))
    mine = Repository.named(hub.api(), name)
    mine.create(private=False)

    def publish(tag: str) -> None:
        mine.api.upload_folder(folder_path=folder, repo_id=name, repo_type="dataset")
        mine.api.create_tag(name, tag=tag, repo_type="dataset")

    card = folder / "README.md"
    whole = card.read_bytes()
    card.write_bytes(whole.replace(b"cancer", b"Cancer"))
    publish("v1.0.0")
    with pytest.raises(CheckFailed, match=r"is not the release. author/tampered/README\.md"):
        fetch(mine, tmp_path / "out")
    card.write_bytes(whole)
    shard = next(folder.glob("data/train/*/*.parquet"))
    data = shard.read_bytes()
    shard.write_bytes(data[:-1] + b"?")
    publish("v1.0.1")
    hub.clear_log()
    with pytest.raises(CheckFailed, match=f"{shard.name} was changed in"):
        fetch(mine, tmp_path / "out", "v1.0.1")
    assert contents(hub) == [] and not (tmp_path / "out").exists()
    shard.write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../escaped"] = {"sha256": "0" * 64, "bytes": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    publish("v1.0.2")
    with pytest.raises(CheckFailed, match=r"names '\.\./escaped'"):
        fetch(mine, tmp_path / "out", "v1.0.2")


def test_names_that_are_no_folders_are_refused(
    hub: LoopbackHub, packed: Release, tmp_path: Path
) -> None:
    for number, name in enumerate(("../x", "/x", ".ssh", "")):
        folder = tmp_path / str(number)
        folder.mkdir()
        settings = {**packed.manifest.settings, "name": name}
        write_manifest(folder, KIND, settings=settings, facts=packed.manifest.facts)
        data = (folder / "manifest.json").read_bytes()
        named = other(hub, f"author/named-{number}", {"manifest.json": data}, "v1.0.0")
        with pytest.raises(BadInput, match="holds no release"):
            fetch(named, tmp_path / "out")


def test_cut_connections_go_on_where_they_were(
    hub: LoopbackHub, repository: Repository, packed: Release, tmp_path: Path
) -> None:
    hub.fault("drop", method="GET", route=r"/resolve/.*contact-sheet", bytes=8000)
    hub.fault("status", method="GET", route=r"/resolve/.*parquet", status=500, after=2)
    hub.fault("refuse", method="HEAD", route=r"/resolve/.*parquet", after=4)
    hub.fault("refuse", method="GET", route="/refs")
    assert not fetch(repository, tmp_path / "out").present and hub.faults() == []
    assert check_folder(tmp_path / "out") == []
    # Nothing is fetched twice but the manifest, and what was cut short: the client keeps parts of
    # 10 MB, so a small file begins anew.
    whole = sum(entry.bytes for entry in packed.manifest.files.values())
    manifest = (packed.folder / "manifest.json").stat().st_size
    assert whole < hub.downloaded() <= whole + 2 * manifest + 8000 + 2000


def test_killed_and_resumed(hub: LoopbackHub, packed: Release, tmp_path: Path) -> None:
    hub.fault("hold", method="GET", route=r"/resolve/.*parquet", after=5, times=None)
    command = [sys.executable, "-m", "mammo_synth", "release", "download", NAME]
    environment = hub.environment(tmp_path / "home", token=None)
    with subprocess.Popen([*command, "--tag", "v1.0.0"], env=environment, cwd=tmp_path) as child:
        try:
            until = time.monotonic() + 60
            while not [x for x in hub.log("GET", ".parquet") if x.status is None]:
                assert child.poll() is None and time.monotonic() < until
                time.sleep(0.02)
        finally:
            child.kill()
    hub.heal()
    assert not (tmp_path / "mammo-synth").exists()
    hub.clear_log()
    fetch(Repository.named(hub.api(None), NAME), tmp_path / "mammo-synth")
    shards = [entry["path"] for entry in packed.manifest.facts["shards"]]
    assert [p for p in contents(hub) if p.endswith(".parquet")] == sorted(shards)[5:]
    assert check_folder(tmp_path / "mammo-synth") == []


def test_no_way_to_the_hub(hub: LoopbackHub, repository: Repository, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    waits: list[float] = []
    nowhere = Repository.named(HfApi(endpoint="http://127.0.0.1:9", token=False), NAME)
    with pytest.raises(HubTrouble, match=r"connection to the Hub failed .* Tried 5 times"):
        download_release(nowhere, tmp_path / "out", sleep=waits.append)
    assert len(waits) == ATTEMPTS - 1
    hub.fault("refuse", route=r"/resolve/.*parquet", after=6, times=None)
    with pytest.raises(HubTrouble, match="connection to the Hub") as trouble:
        fetch(repository, tmp_path / "out")
    assert "What was transferred is kept" in str(trouble.value.hint)
    hub.heal()
    hub.clear_log()
    fetch(repository, tmp_path / "out")
    assert 0 < len([path for path in contents(hub) if path.endswith(".parquet")]) < 16


def test_a_disk_that_is_too_small(
    hub: LoopbackHub, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=1000)
    monkeypatch.setattr("mammo_synth.release.download.shutil.disk_usage", lambda _: usage)
    with pytest.raises(NoSpace, match="MB more on the disk"):
        fetch(repository, tmp_path / "out")
    assert contents(hub) == []


def test_the_command_ends_in_one_sentence(hub: LoopbackHub, tmp_path: Path) -> None:
    command = ["-m", "mammo_synth", "release", "download", NAME, "--tag", "v2.0.0"]
    done = hub.run(command, tmp_path / "home", token=None, cwd=tmp_path, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"'{NAME}' has no tag 'v2.0.0'" in done.stderr and done.stdout == ""


def test_our_load_dataset_reads_the_hub_by_version(hub: LoopbackHub, tmp_path: Path) -> None:
    code = (
        "import mammo_synth\n"
        f"name = {NAME!r}\n"
        "data = mammo_synth.load_dataset('50-50-90syn', name=name, revision='1.0.0')\n"
        "print({split: rows.num_rows for split, rows in data.items()})\n"
        "rows = mammo_synth.load_dataset(\n"
        "    '30-70-100syn', name=name, revision='v1.10.0', split='test', streaming=True)\n"
        "print(next(iter(rows))['image'].mode)\n"
        "try:\n"
        "    mammo_synth.load_dataset('50-50-90syn', name=name, revision='v9.9.9')\n"
        "except mammo_synth.errors.BadInput as error:\n"
        "    print(error)\n"
    )
    done = hub.run(code, tmp_path, token=None)
    counts, mode, refusal = done.stdout.strip().splitlines()[-3:]
    assert set(ast.literal_eval(counts)) == {"train", "test", "real_test"}
    assert mode == "L" and "9.9.9" in refusal
