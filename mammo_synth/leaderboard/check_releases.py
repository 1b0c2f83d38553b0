"""The releases that records may be of: from folders, and from a repository's `releases.json`.

::

    {"format": "mammo-synth/releases/1",
     "releases": [{"name": "mammo-synth", "version": "1.0.0", "sha256": "...",
                   "source": "mias", "simulated": false, "protocol": "strict",
                   "size": 24000, "image_size": 512,
                   "released": "2026-01-31", "revisions": ["<commit of the data set>"],
                   "real_test": "<digest>", "test": {"50-50-90syn": "<digest>"}}]}

``released`` is null where the release has no date. Who keeps the repository keeps this file:
a submission has no business in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mammo_synth.bench.record import Record
from mammo_synth.bench.results import evaluations_of
from mammo_synth.bench.truth import films_of, make_test_set
from mammo_synth.configurations import CONFIGURATIONS, REFERENCES
from mammo_synth.errors import BadInput
from mammo_synth.files import write_json
from mammo_synth.leaderboard.check_problem import Found
from mammo_synth.release.folder import Release
from mammo_synth.schema import first_problem

RELEASES_NAME = "releases.json"
FORMAT = "mammo-synth/releases/1"
_FACTS = ("name", "version", "source", "simulated", "protocol", "size", "image_size")
_REVISION = re.compile(r"[0-9a-f]{40}")
_MAX_BYTES = 5_000_000


@dataclass(frozen=True)
class KnownRelease:
    """A release as its publisher knows it.

    Attributes:
        name, version, sha256, source, simulated, protocol, size, image_size: As a record has them.
        released: Its date, ``2026-01-31``, if it has one.
        revisions: Commits of the data set on the Hub that hold it.
        real_test: Digest of the test set `real_test`.
        test: Digests of the test sets `test`, by configuration.
        trained_on: Images of the training split (train and validation) by configuration; empty
            where only a list tells of the release.
    """

    name: str
    version: str
    sha256: str
    source: str
    simulated: bool
    protocol: str
    size: int
    image_size: int
    released: str | None
    revisions: tuple[str, ...]
    real_test: str
    test: Mapping[str, str]
    trained_on: Mapping[str, int] = field(default_factory=dict)


Known = Mapping[str, KnownRelease]
"""Known releases by their digest."""


def known_release(release: Release, configurations: Iterable[str] | None = None) -> KnownRelease:
    """What records of ``release`` must say, read from its manifest and its rows.

    Args:
        release: The release, with its real films in place.
        configurations: Those whose `test` is wanted; None means all, with the references.

    Raises:
        BadInput: Its real films are not in the folder, or a shard is missing.
    """
    has = (*release.configurations, *REFERENCES)
    wanted = [name for name in (has if configurations is None else configurations) if name in has]
    return KnownRelease(
        name=release.name,
        version=release.version,
        sha256=release.sha256,
        source=release.source,
        simulated=release.simulated,
        protocol=release.protocol,
        size=release.size,
        image_size=release.image_size,
        released=release.manifest.settings.get("date") or None,
        revisions=(),  # a folder does not know where it was uploaded to
        real_test=_digest(release, REFERENCES[0], "real_test"),
        test={name: _digest(release, name, "test") for name in wanted if _has_test(release, name)},
        trained_on={name: sum(release.counts(name, "train").values()) for name in wanted},
    )


def _has_test(release: Release, name: str) -> bool:
    return sum(release.counts(name, "test").values()) > 0


def _digest(release: Release, name: str, split: str) -> str:
    return make_test_set(films_of(release.records(name, split))).digest


def read_releases(path: Path) -> dict[str, KnownRelease]:
    """Known releases of a `releases.json`, by their digest.

    Raises:
        BadInput: It is missing or breaks its form; names the place.
    """
    from jsonschema import Draft202012Validator

    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        raise BadInput(
            f"There is no '{path}', or it is larger than {_MAX_BYTES} bytes.",
            hint="Check the path.",
        )
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInput(f"'{path}' is not JSON ({error}).", hint="Restore the file.") from error
    wrong = first_problem(Draft202012Validator(_SCHEMA), value)
    if wrong is not None:
        raise BadInput(
            f"'{path}' is no list of releases: {wrong}",
            hint=f"It has the format {FORMAT}; `leaderboard check --save-releases` writes it.",
        )
    found = [
        KnownRelease(**entry | {"revisions": tuple(entry["revisions"])})
        for entry in value["releases"]
    ]
    if len({one.sha256 for one in found}) < len(found):
        raise BadInput(f"'{path}' lists a release twice.", hint="Keep one entry of each sha256.")
    return {one.sha256: one for one in found}


def write_releases(path: Path, known: Known) -> None:
    """Write ``known`` as a `releases.json`, by name and version."""
    entries = []
    for one in sorted(known.values(), key=lambda r: (r.name, r.version, r.sha256)):
        entry = asdict(one)
        del entry["trained_on"]
        entries.append(entry | {"revisions": list(one.revisions), "test": dict(one.test)})
    write_json(path, {"format": FORMAT, "releases": entries})


def merged(listed: Known, opened: Known) -> dict[str, KnownRelease]:
    """Releases of a list and of folders; of one in both, the folder's facts with the list's date
    and revisions, which a folder does not have.

    Raises:
        BadInput: The two disagree about a test set.
    """
    found = dict(listed)
    for sha256, release in opened.items():
        other = listed.get(sha256)
        if other is None:
            found[sha256] = release
            continue
        common = other.test.keys() & release.test.keys()
        if other.real_test != release.real_test or any(
            other.test[name] != release.test[name] for name in common
        ):
            raise BadInput(
                f"{RELEASES_NAME} and the folder of {release.name} {release.version} have other "
                f"test sets.",
                hint=f"Correct {RELEASES_NAME}: the folder's rows are what they are.",
            )
        found[sha256] = KnownRelease(
            **vars(release)
            | {
                "released": release.released or other.released,
                "revisions": tuple(dict.fromkeys((*other.revisions, *release.revisions))),
                "test": {**other.test, **release.test},
            }
        )
    return found


def release_problems(record: Record, known: Known) -> list[Found]:
    """What a record says of its release, revision, configuration and test sets that is not so.

    With no release known only what can be told without one is held against the record.
    """
    facts = record["release"]
    problems: list[Found] = []
    revision, name = facts["revision"], record["configuration"]
    if name not in CONFIGURATIONS and name not in REFERENCES:
        problems.append(("configuration-unknown", f"there is no configuration '{name}'"))
    if revision is not None and not _REVISION.fullmatch(revision):
        message = f"release.revision is '{revision}'; the 40 hex digits of a commit were expected"
        problems.append(("revision-unknown", message))
    if not known:
        return problems
    release = known.get(facts["sha256"])
    if release is None:
        names = ", ".join(f"{r.name} {r.version} ({r.sha256[:8]})" for r in known.values())
        message = (
            f"it is of {facts['name']} {facts['version']} (sha256 {facts['sha256'][:12]}...), "
            f"which is not known; known: {names}"
        )
        return [*problems, ("release-unknown", message)]
    said: Mapping[str, Any] = facts
    for fact in _FACTS:
        if said[fact] != getattr(release, fact):
            message = f"release.{fact} says {said[fact]} and is {getattr(release, fact)}"
            problems.append(("release-differs", message))
    if revision is not None and _REVISION.fullmatch(revision) and revision not in release.revisions:
        message = (
            f"release.revision {revision[:12]}... is none of the {len(release.revisions)} known"
        )
        problems.append(("revision-unknown", message))
    for split, evaluation in evaluations_of(record).items():
        digest = release.real_test if split == "real_test" else release.test.get(name)
        if evaluation["test_set"] != digest:
            which = f"is {digest[:12]}..." if digest else "is not known"
            message = (
                f"evaluations.{split}.test_set says {evaluation['test_set'][:12]}... and that of "
                f"{release.name} {release.version}, {name}, {which}"
            )
            problems.append(("test-set-unknown", message))
    return problems + _counts(record, release)


def _counts(record: Record, release: KnownRelease) -> list[Found]:
    training, there = record["training"], release.trained_on.get(record["configuration"])
    if training is None or there is None:
        return []
    parts = (training["train"], training["validation"])
    used = sum(part["cancer"] + part["normal"] for part in parts)
    if used == there:
        return []
    message = f"training says {used} images and the release's training split has {there}"
    return [("counts-impossible", message)]


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_SHA = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_NAME = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"}
_SCHEMA = _object(
    {
        "format": {"const": FORMAT},
        "releases": {
            "type": "array",
            "items": _object(
                {
                    "name": _NAME,
                    "version": _NAME,
                    "sha256": _SHA,
                    "source": _NAME,
                    "simulated": {"type": "boolean"},
                    "protocol": {"enum": ["strict", "study"]},
                    "size": {"type": "integer", "minimum": 1},
                    "image_size": {"type": "integer", "minimum": 1},
                    "released": {
                        "type": ["string", "null"],
                        "pattern": r"^\d{4}-\d{2}-\d{2}$",
                    },
                    "revisions": {
                        "type": "array",
                        "items": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
                    },
                    "real_test": _SHA,
                    "test": {"type": "object", "additionalProperties": _SHA},
                }
            ),
        },
    }
)
