"""What changed between two releases, the version that it needs, and the changelog of the data.

Images are compared cell by cell (split × class × origin). Equal shards have equal digests, which
settles most; where a cell was cut elsewhere, because the size grew, its rows themselves are
compared: a prefix that is the same in id and pixels is kept, whatever the shards look like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mammo_synth.configurations import CELLS, CONFIGURATIONS, LABELS, ORIGINS, Cell
from mammo_synth.release.card_facts import complete, stored
from mammo_synth.release.forms import loadable
from mammo_synth.release.plan import REAL_TEST_CELLS
from mammo_synth.release.quality_words import quality_changes
from mammo_synth.release.version import KINDS, check_step, parts

Rows = Sequence[tuple[str, str]]
"""Rows of a cell in order: image_id, sha256 of the image's bytes."""

CellReader = Callable[[Cell], Rows]
"""Reads the rows of a cell of one release; for films that are not in the folder, from the
reference tables. Called only for cells that digests do not settle."""

METADATA_ONLY = "Card or metadata only: every image and configuration is as before."

FIRST = "first"
"""Kind of a history's oldest entry: there was nothing to compare with."""


@dataclass(frozen=True)
class Edition:
    """One of the two releases: settings and facts of its manifest, and a way to read its rows."""

    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    rows: CellReader

    @property
    def version(self) -> str:
        """Semantic version."""
        return str(self.settings["version"])


@dataclass(frozen=True)
class Changes:
    """What changed.

    Attributes:
        kind: The least kind of version step that it needs: patch, minor or major.
        sentences: What changed, one sentence each; at least one.
    """

    kind: str
    sentences: tuple[str, ...]


def compare(previous: Edition, new: Edition) -> Changes:
    """What changed from ``previous`` to ``new``."""
    found = [*_recipe_changes(previous, new), *_cell_changes(previous, new)]
    found += _offer_changes(previous.facts, new.facts)
    found += [("patch", sentence) for sentence in quality_changes(previous.facts, new.facts)]
    if not found:
        found = [("patch", METADATA_ONLY)]
    kind = max((kind for kind, _ in found), key=KINDS.index)
    return Changes(kind, tuple(sentence for _, sentence in found))


def next_history(previous: Edition, new: Edition) -> list[dict[str, Any]]:
    """The history of ``new``, its own entry first: what it puts into its facts.

    Raises:
        BadInput: The version of ``new`` is lower than or equal to the previous one, or a smaller
            step than the changes need; the hint says which it must be.
    """
    changes = compare(previous, new)
    check_step(previous.version, new.version, changes.kind)
    entry = {
        "version": new.version,
        "kind": _step(previous.version, new.version),
        "changes": list(changes.sentences),
    }
    oldest = {
        "version": previous.version,
        "kind": FIRST,
        "changes": ["Earlier changes were not recorded."],
    }
    return [entry, *(complete(previous.facts)["history"] or [oldest])]


