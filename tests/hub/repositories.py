"""Answers about repositories: account, create, facts, settings, branches, tags, discussions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hub import card
from tests.hub.access import (
    ACCOUNTS,
    KINDS,
    Hub,
    account,
    check_gate,
    may_write,
    need_write_role,
    readable,
    signed_in,
    writable,
)
from tests.hub.messages import Answer, Refusal, Request, answer
from tests.hub.store import MAIN, Commit, Discussion, Entry, Repository, lfs_pointer, now


def whoami(hub: Hub, request: Request) -> Answer:
    """The account behind the token, its organisations and the role of the token."""
    known = signed_in(request)
    return answer(
        {
            "type": "user",
            "id": known.name,
            "name": known.name,
            "fullname": known.name.title(),
            "isPro": False,
            "orgs": [
                {"type": "org", "name": name, "fullname": name.title(), "roleInOrg": "write"}
                for name in known.organisations
            ],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": "tests", "role": known.role},
            },
        }
    )


# Creating, deleting, settings


def _named(request: Request) -> tuple[str, str, str]:
    """Kind, owner and name out of the body of create and delete; the account may own it."""
    known, wanted = signed_in(request), request.json()
    what = wanted.get("type") or "model"
    owner = wanted.get("organization") or known.name
    if known.role != "write" or not known.belongs_to(owner):
        raise Refusal(
            403, f'You don\'t have the rights to create a {what} under the namespace "{owner}"'
        )
    return f"{what}s", owner, wanted["name"]


def page_address(request: Request, kind: str, id: str) -> str:
    """The page of a repository, as people open it."""
    return f"{request.base}/{id}" if kind == "models" else f"{request.base}/{kind}/{id}"


def create(hub: Hub, request: Request) -> Answer:
    """A new repository; 409 when there is one already."""
    kind, owner, name = _named(request)
    wanted, id = request.json(), f"{owner}/{name}"
    url = page_address(request, kind, id)
    if hub.store.get(kind, owner, name):
        message = f"You already created this {KINDS[kind]} repo: {id}"
        raise Refusal(409, message, details={"url": url, "name": id})
    private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
    hub.store.create(kind, owner, name, private)
    return answer({"url": url, "name": id, "id": id})


def delete(hub: Hub, request: Request) -> Answer:
    """Remove a repository and all it stored."""
    kind, owner, name = _named(request)
    hub.store.remove(writable(hub, request, kind, owner, name))
    return answer({})


def settings(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Answer:
    """Change who may see or read a repository: `private` or `visibility`, and `gated`."""
    repository, wanted = writable(hub, request, kind, owner, name), request.json()
    if "gated" in wanted:
        if wanted["gated"] not in ("auto", "manual", False):
            raise Refusal(400, '"gated" must be one of [auto, manual, false]')
        repository.gated = wanted["gated"]
    if "visibility" in wanted:
        repository.private = wanted["visibility"] == "private"
    if "private" in wanted:
        repository.private = bool(wanted["private"])
    hub.store.save(repository)
    return answer({"private": repository.private, "gated": repository.gated})


def check_access(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Answer:
    """Whether this account may read the contents; the refusal says why not."""
    check_gate(request, readable(hub, request, kind, owner, name))
    return answer({})


def grant(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Answer:
    """Let a user into a gated repository."""
    repository, user = writable(hub, request, kind, owner, name), request.json().get("user")
    if user not in {known.name for known in ACCOUNTS.values()}:
        raise Refusal(404, f"User {user} not found")
    repository.granted.append(user)
    hub.store.save(repository)
    return answer({})


# Facts


def find(repository: Repository, revision: str) -> Commit:
    """The commit of a revision, or the Hub's refusal."""
    commit = repository.find(revision)
    if commit is None:
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def facts(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str = MAIN
) -> Answer:
    """What `dataset_info` and `repo_info` read; with `?blobs=1` sizes and digests of files."""
    repository = readable(hub, request, kind, owner, name)
    commit = find(repository, revision)
    data = card.of_tree(repository, commit.tree)
    return answer(
        {
            "_id": commit.oid[:24],
            "id": repository.id,
            "author": owner,
            "sha": commit.oid,
            "lastModified": commit.date,
            "createdAt": repository.created,
            "private": repository.private,
            "gated": repository.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": card.tags(data),
            "cardData": data,
            "siblings": [
                _sibling(path, entry, request.flag("blobs") or request.flag("files_metadata"))
                for path, entry in sorted(commit.tree.items())
            ],
        }
    )


def _sibling(path: str, entry: Entry, details: bool) -> dict[str, Any]:
    if not details:
        return {"rfilename": path}
    found: dict[str, Any] = {"rfilename": path, "size": entry.size, "blobId": entry.oid}
    if entry.sha256:
        pointer = len(lfs_pointer(entry.sha256, entry.size))
        found["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": pointer}
    return found


def references(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Answer:
    """Branches, tags, and with `?include_prs=1` pull requests."""
    repository = readable(hub, request, kind, owner, name)
    found: dict[str, Any] = {
        "branches": _references("refs/heads/", repository.branches),
        "converts": [],
        "tags": _references("refs/tags/", repository.tags),
    }
    if request.flag("include_prs"):
        found["pullRequests"] = _references("", repository.pulls)
    return answer(found)


def _references(prefix: str, table: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"name": name, "ref": prefix + name, "targetCommit": oid} for name, oid in table.items()
    ]


# Branches and tags


