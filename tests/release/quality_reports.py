"""Quality reports of releases, small and written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mammo_synth.configurations import LABELS, SYNTHETIC
from mammo_synth.gan.seeds import format_seeds
from mammo_synth.quality.privacy.gate import Verdict
from mammo_synth.quality.privacy.membership import Membership
from mammo_synth.quality.privacy.significance import NearestTest
from mammo_synth.release.folder import Release
from mammo_synth.release.plan import seeds
from mammo_synth.release.verify_rows import cell_of
from tests.quality.test_report import content, write

COPY = "cancer: 2 synthetic films have the same pixels as a training film, mirrored or not."
WARNING = "By background, cancer and normal images are told apart."
REMARK = "The films are few."

Change = Callable[[dict[str, Any]], None]


def seeds_of(release: Release, label: int) -> list[int]:
    """Seeds of all synthetic images of a label."""
    return [
        seed
        for entry in release.manifest.facts["shards"]
        if entry["label"] == label and entry["origin"] == SYNTHETIC
        for seed in seeds(cell_of(entry), entry["start"], entry["start"] + entry["rows"])
    ]


def content_of(release: Release, reasons: Sequence[str] = ()) -> dict[str, Any]:
    """A report's content about the images of ``release``; it failed if there are ``reasons``."""
    facts = release.manifest.facts
    films = next(one for one in release.manifest.inputs if one.kind == "prepared-set")
    found = content()
    for about in ("pools", "films", "privacy"):
        found[about] = {}
    for value, label in enumerate(LABELS):
        held = seeds_of(release, value)
        found["pools"][label] = {
            "generator": facts["generators"][label]["sha256"],
            "truncation": release.manifest.settings["truncation"],
            "seeds": format_seeds(held),
            "images": len(held),
            "learned_from": "these films",
        }
        count = {"films": 40, "patients": 20}
        found["films"][label] = {"train": count, "held_out": count}
        own = tuple(reason for reason in reasons if reason.startswith(label))
        copies = 2 if own else 0
        test = NearestTest(len(held), 40, 20, 0.51, 0.42, 0.6, 0.37, 0.6, 0.0, 0.0, 0.02, 0)
        found["privacy"][label] = {
            "images": {"synthetic": len(held), "training": 40, "held_out": 40},
            "copies": {"exact": copies, "near": copies, "pairs": []},
            "closest": [],
            "nearest": {"pattern": test.as_dict()},
            "membership": {"pattern": Membership(0.53, 0.46, 0.61, 40, 40).as_dict()},
            "verdict": Verdict(not own, own, ()).as_dict(),
        }
    verdict = Verdict(not reasons, tuple(reasons), ("normal: few held-out films.",))
    return {
        **found,
        "prepared_manifest": films.sha256,
        "source": release.source,
        "simulated": release.simulated,
        "verdict": verdict.as_dict(),
        "shortcuts": {"probes": [{"auroc": 0.9}], "warnings": [WARNING]},
        "card": [
            {"measure": "KID | radiomics", "label": "cancer", "value": 12.345, "floor": 1.25,
             "better": "lower", "low": 0.9, "high": 1.6},
            {"measure": "coverage", "label": "pooled", "value": 0.81, "floor": None,
             "better": "higher"},
        ],
        "remarks": [REMARK],
    }  # fmt: skip


def report_of(
    release: Release,
    folder: Path,
    reasons: Sequence[str] = (),
    change: Change | None = None,
) -> Path:
    """A finished report of the images of ``release`` in ``folder``."""
    found = content_of(release, reasons)
    if change is not None:
        change(found)
    return write(folder, found)
