"""The quality report of a release: whether it is of its images, and what is taken over from it.

A report is of pools or of the release itself: what binds it to a release is the prepared set, the
generators, the truncation and the seeds, of which every image follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_synth.configurations import CANCER, LABELS, NORMAL, SYNTHETIC
from mammo_synth.errors import BadInput
from mammo_synth.gan.seeds import format_seeds, parse_seeds
from mammo_synth.quality.report import REPORT_NAME, QualityReport
from mammo_synth.release.plan import Shard, seeds

ASSESS = "mammo-synth pool assess {out} PREPARED --out DIR"
_NAMED = 3


@dataclass(frozen=True)
class Assessment:
    """A finished report, and why a release may go out although the report's gate was failed.

    Attributes:
        report: The report.
        override: The reason, one sentence; None where nothing is overridden.
    """

    report: QualityReport
    override: str | None = None

    @classmethod
    def open(cls, folder: Path, override: str | None = None) -> Assessment:
        """Read the report in ``folder``.

        Raises:
            BadInput: No finished report, or one that contradicts itself or lacks a number; the
                reason is no sentence, or the gate was passed and there is nothing to override.
        """
        report = QualityReport.open(folder)
        _refuse_contradictions(report)
        if override is not None:
            from mammo_synth.quality.privacy.gate import Verdict

            verdict = Verdict(report.passed, report.reasons, ())
            override = verdict.overridden(override).override
        try:
            _facts(report, override)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"The report in '{folder}' lacks what a release takes over from it "
                f"({type(error).__name__}: {error}).",
                hint="Another version of mammo-synth wrote it, or it was edited: assess the images "
                "again.",
            ) from error
        return cls(report, override)

    @property
    def facts(self) -> dict[str, Any]:
        """What the release's manifest says of it, under `mammo_synth.release.quality_words.KEYS`.

        ``quality`` has the rows of the card, ``shortcuts`` the warnings of the probes (None where
        none could tell), ``privacy`` the verdict and its numbers, ``quality_report`` who the report
        is and what it is of. No path and no picture is taken over.
        """
        return _facts(self.report, self.override)


def _facts(report: QualityReport, override: str | None) -> dict[str, Any]:
    content, manifest = report.content, report.manifest
    verdict = content["verdict"]
    return {
        "quality": [_card_row(row) for row in content["card"]],
        "shortcuts": _shortcut_warnings(content["shortcuts"]),
        "privacy": {
            "passed": bool(verdict["passed"]),
            "reasons": list(verdict["reasons"]),
            "warnings": list(verdict["warnings"]),
            "override": override,
            "settings": dict(verdict["settings"]),
            "labels": {
                label: _privacy_numbers(content["privacy"][label], pool)
                for label, pool in content["pools"].items()
            },
        },
        "quality_report": {
            "sha256": manifest.sha256,
            "content_sha256": manifest.files[REPORT_NAME].sha256,
            "package_version": manifest.package_version,
            "extractors": [one["name"] for one in content["extractors"]],
            "prepared_manifest": content["prepared_manifest"],
            "pools": {
                label: {key: pool[key] for key in ("generator", "truncation", "seeds")}
                for label, pool in content["pools"].items()
            },
            "remarks": list(content["remarks"]),
        },
    }


def _refuse_contradictions(report: QualityReport) -> None:
    """Raise BadInput for a verdict that its own numbers or reasons do not bear out."""
    single = [entry["verdict"] for entry in report.content["privacy"].values()]
    try:
        failed = not all(verdict["passed"] for verdict in single)
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"The report in '{report.folder}' has no verdict of a pool ({error!r}).", hint=_AGAIN
        ) from error
    if report.passed == bool(report.reasons) or (report.passed and failed):
        raise BadInput(
            f"The report in '{report.folder}' contradicts itself: its verdict is not that of its "
            "pools, or not that of its reasons.",
            hint=_AGAIN,
        )


_AGAIN = "It was edited: assess the images again."


def _shortcut_warnings(found: Mapping[str, Any] | None) -> list[str] | None:
    """Warnings of the probes; None where no probe had enough images to tell."""
    if found is None:
        return None
    told = any(probe["auroc"] is not None for probe in found["probes"])
    warnings = [str(one) for one in found["warnings"]]
    return warnings if told or warnings else None


def _card_row(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("measure", "label", "value", "floor", "better", "low", "high")
    return {key: row[key] for key in kept if key in row}


def _privacy_numbers(found: Mapping[str, Any], pool: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers that say most, of one label; what the report lacks is None or empty."""
    images, copies = found["images"], found["copies"]
    return {
        "images": images.get("synthetic"),
        "training_films": images.get("training"),
        "held_out_films": images.get("held_out"),
        "learned_from": pool["learned_from"],
        "exact_copies": copies.get("exact"),
        "near_copies": copies.get("near"),
        "closer": {
            space: {"chance": test["closer"], "p": test["p_closer"]}
            for space, test in found.get("nearest", {}).items()
        },
        "membership": {
            space: {key: attack[key] for key in ("auroc", "low", "high")}
            for space, attack in found.get("membership", {}).items()
        },
    }


