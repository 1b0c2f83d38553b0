"""Repositories as plain data: commits, branches, tags, pull requests and stored objects.

Everything lies in one folder: `repositories/*.json` (one file a repository, replaced as a whole
after each change) and `objects/` (contents by digest). No HTTP here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

MAIN = "main"
LFS_PATTERNS = tuple(
    f"*.{ending}"
    for ending in (
        *("parquet", "arrow", "zip", "tar", "gz", "png", "jpg", "jpeg", "webp"),
        *("npy", "npz", "bin", "pt", "pkl", "safetensors"),
    )
)
"""Files that the Hub keeps as large files from the start."""

Gate = Literal["auto", "manual", False]


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def blob_oid(content: bytes) -> str:
    """The name that git gives to a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The small text that git keeps in place of a large file."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    return text.encode()


@dataclass(frozen=True)
class Entry:
    """A file in a tree. `sha256` is set for a large file (LFS or Xet), `xet` only for Xet."""

    oid: str
    size: int
    sha256: str | None = None
    xet: str | None = None

    @property
    def stored_as(self) -> str:
        """The name of its content in the store, which is also its ETag."""
        return self.sha256 or self.oid


Tree = Mapping[str, Entry]


@dataclass(frozen=True)
class Commit:
    """A whole tree and where it came from."""

    oid: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str
    tree: Tree


@dataclass
class Discussion:
    """A discussion; a pull request when `base` (the commit it started from) is set."""

    number: int
    title: str
    description: str
    author: str
    created: str
    base: str | None = None
    status: str = "open"
    merged_as: str | None = None

    @property
    def reference(self) -> str:
        return f"refs/pr/{self.number}"


@dataclass
class Repository:
    """One repository. `kind` is as in the API's addresses: models, datasets or spaces."""

    kind: str
    owner: str
    name: str
    objects: Path
    private: bool = False
    gated: Gate = False
    granted: list[str] = field(default_factory=list)
    created: str = field(default_factory=now)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    discussions: dict[int, Discussion] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.owner}/{self.name}"

    # References

    def find(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag, a pull request or a (shortened) commit name."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        for references in (self.branches, self.tags, self.pulls):
            if name in references:
                return self.commits[references[name]]
        if len(name) < 7:
            return None
        return next((c for oid, c in self.commits.items() if oid.startswith(name)), None)

    def branch(self, revision: str) -> dict[str, str] | None:
        """The table in which a commit may move `revision`: branches or pull requests."""
        tables = (self.branches, self.pulls)
        return next((table for table in tables if revision in table), None)

    # Commits

    def commit(
        self, reference: str, tree: Tree, title: str, author: str, message: str = ""
    ) -> Commit:
        """Put a new tree on top of a branch or pull request; the first makes the branch."""
        table = self.branch(reference)
        if table is None:
            table = self.branches
        parent, date = table.get(reference), now()
        facts = [{path: entry.oid for path, entry in sorted(tree.items())}, parent, title, date]
        oid = hashlib.sha1(json.dumps([*facts, len(self.commits)]).encode()).hexdigest()
        commit = Commit(oid, parent, title, message, author, date, dict(tree))
        self.commits[oid] = commit
        table[reference] = oid
        return commit

    def history(self, commit: Commit) -> Iterator[Commit]:
        """A commit and its ancestors, newest first."""
        current: Commit | None = commit
        while current is not None:
            yield current
            current = self.commits[current.parent] if current.parent else None

    # Discussions

    def discuss(self, title: str, description: str, author: str, base: Commit | None) -> Discussion:
        """Open a discussion, or with `base` a pull request that starts from that commit."""
        number = len(self.discussions) + 1
        discussion = Discussion(
            number, title, description, author, now(), base.oid if base is not None else None
        )
        self.discussions[number] = discussion
        if base is not None:
            self.pulls[discussion.reference] = base.oid
        return discussion

    def conflicts(self, pull: Discussion) -> list[str]:
        """Paths that both the pull request and main changed, in different ways."""
        base, main, head = self._three_trees(pull)
        changed = _changed(base, head) & _changed(base, main)
        return sorted(path for path in changed if main.get(path) != head.get(path))

    def merge(self, pull: Discussion, author: str) -> Commit:
        """Bring the changes of a pull request to main; the caller has looked for conflicts."""
        base, main, head = self._three_trees(pull)
        tree = dict(main)
        for path in _changed(base, head):
            if path in head:
                tree[path] = head[path]
            else:
                tree.pop(path, None)
        commit = self.commit(MAIN, tree, f"{pull.title} (#{pull.number})", author)
        pull.status, pull.merged_as = "merged", commit.oid
        return commit

    def _three_trees(self, pull: Discussion) -> tuple[Tree, Tree, Tree]:
        assert pull.base is not None
        names = (pull.base, self.branches[MAIN], self.pulls[pull.reference])
        base, main, head = (self.commits[name].tree for name in names)
        return base, main, head

    # Contents

    def keep(self, content: bytes) -> Entry:
        """Store a small file."""
        entry = Entry(blob_oid(content), len(content))
        _write_whole(self.objects / entry.oid, content)
        return entry

    def keep_object(self, sha256: str, file: IO[bytes]) -> None:
        """Store a large file. It stays even when no commit ever names it, as on the Hub."""
        file.seek(0)
        _write_whole(self.objects / sha256, file)

    def content(self, entry: Entry) -> Path | None:
        """Where the content of a file lies; None when it is only in Xet's storage."""
        path = self.objects / entry.stored_as
        return path if path.is_file() else None

    def object_size(self, sha256: str) -> int | None:
        """Bytes of a stored large file, None when it is not there."""
        path = self.objects / sha256
        return path.stat().st_size if path.is_file() else None


def _changed(before: Tree, after: Tree) -> set[str]:
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}


