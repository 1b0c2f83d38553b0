"""What publishing a release would change at one revision of a repository, file by file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mammo_synth.errors import BadInput
from mammo_synth.manifest import MANIFEST_NAME, Manifest
from mammo_synth.release.folder import Release
from mammo_synth.release.hub import Repository, StoredFile, git_blob
from mammo_synth.release.remote import parse_manifest
from mammo_synth.release.version import parts

NEW, CHANGED, UNCHANGED, DELETED, KEPT = "new", "changed", "unchanged", "deleted", "kept"
NOT_SENT = (UNCHANGED, KEPT)
"""What publishing leaves as it is: the release's own files, and files that are not ours."""

LFS_FILE = ".gitattributes"
LFS_RULE = "*.parquet filter=lfs diff=lfs merge=lfs -text\n"
"""Large file storage by rule: a shard must never depend on how the Hub guesses from its bytes."""

_FRONT_MATTER = re.compile(r"\A---\r?\n.*?^---\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class PlannedFile:
    """One file: what happens to it, its size, and whether its bytes must be sent."""

    path: str
    state: str
    bytes: int
    sha256: str | None
    sent: bool = False


@dataclass(frozen=True)
class UploadPlan:
    """Every file of the release and of the repository, sorted by path."""

    files: tuple[PlannedFile, ...]

    def paths(self, *states: str) -> list[str]:
        """Paths of the files in these states."""
        return [file.path for file in self.files if file.state in states]

    @property
    def is_empty(self) -> bool:
        """Whether the revision holds the release already, whole."""
        return not self.paths(NEW, CHANGED, DELETED)

    @property
    def new_bytes(self) -> int:
        """Bytes that the repository does not have yet."""
        return sum(file.bytes for file in self.files if file.sent)


def release_files(release: Release) -> dict[str, tuple[int, str]]:
    """Path → size and sha256 of what is published: the manifest's files and the manifest."""
    files = {name: (entry.bytes, entry.sha256) for name, entry in release.manifest.files.items()}
    size = (release.folder / MANIFEST_NAME).stat().st_size
    return {**files, MANIFEST_NAME: (size, release.sha256)}


def plan_upload(
    release: Release,
    there: Mapping[str, StoredFile],
    earlier: Manifest | None = None,
    known: Iterable[StoredFile] = (),
) -> UploadPlan:
    """Compare a release with the files ``there`` at a revision.

    Args:
        release: The release folder.
        there: Files at the revision, by path.
        earlier: Manifest at the revision. Of its files those that are no longer in the release
            are deleted; other files are not ours and are kept.
        known: Files of other revisions of the repository, whose bytes need not be sent again.
    """
    files = release_files(release)
    contents = {stored.sha256 for stored in (*there.values(), *known) if stored.sha256}
    planned = []
    for path, (size, sha256) in files.items():
        if _same(release.folder / path, sha256, there.get(path)):
            planned.append(PlannedFile(path, UNCHANGED, size, sha256))
        else:
            state = CHANGED if path in there else NEW
            planned.append(PlannedFile(path, state, size, sha256, sha256 not in contents))
            contents.add(sha256)  # two files of one content are sent once
    ours = earlier.files if earlier is not None else {}
    for path, stored in there.items():
        if path not in files:
            state = DELETED if path in ours else KEPT
            planned.append(PlannedFile(path, state, stored.bytes, stored.sha256))
    return UploadPlan(tuple(sorted(planned, key=lambda file: file.path)))


def _same(path: Path, sha256: str, stored: StoredFile | None) -> bool:
    """Whether the Hub has this very file, and a shard as a large file."""
    if stored is None:
        return False
    if stored.sha256 is not None:
        return stored.sha256 == sha256
    return path.suffix != ".parquet" and stored.blob == git_blob(path.read_bytes())


def earlier_release(
    release: Release, repository: Repository, there: Mapping[str, StoredFile], commit: str
) -> Manifest | None:
    """The manifest of the release of this name that is at ``commit``; None in a fresh repository.

    Raises:
        BadInput: The repository holds something else.
    """
    if MANIFEST_NAME not in there:
        _check_fresh(repository, there, commit)
        return None
    try:
        manifest = parse_manifest(repository.read(MANIFEST_NAME, commit), repository.name)
    except BadInput as error:
        raise _foreign(repository, f"its {MANIFEST_NAME} is not that of a release") from error
    name = manifest.settings["name"]
    if name != release.name:
        raise _foreign(repository, f"it holds the release '{name}', not '{release.name}'")
    return manifest


def refuse_older(release: Release, repository: Repository, earlier: Manifest | None) -> None:
    """Raise BadInput if the repository holds a later version than the one to be published."""
    version = earlier.settings["version"] if earlier is not None else release.version
    if parts(version) > parts(release.version):
        raise BadInput(
            f"'{repository.name}' holds version {version} of this release; {release.version} is "
            "older and would replace it.",
            hint=f"Build the release with a version above {version}.",
        )


def _check_fresh(repository: Repository, there: Mapping[str, StoredFile], commit: str) -> None:
    """Refuse a repository that is in use: a new one has git's rules and a card without text."""
    others = sorted(set(there) - {LFS_FILE, "README.md"})
    if others:
        named = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        raise _foreign(repository, f"it holds other files ({named})")
    if "README.md" in there:
        text = repository.read("README.md", commit).decode("utf-8", "replace")
        lines = _FRONT_MATTER.sub("", text).splitlines()
        if any(line.strip() and not line.startswith("#") for line in lines):
            raise _foreign(repository, "its README.md is already written")


def _foreign(repository: Repository, why: str) -> BadInput:
    return BadInput(
        f"The repository '{repository.name}' is in use for something else: {why}.",
        hint="Publish to another name; a repository that does not exist is created.",
    )


def needs_lfs_rule(content: bytes) -> bool:
    """Whether git's rules in ``content`` leave Parquet files out of large file storage."""
    lines = content.decode("utf-8", "replace").splitlines()
    return not any(re.match(r"\*\.parquet\s.*\bfilter=lfs\b", line) for line in lines)
