"""Records that do not fit beside the others of their cell: twice, with a gap below, of another's.

A cell is configuration × classifier × replicate. Each of these records can be right by itself; what
is wrong only all records together tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

from mammo_synth.bench.record import Record
from mammo_synth.bench.results import is_posted
from mammo_synth.bench.series import ranking_key, series_of


def doubled(records: Mapping[str, Record]) -> list[tuple[str, str]]:
    """Records of a replicate that another record has already: the path of the later one, and of
    what. A board holds one of each, and two pull requests can be right and not fit together.

    Args:
        records: By their paths.
    """
    found = []
    first: dict[tuple[object, ...], str] = {}
    for path in _in_time(records):
        replicate = records[path]["replicate"]
        earlier = first.setdefault((*_row(records[path]), replicate), path)
        if earlier != path:
            message = f"'{earlier}' is a record of the same replicate {replicate}"
            found.append((path, f"{message}: a board holds one"))
    return found


def skipped(records: Mapping[str, Record]) -> list[tuple[str, str]]:
    """Posted records with a gap below their replicate: their paths, and the number that is missing.

    A row with a gap has no rank. Without this, one record of a high number under the recipe of
    somebody else would take the rank of that row. A folder of one's own may have gaps: its cells
    may still be measured, or be measured elsewhere.

    Args:
        records: By their paths.
    """
    numbers: dict[tuple[object, ...], set[int]] = {}
    for record in records.values():
        numbers.setdefault(_row(record), set()).add(record["replicate"])
    missing = {row: next(k for k in count() if k not in have) for row, have in numbers.items()}
    return [
        (
            path,
            f"it is replicate {record['replicate']}, and replicate {lowest} of the same "
            f"configuration and recipe is missing: post that first, or with it",
        )
        for path, record in sorted(records.items())
        if is_posted(Path(path).parent) and record["replicate"] > (lowest := missing[_row(record)])
    ]


def taken(
    records: Mapping[str, Record], submitters: Mapping[str, str | None]
) -> list[tuple[str, str]]:
    """Brought predictions under the classifier's name of another submitter: the path of the later
    one by its own words, and whose name it is. They have no recipe, which tells two classifiers of
    one name apart, and two people's would be averaged as replicates of one.

    Args:
        records: By their paths.
        submitters: Who posted each. A posted record of which nobody says that is nobody's; one of
            a folder of one's own is left out until it is posted.
    """
    found = []
    first: dict[str, str] = {}
    for path in _in_time(records):
        record, who = records[path], submitters[path]
        if record["recipe"] is not None or (who is None and not is_posted(Path(path).parent)):
            continue
        name = record["classifier"]["name"]
        earlier = first.setdefault(name, path)
        if submitters[earlier] != who:
            message = (
                f"the classifier '{name}' of '{earlier}' was posted by "
                f"{_said(submitters[earlier])}, and this one by {_said(who)}: brought predictions "
                f"need a name that is nobody else's"
            )
            found.append((path, message))
    return found


def _said(submitter: str | None) -> str:
    return "nobody" if submitter is None else f"'{submitter}'"


def _in_time(records: Mapping[str, Record]) -> list[str]:
    """Paths in the order of the records' own words."""
    return sorted(records, key=lambda path: (records[path]["created"], path))


def _row(record: Record) -> tuple[object, ...]:
    """What replicates of one row share."""
    return ranking_key(record), series_of(record), record["configuration"]
