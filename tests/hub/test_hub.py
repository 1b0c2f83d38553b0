"""The loopback Hub, proved with the real clients: `huggingface_hub`, `datasets`, `pandas`."""

from __future__ import annotations

import subprocess
import sys
import time
import types
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile, errors

from tests.hub import card
from tests.hub.fixtures import LoopbackHub
from tests.hub.messages import Refusal

REPO = "author/mammo-synth"
KIND: dict[str, Any] = {"repo_id": REPO, "repo_type": "dataset"}
SHARD = bytes(range(256)) * 1200  # 307,200 bytes
README = "---\nlicense: cc-by-4.0\npretty_name: Mammo\n---\n# Mammo\n"


@pytest.fixture(autouse=True)
def _quick_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of this process: LFS, small chunks, no sleep between retries."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    quick = types.SimpleNamespace(sleep=lambda seconds: None, time=time.time)
    monkeypatch.setattr("huggingface_hub.utils._http.time", quick)
    monkeypatch.setattr("huggingface_hub.file_download.time", quick)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 10_000)


@pytest.fixture
def api(hub: LoopbackHub) -> HfApi:
    """A writer's client and an empty repository."""
    client: HfApi = hub.api()
    client.create_repo(REPO, repo_type="dataset")
    hub.clear_log()
    return client


