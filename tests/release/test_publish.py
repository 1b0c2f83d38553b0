"""Publishing on a Hub on loopback: whole or not at all, interrupted, repeated, refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mammo_synth.errors import BadInput, CheckFailed, MammoSynthError
from mammo_synth.manifest import write_manifest
from mammo_synth.release.folder import KIND, Release
from mammo_synth.release.forms import REFERENCED, loadable
from mammo_synth.release.hub import Repository
from mammo_synth.release.hub_errors import ATTEMPTS, HubTrouble
from mammo_synth.release.publish import (
    MERGED,
    PLANNED,
    PRESENT,
    PUBLISHED,
    PULL_REQUEST,
    publish_release,
)
from mammo_synth.release.remote import check_published
from mammo_synth.release.upload_plan import CHANGED, DELETED, KEPT, NEW, UNCHANGED
from tests.hub.fixtures import LoopbackHub
from tests.release.hub_release import NAME, Build, Publisher, holds
from tests.release.hub_release import build as build
from tests.release.hub_release import here as here
from tests.release.hub_release import packed as packed
from tests.release.hub_release import phantom_set as phantom_set
from tests.release.hub_release import referenced as referenced

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def publish(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """Publishes on the empty Hub, without the check of the folder before."""
    monkeypatch.setattr("mammo_synth.release.publish.verify_release", lambda *_, **__: [])
    return Publisher(hub)


def copy_of(release: Release, folder: Path) -> Path:
    return Path(shutil.copytree(release.folder, folder / "mammo-synth"))


def changes(hub: LoopbackHub) -> list[str]:
    """Requests that may change something on the Hub."""
    reading = ("GET", "HEAD")
    return [line.path for line in hub.log() if line.method not in reading]


def test_the_command_publishes_whole_and_checks_from_the_outside(
    hub: LoopbackHub, referenced: Release, tmp_path: Path
) -> None:
    (folder := copy_of(referenced, tmp_path) / ".notes").write_text("not of the release")
    command = ["-m", "mammo_synth", "release", "publish", str(folder.parent), NAME]
    done = hub.run([*command, "--private", "--gated", "manual", "--json"], tmp_path / "home")
    told = json.loads(done.stdout)
    assert referenced.manifest.facts["real"] == REFERENCED
    assert told["state"] == PUBLISHED and told["tag"] == "v1.0.0"
    assert told["privacy"] == "passed" and told["privacy_override"] is None
    assert told["changes"] == [
        f"Creates the private data set {NAME}.",
        f"Gates {NAME}: access on request (manual).",
    ]
    splits = sum(map(len, loadable(referenced.manifest.facts).values()))
    assert f"splits loaded from the Hub: {splits} of {splits}" in done.stderr
    repository = Publisher(hub).repository()
    settings = repository.settings()
    assert settings is not None and settings.private and settings.gated == "manual"
    refs = repository.refs()
    assert refs.branches == {"main": told["commit"]} and refs.tags == {"v1.0.0": told["commit"]}
    assert holds(repository, "v1.0.0", referenced)
    files = repository.files("v1.0.0")
    assert all(file.sha256 for path, file in files.items() if path.endswith(".parquet"))
    # Twice checked, on the branch before main had it, and by the tag.
    loaded = {line.path for line in hub.log("GET") if line.path.endswith("/README.md")}
    assert {path.split("/resolve/")[1].split("/")[0] for path in loaded} >= {
        "release-v1.0.0",
        "v1.0.0",
    }


def test_a_dry_run_changes_nothing(hub: LoopbackHub, packed: Release, publish: Publisher) -> None:
    outcome = publish(packed, dry_run=True, private=True)
    assert outcome.state == PLANNED and outcome.changes == (
        f"Creates the private data set {NAME}.",
    )
    assert {file.state for file in outcome.plan.files} == {NEW}
    assert outcome.plan.new_bytes == sum(
        path.stat().st_size for path in packed.folder.rglob("*") if path.is_file()
    )
    assert changes(hub) == [] and publish.repository().settings() is None
    publish.repository().create(private=False)
    hub.clear_log()
    outcome = publish(packed, dry_run=True, gated="auto")
    assert outcome.changes == (f"Gates {NAME}: access on request (auto).",)
    assert outcome.plan.paths(KEPT) == [".gitattributes"] and changes(hub) == []
    assert publish.checked == []


def test_a_second_run_sends_nothing(hub: LoopbackHub, packed: Release, publish: Publisher) -> None:
    assert publish(packed).state == PUBLISHED
    assert publish.checked == ["release-v1.0.0", "v1.0.0"]
    hub.clear_log()
    again = publish(packed)
    assert again.state == PRESENT and again.plan.new_bytes == 0 and changes(hub) == []
    assert publish.checked[2:] == ["v1.0.0"]


def test_a_new_version_sends_only_what_is_new(
    hub: LoopbackHub, packed: Release, build: Build, publish: Publisher
) -> None:
    publish(packed)
    repository = publish.repository()
    repository.api.upload_file(
        path_or_fileobj=b"x", path_in_repo="eval.yaml", repo_id=NAME, repo_type="dataset"
    )
    larger = build(30, "1.1.0")
    hub.clear_log()
    outcome = publish(larger)
    plan = outcome.plan
    assert plan.paths(UNCHANGED) and plan.paths(DELETED) and "README.md" in plan.paths(CHANGED)
    assert plan.paths(KEPT) == [".gitattributes", "eval.yaml"]
    large = [f.bytes for f in plan.files if f.sent and f.path.endswith((".parquet", ".png"))]
    assert (
        hub.uploaded() == sum(large) < sum(f.bytes for f in plan.files if f.state == UNCHANGED) * 9
    )
    there = set(repository.files("v1.1.0"))
    assert there == {*larger.manifest.files, "manifest.json", ".gitattributes", "eval.yaml"}
    assert holds(repository, "v1.0.0", packed)


def test_a_patch_sends_no_shard(
    hub: LoopbackHub, packed: Release, build: Build, publish: Publisher
) -> None:
    publish(packed)
    hub.clear_log()
    outcome = publish(build(20, "1.0.1"))
    assert outcome.plan.paths(NEW, DELETED) == [] and hub.uploaded() == 0
    assert outcome.plan.new_bytes == sum(file.bytes for file in outcome.plan.files if file.sent)


def test_faults_of_the_way_are_overcome(
    hub: LoopbackHub, packed: Release, publish: Publisher
) -> None:
    hub.fault("drop", method="PUT", route="/_objects/", bytes=5000)
    hub.fault("status", method="PUT", route="/_objects/", status=500, after=2)
    hub.fault("status", route="/commit/release", status=412)
    hub.fault("mute", route="/commit/release")
    hub.fault("refuse", route="/commit/main")
    hub.fault("status", route="/commit/main", status=412)
    hub.fault("mute", route="/commit/main")
    hub.fault("status", route="/tag/", status=503)
    hub.fault("mute", route="/tag/")
    # Five failures in a row are the most; six are met here, so two runs are what it may take.
    with pytest.raises(HubTrouble, match=f"Tried {ATTEMPTS} times") as trouble:
        publish(packed)
    assert "run the same command again" in str(trouble.value.hint)
    assert publish.waits == [1.0, 2.0, 4.0, 8.0]
    assert publish(packed).state == PUBLISHED
    assert hub.faults() == []
    repository = publish.repository()
    assert holds(repository, "v1.0.0", packed) and set(repository.refs().branches) == {"main"}
    # One commit on main beside the first: what the Hub did unheard is not done twice.
    commits = repository.api.list_repo_commits(NAME, repo_type="dataset")
    assert [commit.title for commit in commits] == ["Release 1.0.0", "initial commit"]
    sizes = {file.sha256: file.bytes for file in repository.files("main").values() if file.sha256}
    assert sum(sizes.values()) <= hub.uploaded() <= sum(sizes.values()) + 2 * max(sizes.values())


def test_a_lasting_fault_ends_with_one_sentence_and_the_next_run_goes_on(
    hub: LoopbackHub, packed: Release, publish: Publisher
) -> None:
    hub.fault("refuse", method="PUT", route="/_objects/", after=6, times=None)
    with pytest.raises(HubTrouble, match=r"connection to the Hub .* Tried 5 times"):
        publish(packed)
    assert set(publish.repository().files("main")) == {".gitattributes"}
    hub.heal()
    sent = len(hub.log("PUT", "/_objects/"))
    hub.clear_log()
    assert publish(packed).state == PUBLISHED
    whole = {x.sha256 for x in publish.repository().files("main").values() if x.sha256}
    assert len(hub.log("PUT", "/_objects/")) == len(whole) - 6 and sent > 6


PUBLISH = """
import sys
from pathlib import Path
from huggingface_hub import HfApi
from mammo_synth.release.folder import Release
from mammo_synth.release.hub import Repository
from mammo_synth.release.publish import publish_release
repository = Repository.named(HfApi(), sys.argv[2])
publish_release(Release.open(Path(sys.argv[1])), repository, require=lambda *a, **k: None)
"""


def kill_at(
    hub: LoopbackHub, folder: Path, home: Path, method: str, route: str, after: int
) -> None:
    """Publish in a process that is killed when it asks for ``route``; the Hub never answers."""
    hub.clear_log()
    hub.fault("hold", method=method, route=route, after=after, times=None)
    command = [sys.executable, "-c", PUBLISH, str(folder), NAME]
    with subprocess.Popen(command, env=hub.environment(home)) as child:
        try:
            until = time.monotonic() + 60
            while not [x for x in hub.log(method, route) if x.status is None]:
                assert child.poll() is None and time.monotonic() < until
                time.sleep(0.02)
        finally:
            child.kill()
    hub.kill()  # else the held request would still be done
    hub.start()


def test_killed_three_times_and_finished(
    hub: LoopbackHub, packed: Release, publish: Publisher, tmp_path: Path
) -> None:
    repository, home = publish.repository(), tmp_path / "home"
    kill_at(hub, packed.folder, home, "PUT", "/_objects/", 3)
    assert set(repository.files("main")) == {".gitattributes"}
    kill_at(hub, packed.folder, home, "POST", "/commit/main", 0)
    assert set(repository.files("main")) == {".gitattributes"}
    assert holds(repository, "release-v1.0.0", packed)
    left = publish(packed, dry_run=True).plan  # the branch has the large files by now
    assert len(left.paths(NEW)) == len(left.files) - 1
    assert not [f.path for f in left.files if f.sent and f.path.endswith((".parquet", ".png"))]
    kill_at(hub, packed.folder, home, "POST", "/tag/", 0)
    assert holds(repository, "main", packed) and repository.refs().tags == {}
    outcome = publish(packed)
    assert outcome.state == PUBLISHED and hub.uploaded() == 0
    assert repository.refs().tags == {"v1.0.0": outcome.commit}
    assert set(repository.refs().branches) == {"main"} and holds(repository, "v1.0.0", packed)


def test_a_release_that_is_not_sound_is_refused(
    hub: LoopbackHub, packed: Release, tmp_path: Path
) -> None:
    folder = copy_of(packed, tmp_path)
    shard = next(folder.glob("data/train/cancer-synthetic/*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(CheckFailed, match=f"not sound.*{shard.name}"):
        Publisher(hub)(Release.open(folder))
    assert hub.log() == []


def test_films_that_may_not_be_passed_on_are_refused(
    hub: LoopbackHub, small_release: Release, publish: Publisher
) -> None:
    with pytest.raises(BadInput, match="was rehydrated, and films of 'folder' may not") as refused:
        publish(small_release)
    assert "Their licence: as stated by the owner" in refused.value.message
    assert "references only" in str(refused.value.hint) and hub.log() == []


@pytest.mark.parametrize(
    ("token", "name", "message", "hint"),
    [
        (None, NAME, "No token", "hf auth login"),
        ("hf_wrong", NAME, "does not accept the token", "HF_TOKEN"),
        (LoopbackHub.read_token, NAME, "token of 'author' may only read", "write access"),
        (LoopbackHub.token, "others/x", "'author' may not publish under 'others'", "clinic"),
        (LoopbackHub.token, "x", "'x' is not the name of a repository", "my-lab/mammo-synth"),
        (LoopbackHub.token, "a b/x", "'a b/x' is not the name of", "my-lab/mammo-synth"),
    ],
)
def test_tokens_and_names(
    hub: LoopbackHub,
    packed: Release,
    publish: Publisher,
    token: str | None,
    name: str,
    message: str,
    hint: str,
) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        publish(packed, name, token)
    assert hint in str(refused.value.hint) and changes(hub) == []


def test_an_organisation(hub: LoopbackHub, packed: Release, publish: Publisher) -> None:
    assert publish(packed, "clinic/mammo-synth").state == PUBLISHED


def upload(repository: Repository, path: str, content: bytes) -> None:
    repository.api.upload_file(
        path_or_fileobj=content, path_in_repo=path, repo_id=repository.name, repo_type="dataset"
    )


def test_a_repository_in_use_is_left_alone(
    hub: LoopbackHub, packed: Release, build: Build, publish: Publisher
) -> None:
    repository = publish.repository()
    repository.create(private=False)
    upload(repository, "README.md", b"---\nlicense: mit\n---\n# mammo-synth\n")
    assert publish(packed, dry_run=True).plan.paths(CHANGED) == ["README.md"]
    upload(repository, "README.md", b"---\nlicense: mit\n---\nMy own films.\n")
    with pytest.raises(BadInput, match=r"README\.md is already written"):
        publish(packed)
    upload(repository, "films.csv", b"a\n1\n")
    with pytest.raises(BadInput, match=r"other files \(films\.csv\)") as refused:
        publish(packed)
    assert "another name" in str(refused.value.hint)
    upload(repository, "manifest.json", b'{"format": 1}')
    with pytest.raises(BadInput, match="not that of a release"):
        publish(packed)
    other = publish.repository("author/other")
    publish(build(20, "1.0.0", "other"), other.name)
    with pytest.raises(BadInput, match="holds the release 'other', not 'mammo-synth'"):
        publish(packed, other.name)
    assert set(other.refs().branches) == {"main"}


def test_a_version_is_never_overwritten(
    hub: LoopbackHub, packed: Release, build: Build, publish: Publisher
) -> None:
    newer = build(20, "1.2.0")
    publish(newer)
    before = publish.repository().refs()
    with pytest.raises(BadInput, match=r"1\.0\.0 is older") as refused:
        publish(packed)
    assert "above 1.2.0" in str(refused.value.hint)
    with pytest.raises(BadInput, match=r"v1\.2\.0 of .* other content") as refused:
        publish(build(30, "1.2.0"))
    assert "higher --version" in str(refused.value.hint)
    assert publish.repository().refs() == before


def test_full_storage(hub: LoopbackHub, packed: Release, publish: Publisher) -> None:
    hub.settings(quota=60_000)
    try:
        with pytest.raises(BadInput, match=r"storage of the owner of .* is used up") as refused:
            publish(packed)
        assert "What was uploaded is kept" in str(refused.value.hint)
        assert set(publish.repository().files("main")) == {".gitattributes"}
    finally:
        hub.settings(quota=None)
    kept = hub.uploaded()
    hub.clear_log()
    publish(packed)
    whole = sum(x.bytes for x in publish.repository().files("main").values() if x.sha256)
    assert kept > 0 and hub.uploaded() < whole


def test_a_pull_request_of_somebody_else(
    hub: LoopbackHub, packed: Release, build: Build, publish: Publisher
) -> None:
    publish(packed)
    stranger, newer = hub.stranger_token, build(20, "1.1.0")
    with pytest.raises(BadInput, match="'stranger' may not publish under 'author'") as refused:
        publish(newer, token=stranger)
    assert "--create-pr" in str(refused.value.hint)
    opened = publish(newer, token=stranger, create_pr=True)
    assert opened.state == PULL_REQUEST and str(opened.pull_request).endswith("/discussions/1")
    repository = publish.repository()
    assert holds(repository, "refs/pr/1", newer) and holds(repository, "main", packed)
    assert set(repository.refs().tags) == {"v1.0.0"}
    again = publish(newer, token=stranger, create_pr=True)
    assert again.pull_request == opened.pull_request
    repository.api.merge_pull_request(NAME, 1, repo_type="dataset")
    assert publish(newer, token=stranger, create_pr=True).state == MERGED
    hub.clear_log()
    done = publish(newer)
    assert done.state == PUBLISHED and changes(hub) == [f"/api/datasets/{NAME}/tag/{done.commit}"]
    assert publish.checked[-2:] == [done.commit, "v1.1.0"]


def test_shards_are_large_files_whatever_the_rules_were(
    hub: LoopbackHub, packed: Release, publish: Publisher
) -> None:
    repository = publish.repository()
    repository.create(private=False)
    upload(repository, ".gitattributes", b"*.png filter=lfs diff=lfs merge=lfs -text")
    publish(packed)
    rules = repository.read(".gitattributes", "v1.0.0").decode().splitlines()
    assert [line.split()[0] for line in rules] == ["*.png", "*.parquet"]
    files = repository.files("v1.0.0")
    assert all(file.sha256 for path, file in files.items() if path.endswith(".parquet"))


def test_a_file_that_changes_meanwhile_is_not_published(
    packed: Release, publish: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release.open(copy_of(packed, tmp_path))
    card = release.folder / "README.md"

    def change(*_: Any, **__: Any) -> list[str]:
        card.write_text(card.read_text() + "\nMore.\n")
        return []

    monkeypatch.setattr("mammo_synth.release.publish.verify_release", change)
    with pytest.raises(CheckFailed, match=r"README\.md changed while it was uploaded"):
        publish(release)
    assert set(publish.repository().files("main")) == {".gitattributes"}


def test_the_check_from_the_outside_loads_all_nine_and_names_what_is_wrong(
    hub: LoopbackHub,
    packed: Release,
    publish: Publisher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(packed)
    # A folder of the data set's name would be loaded in its place.
    (tmp_path / NAME).mkdir(parents=True)
    (tmp_path / NAME / "a.csv").write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)
    repository = publish.repository()
    assert len(packed.configurations) == 9 and check_published(repository, "v1.0.0") == []
    loaded = [x for x in hub.log("GET", "/resolve/v1.0.0/") if x.path.endswith("/README.md")]
    footers = [x for x in hub.log("GET", ".parquet") if x.range]
    assert loaded and len(footers) > len(packed.manifest.facts["shards"])
    shard = packed.shards("50-50-90syn", "train")[0]
    upload(repository, shard, (packed.folder / shard).read_bytes() + b"?")
    upload(repository, "README.md", b"---\nlicense: mit\n---\n")
    repository.api.delete_file("LICENSE.md", NAME, repo_type="dataset")
    assert sorted(check_published(repository, "main")) == [
        "LICENSE.md is missing.",
        "README.md is not the file that the manifest describes.",
        f"{shard} is not the file that the manifest describes.",
    ]


def test_the_check_from_the_outside_looks_into_the_files(
    hub: LoopbackHub, referenced: Release, publish: Publisher, tmp_path: Path
) -> None:
    """Of a manifest that agrees with the files, but not with what is in them."""
    folder, facts = copy_of(referenced, tmp_path), referenced.manifest.facts
    card = folder / "README.md"
    card.write_text(card.read_text().replace("config_name: 30-70-100syn", "config_name: gone"))
    shard = referenced.shards("50-50-100syn", "train")[0]
    shards = [{**one, "rows": one["rows"] + (one["path"] == shard)} for one in facts["shards"]]
    settings = referenced.manifest.settings
    write_manifest(folder, KIND, settings=settings, facts={**facts, "shards": shards})
    repository = publish.repository()
    repository.create(private=False)
    repository.api.upload_folder(folder_path=folder, repo_id=NAME, repo_type="dataset")
    problems = check_published(repository, "main")
    rows = next(entry["rows"] for entry in facts["shards"] if entry["path"] == shard)
    assert problems[0] == f"{shard} has {rows} rows, the manifest says {rows + 1} rows."
    assert [one[: len("30-70-100syn, train")] for one in problems[1:]] == [
        "30-70-100syn, train",
        "30-70-100syn, test ",
    ]
    assert all("cannot be loaded (ValueError: BuilderConfig" in one for one in problems[1:])


def test_no_way_to_the_hub(hub: LoopbackHub, packed: Release, publish: Publisher) -> None:
    from huggingface_hub import HfApi

    nowhere = Repository.named(HfApi(endpoint="http://127.0.0.1:9", token="x"), NAME)
    with pytest.raises(HubTrouble, match="connection to the Hub failed"):
        publish_release(packed, nowhere, sleep=publish.waits.append)
    assert len(publish.waits) == ATTEMPTS - 1


def test_offline_mode(packed: Release, publish: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MammoSynthError, match=r"offline mode \(HF_HUB_OFFLINE is set\)"):
        publish(packed)
    assert publish.waits == []


def test_the_command_ends_in_one_sentence(
    hub: LoopbackHub, packed: Release, tmp_path: Path
) -> None:
    command = ["-m", "mammo_synth", "release", "publish", str(packed.folder), NAME]
    done = hub.run(command, tmp_path / "home", token=None, check=False)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert "Error: No token for the Hub was found." in done.stderr


def test_xet(packed: Release, tmp_path: Path) -> None:
    """The same through the real Xet client: main takes its large files from the branch."""
    hub = LoopbackHub(tmp_path / "hub", xet=True)
    try:
        script = ["-c", PUBLISH, str(packed.folder), NAME]
        hub.run(script, tmp_path / "home", xet=True)
        repository = Publisher(hub).repository()
        assert holds(repository, "v1.0.0", packed) and holds(repository, "main", packed)
        assert hub.log("PUT", "/_objects/") == [] and hub.log("GET", "xet-write-token")
    finally:
        hub.kill()
