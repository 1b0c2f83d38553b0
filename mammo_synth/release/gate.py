"""What a release's own account of its quality and privacy is held against: the privacy gate before
it is published, and its report when it is verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.quality.report import KIND as REPORT_KIND
from mammo_synth.quality.report import QualityReport
from mammo_synth.release.choose import readable_facts
from mammo_synth.release.facts import planned_shards
from mammo_synth.release.folder import Release
from mammo_synth.release.quality import ASSESS, Assessment, misfits
from mammo_synth.release.quality_words import KEYS


def refuse_unsafe(release: Release) -> str | None:
    """Hold a release against the privacy gate before it is published.

    Returns:
        What should be said all the same, or None.

    Raises:
        CheckFailed: The gate was failed and not overridden, or films of patients are behind the
            release and it was never assessed.
    """
    with readable_facts(release):
        privacy = release.manifest.facts.get("privacy")
        assess = ASSESS.format(out=release.folder)
        if privacy is None:
            if release.simulated:
                return (
                    "This release was not assessed for quality and privacy; its cards say so. "
                    f"Its films are simulated, so it may go. To assess it: {assess}, then build it "
                    "with --quality DIR."
                )
            raise CheckFailed(
                "The release was never assessed for privacy, and films of patients are behind it.",
                hint=f"Run {assess}, then build the release once more with --quality DIR: no image "
                "is drawn again.",
            )
        if privacy["passed"]:
            return None if release.simulated else _not_compared(privacy)
        reasons = " ".join(privacy["reasons"])
        if privacy["override"]:
            return f"The privacy gate was not passed ({reasons}) and is overridden."
        raise CheckFailed(
            f"The privacy gate was not passed. {reasons}",
            hint="Train the generators anew or lower --trunc, then build and assess again. To "
            "publish all the same, build with --quality DIR --override-privacy REASON: the cards "
            "show the reason.",
        )


def _not_compared(privacy: Mapping[str, Any]) -> str | None:
    """What the tests of a passed gate could not see: films that they were not given."""
    labels = [
        label
        for label, found in sorted(privacy["labels"].items())
        if found["learned_from"] != "these films"
    ]
    if not labels:
        return None
    return (
        f"The privacy gate was passed, but the generator of {' and of '.join(labels)} learned from "
        "other films than those compared with, or from films that are not known: copies of those "
        "were not looked for. The cards say so."
    )


def check_quality(release: Release) -> Iterator[str]:
    """One sentence for each thing wrong with what a release says of its quality and privacy: what
    it says by itself, and where its report is still in its place, against that."""
    facts = release.manifest.facts
    if facts.get("quality_report") is None:
        for key in KEYS:
            if facts.get(key) is not None:
                yield f"The manifest has '{key}', and no quality report that it comes from."
        return
    if missing := sorted(set(KEYS) - set(facts)):
        yield f"The manifest has a quality report, and no '{missing[0]}' from it."
        return
    privacy = facts["privacy"]
    if bool(privacy["passed"]) == bool(privacy["reasons"]):
        yield "The manifest says two things of whether the privacy gate was passed."
    for label, found in privacy["labels"].items():
        for what in ("exact_copies", "near_copies"):
            allowed, count = privacy["settings"].get(what, 0), found[what] or 0
            if privacy["passed"] and count > allowed:
                yield (
                    f"The manifest says that the privacy gate was passed, and that {count} {label} "
                    f"images are {what.replace('_', ' ')}, where {allowed} are allowed."
                )
    if privacy["passed"] and privacy["override"]:
        yield "The manifest overrides a privacy gate that was passed."
    prepared = next((i.sha256 for i in release.manifest.inputs if i.kind == "prepared-set"), "")
    generators = {label: facts["generators"][label]["sha256"] for label in LABELS}
    truncation = release.manifest.settings["truncation"]
    shards = planned_shards(facts)
    for what in misfits(facts["quality_report"], prepared, generators, truncation, shards):
        yield f"The quality report is not of this release: {what}."
    yield from _against_report(release)


def _against_report(release: Release) -> Iterator[str]:
    """The facts against the report, where it lies and is the one that was used: another report
    there is the business of `mammo-synth verify`."""
    facts = release.manifest.facts
    wanted = facts["quality_report"]["sha256"]
    inputs = [entry for entry in release.manifest.inputs if entry.kind == REPORT_KIND]
    if [entry.sha256 for entry in inputs] != [wanted]:
        yield "The manifest does not name its quality report among what it was made from."
        return
    try:
        report = QualityReport.open((release.folder / inputs[0].path).resolve())
    except BadInput:
        return
    if report.manifest.sha256 != wanted:
        return
    expected = Assessment(report, facts["privacy"]["override"]).facts
    for key in KEYS:
        if facts[key] != expected[key]:
            yield f"What the manifest says under '{key}' is not what the quality report says."