def _write_whole(path: Path, content: bytes | IO[bytes]) -> None:
    """Write a file that is either complete or absent, also when the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as stream:
        if isinstance(content, bytes):
            stream.write(content)
        else:
            shutil.copyfileobj(content, stream)
    Path(stream.name).replace(path)


class Store:
    """All repositories of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repositories: dict[tuple[str, str], Repository] = {}
        for path in sorted(folder.glob("repositories/*.json")):
            repository = self._read(json.loads(path.read_text(encoding="utf-8")))
            self.repositories[repository.kind, repository.id] = repository

    def create(self, kind: str, owner: str, name: str, private: bool) -> Repository:
        """A new repository with its first commit: the rules about large files."""
        objects = self._objects(kind, owner, name)
        repository = Repository(kind, owner, name, objects, private)
        rules = "".join(f"{p} filter=lfs diff=lfs merge=lfs -text\n" for p in LFS_PATTERNS)
        tree = {".gitattributes": repository.keep(rules.encode())}
        repository.commit(MAIN, tree, "initial commit", owner)
        self.repositories[kind, repository.id] = repository
        self.save(repository)
        return repository

    def get(self, kind: str, owner: str, name: str) -> Repository | None:
        return self.repositories.get((kind, f"{owner}/{name}"))

    def save(self, repository: Repository) -> None:
        """Write a repository after a change."""
        facts = {**asdict(repository), "objects": None}
        _write_whole(self._path(repository), json.dumps(facts).encode())

    def remove(self, repository: Repository) -> None:
        del self.repositories[repository.kind, repository.id]
        self._path(repository).unlink(missing_ok=True)
        shutil.rmtree(repository.objects, ignore_errors=True)

    def clear(self) -> None:
        """Forget every repository."""
        for repository in list(self.repositories.values()):
            self.remove(repository)

    def stored_bytes(self, owner: str) -> int:
        """Bytes of all contents that an owner's repositories hold, committed or not."""
        mine = [r for r in self.repositories.values() if r.owner == owner]
        return sum(path.stat().st_size for r in mine for path in r.objects.glob("*"))

    def _objects(self, kind: str, owner: str, name: str) -> Path:
        return self.folder / "objects" / kind / owner / name

    def _path(self, repository: Repository) -> Path:
        name = f"{repository.kind}--{repository.owner}--{repository.name}.json"
        return self.folder / "repositories" / name

    def _read(self, facts: dict[str, Any]) -> Repository:
        facts["objects"] = self._objects(facts["kind"], facts["owner"], facts["name"])
        for oid, commit in facts["commits"].items():
            commit["tree"] = {path: Entry(**entry) for path, entry in commit["tree"].items()}
            facts["commits"][oid] = Commit(**commit)
        facts["discussions"] = {int(n): Discussion(**d) for n, d in facts["discussions"].items()}
        return Repository(**facts)
