"""Manifests: what a folder holds, what it was made from, and with which settings.

Every step of the flow (prepared set, generator run, pool, release, ...) leaves a folder with a
``manifest.json``: the sha256 of every file in it, the sha256 of the manifests it was made from,
the settings and the seed. So every image and number can be walked back to films
(`verify_chain`), and a step whose manifest already matches is skipped (`is_current`).

The file holds no time and no absolute path: the same inputs give the same bytes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mammo_synth import __version__
from mammo_synth.errors import BadInput
from mammo_synth.files import canonical_json, sha256_bytes, sha256_file, write_json

MANIFEST_NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class FileEntry:
    """One file of a folder: its sha256 and its size in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Input:
    """What a folder was made from.

    Attributes:
        kind: A manifest kind, or ``"file"`` for a single file (a generator, a metadata table).
        path: POSIX path relative to the folder that holds the manifest; a hint for the walk,
            never part of the comparison (folders move).
        sha256: Digest of the input's ``manifest.json``, or of the file.
    """

    kind: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of one ``manifest.json``; ``sha256`` is the digest of that file's bytes."""

    kind: str
    settings: dict[str, Any]
    seed: int | None
    inputs: tuple[Input, ...]
    files: dict[str, FileEntry]
    facts: dict[str, Any]
    package_version: str
    sha256: str = field(default="", compare=False)


def relative_input(kind: str, target: Path, folder: Path) -> Input:
    """Name ``target`` (a folder with a manifest, or a file) as an input of ``folder``."""
    digest_of = target / MANIFEST_NAME if target.is_dir() else target
    relative = os.path.relpath(target.resolve(), folder.resolve())
    return Input(kind, Path(relative).as_posix(), sha256_file(digest_of))


def list_files(folder: Path) -> list[str]:
    """POSIX paths of all files below ``folder``, sorted, without the manifest itself,
    unfinished writes and hidden folders (caches of other tools)."""
    names = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not hidden and relative.as_posix() != MANIFEST_NAME:
            names.append(relative.as_posix())
    return sorted(names)


def write_manifest(
    folder: Path,
    kind: str,
    *,
    settings: dict[str, Any],
    seed: int | None = None,
    inputs: tuple[Input, ...] = (),
    facts: dict[str, Any] | None = None,
) -> Manifest:
    """Hash every file below ``folder`` and write its ``manifest.json``: the last act of a step.

    Returns:
        The manifest, with its own digest.
    """
    files = {}
    for name in list_files(folder):
        path = folder / name
        files[name] = FileEntry(sha256_file(path), path.stat().st_size)
    document = {
        "format": FORMAT,
        "package_version": __version__,
        "kind": kind,
        "settings": settings,
        "seed": seed,
        "inputs": [vars(entry) for entry in inputs],
        "files": {name: vars(entry) for name, entry in files.items()},
        "facts": facts or {},
    }
    write_json(folder / MANIFEST_NAME, document)
    return read_manifest(folder, kind)


