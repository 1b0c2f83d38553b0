"""Print the tables of the README that come from quality reports.

python benchmarks/quality/reports.py NAME=REPORT [NAME=REPORT ...]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mammo_synth.quality.report import QualityReport


def main(arguments: list[str]) -> None:
    """Tables of card numbers, privacy and shortcuts, one line for each report and label."""
    reports = {
        name: QualityReport.open(Path(folder)).content
        for name, _, folder in (argument.partition("=") for argument in arguments)
    }
    measures = [row["name"] for row in next(iter(reports.values()))["card"]]
    measures = list(dict.fromkeys(measures))
    print(f"| generators | label | {' | '.join(measures)} |")
    print(f"|---|---|{'---:|' * len(measures)}")
    for name, content in reports.items():
        for label in ("pooled", "cancer", "normal"):
            cells = [_cell(content, label, measure) for measure in measures]
            print(f"| {name} | {label} | {' | '.join(cells)} |")
    print()
    print(
        "| generators | label | images, training, held-out | copies | most alike | closer, pattern "
        "| membership, pattern | membership, discriminator | near duplicates in the pool (films) |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, content in reports.items():
        for label, found in content["privacy"].items():
            print(f"| {name} | {label} | {' | '.join(_privacy(found))} |")
    print()
    print("| generators | cancer or normal, by | synthetic images | films |")
    print("|---|---|---:|---:|")
    for name, content in reports.items():
        probes = {(p["of"], p["by"]): p for p in content["shortcuts"]["probes"]}
        for by in ("background", "spectrum"):
            cells = [_probe(probes[of, by]) for of in ("synthetic", "films")]
            print(f"| {name} | {by} | {' | '.join(cells)} |")


def _cell(content: dict[str, Any], label: str, measure: str) -> str:
    for row in content["card"]:
        if (row["name"], row["label"]) == (measure, label):
            return f"{row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    return "-"


def _privacy(found: dict[str, Any]) -> list[str]:
    images, copies = found["images"], found["copies"]
    pattern = found["nearest"]["pattern"]
    members = found["membership"]
    duplicates = found["duplicates"]
    return [
        f"{images['synthetic']:,}, {images['training']:,}, {images['held_out']:,}",
        f"{copies['exact']} + {copies['near']}",
        f"{found['closest'][0]['alike']:.2f}",
        f"{pattern['closer']:.2f} (p {pattern['p_closer']:.2g})",
        _interval(members["pattern"]),
        _interval(members["discriminator"]) if "discriminator" in members else "-",
        f"{duplicates['pool']['near_share']:.1%} "
        f"({duplicates['training_films']['near_share']:.1%})",
    ]


def _probe(probe: dict[str, Any]) -> str:
    return "-" if probe["auroc"] is None else _interval(probe)


def _interval(found: dict[str, Any]) -> str:
    return f"{found['auroc']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


if __name__ == "__main__":
    main(sys.argv[1:])