def put(api: HfApi, path: str, content: bytes, **more: Any) -> Any:
    """One commit with one file."""
    operation = CommitOperationAdd(path, content)
    return api.create_commit(
        operations=[operation], commit_message=f"Add {path}", **{**KIND, **more}
    )


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and message of a call that the Hub refuses."""
    with pytest.raises(errors.HfHubHTTPError) as caught:
        call()
    return caught.value.response.status_code, caught.value.server_message or ""


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Account and access


def test_roles(hub: LoopbackHub, api: HfApi) -> None:
    assert api.whoami()["auth"]["accessToken"]["role"] == "write"
    assert [org["name"] for org in api.whoami()["orgs"]] == ["clinic"]
    reader = hub.api(hub.read_token)
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"
    assert refused(lambda: put(reader, "a.txt", b"a")) == (
        403,
        "You must use a write token to upload to a dataset repository.",
    )
    status, message = refused(lambda: reader.create_repo("author/other", repo_type="dataset"))
    assert (status, message[:24]) == (403, "You don't have the right")
    status, message = refused(lambda: put(hub.api(hub.stranger_token), "a.txt", b"a"))
    assert status == 403 and "create_pr=1" in message
    status, _ = refused(lambda: put(hub.api(None), "a.txt", b"a"))
    assert status == 401
    status, message = refused(lambda: put(hub.api("wrong"), "a.txt", b"a"))
    assert (status, message) == (401, "Invalid credentials in Authorization header")


def test_create_twice(api: HfApi) -> None:
    status, message = refused(lambda: api.create_repo(REPO, repo_type="dataset"))
    assert status == 409 and REPO in message
    assert api.create_repo(REPO, repo_type="dataset", exist_ok=True).repo_id == REPO
    assert api.create_repo("clinic/mammo-synth", repo_type="dataset").repo_id[:6] == "clinic"
    api.delete_repo(**KIND)
    assert not api.repo_exists(**KIND)


def test_private(hub: LoopbackHub, api: HfApi) -> None:
    put(api, "README.md", README.encode())
    api.update_repo_settings(**KIND, visibility="private")
    assert api.repo_info(**KIND).private
    for token in (None, hub.stranger_token):
        with pytest.raises(errors.RepositoryNotFoundError):
            hub.api(token).repo_info(**KIND)
    with pytest.raises(errors.RepositoryNotFoundError):
        api.repo_info("author/missing", repo_type="dataset")


def test_gated(hub: LoopbackHub, api: HfApi, tmp_path: Path) -> None:
    """Names and sizes are public, contents are not, until access is granted."""
    put(api, "README.md", README.encode())
    api.update_repo_settings(**KIND, gated="manual")
    stranger = hub.api(hub.stranger_token)
    assert stranger.repo_info(**KIND).gated == "manual"
    assert "README.md" in stranger.list_repo_files(**KIND)
    api.auth_check(**KIND)
    for token, status in ((None, 401), (hub.stranger_token, 403)):
        with pytest.raises(errors.GatedRepoError):
            hub.api(token).auth_check(**KIND)
        with pytest.raises(errors.GatedRepoError) as caught:
            hub.api(token).hf_hub_download(**KIND, filename="README.md", cache_dir=tmp_path)
        assert caught.value.response.status_code == status
    api.grant_access(**KIND, user=hub.stranger)
    path = stranger.hf_hub_download(**KIND, filename="README.md", cache_dir=tmp_path)
    assert Path(path).read_text() == README


# Files


def test_folder_round_trip(hub: LoopbackHub, api: HfApi, tmp_path: Path) -> None:
    """What is uploaded comes back, and a second upload of the same sends nothing."""
    source = tmp_path / "release"
    (source / "data" / "deep").mkdir(parents=True)
    (source / "data" / "deep" / "a.parquet").write_bytes(SHARD)
    (source / "README.md").write_text(README)
    first = api.upload_folder(**KIND, folder_path=source)
    assert hub.uploaded() == len(SHARD)
    api.upload_folder(**KIND, folder_path=source)
    assert hub.uploaded() == len(SHARD)
    assert api.repo_info(**KIND).sha == first.oid

    folder = api.snapshot_download(**KIND, local_dir=tmp_path / "copy")
    assert (Path(folder) / "data/deep/a.parquet").read_bytes() == SHARD
    assert (Path(folder) / "README.md").read_text() == README
    titles = [commit.title for commit in api.list_repo_commits(**KIND)]
    assert titles[-1] == "initial commit" and len(titles) == 2


def test_operations(api: HfApi) -> None:
    """Several operations are one commit; deleting works for files and folders."""
    put(api, "old/a.txt", b"a")
    put(api, "old/b.txt", b"b")
    put(api, "c.txt", b"c")
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd("new.txt", b"new"),
        CommitOperationDelete("old/"),
        CommitOperationDelete("c.txt"),
    ]
    api.create_commit(**KIND, operations=operations, commit_message="Tidy")
    assert sorted(api.list_repo_files(**KIND)) == [".gitattributes", "new.txt"]


def test_parent_commit(api: HfApi) -> None:
    first = put(api, "a.txt", b"a")
    put(api, "b.txt", b"b", parent_commit=first.oid)
    assert refused(lambda: put(api, "c.txt", b"c", parent_commit=first.oid))[0] == 412
    assert "c.txt" not in api.list_repo_files(**KIND)
    with pytest.raises(errors.RevisionNotFoundError):
        put(api, "c.txt", b"c", revision="nowhere")


def test_large_file_without_upload(hub: LoopbackHub, api: HfApi) -> None:
    """A commit cannot name an object that is not there."""
    header = {"Authorization": f"Bearer {hub.token}"}
    lines = '{"key":"header","value":{"summary":"x"}}\n{"key":"lfsFile","value":' + (
        '{"path":"a.parquet","algo":"sha256","oid":"%s","size":3}}' % ("0" * 64)
    )
    address = f"{hub.endpoint}/api/datasets/{REPO}/commit/main"
    reply = httpx2.post(address, headers=header, content=lines)
    assert reply.status_code == 400 and "does not exist" in reply.json()["error"]


def test_objects_outlive_a_lost_commit(hub: LoopbackHub, api: HfApi) -> None:
    """After a failed commit the next try uploads nothing again."""
    hub.fault("status", status=412, route="/commit/")
    assert refused(lambda: put(api, "a.parquet", SHARD))[0] == 412
    put(api, "a.parquet", SHARD)
    assert hub.uploaded() == len(SHARD)


def test_tree(hub: LoopbackHub, api: HfApi) -> None:
    """Listing: pages, one level or all, large files, last changes, missing folders."""
    names = [f"data/{n}.txt" for n in range(7)]
    operations = [CommitOperationAdd(name, b"x") for name in names]
    first = api.create_commit(**KIND, operations=operations, commit_message="Seven")
    put(api, "data/8.parquet", SHARD)
    hub.settings(page_size=3)
    assert [f.path for f in api.list_repo_tree(**KIND)] == ["data", ".gitattributes"]
    assert len(list(api.list_repo_tree(**KIND, recursive=True))) == 10
    assert len(hub.log("GET", "/tree/")) == 1 + 4
    found = list(api.list_repo_tree(**KIND, path_in_repo="data", expand=True))
    small, large = found[0], found[-1]
    assert isinstance(large, RepoFile) and large.lfs and large.size == large.lfs.size == len(SHARD)
    assert small.last_commit and large.last_commit
    assert small.last_commit.oid == first.oid != large.last_commit.oid
    with pytest.raises(errors.RemoteEntryNotFoundError):
        list(api.list_repo_tree(**KIND, path_in_repo="nothing"))
    with pytest.raises(errors.RevisionNotFoundError):
        list(api.list_repo_tree(**KIND, revision="nothing"))
    asked = api.get_paths_info(**KIND, paths=["data", "data/8.parquet", "nothing"])
    assert [item.path for item in asked] == ["data", "data/8.parquet"]
    info = api.dataset_info(REPO, files_metadata=True)
    sizes = {file.rfilename: file.size for file in info.siblings or []}
    assert sizes["data/8.parquet"] == len(SHARD)


def test_resolve(hub: LoopbackHub, api: HfApi) -> None:
    """Whole files, ranges, metadata, and what a missing file says."""
    commit = put(api, "a.parquet", SHARD)
    address = f"{hub.endpoint}/datasets/{REPO}/resolve/main/a.parquet"
    whole = httpx2.get(address)
    assert whole.content == SHARD and whole.headers["X-Repo-Commit"] == commit.oid
    for asked, expected in (("0-9", SHARD[:10]), ("100-", SHARD[100:]), ("-5", SHARD[-5:])):
        part = httpx2.get(address, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, expected)
    beyond = httpx2.get(address, headers={"Range": f"bytes={len(SHARD)}-"})
    assert beyond.status_code == 416
    facts = huggingface_hub.get_hf_file_metadata(address)
    assert facts.size == len(SHARD) and facts.commit_hash == commit.oid
    assert facts.etag == whole.headers["X-Linked-Etag"].strip('"')
    missing = httpx2.head(address + "x")
    assert missing.headers["X-Error-Code"] == "EntryNotFound"
    assert missing.headers["X-Repo-Commit"] == commit.oid


# References


def test_tags_and_branches(api: HfApi) -> None:
    first = put(api, "a.txt", b"1")
    api.create_tag(**KIND, tag="v1.0.0")
    api.create_branch(**KIND, branch="release/2.0.0")
    put(api, "a.txt", b"2", revision="release/2.0.0")
    assert api.repo_info(**KIND, revision="v1.0.0").sha == first.oid
    assert api.repo_info(**KIND).sha == first.oid
    assert api.repo_info(**KIND, revision="release/2.0.0").sha != first.oid
    assert api.repo_info(**KIND, revision=first.oid).sha == first.oid
    references = api.list_repo_refs(**KIND)
    assert [tag.ref for tag in references.tags] == ["refs/tags/v1.0.0"]
    assert [branch.name for branch in references.branches] == ["main", "release/2.0.0"]

    assert refused(lambda: api.create_tag(**KIND, tag="v1.0.0"))[0] == 409
    api.create_tag(**KIND, tag="v1.0.0", exist_ok=True)
    assert refused(lambda: api.create_branch(**KIND, branch="main"))[0] == 409
    api.delete_tag(**KIND, tag="v1.0.0")
    api.delete_branch(**KIND, branch="release/2.0.0")
    with pytest.raises(errors.RevisionNotFoundError):
        api.delete_tag(**KIND, tag="v1.0.0")
    with pytest.raises(errors.RevisionNotFoundError):
        api.create_tag(**KIND, tag="v2", revision="release/2.0.0")


def test_pull_request_of_a_commit(hub: LoopbackHub, api: HfApi) -> None:
    """A stranger proposes, main stays, the owner merges."""
    put(api, "a.txt", b"1")
    made = put(hub.api(hub.stranger_token), "b.txt", b"2", create_pr=True)
    assert made.pr_revision == "refs/pr/1"
    assert "b.txt" not in api.list_repo_files(**KIND)
    assert "b.txt" in api.list_repo_files(**KIND, revision="refs/pr/1")
    put(api, "c.txt", b"3")
    api.merge_pull_request(REPO, 1, repo_type="dataset")
    assert {"a.txt", "b.txt", "c.txt"} <= set(api.list_repo_files(**KIND))
    details = api.get_discussion_details(REPO, 1, repo_type="dataset")
    assert details.status == "merged" and details.author == "stranger"
    assert refused(lambda: api.merge_pull_request(REPO, 1, repo_type="dataset"))[0] == 409


def test_pull_request_with_a_conflict(api: HfApi) -> None:
    """A draft that is filled, then main changes the same file."""
    draft = api.create_pull_request(REPO, title="Release 1.0.0", repo_type="dataset")
    assert draft.status == "draft" and draft.is_pull_request
    put(api, "a.txt", b"theirs", revision=draft.git_reference)
    api.change_discussion_status(REPO, draft.num, "open", repo_type="dataset")
    put(api, "a.txt", b"ours")
    details = api.get_discussion_details(REPO, draft.num, repo_type="dataset")
    assert details.status == "open" and details.conflicting_files == ["a.txt"]
    status, message = refused(lambda: api.merge_pull_request(REPO, 1, repo_type="dataset"))
    assert status == 409 and "a.txt" in message
    found = api.get_repo_discussions(REPO, repo_type="dataset", discussion_status="open")
    assert [d.num for d in found] == [1]
    found = api.get_repo_discussions(REPO, repo_type="dataset", discussion_type="discussion")
    assert list(found) == []
    references = api.list_repo_refs(**KIND, include_pull_requests=True)
    assert [pull.ref for pull in references.pull_requests or []] == ["refs/pr/1"]


# The card


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("license: [", "YAML is not valid"),
        ("- a list", "must be an object"),
        ("license: mine", '"license" must be one of'),
        ("tags: medical", '"tags" must be an array'),
        ("size_categories: [huge]", '"size_categories" must be one of'),
        ("configs: [{config_name: 'a/b'}]", "not a valid name"),
        ("configs: [{config_name: a}, {config_name: a}]", "more than once"),
        ("configs: [{config_name: a, default: true}, {config_name: b, default: true}]", "default"),
        ("configs: [{config_name: a, data_files: [{split: train}]}]", "must name paths"),
        ("dataset_info: {splits: [{name: train, num_examples: many}]}", "must be a number"),
    ],
)
def test_bad_card(api: HfApi, head: str, expected: str) -> None:
    """The check before the commit says what is wrong."""
    content = f"---\n{head}\n---\n".encode()
    with pytest.raises(ValueError, match="Invalid metadata") as caught:
        put(api, "README.md", content)
    assert expected in str(caught.value)
    assert "README.md" not in api.list_repo_files(**KIND)


def test_commit_refuses_a_bad_card() -> None:
    """A client that does not ask first is refused at the commit; a good card passes."""
    with pytest.raises(Refusal, match="license"):
        card.refuse_bad(b"---\nlicense: mine\n---\n", "datasets")
    card.refuse_bad(README.encode(), "datasets")


def test_card_data(api: HfApi) -> None:
    put(api, "README.md", README.encode())
    info = api.dataset_info(REPO)
    assert info.card_data is not None and info.card_data["pretty_name"] == "Mammo"
    assert info.tags == ["license:cc-by-4.0"]


# Limits and faults


@pytest.mark.parametrize(("private", "words"), [(True, "Private repository storage"), (False, "")])
def test_quota(hub: LoopbackHub, api: HfApi, private: bool, words: str) -> None:
    api.update_repo_settings(**KIND, visibility="private" if private else "public")
    hub.settings(quota=len(SHARD) // 2)
    status, message = refused(lambda: put(api, "a.parquet", SHARD))
    assert status == 403 and "storage" in message and message.startswith(words)
    assert hub.uploaded() == 0
    assert refused(lambda: put(api, "a.txt", b"x" * len(SHARD)))[0] == 403
    hub.settings(quota=None)
    put(api, "a.parquet", SHARD)


def test_dropped_upload(hub: LoopbackHub, api: HfApi) -> None:
    """The line breaks mid-shard: the client starts that shard again, and the log has both."""
    hub.fault("drop", method="PUT", route="/_objects/", bytes=100_000)
    put(api, "a.parquet", SHARD)
    lines = hub.log("PUT", "/_objects/")
    assert [line.status for line in lines] == [0, 200]
    assert 100_000 <= lines[0].received < len(SHARD) == lines[1].received
    assert hub.faults() == []


def test_dropped_download(hub: LoopbackHub, api: HfApi, tmp_path: Path) -> None:
    """A download that ends early goes on where it ended; after a reset the client gives up."""
    put(api, "a.parquet", SHARD)
    hub.fault("drop", method="GET", route="/resolve/", bytes=10, reset=True)
    with pytest.raises(httpx2.ReadError):
        api.hf_hub_download(**KIND, filename="a.parquet", cache_dir=tmp_path)
    hub.clear_log()
    hub.fault("drop", method="GET", route="/resolve/", bytes=100_000)
    path = api.hf_hub_download(**KIND, filename="a.parquet", cache_dir=tmp_path)
    assert Path(path).read_bytes() == SHARD
    assert hub.downloaded() < 2 * len(SHARD)
    assert [line.status for line in hub.log("GET", "/resolve/")] == [0, 206]


def test_server_errors(hub: LoopbackHub, api: HfApi) -> None:
    """503 as often as asked, on the route that was asked, after the number that was asked."""
    hub.fault("status", status=503, route="/preupload/", times=2)
    put(api, "a.parquet", SHARD)
    assert [line.status for line in hub.log("POST", "/preupload/")] == [503, 503, 200]
    hub.fault("status", status=500, route="/tag/", after=1, times=None)
    api.create_tag(**KIND, tag="one")
    assert refused(lambda: api.create_tag(**KIND, tag="two"))[0] == 500
    assert refused(lambda: api.create_tag(**KIND, tag="two"))[0] == 500
    hub.heal()
    api.create_tag(**KIND, tag="two")


def test_network_gone(hub: LoopbackHub, api: HfApi) -> None:
    hub.fault("refuse", after=1, times=None)
    api.repo_info(**KIND)
    with pytest.raises(httpx2.TransportError):
        api.repo_info(**KIND)
    hub.heal()
    api.repo_info(**KIND)


def test_lost_answer(hub: LoopbackHub, api: HfApi) -> None:
    """The commit is made although the client hears nothing."""
    hub.fault("mute", route="/commit/")
    with pytest.raises(httpx2.TransportError):
        put(api, "a.txt", b"a")
    assert "a.txt" in api.list_repo_files(**KIND)


def test_unknown_fault(hub: LoopbackHub) -> None:
    for facts in ({"kind": "earthquake"}, {"kind": "drop", "speed": 1}):
        with pytest.raises(urllib.error.HTTPError):
            hub.fault(**facts)


def test_client_killed_at_a_known_point(hub: LoopbackHub, api: HfApi, tmp_path: Path) -> None:
    """`hold` stops a client before its tag; after the kill the commit is there, the tag is not."""
    code = (
        "from huggingface_hub import HfApi; api = HfApi()\n"
        f"api.upload_file(path_or_fileobj=b'PAR1', path_in_repo='a.parquet', **{KIND!r})\n"
        f"api.create_tag(**{KIND!r}, tag='v1.0.0')"
    )
    hub.fault("hold", route="/tag/")
    client = subprocess.Popen([sys.executable, "-c", code], env=hub.environment(tmp_path))
    wait_until(lambda: client.poll() is not None or bool(hub.log("POST", "/tag/")))
    assert client.poll() is None
    client.kill()
    client.wait()
    hub.heal()
    wait_until(lambda: [line.status for line in hub.log("POST", "/tag/")] == [0])
    assert api.file_exists(REPO, "a.parquet", repo_type="dataset")
    assert api.list_repo_refs(**KIND).tags == []


def test_server_killed(api: HfApi, hub: LoopbackHub, tmp_path: Path) -> None:
    """All that was answered is there when the server starts again, objects without commit too."""
    server = LoopbackHub(tmp_path / "own")
    try:
        client = server.api()
        client.create_repo(REPO, repo_type="dataset", private=True)
        put(client, "a.parquet", SHARD)
        client.create_tag(**KIND, tag="v1.0.0")
        put(client, "b.txt", b"b", create_pr=True)
        server.fault("status", status=412, route="/commit/")
        assert refused(lambda: put(client, "b.parquet", SHARD[:-1]))[0] == 412
        endpoint, before = server.endpoint, client.list_repo_refs(**KIND)
        server.kill()
        server.start()
        assert server.endpoint == endpoint
        assert client.list_repo_refs(**KIND) == before
        assert client.get_discussion_details(REPO, 1, repo_type="dataset").is_pull_request
        put(client, "b.parquet", SHARD[:-1])
        assert server.uploaded() == 0
        path = client.hf_hub_download(**KIND, filename="a.parquet", cache_dir=tmp_path)
        assert Path(path).read_bytes() == SHARD
    finally:
        server.kill()


def test_server_ends_with_its_tests(tmp_path: Path) -> None:
    """A test run that is killed leaves no server behind: it ends when its input closes."""
    server = LoopbackHub(tmp_path)
    process = server._process
    assert process is not None and process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=20) == 0


# Whole clients


DATASETS = f"""
import datasets, io, pandas, PIL.Image
from huggingface_hub import HfFileSystem

