"""Answers about files: upload modes, commits, folder listings, history, and the contents."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import urllib.parse
from collections.abc import Iterable
from typing import Any

from tests.hub import card, xet
from tests.hub.access import (
    Hub,
    check_gate,
    check_quota,
    need_write_role,
    readable,
    signed_in,
    writable,
)
from tests.hub.messages import Answer, Refusal, Request, answer
from tests.hub.repositories import find, page_address
from tests.hub.store import MAIN, Commit, Entry, Repository, Tree, blob_oid, lfs_pointer

LARGE = 10 * 1024 * 1024
"""A file above this many bytes is never a plain git file."""


def preupload(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """Which files are large ("lfs"), and the digest of the file that is there already.

    The client leaves out a file whose digest has not changed. `.gitignore` is not read here.
    """
    repository = readable(hub, request, kind, owner, name)
    need_write_role(signed_in(request), kind)
    commit = find(repository, revision)
    patterns = _large_patterns(repository, commit.tree)
    found = []
    for file in request.json()["files"]:
        path, entry = file["path"], commit.tree.get(file["path"])
        sample = base64.b64decode(file.get("sample", ""))
        matched = any(fnmatch.fnmatch(path.rsplit("/", 1)[-1], p) for p in patterns)
        large = matched or file["size"] > LARGE or b"\0" in sample
        oid = entry.stored_as if entry is not None else None
        mode = "lfs" if large else "regular"
        found.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return answer({"files": found})


def _large_patterns(repository: Repository, tree: Tree) -> list[str]:
    """The patterns of `.gitattributes` that name large files."""
    entry = tree.get(".gitattributes")
    path = repository.content(entry) if entry is not None else None
    lines = path.read_text(encoding="utf-8").splitlines() if path is not None else []
    return [line.split()[0] for line in lines if "filter=lfs" in line]


# Commits


def commit(hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str) -> Answer:
    """A commit in one line of JSON per operation, on a branch or as a new pull request."""
    create_pr = request.flag("create_pr")
    repository = _target(hub, request, kind, owner, name, revision, create_pr)
    known, (header, operations) = signed_in(request), _operations(request)
    head = find(repository, revision)
    expected = header.get("parentCommit")
    if expected and expected != head.oid:
        raise Refusal(412, "A commit has happened since. Please refresh and try again.")
    tree = _apply(hub, repository, head.tree, operations)

    title = str(header.get("summary", ""))
    found: dict[str, Any] = {"success": True, "hookOutput": ""}
    if create_pr:
        pull = repository.discuss(title, str(header.get("description", "")), known.name, head)
        revision = pull.reference
        url = f"{page_address(request, kind, repository.id)}/discussions/{pull.number}"
        found["pullRequestUrl"] = url
    made = repository.commit(revision, tree, title, known.name, str(header.get("description", "")))
    hub.store.save(repository)
    found["commitOid"] = made.oid
    found["commitUrl"] = f"{page_address(request, kind, repository.id)}/commit/{made.oid}"
    return answer(found)


def _target(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str, create_pr: bool
) -> Repository:
    """The repository, when this account may put a commit on `revision`."""
    repository = readable(hub, request, kind, owner, name)
    known = signed_in(request)
    need_write_role(known, kind)
    if create_pr:
        return repository
    if repository.branch(revision) is None:
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    own_pull = any(
        pull.reference == revision and pull.author == known.name
        for pull in repository.discussions.values()
    )
    return repository if own_pull else writable(hub, request, kind, owner, name)


def _operations(request: Request) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    lines = request.lines()
    if not lines or lines[0].get("key") != "header":
        raise Refusal(400, "The first line of a commit must be its header")
    if not lines[0]["value"].get("summary"):
        raise Refusal(400, '"summary" is required')
    return lines[0]["value"], [(line["key"], line["value"]) for line in lines[1:]]


def _apply(
    hub: Hub, repository: Repository, tree: Tree, operations: list[tuple[str, dict[str, Any]]]
) -> Tree:
    """The tree after the operations. Nothing is kept when one of them is refused."""
    after, small = dict(tree), dict[str, bytes]()
    for key, value in operations:
        path = value["path"]
        if key == "file":
            small[path] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            after[path] = _large_file(hub, repository, value)
        elif key == "deletedFile":
            if after.pop(path, None) is None:
                raise Refusal(400, f"A file with the name {path} does not exist")
        elif key == "deletedFolder":
            folder = path.rstrip("/") + "/"
            after = {p: entry for p, entry in after.items() if not p.startswith(folder)}
        else:
            raise Refusal(400, f"Unknown operation {key!r}")
    if card.README in small:
        card.refuse_bad(small[card.README], repository.kind)
    check_quota(hub, repository, sum(map(len, small.values())))
    return after | {path: repository.keep(content) for path, content in small.items()}


def _large_file(hub: Hub, repository: Repository, value: dict[str, Any]) -> Entry:
    """The entry of a large file, which must have been uploaded before the commit."""
    sha256 = value["oid"]
    size = repository.object_size(sha256)
    if size is not None:
        return Entry(git_oid(sha256, size), size, sha256)
    stored = xet.stored_files(hub.cas).get(sha256) if hub.cas else None
    if stored is None:
        raise Refusal(400, f"LFS pointer pointed to a file that does not exist: {sha256}")
    return Entry(git_oid(sha256, stored.size), stored.size, sha256, stored.hash)


def git_oid(sha256: str, size: int) -> str:
    """The name that git gives to the pointer of a large file."""
    return blob_oid(lfs_pointer(sha256, size))


def history(hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str) -> Answer:
    """The commits of a revision, newest first, all on one page."""
    repository = readable(hub, request, kind, owner, name)
    return answer(
        [
            {
                "id": commit.oid,
                "title": commit.title,
                "message": commit.message,
                "date": commit.date,
                "authors": [{"user": commit.author}],
            }
            for commit in repository.history(find(repository, revision))
        ]
    )


# Listings


def tree(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str, path: str = ""
) -> Answer:
    """Files and folders below `path`, page by page (Link header)."""
    repository = readable(hub, request, kind, owner, name)
    found = find(repository, revision)
    folder = path.strip("/")
    paths = _below(found.tree, folder, request.flag("recursive"))
    if folder and not paths:
        message = f'{folder} does not exist on "{revision}"'
        raise Refusal(404, message, "EntryNotFound", {"X-Repo-Commit": found.oid})

    start = int(request.query.get("cursor", "0"))
    stop = start + int(request.query.get("limit", hub.settings.page_size))
    headers = {"X-Repo-Commit": found.oid}
    if stop < len(paths):
        query = urllib.parse.urlencode({**request.query, "cursor": stop})
        headers["Link"] = f'<{request.base}{request.path}?{query}>; rel="next"'
    return answer(_described(repository, found, paths[start:stop], request), headers=headers)


def paths_info(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """The same facts for the paths that were asked; unknown paths are left out."""
    repository = readable(hub, request, kind, owner, name)
    found = find(repository, revision)
    if "json" in request.headers.get("Content-Type", ""):
        body = request.json()
        wanted, expand = list(body["paths"]), bool(body.get("expand"))
    else:
        form = urllib.parse.parse_qs(request.raw().decode())
        wanted, expand = form.get("paths", []), form.get("expand") in (["true"], ["True"])
    known = set(_below(found.tree, "", recursive=True))
    paths = [path for path in wanted if path in known]
    return answer(_described(repository, found, paths, request, expand))


def _below(tree: Tree, folder: str, recursive: bool) -> list[str]:
    """Paths of folders, then of files, below a folder."""
    start = f"{folder}/" if folder else ""
    files, folders = [], set()
    for path in sorted(tree):
        if not path.startswith(start):
            continue
        parts = path[len(start) :].split("/")
        deepest = len(parts) if recursive else min(2, len(parts))
        folders |= {start + "/".join(parts[:depth]) for depth in range(1, deepest)}
        if recursive or len(parts) == 1:
            files.append(path)
    return sorted(folders) + files


def _described(
    repository: Repository,
    commit: Commit,
    paths: Iterable[str],
    request: Request,
    expand: bool = False,
) -> list[dict[str, Any]]:
    expand = expand or request.flag("expand")
    found = []
    for path in paths:
        facts = _entry(commit.tree, path)
        if expand:
            last = _last_change(repository, commit, path)
            facts["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.date}
        found.append(facts)
    return found


def _entry(tree: Tree, path: str) -> dict[str, Any]:
    entry = tree.get(path)
    if entry is None:
        below = {p: e.oid for p, e in sorted(tree.items()) if p.startswith(f"{path}/")}
        oid = hashlib.sha1(repr(below).encode()).hexdigest()
        return {"type": "directory", "path": path, "oid": oid, "size": 0}
    facts: dict[str, Any] = {"type": "file", "path": path, "oid": entry.oid, "size": entry.size}
    if entry.sha256:
        pointer = len(lfs_pointer(entry.sha256, entry.size))
        facts["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": pointer}
    if entry.xet:
        facts["xetHash"] = entry.xet
    return facts


def _last_change(repository: Repository, commit: Commit, path: str) -> Commit:
    """The newest commit that changed a file, or something in a folder."""
    now, changed = _entry(commit.tree, path), commit
    for ancestor in repository.history(commit):
        if _entry(ancestor.tree, path) != now:
            break
        changed = ancestor
    return changed


# Contents


def resolve(
    hub: Hub,
    request: Request,
    owner: str,
    name: str,
    revision: str,
    path: str,
    kind: str = "models",
) -> Answer:
    """The content of a file.

    Sent from here, never by a redirect: the client would follow a redirect on the same host and
    then miss X-Repo-Commit.
    """
    repository = readable(hub, request, kind, owner, name)
    check_gate(request, repository)
    found = find(repository, revision or MAIN)
    headers = {"X-Repo-Commit": found.oid}
    entry = found.tree.get(path)
    if entry is None:
        raise Refusal(404, "Entry not found", "EntryNotFound", headers)
    headers |= {"ETag": f'"{entry.stored_as}"', "Content-Type": "application/octet-stream"}
    if entry.sha256:
        headers |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
    if entry.xet:
        route = f"{request.base}/api/{kind}/{repository.id}/xet-read-token/{found.oid}"
        headers |= {"X-Xet-Hash": entry.xet, "X-Xet-Refresh-Route": route}
    content = repository.content(entry)
    if content is not None:
        return Answer(file=content, headers=headers)
    if request.method == "HEAD":
        return Answer(headers={**headers, "Content-Length": str(entry.size)})
    raise Refusal(501, "This file is only in Xet's storage: read it with the Xet client")
