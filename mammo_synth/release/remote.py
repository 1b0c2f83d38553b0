"""The check from the outside: what a stranger gets from the Hub is the release, whole.

Digests of all files come from the Hub's own list, row counts from Parquet footers read over the
network, and `datasets` loads the first row of every split in a process with an empty cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.files import sha256_bytes
from mammo_synth.manifest import MANIFEST_NAME, Manifest, read_manifest
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.folder import KIND
from mammo_synth.release.forms import held_shards, loadable
from mammo_synth.release.hub import Repository, StoredFile
from mammo_synth.release.hub_errors import HubTrouble, in_words
from mammo_synth.release.schema import columns_of, features_json
from mammo_synth.release.version import check_version

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem

_RANGE_BYTES = 1 << 16  # one request reads a footer; the default would read the shard's last 5 MB
_COMPLAINT_LINES = 3


def parse_manifest(data: bytes, name: str) -> Manifest:
    """The manifest of a release from its bytes, with all that a reader of one relies on.

    Raises:
        BadInput: It is not the manifest of a release.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, MANIFEST_NAME).write_bytes(data)
        try:
            manifest = read_manifest(Path(folder), KIND)
            version = manifest.settings["version"]
            check_version(version)
            given = manifest.settings["name"]
            if not given or given.startswith(".") or any(mark in given for mark in "/\\:\0"):
                raise BadInput(f"its name '{given}' is not that of a folder")
            loadable(manifest.facts)
            held_shards(manifest.facts)
            _ = manifest.facts["image_size"], manifest.facts["terms"]["redistributable"]
        except (BadInput, KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"'{name}' holds no release of mammo-synth: its {MANIFEST_NAME} is not one's.",
                hint="Check the name of the repository and the tag.",
            ) from error
    return manifest


def check_published(
    repository: Repository, revision: str, *, progress: Progress = SILENT
) -> list[str]:
    """One sentence for everything that a reader of ``revision`` would not get as promised.

    Args:
        repository: Where the release was published.
        revision: A tag, branch, pull request or commit.
        progress: Hears of every file, shard and split.

    Raises:
        BadInput: There is no release to check.
        HubTrouble: The Hub could not be asked.
    """
    commit = repository.commit_of(revision)
    there = repository.files(commit)
    if MANIFEST_NAME not in there:
        return [f"{repository.name} at {revision}: {MANIFEST_NAME} is missing."]
    manifest = parse_manifest(repository.read(MANIFEST_NAME, commit), repository.name)
    problems = list(_check_files(repository, commit, there, manifest, progress))
    if problems:
        return problems  # rows of damaged files would only say the same again
    problems += _check_rows(repository, commit, manifest, progress)
    return problems + list(_check_loading(repository, revision, manifest, progress))


def require_published(
    repository: Repository, revision: str, *, progress: Progress = SILENT
) -> None:
    """Raise CheckFailed unless `check_published` finds ``revision`` sound."""
    problems = check_published(repository, revision, progress=progress)
    if problems:
        more = f" And {len(problems) - 3} more." if len(problems) > 3 else ""
        raise CheckFailed(
            f"What the Hub gives at '{revision}' of '{repository.name}' is not the release. "
            f"{' '.join(problems[:3])}{more}",
            hint="Run the same command again; if it says the same, report it.",
        )


def _check_files(
    repository: Repository,
    commit: str,
    there: Mapping[str, StoredFile],
    manifest: Manifest,
    progress: Progress,
) -> Iterator[str]:
    """Every file of the manifest is there, with its digest."""
    progress.start("files compared on the Hub", len(manifest.files))
    for path, entry in manifest.files.items():
        stored = there.get(path)
        if stored is None:
            yield f"{path} is missing."
        elif stored.sha256 is None and path.endswith(".parquet"):
            yield f"{path} is not in large file storage."
        else:
            # git's own digest of a small file is not sha256; its bytes are fetched instead.
            sha256 = stored.sha256 or sha256_bytes(repository.read(path, commit))
            if sha256 != entry.sha256 or stored.bytes != entry.bytes:
                yield f"{path} is not the file that the manifest describes."
        progress.advance()
    progress.finish()


