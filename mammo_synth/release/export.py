"""Exports a configuration as plain files: ``split/label/IMAGE_ID.png`` and a table per split.

For tools that read folders of images. The bytes of every image stay as they are in the release.
The held-out films go to ``realtest``, not ``real_test``: `datasets` takes every folder whose name
ends in ``_test`` for a part of the test split, and would mix them with it.
"""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from mammo_synth.configurations import LABELS, REAL
from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.files import atomic_path, sha256_file, sha256_json
from mammo_synth.manifest import Input, is_current, write_manifest
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.choose import choose_configuration, choose_splits, shard_files
from mammo_synth.release.folder import Release
from mammo_synth.release.schema import DENSITY, columns_of
from mammo_synth.step import step_folder

KIND = "export"
FORMATS = ("imagefolder", "zip")
FOLDERS = {"train": "train", "test": "test", "real_test": "realtest"}
"""Split → its folder."""

TABLE, NOTE = "metadata.csv", "README.txt"
NOTHING = "none"
"""Stands in a text column that is empty for the row: an empty field has no type in a CSV, and
readers such as `datasets` refuse tables that seem to differ in type."""

_AT_ONCE = 64
_SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # no clock: the same release gives the same bytes


@dataclass(frozen=True)
class Exported:
    """What was exported: where, and images by split and label."""

    out: Path
    configuration: str
    counts: dict[str, dict[str, int]]


class _Target(Protocol):
    """Takes files by their POSIX path."""

    def put(self, path: str, data: bytes) -> None:
        """Add one file."""


