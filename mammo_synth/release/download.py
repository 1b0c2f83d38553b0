"""Fetches a published release into a folder that `load_dataset` reads without the Hub."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammo_synth.errors import BadInput, CheckFailed, NoSpace, did_you_mean
from mammo_synth.files import sha256_json
from mammo_synth.manifest import MANIFEST_NAME, Manifest, check_folder, read_manifest
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.folder import KIND, Release
from mammo_synth.release.hub import Repository, StoredFile
from mammo_synth.release.hub_errors import in_words, not_found, patiently
from mammo_synth.release.remote import parse_manifest
from mammo_synth.release.version import parts
from mammo_synth.step import put_back, refuse_foreign, step_folder

_VERSION_TAG = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)
_CLIENT_FOLDER = ".cache"
"""Where the client keeps what it needs to go on with a file that was cut short."""


@dataclass(frozen=True)
class Found:
    """A published release: its tag and commit, its manifest, and the files at that commit."""

    tag: str
    commit: str
    manifest: Manifest
    files: Mapping[str, StoredFile]


@dataclass(frozen=True)
class Download:
    """The release in its folder.

    Attributes:
        present: Whether it was there before, and nothing was fetched.
    """

    release: Release
    tag: str
    present: bool


def download_release(
    repository: Repository,
    out: Path | None = None,
    tag: str | None = None,
    *,
    replace: bool = False,
    progress: Progress = SILENT,
    sleep: Callable[[float], None] = time.sleep,
) -> Download:
    """Fetch a release by its tag, check every digest, and put it in place.

    Args:
        repository: Where it was published.
        out: The folder; None takes the release's own name in the current folder, by which
            ``load_dataset`` finds it.
        tag: Such as v1.0.0; None takes the highest version.
        replace: Whether another version of the release in ``out`` may be replaced.
        progress: Hears of every file.
        sleep: Waits before a repetition.

    Raises:
        BadInput: No such data set or tag, no access to it, or ``out`` holds something else.
        CheckFailed: What the Hub gives is not what the release's manifest describes.
        NoSpace: The disk cannot hold it.
        HubTrouble: The Hub could not be reached; what was fetched is kept.
    """
    found = patiently(lambda: find_release(repository, tag), progress, sleep=sleep)
    out = Path(found.manifest.settings["name"]) if out is None else out
    put_back(out)
    if _is_there(out, found.manifest, replace=replace):
        return Download(Release.open(out), found.tag, present=True)
    _check_promises(repository, found)
    plan = sha256_json([repository.name, found.manifest.sha256])
    with step_folder(out, plan, replace=KIND if replace else None) as work:
        fetched: set[str] = set()
        patiently(
            lambda: _fetch(repository, found, work, fetched, progress),
            progress,
            done=lambda: len(fetched),
            sleep=sleep,
        )
        _check_digests(work, repository, found)
        shutil.rmtree(work / _CLIENT_FOLDER, ignore_errors=True)
    return Download(Release.open(out), found.tag, present=False)


def find_release(repository: Repository, tag: str | None) -> Found:
    """The release that ``tag`` marks, or that of the highest version.

    Raises:
        BadInput: There is none.
    """
    if repository.settings() is None:
        raise not_found(repository.name)
    tags = repository.refs().tags
    versions = sorted(filter(_VERSION_TAG.fullmatch, tags), key=lambda one: parts(one[1:]))
    if tag is None:
        if not versions:
            raise BadInput(
                f"'{repository.name}' has no tag of a version such as v1.0.0.",
                hint="Check the name, or ask its owner whether the release is published.",
            )
        tag = versions[-1]
    elif tag not in tags:
        known = versions or sorted(tags)
        raise BadInput(
            f"'{repository.name}' has no tag '{tag}'.",
            hint=did_you_mean(tag, known) if known else "It has no tags at all.",
        )
    commit = repository.commit_of(tag)
    files = repository.files(commit)
    if MANIFEST_NAME not in files:
        raise BadInput(
            f"'{repository.name}' at {tag} is no release of mammo-synth: it has no "
            f"{MANIFEST_NAME}.",
            hint="Check the name of the repository and the tag.",
        )
    manifest = parse_manifest(repository.read(MANIFEST_NAME, commit), repository.name)
    return Found(tag, commit, manifest, files)


def _is_there(out: Path, manifest: Manifest, *, replace: bool) -> bool:
    """Whether ``out`` holds this very release.

    Raises:
        BadInput: It holds something else.
        CheckFailed: It holds this release, but damaged.
    """
    if not (out / MANIFEST_NAME).is_file():
        refuse_foreign(out)
        return False
    held = read_manifest(out)
    if held.sha256 == manifest.sha256:
        problems = check_folder(out)
        if problems and not replace:
            raise CheckFailed(
                f"'{out}' is this release, but damaged. {problems[0]}",
                hint="Fetch it again with --replace.",
            )
        return not problems
    if held.kind != KIND:
        raise BadInput(
            f"'{out}' holds a {held.kind} of mammo-synth, not a release.",
            hint="Choose another --out.",
        )
    if not replace:
        version = held.settings.get("version", "unknown")
        raise BadInput(
            f"'{out}' holds another release (version {version}; or films were put into it).",
            hint="Choose another --out, or replace it with --replace.",
        )
    return False


def _check_promises(repository: Repository, found: Found) -> None:
    """Before anything is fetched: the Hub has the manifest's files, and they stay in the folder."""
    for path, entry in found.manifest.files.items():
        stored, name = found.files.get(path), PurePosixPath(path)
        inside = not name.is_absolute() and ".." not in name.parts and "\\" not in path
        if not inside or name.parts[0].startswith("."):
            raise CheckFailed(
                f"The manifest of '{repository.name}' names '{path}', which no release has.",
                hint="Do not use this data set; tell its owner.",
            )
        if (
            stored is None
            or stored.bytes != entry.bytes
            or stored.sha256 not in (None, entry.sha256)
        ):
            what = "is missing from" if stored is None else "was changed in"
            raise CheckFailed(
                f"{path} {what} '{repository.name}' at {found.tag}, against its manifest.",
                hint="Take another version, and tell the owner of the data set.",
            )