def create_branch(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """A branch from main or from `startingPoint`; 409 when there is one."""
    repository = writable(hub, request, kind, owner, name)
    wanted = request.json()
    if revision in repository.branches and not wanted.get("overwrite"):
        raise Refusal(409, f"Reference already exists: refs/heads/{revision}")
    repository.branches[revision] = find(repository, wanted.get("startingPoint") or MAIN).oid
    hub.store.save(repository)
    return answer({})


def delete_branch(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """Remove a branch; main stays."""
    repository = writable(hub, request, kind, owner, name)
    if revision == MAIN:
        raise Refusal(403, "Cannot delete the main branch")
    _remove(repository.branches, revision)
    hub.store.save(repository)
    return answer({})


def create_tag(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """A tag on a revision; 409 when the name is taken, also by the same commit."""
    repository, tag = writable(hub, request, kind, owner, name), request.json().get("tag")
    commit = find(repository, revision)
    if not isinstance(tag, str) or not tag:
        raise Refusal(400, '"tag" is required')
    if tag in repository.tags:
        raise Refusal(409, f"Tag reference exists already: refs/tags/{tag}")
    repository.tags[tag] = commit.oid
    hub.store.save(repository)
    return answer({})


def delete_tag(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """Remove a tag."""
    repository = writable(hub, request, kind, owner, name)
    _remove(repository.tags, revision)
    hub.store.save(repository)
    return answer({})


def _remove(table: dict[str, str], name: str) -> None:
    if name not in table:
        raise Refusal(404, f"Invalid rev id: {name}", "RevisionNotFound")
    del table[name]


# Discussions and pull requests


def open_discussion(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Answer:
    """A discussion, or with `pullRequest` a draft pull request on main."""
    repository, known = readable(hub, request, kind, owner, name), signed_in(request)
    need_write_role(known, kind)
    wanted = request.json()
    base = find(repository, MAIN) if wanted.get("pullRequest") else None
    title, text = wanted.get("title", ""), wanted.get("description", "")
    discussion = repository.discuss(title, text, known.name, base)
    if base is not None:
        discussion.status = "draft"
    hub.store.save(repository)
    return answer(_discussion(repository, discussion, request))


def discussions(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Answer:
    """All discussions on one page; `type`, `status` and `author` choose among them."""
    repository = readable(hub, request, kind, owner, name)
    chosen = [d for d in repository.discussions.values() if _chosen(d, request.query)]
    found = [_discussion(repository, d, request) for d in chosen]
    return answer({"discussions": found, "count": len(found), "start": 0})


def _chosen(discussion: Discussion, wanted: Mapping[str, str]) -> bool:
    kind = "pull_request" if discussion.base is not None else "discussion"
    status = "open" if discussion.status in ("open", "draft") else "closed"
    return (
        wanted.get("type", "all") in ("all", kind)
        and wanted.get("status", "all") in ("all", status)
        and wanted.get("author", discussion.author) == discussion.author
    )


def discussion(hub: Hub, request: Request, kind: str, owner: str, name: str, number: str) -> Answer:
    """One discussion."""
    repository = readable(hub, request, kind, owner, name)
    return answer(_discussion(repository, _numbered(repository, number), request))


def change_status(
    hub: Hub, request: Request, kind: str, owner: str, name: str, number: str
) -> Answer:
    """Open or close a discussion: its author or a writer may."""
    repository, known = readable(hub, request, kind, owner, name), signed_in(request)
    found, status = _numbered(repository, number), request.json().get("status")
    if known.name != found.author and not may_write(known, repository):
        raise Refusal(403, "Forbidden")
    if status not in ("open", "closed"):
        raise Refusal(400, '"status" must be one of [open, closed]')
    found.status = status
    hub.store.save(repository)
    event = {"id": number, "type": "status-change", "createdAt": now(), "data": {"status": status}}
    return answer({"newStatus": {**event, "author": {"name": known.name}}})


def merge(hub: Hub, request: Request, kind: str, owner: str, name: str, number: str) -> Answer:
    """Bring a pull request to main; 409 when it cannot be done without a conflict."""
    repository = writable(hub, request, kind, owner, name)
    pull, known = _numbered(repository, number), account(request)
    if pull.base is None:
        raise Refusal(400, "This discussion is not a pull request")
    if pull.status in ("merged", "closed"):
        raise Refusal(409, f"This pull request is {pull.status}")
    if conflicts := repository.conflicts(pull):
        raise Refusal(409, f"Pull request has conflicts: {', '.join(conflicts)}")
    assert known is not None
    commit = repository.merge(pull, known.name)
    hub.store.save(repository)
    return answer({"commitOid": commit.oid})


def _numbered(repository: Repository, number: str) -> Discussion:
    found = repository.discussions.get(int(number)) if number.isdigit() else None
    if found is None:
        raise Refusal(404, f"Discussion {number} not found")
    return found


def _discussion(repository: Repository, found: Discussion, request: Request) -> dict[str, Any]:
    page = page_address(request, repository.kind, repository.id)
    facts: dict[str, Any] = {
        "num": found.number,
        "title": found.title,
        "author": {"name": found.author},
        "createdAt": found.created,
        "status": found.status,
        "repo": {"name": repository.id, "type": KINDS[repository.kind]},
        "isPullRequest": found.base is not None,
        "events": [],
        "url": f"{page}/discussions/{found.number}",
    }
    if found.base is not None:
        conflicts = repository.conflicts(found) if found.status in ("draft", "open") else []
        facts["filesWithConflicts"] = conflicts
        facts["changes"] = {"base": "refs/heads/main", "mergeCommitId": found.merged_as}
        facts["diff"] = ""
    return facts
