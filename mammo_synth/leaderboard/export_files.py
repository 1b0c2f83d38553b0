"""Writes an export: a folder of its own with a manifest, or single files into any folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput
from mammo_synth.files import write_bytes
from mammo_synth.leaderboard.board import SEED
from mammo_synth.leaderboard.model import Board
from mammo_synth.manifest import (
    MANIFEST_NAME,
    list_files,
    read_manifest,
    relative_input,
    write_manifest,
)


def write_folder(
    out: Path,
    kind: str,
    files: Mapping[str, bytes],
    board: Board,
    results: Path,
    settings: Mapping[str, Any],
) -> list[Path]:
    """Write ``files`` as the whole content of ``out``, with a manifest of kind ``kind``.

    Args:
        out: A new or empty folder, or one that an earlier export of the kind made: what that one
            had and this one has not is removed.
        kind: ``leaderboard-space`` or ``leaderboard-dataset``.
        files: Content by POSIX path.
        board: What is exported.
        results: The RESULTS folder that it was read from.
        settings: For the manifest.

    Returns:
        Paths of the files, without the manifest.

    Raises:
        BadInput: ``out`` is a file, or holds other files.
    """
    old = _before(out, kind)
    others = [name for name in list_files(out) if name not in old | set(files)]
    if others:
        raise BadInput(
            f"'{out}' holds other files ({', '.join(others[:3])}"
            f"{', ...' if len(others) > 3 else ''}); such an export has a folder of its own.",
            hint="Choose an empty or new folder as --out.",
        )
    for name, data in files.items():
        write_bytes(out / name, data)
    for name in old - set(files):
        (out / name).unlink(missing_ok=True)
    paths = {run.path for table in board.tables for row in table.rows for run in row.runs}
    write_manifest(
        out,
        kind,
        settings=dict(settings),
        seed=SEED,
        inputs=tuple(relative_input("file", results / path, out) for path in sorted(paths)),
        facts={"records": board.records, "tables": len(board.tables)},
    )
    return [out / name for name in files]


def write_files(out: Path, files: Mapping[str, bytes], *, replace: bool = False) -> list[Path]:
    """Write ``files`` into ``out``, which may be a checkout of a repository with other files.

    Args:
        out: Folder, made where it is missing.
        files: Content by POSIX path.
        replace: Whether a file of other content may be replaced.

    Raises:
        BadInput: A file of other content is there and ``replace`` is not given; nothing is
            written then.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"'{out}' is a file; a folder was expected.", hint="Choose another --out.")
    changed = []
    for name, data in files.items():
        path = out / name
        if path.exists() and not (path.is_file() and path.read_bytes() == data):
            changed.append(path)
    if changed and not replace:
        raise BadInput(
            f"'{changed[0]}' is there already with other content"
            + (f" ({len(changed)} files in all)." if len(changed) > 1 else "."),
            hint="Look at it, then say --replace, or choose another --out and merge by hand.",
        )
    for name, data in files.items():
        write_bytes(out / name, data)
    return [out / name for name in files]


def _before(out: Path, kind: str) -> set[str]:
    """Files that an earlier export of the kind wrote to ``out``."""
    if out.exists() and not out.is_dir():
        raise BadInput(f"'{out}' is a file; a folder was expected.", hint="Choose another --out.")
    if not (out / MANIFEST_NAME).is_file():
        return set()
    names = set(read_manifest(out, kind).files)
    # An edited manifest must not have files elsewhere removed.
    return names & set(list_files(out))