def _fetch(
    repository: Repository, found: Found, work: Path, fetched: set[str], progress: Progress
) -> None:
    """Bring all files into ``work``; whole ones are known again, half ones go on."""
    sizes = {name: entry.bytes for name, entry in found.manifest.files.items()}
    sizes[MANIFEST_NAME] = found.files[MANIFEST_NAME].bytes
    missing = sum(size for name, size in sizes.items() if not (work / name).is_file())
    free = shutil.disk_usage(work).free
    if missing > free:
        raise NoSpace(
            f"The release needs {missing // 1_000_000:,} MB more on the disk of '{work.parent}', "
            f"which has {free // 1_000_000:,} MB free.",
            hint="Free some space, or choose another --out.",
        )
    progress.start("kB fetched", sum(-(-size // 1000) for size in sizes.values()))
    for name, size in sizes.items():
        with in_words(repository.name, found.tag):
            repository.api.hf_hub_download(
                repository.name,
                name,
                repo_type="dataset",
                revision=found.commit,
                local_dir=work,
            )
        fetched.add(name)
        progress.advance(-(-size // 1000), note=name)
    progress.finish()


def _check_digests(work: Path, repository: Repository, found: Found) -> None:
    """Raise CheckFailed unless every file in ``work`` is the manifest's; a wrong one is removed,
    so that the next run fetches it again."""
    problems = check_folder(work)
    if not problems and read_manifest(work, KIND).sha256 == found.manifest.sha256:
        return
    for name in [*found.manifest.files, MANIFEST_NAME]:
        if not problems or any(str(work / name) in problem for problem in problems):
            (work / name).unlink(missing_ok=True)
    first = problems[0].replace(str(work), repository.name) if problems else "The manifest differs."
    raise CheckFailed(
        f"What came from '{repository.name}' at {found.tag} is not the release. {first}",
        hint="Run the same command again; if it says the same, tell the owner of the data set.",
    )
