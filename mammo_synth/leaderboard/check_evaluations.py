"""The files that a record rests on, and every number from them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mammo_synth.bench.predictions import Predictions, align, read_predictions
from mammo_synth.bench.record import Evaluation, Record
from mammo_synth.bench.resampling import Floats
from mammo_synth.bench.results import TEST_SETS, Stored, evaluations_of, number_differences
from mammo_synth.bench.truth import TestSet, read_test_set
from mammo_synth.errors import BadInput, CheckFailed, MammoSynthError
from mammo_synth.files import sha256_file
from mammo_synth.leaderboard.check_problem import Found

MAX_BYTES = 64 * 2**20
MAX_ROWS = 2_000_000
_SHOWN = 3
_DIGEST = re.compile(r"[0-9a-f]{64}")
_EDITED = "test-set-edited"


def evaluation_problems(
    results: Path, stored: Stored, *, numbers: bool = True
) -> tuple[list[Found], Floats | None]:
    """What is not so in a record's predictions, test sets and numbers.

    Args:
        results: The folder of results.
        stored: The record.
        numbers: Whether to recompute the numbers too; not where that was done before with the
            same files, whose digests are compared in any case.

    Returns:
        The problems; and the scores of `real_test`, float64 [n] in the order of its films, where
        they could be read.
    """
    problems: list[Found] = []
    scores = None
    for split, evaluation in evaluations_of(stored.record).items():
        found, p = _files(results, stored.path.parent, evaluation, split)
        problems += found
        if split == "real_test":
            scores = p
    if not problems and numbers:
        try:
            messages = number_differences(results, stored)
        except MammoSynthError as error:
            return [("not-checkable", error.message)], scores
        problems = [("numbers-differ", message) for message in messages]
    return problems, scores


def test_sets_of(record: Record) -> list[str]:
    """Digests of the test sets of a record."""
    return [evaluation["test_set"] for evaluation in evaluations_of(record).values()]


def test_set_problems(results: Path, used: Collection[str]) -> list[tuple[str, str, str]]:
    """What is wrong with test sets that no record makes the check read: path, message and code.

    The text form is that of a repository, to which anybody may add files: one there that no record
    names is refused. A folder of one's own keeps the test sets of cells that are not finished.

    Args:
        results: The folder of results.
        used: Digests of those that records name, which are checked with each record.
    """
    problems = []
    for path in sorted((results / TEST_SETS).glob("*.*")):
        digest, name = path.stem, f"{TEST_SETS}/{path.name}"
        if path.is_symlink() or not path.is_file() or not _DIGEST.fullmatch(digest):
            continue  # refused where the folder is walked
        if path.suffix == ".json" and path.with_suffix(".parquet").is_file():
            # Then it is not read, and its bytes are its digest's or somebody's own.
            if sha256_file(path) != digest:
                problems.append((name, "it was changed: its name is not its sha256", _EDITED))
        elif digest not in used and path.suffix == ".json":
            problems.append((name, "no record names it", "test-set-unknown"))
        elif digest not in used:
            problems += [(name, message, code) for code, message in _truth(path.parent, digest)[0]]
    return problems


def _files(
    results: Path, folder: Path, evaluation: Evaluation, split: str
) -> tuple[list[Found], Floats | None]:
    """Problems of one split's predictions and test set; and its scores in the order of the films
    if they fit."""
    path = folder / evaluation["predictions"]["file"]
    problems, predictions = predictions_problems(path, evaluation["predictions"]["sha256"])
    found, truth = _truth(results / TEST_SETS, evaluation["test_set"])
    problems += found
    if predictions is None or truth is None:
        return problems, None
    mismatches = id_problems(predictions, truth.image_id, split)
    if mismatches:
        return problems + mismatches, None
    return problems, align(predictions, truth.image_id)


def predictions_problems(path: Path, sha256: str) -> tuple[list[Found], Predictions | None]:
    """Problems of a file of predictions, and what is in it if it can be read."""
    if path.is_symlink():
        return [], None  # refused where the folder is walked
    if not path.is_file():
        return [("predictions-missing", f"its predictions '{path.name}' are missing")], None
    large = _too_large(path)
    if large:
        return large, None
    problems: list[Found] = []
    if sha256_file(path) != sha256:
        message = f"'{path.name}' was changed: its sha256 is not the one in the record"
        problems.append(("predictions-edited", message))
    try:
        return problems, read_predictions(path)
    except BadInput as error:
        return [*problems, ("predictions-unreadable", error.message)], None


def _too_large(path: Path) -> list[Found]:
    """A file beyond any test set: by its bytes, or by what its own footer says that it unpacks
    to."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        message = f"'{path.name}' has {size} bytes; at most {MAX_BYTES} were expected"
        return [("too-large", message)]
    if path.suffix != ".parquet":
        return []
    try:
        footer = pa.parquet.read_metadata(path)
        unpacked = sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
    except (pa.ArrowException, OSError):
        return []  # said when it is read
    if footer.num_rows > MAX_ROWS or unpacked > 4 * MAX_BYTES:
        message = f"'{path.name}' unpacks to {footer.num_rows} rows and {unpacked} bytes"
        return [("too-large", message)]
    return []


def _truth(folder: Path, digest: str) -> tuple[list[Found], TestSet | None]:
    files = sorted(folder.glob(f"{digest}.*"))
    if not files:
        return [
            ("test-set-missing", f"the test set {digest[:12]}... is not in '{folder.name}'")
        ], None
    if any(path.is_symlink() for path in files):
        return [], None  # refused where the folder is walked
    large = [problem for path in files for problem in _too_large(path)]
    if large:
        return large, None
    try:
        return [], read_test_set(folder, digest)
    except CheckFailed as error:
        return [(_EDITED, error.message)], None
    except BadInput as error:
        return [("test-set-unreadable", error.message)], None
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        message = f"the test set {digest[:12]}... cannot be read ({type(error).__name__}: {error})"
        return [("test-set-unreadable", message)], None


def id_problems(predictions: Predictions, image_id: Sequence[str], split: str) -> list[Found]:
    """Films without a prediction, predictions without a film, doubled ones, and scores that are no
    probability."""
    given, wanted = Counter(predictions.image_id), set(image_id)
    p = predictions.p_cancer
    invalid = ~((p >= 0) & (p <= 1))
    kinds = (
        ("ids-missing", "films without a prediction", (n for n in image_id if n not in given)),
        (
            "ids-foreign",
            "predictions of foreign films",
            (n for n in given if n not in wanted),
        ),
        ("ids-doubled", "films with several predictions", (n for n, k in given.items() if k > 1)),
        (
            "scores-invalid",
            "scores are NaN or outside [0, 1]",
            (predictions.image_id[i] for i in np.flatnonzero(invalid)),
        ),
    )
    return [
        (code, f"{split}: {text}") for code, what, names in kinds if (text := _listed(what, names))
    ]


def _listed(what: str, names: Iterable[str]) -> str:
    every = list(names)
    if not every:
        return ""
    shown = ", ".join(ascii(name)[:40] for name in every[:_SHOWN])
    return f"{len(every)} {what} ({shown}{', ...' if len(every) > _SHOWN else ''})"