def export_release(
    release: Release,
    configuration: str | None,
    out: Path,
    *,
    form: str = "imagefolder",
    splits: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Exported:
    """Write one configuration as plain files; what is already there and right is left alone.

    The result appears whole at the end. An export that was stopped begins again: copying is fast.
    Memory holds one row group as Parquet's reader takes it (0.4 GB at 62 MB), and a table of text.

    Args:
        release: The release.
        configuration: One of its configurations; None is the default.
        out: The folder (``imagefolder``), or the file (``zip``: not compressed, PNG is already).
        form: One of `FORMATS`.
        splits: Some of train, test, real_test; all that there are if empty.
        progress: Receives one step for each image.

    Raises:
        BadInput: An unknown name, films that are not there, a damaged shard, or ``out`` holds
            something else.
    """
    if form not in FORMATS:
        raise BadInput(f"There is no format '{form}'.", hint=did_you_mean(form, FORMATS))
    if out.resolve().is_relative_to(release.folder.resolve()):
        raise BadInput(
            f"'{out}' is inside the release, which would not be what its manifest says any more.",
            hint="Choose another --out.",
        )
    chosen = choose_configuration(release, configuration)
    taken = choose_splits(release, chosen, splits)
    files = shard_files(release, chosen, taken)
    facts = release.manifest.facts
    counts = {
        split: {
            name: sum(
                entry["rows"]
                for entry in facts["shards"]
                if entry["label"] == label
                and entry["path"] in facts["configurations"][chosen]["splits"][split]["shards"]
            )
            for label, name in enumerate(LABELS)
        }
        for split in taken
    }
    settings = {"configuration": chosen, "splits": list(taken), "format": form}
    progress.start("images", sum(sum(one.values()) for one in counts.values()))
    if form == "zip":
        _export_zip(release, files, out, settings, progress)
    else:
        _export_folder(release, files, out, settings, progress)
    progress.finish()
    return Exported(out, chosen, counts)


@dataclass(frozen=True)
class _Folder:
    root: Path

    def put(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


@dataclass(frozen=True)
class _Zip:
    archive: zipfile.ZipFile

    def put(self, path: str, data: bytes) -> None:
        self.archive.writestr(zipfile.ZipInfo(path, _ZIP_TIME), data)


def _export_folder(
    release: Release,
    files: dict[str, list[Path]],
    out: Path,
    settings: dict[str, Any],
    progress: Progress,
) -> None:
    source = (Input("release", _relative(release.folder, out), release.sha256),)
    if is_current(out, KIND, settings=settings, inputs=source):
        return
    with step_folder(out, sha256_json([settings, release.sha256])) as work:
        _write(release, files, settings, _Folder(work), progress)
        write_manifest(work, KIND, settings=settings, inputs=source)


def _relative(folder: Path, out: Path) -> str:
    return Path(os.path.relpath(folder.resolve(), out.resolve())).as_posix()


def _export_zip(
    release: Release,
    files: dict[str, list[Path]],
    out: Path,
    settings: dict[str, Any],
    progress: Progress,
) -> None:
    mark = sha256_json([settings, release.sha256]).encode()
    if out.exists():
        if _mark_of(out) == mark:
            return
        raise BadInput(
            f"'{out}' exists, and is not this export.",
            hint="Choose another --out, or remove it first.",
        )
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.comment = mark  # by it a finished export is known
        _write(release, files, settings, _Zip(archive), progress)


def _mark_of(path: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment
    except (zipfile.BadZipFile, OSError):
        return None


def _write(
    release: Release,
    files: dict[str, list[Path]],
    settings: dict[str, Any],
    target: _Target,
    progress: Progress,
) -> None:
    columns = [name for name in columns_of(release.manifest.facts) if name != "image"]
    for split, shards in files.items():
        folder, table = FOLDERS[split], io.StringIO(newline="")
        lines = csv.DictWriter(table, ["file_name", *columns], lineterminator="\n")
        lines.writeheader()
        for row in _rows(release, shards):
            name = f"{LABELS[row['label']]}/{_safe(row['image_id'])}.png"
            target.put(f"{folder}/{name}", row["image"]["bytes"])
            lines.writerow({"file_name": name, **{c: _cell(row, c) for c in columns}})
            progress.advance()
        target.put(f"{folder}/{TABLE}", table.getvalue().encode())
    target.put(NOTE, _note(release, settings).encode())


def _rows(release: Release, shards: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Rows of some shards; each file's digest is checked before it is parsed."""
    for path in shards:
        entry = release.manifest.files[path.relative_to(release.folder).as_posix()]
        if sha256_file(path) != entry.sha256:
            raise _damaged(path, "its sha256 differs from the manifest's")
        with _parsed(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_AT_ONCE):
                yield from batch.to_pylist()


@contextmanager
def _parsed(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, KeyError, TypeError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error


def _damaged(path: Path, why: str) -> BadInput:
    return BadInput(
        f"The shard '{path}' is damaged ({why}).",
        hint="Download or build the release again; `mammo-synth release verify` names the damage.",
    )


def _safe(image_id: str) -> str:
    """An id as a file name: it never leads out of the folder."""
    if not _SAFE_ID.fullmatch(image_id):
        raise BadInput(
            f"The image id {image_id!r} cannot be the name of a file.",
            hint="Ids have letters, digits, '_', '-' and '.'; build the release again.",
        )
    return image_id


def _cell(row: dict[str, Any], column: str) -> Any:
    """A value as the table has it: of one type in every row, so that readers agree on it."""
    value = row[column]
    if column in ("seed", "truncation"):
        return "" if value is None else float(value)
    if column == "generator" and value is not None:
        return f"sha256:{value}"  # sixteen digits alone may look like a number
    if column == DENSITY and value is not None:
        return f"class {value}"  # so may a class: of 1 to 4, readers make a column of numbers
    return NOTHING if value is None else value


def _note(release: Release, settings: dict[str, Any]) -> str:
    """README.txt of the export."""
    terms, facts = release.manifest.facts["terms"], release.manifest.facts
    held = {path for s in settings["splits"] for path in _shards(release, settings, s)}
    real = any(e["origin"] == REAL and e["path"] in held for e in facts["shards"])
    keep = (
        "Real films are in it whose terms do not allow passing them on: keep this copy to "
        "yourself.\n"
        if real and not terms["redistributable"]
        else ""
    )
    simulated = "The films are simulated (phantom): no patient stands behind them.\n"
    has_density = DENSITY in columns_of(facts)
    density = " Density is the\nsource's own class, written as in: class A." if has_density else ""
    return f"""\
{release.name} {release.version}, configuration {settings["configuration"]}
Digest of the release (sha256 of its manifest.json): {release.sha256}

Never for diagnosis. For research and teaching only.

{simulated if terms["simulated"] else ""}{keep}Terms of the films of {facts["source"]}: \
{terms["licence"]}
Please cite: {terms["citation"]}

Each split is a folder with one folder of PNG files for each class, and {TABLE}.
label: normal = 0, cancer = 1. Cancer is the positive class. A tool that numbers the folders by
alphabet makes cancer 0 and normal 1: give it the order normal, cancer.
{_about_real_test(release)}
In {TABLE}, "{NOTHING}" and an empty field mean that a column does not apply to the row.{density}
Rows come grouped by class: shuffle them before you train.
"""


def _about_real_test(release: Release) -> str:
    """What the held-out films are worth, in one or two sentences."""
    what = f"{FOLDERS['real_test']} is the split real_test of the release: films held out for tests"
    if release.protocol == "strict":
        return f"{what}; no generator has seen\ntheir patients, and they are in no other split."
    return (
        f"{what}. Study\nprotocol: real films may stand in several splits, and generators may have "
        "seen them."
    )


def _shards(release: Release, settings: dict[str, Any], split: str) -> list[str]:
    held = release.manifest.facts["configurations"][settings["configuration"]]["splits"]
    return list(held[split]["shards"])
