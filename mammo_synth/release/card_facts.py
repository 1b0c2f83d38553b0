"""What the cards and the Croissant file show of a release, counted from its manifest.

The one place that knows which facts an older manifest may lack (`complete`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mammo_synth.configurations import (
    CANCER,
    CELLS,
    CONFIGURATIONS,
    LABELS,
    NORMAL,
    REAL,
    SPLITS,
    SYNTHETIC,
    Cell,
)
from mammo_synth.release.forms import PACKED, held_shards
from mammo_synth.release.quality_words import KEYS

POSITIVE_FIRST = (CANCER, NORMAL)


def complete(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a release with every optional key present.

    Optional are ``real`` (the form; packed), ``references`` (none), ``history`` (empty),
    ``shortcut`` (None, or the dict of `mammo_synth.films.audit.shortcut.Shortcut.as_dict`), and
    what comes from a quality report (`mammo_synth.release.quality.Assessment.facts`; all None
    without one). Of these ``quality`` is a list of dicts: ``measure`` and ``label`` (names),
    ``value`` and ``floor`` (numbers, or None where not measured; the floor is the same measure
    between two sets of films), ``better`` (``lower`` or ``higher``), and where known ``low`` and
    ``high``, the range of the floor.
    """
    absent: dict[str, Any] = {"real": PACKED, "shortcut": None, **dict.fromkeys(KEYS)}
    return {**absent, "references": [], "history": [], **facts}


@dataclass(frozen=True)
class Generator:
    """A generator as the card tells of it; texts are ready to print."""

    label: str
    sha256: str
    kimg: str
    source: str
    prepared_set: str
    licence: str
    began_from: tuple[str, ...]

    @classmethod
    def of(cls, label: str, facts: Mapping[str, Any]) -> Generator:
        """Read one entry of ``facts["generators"]``; what it does not say is said to be unknown."""
        return cls(
            label=label,
            sha256=str(facts["sha256"]),
            kimg=_kimg(facts.get("kimg")),
            source=str(facts.get("source") or "not said"),
            prepared_set=str(facts.get("prepared_set") or ""),
            licence=str(facts.get("licence") or "not said"),
            began_from=tuple(_before(entry) for entry in facts.get("before") or ()),
        )


def _kimg(value: Any) -> str:
    """Thousands of training images shown, as text."""
    return "number of kimg unknown" if value in (None, "") else f"{float(value):,g} kimg"


def _before(entry: Mapping[str, str]) -> str:
    """One network that a generator began from, in words."""
    told = [
        f"networks `{entry.get('sha256', '')[:16] or 'unknown'}`",
        f"of label {entry['label']}" if entry.get("label") else "",
        f"source {entry['source']}" if entry.get("source") else "",
        _kimg(entry.get("kimg")),
        "which never saw films" if entry.get("films") == "none" else "",
        f"licence: {entry['licence']}" if entry.get("licence") else "",
    ]
    return ", ".join(part for part in told if part)


def generators(facts: Mapping[str, Any]) -> tuple[Generator, ...]:
    """The generators, cancer first."""
    held = facts["generators"]
    return tuple(Generator.of(LABELS[label], held[LABELS[label]]) for label in POSITIVE_FIRST)


def stored(facts: Mapping[str, Any]) -> int:
    """Images of the release, each counted once, those that are only referenced included."""
    return sum(int(shard["rows"]) for shard in facts["shards"])


def held(facts: Mapping[str, Any]) -> tuple[int, int]:
    """Images and bytes of the shards in the folder."""
    paths = held_shards(facts)
    shards = [shard for shard in facts["shards"] if shard["path"] in paths]
    return sum(int(s["rows"]) for s in shards), sum(int(s["bytes"]) for s in shards)


def listed(facts: Mapping[str, Any]) -> int:
    """Images that the configurations list, real_test with each of them."""
    return sum(
        int(split["rows"])
        for entry in facts["configurations"].values()
        for split in entry["splits"].values()
    )


def real_test(facts: Mapping[str, Any]) -> dict[str, int]:
    """Held-out films by label name."""
    counts = dict.fromkeys((LABELS[label] for label in POSITIVE_FIRST), 0)
    for shard in facts["shards"]:
        if shard["split"] == "real_test":
            counts[LABELS[shard["label"]]] += int(shard["rows"])
    return counts


def counts_of(name: str, size: int) -> dict[tuple[str, str], tuple[int, int]]:
    """(synthetic, real) images of a configuration by (split, label name), train and test."""
    counts = CONFIGURATIONS[name].counts(size)
    return {
        (split, LABELS[label]): (
            counts[Cell(split, label, SYNTHETIC)],
            counts[Cell(split, label, REAL)],
        )
        for split in SPLITS
        for label in POSITIVE_FIRST
    }


def in_common(name: str, other: str, size: int) -> int:
    """Train and test images that two configurations share: both take a prefix of every cell."""
    one, two = CONFIGURATIONS[name].counts(size), CONFIGURATIONS[other].counts(size)
    return sum(min(one[cell], two[cell]) for cell in CELLS)


@dataclass(frozen=True)
class Chance:
    """What a split gives to one who does not look: the accuracy of always guessing ``guess``."""

    split: str
    cancer: int
    normal: int

    @property
    def guess(self) -> str:
        """The majority class of the split; normal on a tie."""
        return LABELS[CANCER] if self.cancer > self.normal else LABELS[NORMAL]

    @property
    def accuracy(self) -> float:
        """Share of the majority class."""
        return max(self.cancer, self.normal) / (self.cancer + self.normal)

    @property
    def prevalence(self) -> float:
        """Share of cancer: the average precision of a classifier that knows nothing."""
        return self.cancer / (self.cancer + self.normal)


def chances(name: str, size: int, facts: Mapping[str, Any]) -> Iterator[Chance]:
    """Chance levels on test, and on real_test where it has films."""
    counts = counts_of(name, size)
    yield Chance("test", sum(counts["test", "cancer"]), sum(counts["test", "normal"]))
    held_out = real_test(facts)
    if sum(held_out.values()):
        yield Chance("real_test", held_out["cancer"], held_out["normal"])
