"""Answers about large files: the LFS batch, the upload itself, its check, and Xet's tokens."""

from __future__ import annotations

import time
from typing import Any

from tests.hub.access import Hub, check_quota, need_write_role, readable, signed_in, writable
from tests.hub.messages import Answer, Refusal, Request, answer
from tests.hub.store import Repository


def batch(hub: Hub, request: Request, owner: str, name: str, kind: str = "models") -> Answer:
    """Where to upload which objects; one that is stored already gets no `actions`."""
    repository = readable(hub, request, kind, owner, name)
    need_write_role(signed_in(request), kind)
    wanted = request.json()["objects"]
    new = {o["oid"]: o["size"] for o in wanted if repository.object_size(o["oid"]) is None}
    check_quota(hub, repository, sum(new.values()))
    place = f"{request.base}/_objects/{kind}/{owner}/{name}"
    objects = [_object(o["oid"], o["size"], place, o["oid"] in new) for o in wanted]
    return answer({"transfer": "basic", "objects": objects})


def _object(oid: str, size: int, place: str, new: bool) -> dict[str, Any]:
    if not new:
        return {"oid": oid, "size": size}
    upload = {"href": f"{place}/{oid}", "header": {}}
    verify = {"href": f"{place}/{oid}/verify", "header": {}}
    return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}}


def upload(hub: Hub, request: Request, kind: str, owner: str, name: str, oid: str) -> Answer:
    """Store an object. As with the Hub's links, the address is the permission."""
    if request.body.sha256 != oid:
        raise Refusal(400, "The content does not have the sha256 of its name")
    _repository(hub, kind, owner, name).keep_object(oid, request.body.file)
    return Answer(headers={"ETag": f'"{oid}"'})


def verify(hub: Hub, request: Request, kind: str, owner: str, name: str, oid: str) -> Answer:
    """Confirm that an object arrived with its size."""
    size = _repository(hub, kind, owner, name).object_size(oid)
    if size is None or size != request.json().get("size"):
        raise Refusal(404, f"Object {oid} was not uploaded")
    return answer({})


def _repository(hub: Hub, kind: str, owner: str, name: str) -> Repository:
    repository = hub.store.get(kind, owner, name)
    if repository is None:
        raise Refusal(404, "Repository not found", "RepoNotFound")
    return repository


def write_token(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """Where Xet's storage is, for an upload."""
    if request.flag("create_pr"):
        readable(hub, request, kind, owner, name)
        need_write_role(signed_in(request), kind)
    else:
        writable(hub, request, kind, owner, name)
    return _xet_token(hub)


def read_token(
    hub: Hub, request: Request, kind: str, owner: str, name: str, revision: str
) -> Answer:
    """Where Xet's storage is, for a download."""
    readable(hub, request, kind, owner, name)
    return _xet_token(hub)


def _xet_token(hub: Hub) -> Answer:
    """The Python client reads the headers, the native one the body; without it, it never ends."""
    if hub.cas is None:
        raise Refusal(404, "This Hub has no Xet storage")
    expires = int(time.time()) + 3600
    return answer(
        {"casUrl": hub.cas, "accessToken": "xet", "exp": expires},
        headers={
            "X-Xet-Cas-Url": hub.cas,
            "X-Xet-Access-Token": "xet",
            "X-Xet-Token-Expiration": str(expires),
        },
    )
