"""What cards, changelog and commands say of a release's quality and privacy, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

KEYS = ("quality", "shortcuts", "privacy", "quality_report")
"""Facts of a release that come from its report; a release without one has none of them."""

_LEARNED_FROM = {
    "other films": "learned from other films than these: copies of those were not looked for",
    "unknown": "learned from films that are not known: copies of those were not looked for",
}


@dataclass(frozen=True)
class QualityWords:
    """Statements of an assessed release.

    Attributes:
        gate: Whether the privacy gate was passed, and what that means.
        reasons: Why it was not passed, a list.
        override: Why the release goes out all the same, or None.
        numbers: What was found, a sentence for each label.
        warnings: Of the privacy gate, a list.
        shortcuts: Warnings of the shortcut probes, a list; empty where nothing was found.
        probed: Whether shortcuts in the images were looked for, with enough images to tell.
        remarks: What a reader should know besides, a list.
    """

    gate: str
    reasons: tuple[str, ...]
    override: str | None
    numbers: tuple[str, ...]
    warnings: tuple[str, ...]
    shortcuts: tuple[str, ...]
    probed: bool
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> QualityWords | None:
        """The statements; None for a release that was not assessed.

        Args:
            facts: Complete (`mammo_synth.release.card_facts.complete`).
        """
        privacy = facts["privacy"]
        if privacy is None:
            return None
        labels = [label for label in ("cancer", "normal") if label in privacy["labels"]]
        return cls(
            gate=_PASSED if privacy["passed"] else _FAILED,
            reasons=tuple(privacy["reasons"]),
            override=privacy["override"],
            numbers=tuple(_numbers(label, privacy["labels"][label]) for label in labels),
            warnings=tuple(privacy["warnings"]),
            shortcuts=tuple(facts["shortcuts"] or ()),
            probed=facts["shortcuts"] is not None,
            remarks=tuple((facts["quality_report"] or {}).get("remarks", ())),
        )

    @property
    def sentences(self) -> list[str]:
        """All of them in one order, for what has no layout."""
        override = [] if self.override is None else [f"{OVERRIDDEN} {self.override}"]
        found = [self.gate, *self.reasons, *override, *self.numbers, *self.warnings]
        return [*found, *self.shortcuts, *self.remarks]


OVERRIDDEN = "It is published all the same, for this reason:"
_PASSED = (
    "The privacy gate was passed: no more copies of training films than it allows (as a rule "
    "none), and no test of distances or of membership crossed its threshold. That these tests "
    "found nothing does not mean that nothing can be found."
)
_FAILED = "The privacy gate was not passed."


def verdict(facts: Mapping[str, Any]) -> str:
    """``passed``, ``not passed``, ``not passed, and overridden`` or ``not assessed``."""
    privacy = facts.get("privacy")
    if privacy is None:
        return "not assessed"
    if privacy["passed"]:
        return "passed"
    return "not passed, and overridden" if privacy["override"] else "not passed"


def quality_changes(old: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What changed in what is known of quality and privacy: none or one sentence."""
    before, after = old.get("quality_report"), now.get("quality_report")
    gate = f"the privacy gate was {verdict(now)}"
    if after is None:
        if before is not None:
            yield "Quality and privacy are not assessed any more."
    elif before is None:
        yield f"Quality and privacy were assessed: {gate}."
    elif before["sha256"] != after["sha256"]:
        yield (
            f"Another report of quality and privacy, {before['sha256'][:16]} → "
            f"{after['sha256'][:16]}: {gate} (before: {verdict(old)})."
        )
    elif old["privacy"]["override"] != now["privacy"]["override"]:
        if verdict(old) != verdict(now):
            yield f"Privacy gate: {verdict(old)} → {verdict(now)}."
        else:
            yield "The privacy gate is overridden for another reason."


def _numbers(label: str, found: Mapping[str, Any]) -> str:
    """The numbers of one label in one line."""
    parts = [
        f"{_count(found['images'])} synthetic images were compared with "
        f"{_count(found['training_films'])} training films and {_count(found['held_out_films'])} "
        f"held-out films; {_count(found['exact_copies'])} exact and {_count(found['near_copies'])} "
        "near copies of training films were found",
    ]
    if found["closer"]:
        told = (
            f"{space} {test['chance']:.2f} (one-sided p {test['p']:.2g})"
            for space, test in sorted(found["closer"].items())
        )
        parts.append(
            "chance that an image is closer to a training film than a held-out film is (0.5: "
            f"alike): {', '.join(told)}"
        )
    if found["membership"]:
        told = (
            f"{space} {attack['auroc']:.2f} ({attack['low']:.2f} to {attack['high']:.2f})"
            for space, attack in sorted(found["membership"].items())
        )
        parts.append(
            "AUROC of telling training films from held-out films, with its 95 % interval (0.5 is "
            f"chance): {', '.join(told)}"
        )
    if found["learned_from"] in _LEARNED_FROM:
        parts.append(f"the generator {_LEARNED_FROM[found['learned_from']]}")
    return f"{label}: {'; '.join(parts)}."


def _count(value: int | None) -> str:
    return "an unknown number of" if value is None else f"{value:,}"