picture = io.BytesIO()
PIL.Image.new("L", (8, 8), 7).save(picture, "PNG")
features = datasets.Features(
    image=datasets.Image(mode="L"), label=datasets.ClassLabel(names=["normal", "cancer"])
)
row = dict(image=dict(bytes=picture.getvalue(), path="a.png"))
rows = [dict(row, label=n % 2) for n in range(10)]
data = datasets.Dataset.from_list(rows, features=features)
data.push_to_hub("{REPO}", "50-50-90syn", split="train")
data.push_to_hub("{REPO}", "90-10-90syn", split="train", create_pr=True)

back = datasets.load_dataset("{REPO}", "50-50-90syn", split="train")
assert back.features == features and back["label"] == data["label"], back
stream = datasets.load_dataset("{REPO}", "50-50-90syn", split="train", streaming=True)
assert [r["label"] for r in stream] == data["label"]
pull = datasets.load_dataset("{REPO}", "90-10-90syn", split="train", revision="refs/pr/1")
assert len(pull) == 10
path = HfFileSystem().glob("datasets/{REPO}/**/*.parquet")[0]
assert len(pandas.read_parquet("hf://" + path)) == 10
try:
    datasets.load_dataset("{REPO}", "60-40-90syn")
except ValueError as error:
    assert "50-50-90syn" in str(error)