def first_history(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The history of a release that no other one came before."""
    sentence = (
        f"First release: {stored(facts):,} images, {settings['size']:,} per configuration, "
        f"films of {facts['source']}, {facts['protocol']} protocol."
    )
    return [{"version": settings["version"], "kind": FIRST, "changes": [sentence]}]


def render_changelog(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """CHANGELOG.md of the data, newest first."""
    history = complete(facts)["history"] or first_history(settings, facts)
    lines = [
        f"# Changelog of the data: {settings['name']}",
        "",
        "Made from the manifest; what a patch, a minor and a major version mean stands in "
        "[README.md](README.md).",
    ]
    for entry in history:
        lines += ["", f"## {entry['version']} ({entry['kind']})", ""]
        lines += [f"- {sentence}" for sentence in entry["changes"]]
    return "\n".join(lines) + "\n"


def _step(previous: str, new: str) -> str:
    """The kind of step that two version numbers make, which may be larger than needed."""
    old, now = parts(previous), parts(new)
    if now[0] != old[0]:
        return "major"
    return "minor" if now[1] != old[1] else "patch"


Finding = tuple[str, str]
"""Kind of step and sentence."""


def _recipe_changes(previous: Edition, new: Edition) -> Iterator[Finding]:
    """Changes of what determines the images: generators, films, protocol, sizes."""
    old, now = previous.facts, new.facts
    for what, kind, before, after in (
        ("Protocol", "major", old["protocol"], now["protocol"]),
        ("Source of the films", "major", old["source"], now["source"]),
        ("Image size in pixels", "major", old["image_size"], now["image_size"]),
        ("Truncation psi", "major", previous.settings["truncation"], new.settings["truncation"]),
        # More or fewer images are weighed cell by cell; the number by itself breaks nothing.
        ("Images per configuration", "patch", previous.settings["size"], new.settings["size"]),
        ("Licence of the films", "patch", old["terms"]["licence"], now["terms"]["licence"]),
        ("Name", "patch", previous.settings["name"], new.settings["name"]),
    ):
        if before != after:
            yield kind, f"{what}: {before} → {after}."
    for label in reversed(LABELS):
        before, after = (edition["generators"][label] for edition in (old, now))
        if before["sha256"] != after["sha256"]:
            yield (
                "major",
                f"Another generator of {label}: sha256 {before['sha256'][:16]} → "
                f"{after['sha256'][:16]}.",
            )
    if old["films"] != now["films"]:
        counts = [
            f"{role} {label} {old['films'].get(role, {}).get(label, 0):,} → {n:,}"
            for role, by_label in sorted(now["films"].items())
            for label, n in sorted(by_label.items())
            if old["films"].get(role, {}).get(label, 0) != n
        ]
        yield "patch", f"Prepared films: {', '.join(counts) or 'other roles'}."
    columns = old.get("columns"), now.get("columns")
    if columns[0] is not None and columns[1] is not None and columns[0] != columns[1]:
        # A reader knows a column by its name, so a new one may stand between those that were there.
        kept = [name for name in columns[1] if name in columns[0]] == list(columns[0])
        yield "minor" if kept else "major", f"Columns: {', '.join(columns[1])}."


def _cell_changes(previous: Edition, new: Edition) -> Iterator[Finding]:
    for cell in (*CELLS, *REAL_TEST_CELLS):
        old, now = _shards(previous.facts, cell), _shards(new.facts, cell)
        settled = all(shard[2] is not None for shard in (*old, *now))
        if settled and old == now:
            continue
        where = f"{cell.split}, {LABELS[cell.label]}, {ORIGINS[cell.origin]}"
        if settled and now[: len(old)] == old:
            yield "minor", f"{where}: {_images(_rows(now) - _rows(old))} added."
        elif settled and old[: len(now)] == now:
            yield "major", f"{where}: {_images(_rows(old) - _rows(now))} removed."
        else:
            yield from _row_changes(where, list(previous.rows(cell)), list(new.rows(cell)))


def _row_changes(
    where: str, old: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]
) -> Iterator[Finding]:
    """Compare the rows of a cell one by one: by id, by pixels, by place."""
    if old == now:
        return
    before, after = dict(old), dict(now)
    counts = {
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "changed": sum(after[i] != before[i] for i in before.keys() & after.keys()),
    }
    kind = "minor" if now[: len(old)] == old else "major"
    told = [f"{_images(n)} {what}" for what, n in counts.items() if n]
    if kind == "major" and not (counts["removed"] or counts["changed"]):
        told.append("their order changed")
    yield kind, f"{where}: {', '.join(told)}."


def _images(n: int) -> str:
    return f"{n:,} image{'' if n == 1 else 's'}"


def _shards(facts: Mapping[str, Any], cell: Cell) -> list[tuple[int, int, str | None]]:
    """(start, rows, sha256) of a cell's shards in order."""
    return sorted(
        (
            (int(s["start"]), int(s["rows"]), s["sha256"])
            for s in facts["shards"]
            if (s["split"], s["label"], s["origin"]) == (cell.split, cell.label, cell.origin)
        ),
        key=lambda shard: shard[0],
    )


def _rows(shards: Sequence[tuple[int, int, str | None]]) -> int:
    return sum(rows for _, rows, _ in shards)


def _offer_changes(old: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Finding]:
    """Configurations and splits that can no longer be loaded from the folder, or can now, and
    those that take fewer or more images of a cell."""
    forms = complete(old)["real"], complete(now)["real"]
    if forms[0] != forms[1]:
        yield "patch", f"Films: {forms[0]} → {forms[1]}."
    before, after = (
        {(name, split) for name, splits in loadable(facts).items() for split in splits}
        for facts in (old, now)
    )
    for kind, what, offers in (
        ("major", "No longer loads", before - after),
        ("minor", "Loads now", after - before),
    ):
        if offers:
            yield kind, f"{what}: {', '.join(f'{n} {s}' for n, s in sorted(offers))}."
    grown = set()
    for name, split in sorted(before & after):
        taken = _prefixes(old, name, split), _prefixes(now, name, split)
        if lost := sum((taken[0] - taken[1]).values()):
            yield "major", f"{name} {split}: {_images(lost)} no longer in it."
        if taken[1] - taken[0]:
            grown.add(name)
    if grown:
        yield "minor", f"More images in {', '.join(n for n in CONFIGURATIONS if n in grown)}."


def _prefixes(facts: Mapping[str, Any], name: str, split: str) -> Counter[tuple[int, int]]:
    """How many images a configuration takes of each cell of a split, by (label, origin)."""
    chosen = set(facts["configurations"][name]["splits"][split]["shards"])
    taken: Counter[tuple[int, int]] = Counter()
    for shard in facts["shards"]:
        if shard["path"] in chosen:
            taken[shard["label"], shard["origin"]] += int(shard["rows"])
    return taken
