"""The files of a submission: records of a RESULTS folder as they lie in a repository of results.

Of a record go `record.json`, its predictions and `submission.json`; of a test set its text (ids,
labels, patients' pseudonyms). No film goes, and nothing that holds a path of this machine or a
token.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from mammo_synth.bench.predictions import COLUMNS
from mammo_synth.bench.record import Record, read_record
from mammo_synth.bench.results import (
    RECORD_NAME,
    TEST_SETS,
    evaluations_of,
    is_posted,
    posted_folder,
    predictions_name,
)
from mammo_synth.bench.truth import TestSet, read_test_set, text_name
from mammo_synth.errors import BadInput, CheckFailed, did_you_mean
from mammo_synth.files import sha256_bytes, sha256_json
from mammo_synth.leaderboard.check import check
from mammo_synth.leaderboard.check_evaluations import test_sets_of
from mammo_synth.leaderboard.load import record_files
from mammo_synth.leaderboard.submission import (
    SUBMISSION_NAME,
    Submission,
    document,
    holds_token,
    submission_of,
)
from mammo_synth.leaderboard.verified import NOTHING, Verified
from mammo_synth.progress import SILENT, Progress

_SHOWN = 3
_PATH = re.compile(
    r"^(?:/|~[\w.-]*/|\\\\|[A-Za-z]:[\\/])|file:/|(?:^|[^\w.:/])/(?:home|Users|root|mnt|tmp)/"
    r"|[A-Za-z]:\\Users\\"
)


@dataclass(frozen=True)
class Posted:
    """One record of a submission: its folder in the repository, and what is said of it."""

    folder: str
    record: Record
    sha256: str
    submission: Submission


@dataclass(frozen=True)
class Bundle:
    """Everything that a submission posts.

    Attributes:
        files: Path in the repository → content, sorted by path.
        records: In the order of their folders.
    """

    files: dict[str, bytes]
    records: tuple[Posted, ...]

    @property
    def test_sets(self) -> dict[str, TestSet]:
        """Digest → films of every test set."""
        with _unpacked(self.files) as folder:
            names = {digest for one in self.records for digest in test_sets_of(one.record)}
            return {digest: read_test_set(folder / TEST_SETS, digest) for digest in sorted(names)}

    @property
    def digest(self) -> str:
        """Hex sha256 of all paths and contents: the same submission has the same."""
        return sha256_json({path: sha256_bytes(data) for path, data in self.files.items()})


def chosen(results: Path, classifiers: Sequence[str] = ()) -> list[Path]:
    """Records of ``results``; only those of ``classifiers``, if there are any.

    Raises:
        BadInput: There is no record, one is no record, or a classifier has none.
    """
    paths = record_files(results)
    if not classifiers:
        return paths
    names = {path: read_record(path)["classifier"]["name"] for path in paths}
    for name in classifiers:
        if name not in names.values():
            raise BadInput(
                f"'{results}' has no record of the classifier '{name}'.",
                hint=did_you_mean(name, sorted(set(names.values()))),
            )
    return [path for path, name in names.items() if name in classifiers]


def facts_wanted(paths: Sequence[Path]) -> bool:
    """Whether a record has no `submission.json` yet: in a clone of the repository most have."""
    return any(not path.with_name(SUBMISSION_NAME).is_file() for path in paths)


def gather(results: Path, paths: Sequence[Path], submission: Submission | None) -> Bundle:
    """The files that post the records at ``paths``, as `chosen` gave them.

    Args:
        results: The RESULTS folder.
        paths: Record files in it.
        submission: The facts for records that have no `submission.json`; None if all have one.

    Raises:
        BadInput: A file is missing or unreadable, holds more than it should, or a record names a
            path of this machine or a token.
        CheckFailed: A test set was changed.
    """
    files: dict[str, bytes] = {}
    records = []
    for path in paths:
        record, data = read_record(path), path.read_bytes()
        sha256 = sha256_bytes(data)
        _refuse_private(record, path)
        facts = submission_of(path.parent) or submission
        if facts is None:
            raise BadInput(
                f"Nothing is said of who submits '{path}'.", hint="Add --submitter and the others."
            )
        place = path.parent.relative_to(results)
        if not is_posted(place):
            place = posted_folder(place, sha256)
        folder = place.as_posix()
        files[f"{folder}/{RECORD_NAME}"] = data
        said = path.with_name(SUBMISSION_NAME)
        files[f"{folder}/{SUBMISSION_NAME}"] = (
            said.read_bytes() if said.is_file() else _json(document(facts, sha256))
        )
        for name, content in _predictions(record, path):
            files[f"{folder}/{name}"] = content
        for digest in test_sets_of(record):
            name = f"{TEST_SETS}/{text_name(digest)}"
            if name not in files:
                files[name] = _text(results, digest)
        records.append(Posted(folder, record, sha256, facts))
    return Bundle(dict(sorted(files.items())), tuple(sorted(records, key=lambda one: one.folder)))


def require_sound(
    bundle: Bundle,
    beside: dict[str, bytes] | None = None,
    *,
    now: str | None = None,
    progress: Progress = SILENT,
    verified: Verified = NOTHING,
) -> None:
    """Check the submission by itself, in a folder laid out like the repository.

    The repository's own check does this of all records together, and so finds copies of others.
    Which replicates are missing depends on those that are posted: `refuse_gaps` says that.

    Args:
        bundle: What is to be posted.
        beside: More files of the repository that its check reads.
        now, verified: As `check` takes them.
        progress: Told of each record.

    Raises:
        CheckFailed: It does not pass; names the first problems.
    """
    with _unpacked({**(beside or {}), **bundle.files}) as folder:
        found = check(folder, progress=progress, now=now, verified=verified)
        problems = [
            f"{problem.path}: {problem.message}".replace(f"{folder}/", "")
            for problem in found.problems
            if problem.code != "replicate-skipped"
        ]
    if problems:
        more = f" And {len(problems) - _SHOWN} more." if len(problems) > _SHOWN else ""
        raise CheckFailed(
            f"The submission does not pass the check, and nothing was posted. "
            f"{'; '.join(problems[:_SHOWN])}.{more}",
            hint="See all: mammo-synth leaderboard check RESULTS. Then run those cells again.",
        )


@contextlib.contextmanager
def _unpacked(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A temporary folder with these files."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        yield folder


def _predictions(record: Record, path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each predictions file, which holds predictions and nothing else."""
    for split, evaluation in evaluations_of(record).items():
        name = evaluation["predictions"]["file"]
        if name != predictions_name(split):
            raise BadInput(
                f"'{path}' calls its predictions '{name[:80]}'; '{predictions_name(split)}' was "
                "expected.",
                hint="Run the cell again, or score the predictions with `bench score`.",
            )
        file = path.with_name(name)
        try:
            data = file.read_bytes()
            schema = pa.parquet.read_schema(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            raise BadInput(
                f"'{file}' cannot be read ({error}).", hint="Restore it, or run the cell again."
            ) from error
        if tuple(schema.names) != COLUMNS or schema.metadata:
            raise BadInput(
                f"'{file}' holds more than {' and '.join(COLUMNS)}, and is not posted.",
                hint="Score the predictions again with `mammo-synth bench score`.",
            )
        yield name, data


def _text(results: Path, digest: str) -> bytes:
    truth = read_test_set(results / TEST_SETS, digest)
    for film in truth.films:
        for value in (film.image_id, film.patient_id):
            if value is not None and _PATH.search(value):
                raise BadInput(
                    f"The test set {digest[:12]}... has a film called '{value[:80]}': a path of "
                    "this machine, which is not posted.",
                    hint="Prepare the films and build the release again; ids are no paths.",
                )
    return truth.text.encode()


def _refuse_private(record: Record, path: Path) -> None:
    for place, text in _strings(record):
        # The digests of a record are long words of letters and digits too, but none begins so.
        what = "an access token" if holds_token(text) else "a path of this machine"
        if holds_token(text) or _PATH.search(text):
            raise BadInput(
                f"'{path}' holds what looks like {what} at {place}, and is not posted.",
                hint="Run the cell again without it; a record must not be edited.",
            )


def _strings(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, keys too, with its place."""
    if isinstance(value, str):
        yield place or "the top", value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _strings(key, f"{place}.{key}".lstrip(".")[:120])
            yield from _strings(entry, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from _strings(entry, f"{place}.{i}")


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