def _check_rows(
    repository: Repository, commit: str, manifest: Manifest, progress: Progress
) -> Iterator[str]:
    """Every shard's footer, read over the network, gives the manifest's count of rows."""
    from huggingface_hub import HfFileSystem

    api, held = repository.api, held_shards(manifest.facts)
    shards = [entry for entry in manifest.facts["shards"] if entry["path"] in held]
    files = HfFileSystem(endpoint=api.endpoint, token=api.token, skip_instance_cache=True)
    progress.start("shards counted on the Hub", len(shards))
    for entry in shards:
        rows = _rows_of(files, repository.name, commit, entry["path"])
        if rows != entry["rows"]:
            found = "no readable footer" if rows is None else f"{rows} rows"
            yield f"{entry['path']} has {found}, the manifest says {entry['rows']} rows."
        progress.advance()
    progress.finish()


def _rows_of(files: HfFileSystem, name: str, commit: str, path: str) -> int | None:
    """Rows of one shard by its footer; None if that is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with in_words(name, commit):
        try:
            with files.open(
                f"datasets/{name}@{commit}/{path}", block_size=_RANGE_BYTES, cache_type="readahead"
            ) as stream:
                # Only the count: pyarrow ends the whole process on a damaged footer's columns.
                return int(pq.read_metadata(stream).num_rows)
        except pa.ArrowInvalid:
            return None


def _check_loading(
    repository: Repository, revision: str, manifest: Manifest, progress: Progress
) -> Iterator[str]:
    """`datasets` streams the first row of every split of every configuration."""
    configurations = loadable(manifest.facts)
    features = features_json(columns_of(manifest.facts))
    task = {
        "repository": repository.name,
        "revision": revision,
        "configurations": configurations,
        "features": features,
        "image_size": manifest.facts["image_size"],
    }
    progress.start("splits loaded from the Hub", sum(map(len, configurations.values())))
    for result in _first_rows(repository, task):
        where = f"{result['configuration']}, {result['split']}"
        if result["trouble"]:
            raise HubTrouble(
                f"The check of '{repository.name}' was cut short: {where} {result['problem']}.",
                hint="Run the same command again: it goes on.",
            )
        if result["problem"]:
            yield f"{where} {result['problem']}."
        progress.advance()
    progress.finish()


def _first_rows(repository: Repository, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Results of `first_rows` in a process that has no cache, and its only configuration from us.

    Raises:
        CheckFailed: The process ended before it was done.
    """
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
    ):
        environment = {
            **{name: value for name, value in os.environ.items() if name not in _OWN_CACHES},
            "HF_ENDPOINT": repository.api.endpoint,
            "HF_HOME": home,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        }
        token = _token(repository)
        if token is not None:  # in the environment, where other users of the machine cannot read it
            environment["HF_TOKEN"] = token
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "mammo_synth.release.first_rows"],
            cwd=home,  # a folder of the data set's name in ours would be loaded in its place
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
            text=True,
        ) as child:
            assert child.stdin is not None and child.stdout is not None
            try:
                child.stdin.write(json.dumps(task))
                child.stdin.close()
                for line in child.stdout:
                    yield json.loads(line)
            except BaseException:
                child.kill()
                raise
        if child.returncode:
            complaints.seek(0)
            said = " ".join(complaints.read().strip().splitlines()[-_COMPLAINT_LINES:])
            raise CheckFailed(
                f"The process that loads '{repository.name}' ended early: {said}",
                hint="Check that `datasets` works here: python -c 'import datasets'.",
            )


_OWN_CACHES = (
    *("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "HF_ASSETS_CACHE"),
    *("HF_XET_CACHE", "HF_MODULES_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"),
)
"""Variables that would lead the fresh process to caches and tokens of this one."""


def _token(repository: Repository) -> str | None:
    """The token that the client would send: its own, or the one of the user's login."""
    from huggingface_hub import get_token

    token = repository.api.token
    if token is False:
        return None
    return token if isinstance(token, str) else get_token()
