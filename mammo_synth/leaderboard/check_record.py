"""One record file by its own words: form, texts, dates, digest, place. No other file is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any, cast

from mammo_synth.bench.classifiers import CLASSIFIERS
from mammo_synth.bench.migration import migrate
from mammo_synth.bench.record import (
    DIGEST,
    ClassifierFacts,
    Record,
    check_record,
    digest_of,
    record_errors,
)
from mammo_synth.bench.results import Stored, contradictions, predictions_name
from mammo_synth.errors import BadInput
from mammo_synth.leaderboard.check_problem import Found
from mammo_synth.leaderboard.check_text import moment, read_value, text_problems, where

FIRST_DAY = "2026-01-01"
"""No record is older: there was no such format."""
_CLOCKS = timedelta(hours=1)
"""By how much the clocks of two machines may differ."""
_MOST = 8


@dataclass(frozen=True)
class Stranger:
    """A record file from anyone.

    Attributes:
        record: None where it is no record.
        problems: What its form says against it.
        edited: That it was changed after it was written, by its own digest; None where it was not,
            or has no digest, as those that were written before there were digests.
    """

    record: Record | None
    problems: list[Found]
    edited: Found | None = None


def read_stranger(path: Path) -> Stranger:
    """Read a record file.

    What is refused for a reason of its own (markup, a path, a date) is not named again as a breach
    of the schema.
    """
    raw, problems = read_value(path)
    if problems:
        return Stranger(None, problems)
    problems, places = text_problems(raw)
    found, more = _paths(raw)
    problems, places = problems + found, places | more
    found, more = _created(raw)
    problems, places = problems + found, places | more
    try:
        value = migrate(raw, "it")
    except BadInput as error:
        return Stranger(None, [*problems, ("schema", error.message)])
    breaches = [(place, message) for place, message in record_errors(value) if place not in places]
    for place, message in breaches[:_MOST]:
        problems.append(("schema", f"at {where(place)}, {message[:300]}"))
    if len(breaches) > _MOST:
        problems.append(("schema", f"and {len(breaches) - _MOST} more places break the schema"))
    edited = _edited(raw)
    try:
        record = check_record(value, "it")
    except BadInput:  # each place was named above
        return Stranger(None, problems, edited)
    if any(code == "schema" for code, _ in problems):
        return Stranger(None, problems, edited)
    values = {name: entry for name, entry in record.items() if name != DIGEST}
    return Stranger(cast(Record, values), problems, edited)


def _edited(raw: Any) -> Found | None:
    if not isinstance(raw, dict) or not isinstance(raw.get(DIGEST), str):
        return None
    try:
        found = digest_of(raw)
    except ValueError:  # a number that no JSON has
        return None
    if raw[DIGEST] == found:
        return None
    return "record-edited", (
        f"it was changed after it was written: its digest is {found[:12]}... and it says "
        f"{ascii(raw[DIGEST])[:14]}..."
    )


def _paths(raw: Any) -> tuple[list[Found], set[tuple[str, ...]]]:
    """Files that an evaluation names outside the record's folder, or under another name."""
    problems: list[Found] = []
    places: set[tuple[str, ...]] = set()
    evaluations = raw.get("evaluations") if isinstance(raw, dict) else None
    for split, one in evaluations.items() if isinstance(evaluations, dict) else ():
        kept = one.get("predictions") if isinstance(one, dict) else None
        name = kept.get("file") if isinstance(kept, dict) else None
        if not isinstance(name, str):
            continue
        path = PurePosixPath(name.replace("\\", "/"))
        if len(path.parts) != 1 or ".." in path.parts or path.is_absolute() or ":" in name:
            place = ("evaluations", split, "predictions", "file")
            message = f"{where(place)} names a file outside the record's folder: {ascii(name)[:80]}"
            problems.append(("path-outside", message))
            places.add(place)
        elif split in ("real_test", "test") and name != predictions_name(split):
            place = ("evaluations", split, "predictions", "file")
            message = f"{where(place)} says '{name}'; '{predictions_name(split)}' was expected"
            problems.append(("schema", message))
            places.add(place)
    return problems, places


def _created(raw: Any) -> tuple[list[Found], set[tuple[str, ...]]]:
    """A date that is none."""
    text = raw.get("created") if isinstance(raw, dict) else None
    if not isinstance(text, str) or moment(text) is not None:
        return [], set()
    message = f"created is {ascii(text)[:40]}; a time such as 2026-01-31T12:00:00Z was expected"
    return [("date-invalid", message)], {("created",)}


def date_problems(record: Record, released: str | None, now: str | None) -> list[Found]:
    """An impossible time of a record: before its format or its release, or in the future.

    Args:
        record: The record; its ``created`` is a time.
        released: The date of its release, where it is known.
        now: The time, UTC; None leaves the future out.
    """
    said = moment(record["created"])
    if said is None:
        return []
    text = record["created"]
    if text < FIRST_DAY:
        return [("date-impossible", f"created is {text}; there are no records before {FIRST_DAY}")]
    if released is not None and text[:10] < released:
        return [("date-impossible", f"created is {text}, and the release is of {released}")]
    today = moment(now) if now is not None else None
    if today is not None and said > today + _CLOCKS:
        return [("date-impossible", f"created is {text}, which is in the future: it is {now}")]
    return []


def own_problems(results: Path, stored: Stored) -> list[Found]:
    """What a record says against itself or its place."""
    problems = list(contradictions(results, stored))
    record = stored.record
    training, recipe = record["training"], record["recipe"]
    if recipe is None and record["classifier"]["name"].casefold() in CLASSIFIERS:
        message = (
            f"'{record['classifier']['name']}' is a classifier of the benchmark itself; brought "
            f"predictions need a name of their own"
        )
        problems.append(("name-taken", message))
    if recipe is not None:
        problems += _contradicted(recipe["settings"].get("classifier"), record["classifier"])
    for part in ("train", "validation") if training is not None else ():
        counts = cast(Any, training)[part]
        if counts["cancer"] + counts["normal"] != counts["synthetic"] + counts["real"]:
            message = (
                f"training.{part} has {counts['cancer']} + {counts['normal']} images by label and "
                f"{counts['synthetic']} + {counts['real']} by origin"
            )
            problems.append(("counts-impossible", message))
    return problems


def _contradicted(kind: object, said: ClassifierFacts) -> list[Found]:
    """Name and role of a classifier against what its recipe runs: a control that calls itself a
    classifier would be ranked."""
    entry = CLASSIFIERS.get(kind) if isinstance(kind, str) else None
    if entry is None:
        return []  # of another version
    problems: list[Found] = []
    if entry.role != said["role"]:
        message = f"classifier.role says {said['role']} and {kind} is a {entry.role}"
        problems.append(("classifier-differs", message))
    if entry.name_of is None and said["name"] != kind:
        message = f"classifier.name says {said['name']} and its recipe is for {kind}"
        problems.append(("classifier-differs", message))
    return problems