def refuse_misfit(
    assessment: Assessment,
    out: Path,
    prepared_manifest: str,
    generators: Mapping[str, str],
    truncation: float,
    shards: Sequence[Shard],
) -> None:
    """Raise BadInput unless the report is of the images of a release.

    Args:
        assessment: The report.
        out: Folder of the release, for the hint.
        prepared_manifest: sha256 of the manifest of the release's prepared set.
        generators: sha256 of the generator files by label name.
        truncation: Truncation psi.
        shards: Of the release's plan.
    """
    report = assessment.report
    found = list(misfits(report.content, prepared_manifest, generators, truncation, shards))
    if found:
        raise BadInput(
            f"The quality report in '{report.folder}' is not of this release: {'; '.join(found)}.",
            hint=f"Build without --quality, assess that release ({ASSESS.format(out=out)}), then "
            "build once more with --quality DIR: no image is drawn again.",
        )


def misfits(
    assessed: Mapping[str, Any],
    prepared_manifest: str,
    generators: Mapping[str, str],
    truncation: float,
    shards: Iterable[Shard],
) -> Iterator[str]:
    """What ``assessed`` (a report's content, or ``quality_report`` of a release's facts) is of, and
    the release is not; half a sentence each."""
    if assessed["prepared_manifest"] != prepared_manifest:
        yield (
            f"it compares with prepared set {assessed['prepared_manifest'][:16]}, the release is "
            f"of {prepared_manifest[:16]}"
        )
    held: dict[int, set[int]] = {CANCER: set(), NORMAL: set()}
    for shard in shards:
        if shard.cell.origin == SYNTHETIC:
            held[shard.cell.label].update(seeds(shard.cell, shard.start, shard.stop))
    for label, wanted in held.items():
        name = LABELS[label]
        pool = assessed["pools"].get(name)
        if pool is None:
            yield f"it is not of {name} images"
            continue
        if pool["generator"] != generators[name]:
            yield (
                f"its {name} images are of generator {pool['generator'][:16]}, those of the "
                f"release of {generators[name][:16]}"
            )
        if pool["truncation"] != truncation:
            yield (
                f"its {name} images have truncation psi {pool['truncation']:g}, those of the "
                f"release {truncation:g}"
            )
        if pool.get("noise", "const") != "const":
            yield f"its {name} images were drawn with {pool['noise']} noise"
        missing = wanted - set(parse_seeds(pool["seeds"]))
        if missing:
            named = format_seeds(missing).split(",")
            more = ", ..." if len(named) > _NAMED else ""
            yield (
                f"{len(missing):,} of the release's {len(wanted):,} {name} images are not in it "
                f"(seeds {', '.join(named[:_NAMED])}{more})"
            )
