"""Who asks, and what they may do: tokens, private and gated repositories, the storage limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.hub.faults import Faults, Log
from tests.hub.messages import Refusal, Request
from tests.hub.store import Repository, Store

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
WRITE_TOKEN = "author-write-token"
READ_TOKEN = "author-read-token"
STRANGER_TOKEN = "stranger-write-token"


@dataclass(frozen=True)
class Account:
    """The person behind a token, and the role of the token: "read" or "write"."""

    name: str
    role: str
    organisations: tuple[str, ...] = ()

    def belongs_to(self, owner: str) -> bool:
        return owner == self.name or owner in self.organisations


ACCOUNTS = {
    WRITE_TOKEN: Account("author", "write", ("clinic",)),
    READ_TOKEN: Account("author", "read", ("clinic",)),
    STRANGER_TOKEN: Account("stranger", "write"),
}


@dataclass
class Settings:
    """What a test may change while the server runs."""

    quota: int | None = None
    """Bytes that one owner may store; None is no limit."""
    page_size: int = 1000
    """Entries of one page of a folder listing."""


@dataclass
class Hub:
    """All that the server holds."""

    store: Store
    cas: str | None = None
    """Address of Xet's storage (`local:///folder`), or None: the Hub has no Xet."""
    settings: Settings = field(default_factory=Settings)
    faults: Faults = field(default_factory=Faults)
    log: Log = field(default_factory=Log)


def bearer(header: str) -> str:
    """The token in an Authorization header."""
    return header.removeprefix("Bearer ").strip()


def account(request: Request) -> Account | None:
    """The account of a request, None for a visitor; an unknown token is refused."""
    header = request.headers.get("Authorization")
    if not header:
        return None
    known = ACCOUNTS.get(bearer(header))
    if known is None:
        raise Refusal(401, "Invalid credentials in Authorization header")
    return known


def signed_in(request: Request) -> Account:
    """The account of a request that needs one."""
    known = account(request)
    if known is None:
        raise Refusal(401, "Invalid username or password.")
    return known


def not_found(request: Request) -> Refusal:
    """No such repository, or none that this account may see: the Hub does not tell which.

    The Hub sends a visitor a 401 without code, which the client takes for a missing repository
    only over https. Loopback is http, so the code makes the client raise the same error.
    """
    if account(request) is None:
        return Refusal(401, "Invalid username or password.", "RepoNotFound")
    return Refusal(404, "Repository not found", "RepoNotFound")


def readable(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Repository:
    """The repository, when this account may see its name and list of files."""
    repository, known = hub.store.get(kind, owner, name), account(request)
    hidden = repository is not None and repository.private
    if repository is None or (hidden and not (known and known.belongs_to(owner))):
        raise not_found(request)
    return repository


def may_write(account: Account, repository: Repository) -> bool:
    return account.role == "write" and account.belongs_to(repository.owner)


def need_write_role(account: Account, kind: str) -> None:
    """A read-only token changes nothing, not even with a pull request."""
    if account.role != "write":
        raise Refusal(403, f"You must use a write token to upload to a {KINDS[kind]} repository.")


def writable(hub: Hub, request: Request, kind: str, owner: str, name: str) -> Repository:
    """The repository, when this account may change it."""
    repository = readable(hub, request, kind, owner, name)
    known = signed_in(request)
    need_write_role(known, kind)
    if not may_write(known, repository):
        raise Refusal(
            403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request"
        )
    return repository


def check_gate(request: Request, repository: Repository) -> None:
    """Refuse the contents of a gated repository to those who were not let in."""
    if not repository.gated:
        return
    known, what = account(request), f"{KINDS[repository.kind]} {repository.id}"
    if known is None:
        raise Refusal(
            401,
            f"Access to {what} is restricted. You must have access to it and be authenticated"
            " to access it. Please log in.",
            "GatedRepo",
        )
    if not known.belongs_to(repository.owner) and known.name not in repository.granted:
        raise Refusal(
            403,
            f"Access to {what} is restricted and you are not in the authorized list."
            f" Visit {request.base}/{repository.kind}/{repository.id} to ask for access.",
            "GatedRepo",
        )


def check_quota(hub: Hub, repository: Repository, new_bytes: int) -> None:
    """Refuse bytes beyond the limit, in the Hub's words for private and public storage."""
    limit = hub.settings.quota
    if limit is None or hub.store.stored_bytes(repository.owner) + new_bytes <= limit:
        return
    if repository.private:
        raise Refusal(
            403,
            "Private repository storage limit reached, please upgrade your plan to increase your"
            " private storage limit.",
        )
    raise Refusal(
        403,
        "Your storage patterns tripped our internal systems! Please contact us so we can verify"
        " your account and unlock more storage for your use-case.",
    )
