"""Takes over what is there: a finished release gets a quality report without making an image again,
and a new version gets the images that it shares with the one before.

For a report the shards that are there are taken over, each checked against the manifest; only
facts, cards and manifest are written. The folder is replaced as a whole, at the end, so that a
process that is killed leaves the old release, or one that the same command finishes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammo_synth import __version__
from mammo_synth.configurations import LABELS, SYNTHETIC
from mammo_synth.errors import BadInput
from mammo_synth.files import TEMPORARY_PREFIX, atomic_path, sha256_file, sha256_json
from mammo_synth.manifest import MANIFEST_NAME, Input, is_current, list_files, relative_input
from mammo_synth.quality.report import KIND as REPORT_KIND
from mammo_synth.release.changes import FIRST, METADATA_ONLY
from mammo_synth.release.choose import readable_facts
from mammo_synth.release.documents import documents, finish_release
from mammo_synth.release.folder import KIND, Release
from mammo_synth.release.plan import Shard
from mammo_synth.release.quality import Assessment
from mammo_synth.release.quality_words import quality_changes
from mammo_synth.step import step_folder


def with_report(
    inputs: tuple[Input, ...], assessment: Assessment | None, out: Path
) -> tuple[Input, ...]:
    """What a release in ``out`` is made from, its report last."""
    if assessment is None:
        return inputs
    return (*inputs, relative_input(REPORT_KIND, assessment.report.folder, out))


def finished(
    out: Path, settings: Mapping[str, Any], inputs: tuple[Input, ...], after: Release | None
) -> Release | None:
    """The release in ``out``, if it is the one of these settings and inputs that follows ``after``;
    whatever report it has, or none.

    Args:
        out: Folder of a release, or anything.
        settings: Of the release.
        inputs: Without a report.
        after: The release that it must follow; None asks nothing.
    """
    if not (out / MANIFEST_NAME).is_file():
        return None
    try:
        found = Release.open(out)
    except BadInput:
        return None
    reports = tuple(entry for entry in found.manifest.inputs if entry.kind == REPORT_KIND)
    if not is_current(out, KIND, settings=dict(settings), inputs=(*inputs, *reports)):
        return None
    if after is not None and after.sha256 not in (found.sha256, found.manifest.facts.get("after")):
        return None
    return found


def has_report(release: Release, assessment: Assessment) -> bool:
    """Whether ``release`` shows this report already, with this override."""
    facts = release.manifest.facts
    report = facts.get("quality_report")
    return (
        report is not None
        and report["sha256"] == assessment.report.manifest.sha256
        and facts["privacy"]["override"] == assessment.override
    )


def adopt(
    release: Release,
    assessment: Assessment,
    inputs: tuple[Input, ...],
    after: Release | None = None,
) -> Release:
    """The same release with the facts of a report, in place.

    Args:
        release: As `finished` gives it.
        assessment: A report of its images.
        inputs: What it is made from, where that is now.
        after: The release that it follows, where it is at hand: the changelog then tells what
            changed since that one. Else what changes now is added to its newest entry.

    Raises:
        BadInput: A file of the release is missing or damaged, or there are others in its folder.
            Nothing is changed then.
    """
    refuse_others(release)
    folder, manifest = release.folder, release.manifest
    before = None
    if after is not None and after.sha256 != release.sha256:
        before = after.manifest.facts
    facts = {**manifest.facts, **assessment.facts}
    facts["history"] = _told(manifest.facts, facts, before)
    rendered = set(documents(manifest.settings, manifest.facts))
    kept = [name for name in manifest.files if name not in rendered]
    plan = sha256_json({"release": release.sha256, "facts": facts})
    with step_folder(folder, plan, replace=KIND) as work:
        for name in kept:
            link(folder / name, work / name)
        _link_hidden(folder, work)
        made_from = with_report(inputs, assessment, folder)
        written = finish_release(work, manifest.settings, facts, made_from)
        damaged = [name for name in kept if written.files.get(name) != manifest.files[name]]
        if damaged:
            raise BadInput(
                f"'{folder / damaged[0]}' is not the file that the manifest describes (sha256 "
                "differs), and would be taken over.",
                hint="`mammo-synth release verify` names every damaged file. Remove the folder "
                "and build it again.",
            )
    return Release.open(folder)


def borrow(
    before: Release,
    work: Path,
    shards: Sequence[Shard],
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> None:
    """Link shards of synthetic images from the release ``before`` into ``work``, where it holds
    them whole, and they would come out the same: of the same generator, truncation and schema.

    On another kind of machine a generator may draw a pixel otherwise by one grey level; borrowed
    images stay as they were published.
    """
    with readable_facts(before):
        old, files = before.manifest.facts, before.manifest.files
        same = (
            before.manifest.package_version == __version__
            and before.manifest.settings["truncation"] == settings["truncation"]
            and all(old[key] == facts[key] for key in ("image_size", "source", "columns"))
        )
        generators = [edition["generators"] for edition in (old, facts)]
        for shard in shards if same else ():
            label = LABELS[shard.cell.label]
            one, two = (held[label]["sha256"] for held in generators)
            source = before.folder / shard.path
            if shard.cell.origin != SYNTHETIC or one != two or shard.path not in files:
                continue
            if source.is_file() and sha256_file(source) == files[shard.path].sha256:
                link(source, work / shard.path)


def _told(
    old: Mapping[str, Any], now: Mapping[str, Any], before: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The history, its newest entry with what is new of quality and privacy: against the release
    ``before``, or else against what stood there. A first release has nothing to compare with."""
    history = [dict(entry) for entry in old["history"]]
    if history and history[0]["kind"] != FIRST:
        withdrawn = [METADATA_ONLY, *(quality_changes(before, old) if before else ())]
        changes = [one for one in history[0]["changes"] if one not in withdrawn]
        changes += quality_changes(before or old, now)
        history[0]["changes"] = list(dict.fromkeys(changes)) or [METADATA_ONLY]
    return history


def refuse_others(release: Release) -> None:
    """Raise BadInput if the release's folder, which is to be replaced as a whole, holds files that
    are not its own, or lacks one."""
    here = {*list_files(release.folder)} - {MANIFEST_NAME}
    others = sorted(here - set(release.manifest.files))
    if others:
        raise BadInput(
            f"'{release.folder / others[0]}' is no file of the release, and the folder is to be "
            "replaced as a whole.",
            hint="Move it elsewhere, then run the same command again.",
        )
    for name in sorted(set(release.manifest.files) - here):
        raise BadInput(
            f"'{release.folder / name}' is missing from the release.",
            hint="Run `mammo-synth release verify` on it, then build or download it again.",
        )


def link(source: Path, target: Path) -> None:
    """The same file under another name, without a copy where the file system can."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)


def _link_hidden(folder: Path, work: Path) -> None:
    """Hidden files and folders are no part of a release, but they are the user's."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden and path.is_file() and not path.name.startswith(TEMPORARY_PREFIX):
            link(path, work / name)