def read_manifest(folder: Path, kind: str | None = None) -> Manifest:
    """Read and check the manifest of ``folder``.

    Raises:
        BadInput: No folder, no manifest, an invalid one, or one of another kind.
    """
    wanted = f"a {kind} folder" if kind else "a folder that mammo-synth made"
    if not folder.is_dir():
        raise BadInput(
            f"There is no folder '{folder}'; {wanted} was expected.", hint="Check the path."
        )
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise BadInput(
            f"'{folder}' has no {MANIFEST_NAME}; {wanted} was expected.",
            hint="Was the step that makes it finished? Run its command again: it resumes.",
        )
    try:
        data = path.read_bytes()
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise BadInput(
                f"'{path}' has format {document['format']!r}; this version reads {FORMAT}.",
                hint="Use the mammo-synth version that wrote it, or make the folder again.",
            )
        manifest = Manifest(
            kind=str(document["kind"]),
            settings=dict(document["settings"]),
            seed=document["seed"],
            inputs=tuple(Input(**entry) for entry in document["inputs"]),
            files={name: FileEntry(**entry) for name, entry in document["files"].items()},
            facts=dict(document["facts"]),
            package_version=str(document["package_version"]),
            sha256=sha256_bytes(data),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise BadInput(
            f"'{path}' is not a valid manifest ({type(error).__name__}: {error}).",
            hint="It was edited or cut short: make the folder again.",
        ) from error
    if kind is not None and manifest.kind != kind:
        raise BadInput(
            f"'{folder}' is a {manifest.kind} folder; a {kind} folder was expected.",
            hint="Check the order of the arguments.",
        )
    return manifest


def is_current(
    folder: Path,
    kind: str,
    *,
    settings: dict[str, Any],
    seed: int | None = None,
    inputs: tuple[Input, ...] = (),
) -> bool:
    """Whether ``folder`` already holds exactly this step's finished result.

    Compares kind, settings, seed, input digests and package version, and that every file is
    there with its size (not its digest: `check_folder` does that).
    """
    if not (folder / MANIFEST_NAME).is_file():
        return False
    try:
        manifest = read_manifest(folder, kind)
    except BadInput:
        return False
    same = (
        canonical_json(manifest.settings) == canonical_json(settings)
        and manifest.seed == seed
        and manifest.package_version == __version__
        and [(i.kind, i.sha256) for i in manifest.inputs] == [(i.kind, i.sha256) for i in inputs]
    )
    return same and all(
        (folder / name).is_file() and (folder / name).stat().st_size == entry.bytes
        for name, entry in manifest.files.items()
    )


def check_folder(folder: Path) -> list[str]:
    """Compare every file of ``folder`` with its manifest; return one sentence per problem."""
    manifest = read_manifest(folder)
    problems = []
    present = set(list_files(folder))
    for name, entry in manifest.files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(f"{folder}: the manifest names '{name}', outside the folder.")
        elif name not in present:
            problems.append(f"{path} is missing.")
        elif sha256_file(path) != entry.sha256:
            problems.append(f"{path} is not the file the manifest describes (sha256 differs).")
    problems += [
        f"{folder / name} is not in the manifest." for name in sorted(present - set(manifest.files))
    ]
    return problems


@dataclass(frozen=True)
class Link:
    """One step of a walk through manifests: where it is, and what is wrong with it."""

    kind: str
    path: Path
    sha256: str
    depth: int
    found: bool
    problems: tuple[str, ...]


def verify_chain(folder: Path) -> list[Link]:
    """Walk from ``folder`` through the manifests it was made from, checking every file.

    An input that is no longer where it was is reported as not found, which is not an error:
    folders move. One that is there but differs is.
    """
    links: list[Link] = []

    def walk(target: Path, kind: str, expected: str | None, depth: int) -> None:
        if target.is_file():
            digest = sha256_file(target)
            problems = [] if expected in (None, digest) else [f"{target}: sha256 differs."]
            links.append(Link(kind, target, digest, depth, True, tuple(problems)))
            # A generator is named by its file alone, so that a release does not depend on how
            # long its training took; the run's folder around it leads on to the films.
            folder = target.parent
            if (folder / MANIFEST_NAME).is_file():
                manifest = read_manifest(folder)
                if target.name in manifest.files:
                    walk(folder, manifest.kind, None, depth + 1)
            return
        if not (target / MANIFEST_NAME).is_file():
            links.append(Link(kind, target, expected or "", depth, False, ()))
            return
        manifest = read_manifest(target)
        problems = check_folder(target)
        if expected is not None and manifest.sha256 != expected:
            problems.insert(0, f"{target} is not the {kind} that was used (its manifest differs).")
        links.append(Link(manifest.kind, target, manifest.sha256, depth, True, tuple(problems)))
        for entry in manifest.inputs:
            walk((target / entry.path).resolve(), entry.kind, entry.sha256, depth + 1)

    read_manifest(folder)
    walk(folder, "", None, 0)
    return links