else:
    raise AssertionError("a configuration that is not there")
"""


def test_datasets_and_pandas(hub: LoopbackHub, tmp_path: Path) -> None:
    """The whole way of `datasets`: push, pull request, load, stream; and `hf://` in pandas."""
    hub.run(DATASETS, tmp_path)
    assert hub.uploaded() > 0
    unknown = [line for line in hub.log() if line.status in (405, 500, 501)]
    assert unknown == []


XET = f"""
import os
from pathlib import Path
from huggingface_hub import HfApi, hf_hub_download

api = HfApi()
source = Path(os.environ["HF_HOME"]) / "a.parquet"
source.parent.mkdir(parents=True, exist_ok=True)
source.write_bytes(os.urandom(1_000_000))
api.create_repo("{REPO}", repo_type="dataset")
api.upload_file(path_or_fileobj=source, path_in_repo="a.parquet", **{KIND!r})
entry = api.get_paths_info(paths="a.parquet", **{KIND!r})[0]
assert entry.xet_hash and entry.size == 1_000_000, entry
copy = hf_hub_download(filename="a.parquet", **{KIND!r})
assert Path(copy).read_bytes() == source.read_bytes()
"""


@pytest.mark.xet
def test_xet(tmp_path: Path) -> None:
    """A real upload and download by Xet, with the storage that the native client has for tests."""
    server = LoopbackHub(tmp_path / "hub", xet=True)
    try:
        server.run(XET, tmp_path / "home", xet=True)
        assert server.log("GET", "/xet-write-token/") and server.log("GET", "/xet-read-token/")
        assert server.uploaded() == 0 and server.downloaded() == 0
    finally:
        server.kill()
